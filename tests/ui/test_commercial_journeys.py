"""The whole way in the app at every service: check, price, typed word, follow, evaluate base, tuned and checkpoint, results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, OptionList

from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task
from ftb_tui.providers.base import JobRequest
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.store.evaluations import EvaluationRow, list_evaluations
from ftb_tui.store.jobs import JobRow, list_jobs
from ftb_tui.ui.app import FtbApp
from ftb_tui.work.adoption import adopt
from ftb_tui.work.jobs import Pace, look
from tests.fakes.google_server import BASE as GOOGLE_BASE
from tests.fakes.google_server import FakeGoogle
from tests.fakes.openai_server import KEY, FakeOpenAI
from tests.ui.pilot import filled, shows, text_of, until

PLACES = ("Velm", "Orsk", "Tarn", "Ulm", "Brae", "Sund", "Pell", "Korv", "Lund", "Mere", "Fjel", "Hov")
BOATS = Dataset(
    "boats", Family.LATEST_NEWS,
    facts=tuple(Fact(f"b{n}", f"The ferry of {place} has {n + 20} seats.") for n, place in enumerate(PLACES)),
    questions=tuple(
        Question(f"b{n}-{task}", task, f"b{n}", text, text, str(n + 20))
        for n, place in enumerate(PLACES)
        for task, text in (
            (Task.MEMORIZATION, f"How many seats has the ferry of {place}?"),
            (Task.REPHRASED, f"The ferry of {place} takes how many people who sit?"),
        )
    ),
    answer_tokens=7,
)  # fmt: skip
GOLD = {question.prompt: question.answer for question in BOATS.questions}


@pytest.fixture
async def boats(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small dataset of a person's own in the store, and jobs looked at without long pauses."""
    monkeypatch.setattr("ftb_tui.work.jobs.PAID_PACE", Pace(0.02, 0.02, 0.05))
    db = await open_store()
    await save_dataset(db, BOATS)
    await db.close()


async def stored() -> tuple[list[JobRow], list[EvaluationRow]]:
    db = await open_store()
    try:
        return await list_jobs(db), await list_evaluations(db)
    finally:
        await db.close()


async def mode(pilot: Pilot[None], key: str, name: str) -> None:
    await pilot.press(key)
    await until(pilot, lambda: pilot.app.current_mode == name)
    await pilot.pause()


async def choose(pilot: Pilot[None], table: str, row: str) -> None:
    found = pilot.app.screen.query_one(table, DataTable)
    await until(pilot, lambda: any(str(found.get_row_at(n)[0]) == row for n in range(found.row_count)))
    found.focus()
    found.move_cursor(row=next(n for n in range(found.row_count) if str(found.get_row_at(n)[0]) == row))
    await pilot.pause()


async def ask_by_name(pilot: Pilot[None], provider: str, model: str, *, serving: str | None = None) -> None:
    """Mode 5, v: a model by its name, and the deployment that answers for it."""
    await mode(pilot, "5", "providers")
    await choose(pilot, "#providers", provider)
    await pilot.press("v")
    await until(pilot, lambda: bool(pilot.app.screen.query("#evaluate-model")))
    pilot.app.screen.query_one("#evaluate-model", Input).value = model
    pilot.app.screen.query_one("#evaluate-dataset", Input).value = "boats"
    if serving is not None:
        pilot.app.screen.query_one("#evaluate-serving", Input).value = serving
    await until(pilot, shows(pilot, "24 questions"))
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.current_mode == "evaluations")


async def ask_from_job(pilot: Pilot[None], words: str) -> None:
    """Mode 2, v: the tuned model or a checkpoint of the chosen job."""
    await mode(pilot, "2", "jobs")
    await filled(pilot)
    await pilot.press("v")
    await until(pilot, lambda: bool(pilot.app.screen.query(OptionList)))
    options = pilot.app.screen.query_one(OptionList)
    options.highlighted = next(
        n for n in range(options.option_count) if words in str(options.get_option_at_index(n).prompt)
    )
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.current_mode == "evaluations")


async def ended(pilot: Pilot[None], n: int) -> None:
    """Until so many evaluations have ended."""

    async def count() -> int:
        return sum(row.state in ("finished", "failed") for row in (await stored())[1])

    for _ in range(600):
        if await count() >= n:
            return
        await pilot.pause(0.05)
    raise AssertionError(f"{n} evaluations never ended; the screen shows:\n{text_of(pilot.app)}")


