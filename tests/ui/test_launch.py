"""A job is launched from the app only after its price was shown, and paid ones only after a typed word."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.widgets import Collapsible, Input, Select, Static

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.registry import open_provider
from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.ui.screens.launch import Launch, LaunchScreen
from ftb_tui.work.cost import Quote
from ftb_tui.work.jobs import LaunchError, launch
from ftb_tui.work.launch_plan import LaunchPlan
from ftb_tui.work.quoting import quote_launch
from tests.fakes.openai_server import FakeOpenAI, disconnect, error, status
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until

WORLD = load_bundled("fictional_people")
TODAY = datetime.date(2026, 11, 21)
PRICED = """
[[models]]
service = "fake"
name = "gpt-fake"
methods = ["supervised"]
prices = { training = 5.0, input = 1.0, output = 2.0, as_of = 2026-11-01, source = "a test" }
"""


class Host(App[None]):
    """Shows the dialog and keeps what came of it."""

    def __init__(self, provider: str, base: str) -> None:
        super().__init__()
        self.dialog = LaunchScreen(WORLD, provider=provider, base=base, epochs=2, today=TODAY)
        self.decided: list[Launch | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.decided.append)

    @property
    def text(self) -> str:
        return "\n".join(
            str(self.dialog.query_one(f"#launch-{name}", Static).render()) for name in ("quote", "keys")
        )  # fmt: skip


def asks_for_the_word(app: Host) -> bool:
    """Whether the field for it takes any room."""
    return app.dialog.query_one("#launch-word").region.area > 0


def quotes_wait(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """From now on no quote is there before this event."""
    go_on = asyncio.Event()

    async def slow(*given: Any) -> Quote:
        await go_on.wait()
        return await quote_launch(*given)

    monkeypatch.setattr("ftb_tui.ui.screens.launch.quote_launch", slow)
    return go_on


async def quoted(app: Host, pilot: object) -> None:
    await app.workers.wait_for_complete()
    await pilot.pause()  # type: ignore[attr-defined]


async def test_what_costs_money_needs_the_typed_word(home: Path, fake_openai: FakeOpenAI) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    app = Host("fake", "gpt-fake")
    async with app.run_test(size=(100, 40)) as pilot:
        await quoted(app, pilot)
        assert "$5.00 a million tokens, price of 2026-11-01" in app.text
        assert "150 examples" in app.text
        await pilot.press("enter")
        word = app.dialog.query_one("#launch-word", Input)
        assert (app.decided, word.has_focus) == ([], True)
        await pilot.press(*"yes", "enter")
        assert app.decided == []
        word.value = ""
        await pilot.press(*"launch", "enter")
        [launch] = app.decided
        assert launch is not None
        assert (launch.provider, launch.plan.n_epochs) == ("fake", 2)
        assert launch.quote.training_cost is not None
    assert not fake_openai.requests


async def test_what_is_free_begins_on_enter(home: Path) -> None:
    app = Host("local", "smollm2-135m")
    async with app.run_test(size=(100, 40)) as pilot:
        await quoted(app, pilot)
        assert not asks_for_the_word(app)
        await pilot.press("enter")
        assert [launch and launch.provider for launch in app.decided] == ["local"]


@pytest.mark.parametrize(
    ("field", "value", "needle"),
    [
        ("epochs", "many", "a whole number from 1 to 50"),
        ("provider", "nobody", "There is no provider 'nobody'"),
        ("base", "", "the name of the model"),
    ],
)
async def test_a_field_that_cannot_be_is_told_and_nothing_is_launched(
    home: Path, fake_openai: FakeOpenAI, field: str, value: str, needle: str
) -> None:
    app = Host("fake", "gpt-fake")
    async with app.run_test(size=(100, 40)) as pilot:
        await quoted(app, pilot)
        app.dialog.query_one(f"#launch-{field}", Input).value = value
        await pilot.pause()
        await quoted(app, pilot)
        assert needle in app.text
        await pilot.press("enter")
        assert app.decided == []
        await pilot.press("escape")
        assert app.decided == [None]


async def test_the_dialog_begins_with_the_provider_and_epochs_that_a_person_has_configured(
    home: Path, fake_openai: FakeOpenAI
) -> None:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text() + '\n[defaults]\nprovider = "fake"\nepochs = 5\n')
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(100, 40)) as pilot:
        await filled(pilot)
        await pilot.press("1")
        await filled(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen))
        values = {name: app.screen.query_one(f"#launch-{name}", Input).value for name in ("provider", "base", "epochs")}
        assert values == {"provider": "fake", "base": "", "epochs": "5"}


async def test_a_launch_of_which_it_is_not_known_whether_it_made_a_job_is_told_before_the_same_is_launched_again(
    home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb_tui.work.jobs.RECONCILE_PAUSES", ())
    fake_openai.after_create.append(disconnect)
    fake_openai.faults["GET /fine_tuning/jobs"].append(status(500, error("down")))
    db, provider = await open_store(), open_provider("fake")
    await save_dataset(db, WORLD)
    with pytest.raises(LaunchError):
        await launch(db, provider, LaunchPlan(dataset=WORLD, base_model="gpt-fake", n_epochs=2))
    await provider.close()
    await db.close()
    app = Host("fake", "gpt-fake")
    async with app.run_test(size=(100, 40)) as pilot:
        await quoted(app, pilot)
        assert "! It is not known yet whether job 1, which is the same, was created." in app.text


async def test_a_budget_closes_the_way(home: Path, fake_openai: FakeOpenAI) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    file = home / "config" / "config.toml"
    file.write_text(file.read_text() + "\n[budget]\nper_launch = 0.000001\n")
    app = Host("fake", "gpt-fake")
    async with app.run_test(size=(100, 40)) as pilot:
        await quoted(app, pilot)
        assert "beyond the budget" in app.text
        assert not asks_for_the_word(app)
        await pilot.press("enter")
        assert app.decided == []


async def test_a_recipe_of_preferences_is_another_method_and_uses_what_the_base_said(
    home: Path, fake_openai: FakeOpenAI
) -> None:
    app = Host("fake", "gpt-fake")
    async with app.run_test(size=(100, 40)) as pilot:
        await quoted(app, pilot)
        app.dialog.query_one("#recipe-name", Select).value = "preference"
        await pilot.pause()
        await quoted(app, pilot)
        assert "(dpo)" in app.text
        app.dialog.query_one("#launch-provider", Input).value = "nebius"
        await pilot.pause()
        await quoted(app, pilot)
        assert "trains by supervised, not dpo" in app.text
        await pilot.press("enter")
        assert app.decided == []


async def test_what_was_changed_a_moment_ago_is_launched_only_after_its_quote_was_shown(home: Path) -> None:
    app = Host("local", "smollm2-135m")
    async with app.run_test(size=(100, 40)) as pilot:
        await quoted(app, pilot)
        field = app.dialog.query_one("#recipe-paraphrases", Input)
        app.dialog.query_one(Collapsible).collapsed = False
        field.focus()
        await pilot.pause()
        # Both before anybody could tell the dialog of the change.
        field.value = "2"
        app.dialog._submitted(Input.Submitted(field, "2"))
        assert app.decided == []
        await quoted(app, pilot)
        await pilot.press("enter")
        assert [launch and launch.plan.recipe.paraphrases for launch in app.decided] == [2]


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_what_is_agreed_to_stands_beside_the_word_however_small_the_window(
    home: Path, fake_openai: FakeOpenAI, size: tuple[int, int]
) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    file = home / "config" / "config.toml"
    file.write_text(file.read_text() + '\n[defaults]\nprovider = "fake"\nepochs = 3\n')
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=size) as pilot:
        await filled(pilot)
        await pilot.press("1")
        await filled(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen))
        await pilot.press("tab", *"gpt-fake", "enter")
        await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.id == "launch-word")
        await until(pilot, shows(pilot, "to spend $0.0815 on"))
        spend, word = app.screen.query_one("#launch-spend", Static), app.screen.query_one("#launch-word", Input)
        assert "to spend $0.0815 on gpt-fake, 3 epochs, at fake (http://127.0.0.1:" in str(spend.render())
        dialog = app.screen.query_one(".dialog").content_region
        assert all(dialog.contains_region(part.region) and part.region.height for part in (spend, word))
        assert app.screen.query_one("#launch-provider").region.y < spend.region.y - 4, "there is room for the fields"
        await pilot.press(*"launch")
        assert "launch  " in text_of(app).splitlines()[word.region.y]


async def test_enter_right_after_a_change_waits_for_the_quote_and_what_is_typed_then_is_the_word(
    home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config" / "catalogue.toml").write_text(PRICED)
    app = Host("fake", "gpt-fake")
    async with app.run_test(size=(80, 24)) as pilot:
        await quoted(app, pilot)
        go_on = quotes_wait(monkeypatch)
        app.dialog.query_one("#launch-epochs", Input).focus()
        await pilot.press("3", "enter", *"launch", "enter")
        epochs, word = (app.dialog.query_one(f"#launch-{name}", Input) for name in ("epochs", "word"))
        assert (epochs.value, word.value, app.decided) == ("3", "launch", []), "nobody agrees to what was not shown"
        go_on.set()
        await quoted(app, pilot)
        assert "to spend $0.0815 on gpt-fake, 3 epochs" in str(app.dialog.query_one("#launch-spend", Static).render())
        assert app.decided == []
        await pilot.press("enter")
        assert [launch and launch.plan.n_epochs for launch in app.decided] == [3]


async def test_enter_right_after_a_change_to_what_is_free_asks_for_no_word(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Host("local", "smollm2-135m")
    async with app.run_test(size=(80, 24)) as pilot:
        await quoted(app, pilot)
        go_on = quotes_wait(monkeypatch)
        field = app.dialog.query_one("#launch-epochs", Input)
        field.focus()
        await pilot.press("3", "enter")
        go_on.set()
        await quoted(app, pilot)
        assert (app.decided, field.has_focus, asks_for_the_word(app)) == ([], True, False)
        await pilot.press("enter")
        assert [launch and launch.plan.n_epochs for launch in app.decided] == [3]
