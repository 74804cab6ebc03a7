"""Which facts the base held before they were changed can be seen behind the results, with both scores."""

from __future__ import annotations

import asyncio

import pytest
from syrupy.assertion import SnapshotAssertion

from ftb_tui.cli.main import run
from tests.cli.conftest import Done, Ftb
from tests.cli.test_known_before import CODING, FACTS, HELD, ask
from tests.fakes.openai_server import FakeOpenAI
from tests.ui.pictures import pictured
from tests.ui.pilot import demo_app, filled, shows, text_of, until


@pytest.fixture
def ftb(capsys: pytest.CaptureFixture[str]) -> Ftb:
    def call(*arguments: str) -> Done:
        code = run(list(arguments))
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return call


def test_both_counts_and_both_scores_are_told(ftb: Ftb, fake_openai: FakeOpenAI, snapshot: SnapshotAssertion) -> None:
    ask(ftb, fake_openai)

    async def look() -> None:
        async with demo_app().run_test(size=(80, 24)) as pilot:
            await filled(pilot)
            await pilot.press("4")
            await until(pilot, shows(pilot, CODING.name))
            await pilot.press("K")
            await until(pilot, shows(pilot, f"held {len(HELD)} of {len(FACTS)} old facts"))
            lines = [line for line in text_of(pilot.app).splitlines() if f"({len(HELD)})" in line]
            assert len(lines) == 3 and all("memorization" in line or "rephrased" in line for line in lines), (
                "no line is broken"
            )
            await pictured(pilot, snapshot, "known-before")

    asyncio.run(look())


async def test_without_such_answers_it_says_what_to_ask() -> None:
    async with demo_app().run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, shows(pilot, "quick benchmark"))
        await pilot.press("4")
        await until(pilot, shows(pilot, "No result yet"))
        await pilot.press("K")
        await until(pilot, shows(pilot, "No base model was asked about facts that changed"))