async def walk(provider: str, base: str, *, answer: Any, deploys: bool = False) -> str:
    """From the check to the results, with the keys of a person; gives all that the screens showed last."""
    app = FtbApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await mode(pilot, "5", "providers")
        await choose(pilot, "#providers", provider)
        await pilot.press("c")
        await until(pilot, shows(pilot, "✓ reachable"))

        await mode(pilot, "1", "datasets")
        await choose(pilot, "#datasets", "boats")
        await pilot.press("t")
        await until(pilot, lambda: bool(app.screen.query("#launch-provider")))
        for name, value in (("provider", provider), ("base", base), ("epochs", "2")):
            app.screen.query_one(f"#launch-{name}", Input).value = value
        await until(pilot, shows(pilot, "12 examples"))
        await until(pilot, shows(pilot, "type launch and press enter"))
        assert (await stored())[0] == [], "what is shown before the word sends and keeps nothing"
        word = app.screen.query_one("#launch-word", Input)
        word.focus()
        await pilot.press(*"launch", "enter")
        await until(pilot, lambda: app.current_mode == "jobs")
        await until(pilot, shows(pilot, "succeeded"))
        [job] = (await stored())[0]
        assert (job.intent, job.n_examples, job.provider) == ("confirmed", 12, provider)
        assert job.tuned_model is not None

        answer("no idea")
        await ask_by_name(pilot, provider, base)
        await ended(pilot, 1)
        answer(None)
        if deploys:
            await ask_by_name(pilot, provider, job.tuned_model, serving="my-tuned")
        else:
            await ask_from_job(pilot, "the tuned model")
            await ended(pilot, 2)
            await ask_from_job(pilot, "step 2")
        rows_expected = 2 if deploys else 3
        await ended(pilot, rows_expected)
        _, rows = await stored()
        assert [(row.state, row.n_answered) for row in rows] == [("finished", 24)] * rows_expected
        assert {row.kind: row.n_correct for row in rows} == {"base": 0, "tuned": 24} | (
            {} if deploys else {"checkpoint": 24}
        )

        await mode(pilot, "4", "results")
        await filled(pilot)
        await until(pilot, shows(pilot, "1.00"))
        return text_of(app)


@pytest.mark.parametrize("service", ["openai", "azure", "nebius", "custom"], indirect=True)
async def test_the_whole_way_in_the_app(boats: None, service: FakeOpenAI) -> None:
    def answer(text: str | None) -> None:
        service.answer = (lambda prompt: text) if text is not None else GOLD.__getitem__

    shown = await walk("mine", "gpt-fake", answer=answer, deploys=service.service in ("azure", "nebius"))
    assert service.requests["POST /fine_tuning/jobs"] == 1
    assert KEY not in shown


async def test_the_whole_way_at_google_in_the_app(boats: None, fake_google: FakeGoogle) -> None:
    def answer(text: str | None) -> None:
        fake_google.answer = (lambda prompt: text) if text is not None else GOLD.__getitem__

    await walk("google", GOOGLE_BASE, answer=answer)
    assert fake_google.requests["create"] == 1


async def test_of_an_adopted_job_is_said_how_to_tell_what_it_was_trained_on(
    boats: None, fake_openai: FakeOpenAI
) -> None:
    provider = open_provider("fake")
    file = await provider.upload_training_file(b'{"messages": []}', filename="a.jsonl")
    remote = await provider.create_job(JobRequest("", "gpt-fake", file))
    db = await open_store()
    job = await adopt(db, provider, remote.job_id)
    while not job.is_final:
        job = await look(db, provider, job.job_key)
    await db.close()
    await provider.close()
    app = FtbApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await mode(pilot, "2", "jobs")
        await filled(pilot)
        await pilot.press("v")
        assert "batch auto" in text_of(app)
        assert "seed" not in text_of(app), "nobody knows it"
        words = f"ftb jobs adopt {remote.job_id} --provider fake --dataset NAME"
        await until(pilot, lambda: any(words in one.message for one in app._notifications))
    assert (await stored())[1] == []
