"""One file of weights answers for an evaluation, and nobody's engine is put on others while it is needed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.engine_state import EngineState, read_engine_state, write_engine_state
from ftb_tui.paths import paths
from ftb_tui.providers.base import AskRequest, Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.store import evaluations as store
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.models import ensure_model
from ftb_tui.weights import identity
from ftb_tui.work import evaluate, job_control, jobs, local_engine
from ftb_tui.work.evaluate import EvaluationProgress, EvaluationStoppedError
from ftb_tui.work.jobs import LaunchPlan
from ftb_tui.work.local_engine import (
    EngineStartError,
    ensure_engine,
    start_engine,
    weights_identity,
)

pytestmark = pytest.mark.usefixtures("engine_ends")
WORLD = load_bundled("fictional_people")


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    await save_dataset(db, WORLD)
    yield db
    await db.close()


def test_an_engine_on_other_weights_than_those_that_were_named_is_started_again(
    other_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, before = start_engine(), weights_identity()
    assert start_engine().pid == first.pid
    monkeypatch.setenv("FTB_WEIGHTS", str(other_weights))
    told: list[str] = []
    second = start_engine(on_status=told.append)
    assert second.weights == str(other_weights)
    assert second.pid != first.pid
    assert f"it is started again on {other_weights}" in told[0]
    assert weights_identity() != before
    # Without a word about weights the one that runs will do.
    monkeypatch.delenv("FTB_WEIGHTS")
    assert start_engine().pid == second.pid


async def test_an_engine_with_a_job_keeps_its_weights_and_the_sentence_says_why(
    db: aiosqlite.Connection, other_weights: Path, weights: Path
) -> None:
    state = await ensure_engine()
    provider = open_provider("local")
    key = await jobs.launch(db, provider, LaunchPlan(dataset=WORLD, base_model="smollm2-135m", n_epochs=50))
    with pytest.raises(EngineStartError, match=rf"works on {weights}, and {other_weights} was asked for. Its job"):
        await ensure_engine(weights=other_weights)
    assert read_engine_state() == state
    await job_control.cancel(db, provider, key)
    await provider.close()


async def test_an_engine_that_answers_somebody_keeps_its_weights_and_the_sentence_says_why(
    weights: Path, other_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_engine, "ASKED_SECONDS", 3.0)
    state, told = await ensure_engine(), list[str]()
    provider = open_provider("local")

    async def ask(until: Callable[[], bool]) -> None:
        while not until():
            await provider.ask(AskRequest(model="smollm2-135m", prompt="Who?", max_tokens=4))

    first = iter((False, True))
    await ask(lambda: next(first))
    refused = asyncio.create_task(ensure_engine(weights=other_weights, on_status=told.append))
    # Several, so that it is never idle for long on a busy machine.
    await asyncio.gather(*(ask(refused.done) for _ in range(3)))
    await provider.close()
    with pytest.raises(
        EngineStartError, match=rf"works on {weights}, and {other_weights} was asked for. It is answering"
    ):
        await refused
    assert read_engine_state() == state
    # Once nobody asks any more it is free, and who came just then has waited for that.
    assert (await ensure_engine(weights=other_weights, on_status=told.append)).weights == str(other_weights)
    assert [one for one in told if "was asked a moment ago" in one] != []


@pytest.fixture
def pretended(weights: Path) -> Iterator[dict[str, object]]:
    """What an engine on `weights` answers, by path; other paths fail. Its process is one that does nothing."""
    with subprocess.Popen(["sleep", "600"]) as process:
        answers: dict[str, object] = {"/health": {"pid": process.pid, "weights": "abc", "idle_seconds": None}}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path in answers
                self.send_response(200 if known else 500)
                self.end_headers()
                self.wfile.write(json.dumps(answers.get(self.path)).encode())

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}/v1"
            write_engine_state(EngineState(url, "token", process.pid, 1.0, "0.0", str(weights)))
            yield answers
            was_told_to_end = process.poll() is not None
            server.shutdown()
        process.kill()
    assert not was_told_to_end


JOBS = "/v1/fine_tuning/jobs?limit=100"


@pytest.mark.parametrize(
    ("answers", "needle"),
    [
        ({}, r"could not be asked \(HTTP Error 500: .*\)\. Try again, or end it with: ftb serve --stop"),
        ({JOBS: []}, "could not be asked"),
        (
            {
                JOBS: {"data": [{"id": "new", "status": "succeeded"}], "has_more": True},
                f"{JOBS}&after=new": {"data": [{"id": "old", "status": "paused"}], "has_more": False},
            },
            "Its job old has to end first",
        ),
    ],
    ids=["in trouble", "something else", "more jobs than a page holds"],
)
def test_an_engine_of_which_it_cannot_be_told_that_nobody_needs_it_is_left_alone(
    pretended: dict[str, object], other_weights: Path, answers: dict[str, object], needle: str
) -> None:
    pretended.update(answers)
    with pytest.raises(EngineStartError, match=needle):
        start_engine(weights=other_weights)


def test_an_engine_that_turns_up_on_other_weights_is_not_taken_for_the_one_that_was_asked_for(
    weights: Path, other_weights: Path
) -> None:
    state = start_engine()
    # It puts the file back after a moment; until then nobody knows on which weights it runs.
    paths().engine_state.unlink()
    with pytest.raises(
        EngineStartError, match=rf"works on {weights}, and {other_weights} was asked for. Somebody else"
    ):
        start_engine(weights=other_weights)
    assert read_engine_state() == state


async def planned(db: aiosqlite.Connection, n: int, *, reuse: bool = False) -> int:
    async with transaction(db):
        model = await ensure_model(db, provider="local", name="smollm2-135m", kind="base", base_model="smollm2-135m")
    return await evaluate.create(
        db, model_key=model, dataset_id=WORLD.dataset_id, answer_tokens=8, questions=WORLD.questions[:n], reuse=reuse
    )


async def test_answers_of_other_weights_are_never_taken_for_those_of_these(
    db: aiosqlite.Connection, other_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await planned(db, 2, reuse=True)
    assert await planned(db, 2, reuse=True) == first
    monkeypatch.setenv("FTB_WEIGHTS", str(other_weights))
    assert await planned(db, 2, reuse=True) != first


async def test_an_evaluation_whose_engine_comes_back_on_other_weights_stops_and_goes_on_on_its_own(
    db: aiosqlite.Connection, weights: Path, other_weights: Path
) -> None:
    state = await ensure_engine()
    key = await planned(db, 600)
    opened: list[Provider] = []

    def provider() -> Provider:
        opened.append(open_provider("local"))
        return opened[-1]

    def killed(progress: EvaluationProgress) -> None:
        if progress.asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(state.pid, signal.SIGKILL)

    async def revived() -> Provider:
        """As after another program of this home has started it."""
        await ensure_engine(weights=other_weights)
        return provider()

    others = (
        rf"is of the weights {identity(weights)}, and the embedded engine has others now \({identity(other_weights)}\)"
    )
    with pytest.raises(EvaluationStoppedError, match=f"{others}.*ftb evaluate --resume {key}"):
        await evaluate.run(db, provider(), key, revive=revived, on_progress=killed)
    row = await store.get_evaluation(db, key)
    assert (row.state, row.n_failed, 0 < row.n_answered < 600) == ("failed", 0, True)
    # As on another day, when the engine has been running on others for long.
    with pytest.raises(EvaluationStoppedError, match=others):
        await evaluate.run(db, provider(), key)
    assert (await store.get_evaluation(db, key)).n_answered == row.n_answered
    await ensure_engine(weights=weights)
    row = await evaluate.run(db, provider(), key)
    assert (row.state, row.n_answered, row.n_failed) == ("finished", 600, 0)
    await ensure_engine(weights=other_weights)
    assert (await evaluate.run(db, provider(), key)).state == "finished", "nothing is left to ask"
    for one in opened:
        await one.close()
