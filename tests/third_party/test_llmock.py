"""What a third party thinks of how we take refusals, quotas and outages: its verdict, not ours."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.evaluations import EvaluationRow
from ftb_tui.store.models import ensure_model
from ftb_tui.work import evaluate
from ftb_tui.work.evaluate import EvaluationStoppedError
from tests.third_party.llmock import LLMock, fail, started

WORLD = load_bundled("fictional_people")
A_MINUTE = 60
GOOD = {"passed": True, "errors": 0, "warnings": 0, "findings": []}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLMock]:
    with started(tmp_path_factory.mktemp("llmock"), A_MINUTE) as server:
        yield server


@pytest.fixture
def llmock(server: LLMock, home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> LLMock:
    """An llmock that has seen nothing of this test's keys, known to ftb as the providers `plain` and `gemini`."""
    server.reset()
    monkeypatch.setenv("THEIR_KEY", f"sk-{request.node.name}")
    config = home / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[providers.plain]\ndialect = "custom"\nbase_url = "{server.address}/v1"\napi_key_env = "THEIR_KEY"\n'
        f'[providers.gemini]\nendpoint = "{server.address}/gemini"\napi_key_env = "THEIR_KEY"\n'
    )
    return server


@pytest.fixture
async def db(llmock: LLMock) -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


async def evaluated(db: aiosqlite.Connection, name: str, n: int, key: int | None = None) -> EvaluationRow:
    """That many questions asked of a model at a provider, or an evaluation taken up again."""
    if key is None:
        async with transaction(db):
            model = await ensure_model(db, provider=name, name="a-model", kind="base", base_model="a-model")
        key = await evaluate.create(
            db, model_key=model, dataset_id=WORLD.dataset_id, questions=WORLD.questions[:n], answer_tokens=16
        )
    provider = open_provider(name)
    try:
        return await evaluate.run(db, provider, key)
    finally:
        await provider.close()


def seen(verdict: dict[str, object]) -> dict[str, object]:
    return {name: verdict[name] for name in GOOD}


@pytest.mark.parametrize(("name", "n"), [("plain", A_MINUTE + 2), ("gemini", 30)])
async def test_refusals_outages_and_a_quota_find_us_patient(
    db: aiosqlite.Connection, llmock: LLMock, name: str, n: int
) -> None:
    """More questions than pass in a minute: a machine too slow to run into that limit still meets what was scripted."""
    llmock.script(
        fail(429, 4, retry_after=1), fail(503, 4), fail(500, 1), fail(529, 1), {"type": "delay", "seconds": 0.2}
    )
    row = await evaluated(db, name, n)
    assert (row.state, row.n_answered, row.n_failed) == ("finished", n, 0)
    assert llmock.pending() == []
    verdict = llmock.verdict()
    assert seen(verdict) == GOOD
    assert verdict["calls"] == n
    assert verdict["attempts"] == n + verdict["faults_injected"]
    faults = Counter(request["status"] for request in llmock.requests() if request["fault"])
    assert (faults[503], faults[500], faults[529]) == (4, 1, 1)
    assert faults[429] >= 4


async def test_what_no_repetition_cures_is_asked_once_and_told(db: aiosqlite.Connection, llmock: LLMock) -> None:
    llmock.script(fail(400, 2, message="too long for me"), fail(422, 1, message="not like that"))
    row = await evaluated(db, "plain", 20)
    assert (row.state, row.n_answered, row.n_failed) == ("finished", 17, 3)
    told = await db.execute_fetchall("SELECT error FROM responses WHERE answer IS NULL ORDER BY error")
    assert [words for (words,) in told] == ["not like that", "too long for me", "too long for me"]
    assert llmock.verdict()["attempts"] == 20
    assert seen(llmock.verdict()) == GOOD

    llmock.script(fail(401, 100, message="who are you"))
    key = row.evaluation_key
    with pytest.raises(EvaluationStoppedError, match=f"{llmock.address} refused: who are you"):
        await evaluated(db, "plain", 0, key)


async def test_the_verdict_condemns_who_deserves_it(llmock: LLMock) -> None:
    """Or its good opinion of us would be worth nothing."""
    llmock.script(fail(429, 1, retry_after=30))
    for expected in (429, 200):
        request = urllib.request.Request(
            f"{llmock.address}/v1/chat/completions",
            b'{"model": "m", "messages": [{"role": "user", "content": "again and again"}]}',
            {"Content-Type": "application/json", "Authorization": "Bearer sk-hasty"},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                assert answer.status == expected
        except urllib.error.HTTPError as error:
            assert error.code == expected
    verdict = llmock.verdict()
    assert (verdict["passed"], [finding["code"] for finding in verdict["findings"]]) == (False, ["retry_after_ignored"])
