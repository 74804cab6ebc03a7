"""Mode 5: what is known of every provider without asking it, and what it answers when it is asked."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Checkbox, DataTable, Input

from ftb_tui.providers import discovery
from ftb_tui.providers.config import load_config
from ftb_tui.providers.discovery import LocalServer
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.deployments import deployment_made, intend_deployment
from ftb_tui.store.evaluations import list_evaluations
from ftb_tui.store.models import ensure_model
from ftb_tui.ui.app import FtbApp
from tests.demo import CLOCK
from tests.fakes.openai_server import KEY, FakeOpenAI, error, status
from tests.ui.pilot import SIZES, demo_app, fill_demo, filled, settled, shows, text_of, until

Snap = Callable[..., bool]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
CONFIG = """
[providers.lab]
base_url = "https://lab.example/v1"
api_key_env = "LAB_KEY"
title = "The lab's server"
[providers.answers]
base_url = "http://127.0.0.1:9/v1"
inference_only = true
"""


@pytest.fixture
def configured(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = home / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(CONFIG)
    monkeypatch.setenv("LAB_KEY", KEY)
    return file


@pytest.fixture
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none() -> list[LocalServer]:
        return []

    monkeypatch.setattr(discovery, "find_local_servers", none)


async def opened(pilot: Pilot[None]) -> None:
    await pilot.press("5")
    await until(pilot, lambda: pilot.app.current_mode == "providers")
    await filled(pilot)
    await until(pilot, shows(pilot, "nothing leaves this machine"))


async def choose(pilot: Pilot[None], name: str) -> None:
    table = pilot.app.screen.query_one("#providers", DataTable)
    await until(pilot, lambda: any(str(table.get_row_at(n)[0]) == name for n in range(table.row_count)))
    place = next(n for n in range(table.row_count) if str(table.get_row_at(n)[0]) == name)
    table.move_cursor(row=place)
    await pilot.pause()


def snap(snap_compare: Snap, size: tuple[int, int], steps: Callable[[Pilot[None]], Awaitable[Any]]) -> bool:
    asyncio.run(fill_demo())

    async def run(pilot: Pilot[None]) -> None:
        await filled(pilot)
        await opened(pilot)
        await steps(pilot)
        await settled(pilot)

    return snap_compare(demo_app(), terminal_size=size, run_before=run)


@sizes
def test_a_service_with_a_deadline_looks_as_it_did(
    snap_compare: Snap, configured: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    november = datetime.datetime(2026, 11, 21, 12).timestamp()
    monkeypatch.setattr("tests.ui.pilot.CLOCK", november)

    async def steps(pilot: Pilot[None]) -> None:
        await choose(pilot, "openai")
        await until(pilot, shows(pilot, "54 days"))

    assert snap(snap_compare, size, steps)


@sizes
@pytest.mark.parametrize("key", ["a", "e", "v", "question_mark"], ids=["add", "edit", "ask", "help"])
def test_its_dialogs_look_as_they_did(snap_compare: Snap, configured: Path, key: str, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await choose(pilot, "lab")
        await pilot.press(key)
        await until(pilot, lambda: len(pilot.app.screen_stack) > 1)
        if key == "v":
            await until(pilot, shows(pilot, "Give the name of a model."))

    assert snap(snap_compare, size, steps)


async def test_every_provider_is_shown_with_host_and_key_and_nobody_is_asked(
    configured: Path, fake_openai: FakeOpenAI, no_servers: None
) -> None:
    app = FtbApp(clock=lambda: CLOCK, background=False)
    async with app.run_test(size=(140, 40)) as pilot:
        await opened(pilot)
        table = app.screen.query_one("#providers", DataTable)
        rows = {str(row[0]): [str(cell) for cell in row[1:]] for row in map(table.get_row_at, range(table.row_count))}
        assert next(iter(rows)) == "local"
        assert {"openai", "azure", "nebius", "bedrock", "google", "gemini", "fake"} <= set(rows)
        assert rows["openai"][:3] == ["api.openai.com", "✗ missing", "trains"]
        assert rows["bedrock"][2] == "answers", "what it trains by, ftb cannot prepare"
        assert rows["fake"][1] == f"✓ …{KEY[-4:]}"
        assert KEY not in text_of(app)
    assert not fake_openai.requests


async def test_a_check_tells_models_quota_and_what_the_key_may_do(
    home: Path, fake_openai: FakeOpenAI, no_servers: None
) -> None:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace("[providers.fake]", '[providers.fake]\ndialect = "openai"'))
    fake_openai.model_limits = {"gpt-fake": {"max_total_jobs": 3, "max_concurrent_jobs": 1, "active_jobs": 0}}
    app = FtbApp(background=False)
    async with app.run_test(size=(140, 40)) as pilot:
        await opened(pilot)
        await choose(pilot, "fake")
        await pilot.press("c")
        await until(pilot, shows(pilot, "✓ reachable, 1 model, trains and answers"))
        assert "gpt-fake" in text_of(app), "the quota names the model"
        fake_openai.faults["GET /models"].append(status(401, error(f"Incorrect API key provided: {KEY}")))
        await pilot.press("c")
        await until(pilot, shows(pilot, "✗ Incorrect API key"))
        assert KEY not in text_of(app)


async def test_running_jobs_are_counted_with_their_provider(no_servers: None) -> None:
    await fill_demo()
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await opened(pilot)
        await until(pilot, shows(pilot, "1 under way: 2 (running)"))


async def test_a_deployment_is_shown_with_its_provider_until_it_is_gone(configured: Path, no_servers: None) -> None:
    db = await open_store()
    async with transaction(db):
        key = await ensure_model(db, provider="azure", name="m.ft-1", kind="tuned", base_model="m")
        await intend_deployment(db, key, "d1")
        await deployment_made(db, key, "d2")
    await db.close()
    async with FtbApp().run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        await choose(pilot, "azure")
        await until(pilot, shows(pilot, "A deployment d1 of m.ft-1 was asked for at azure on "))
        await until(pilot, shows(pilot, "m.ft-1 is deployed at azure as d2 since "))
        await choose(pilot, "lab")
        await until(pilot, lambda: "as d2 since" not in text_of(pilot.app))


async def test_a_server_on_this_machine_is_found_and_offered_and_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeOpenAI(key=None) as server:
        monkeypatch.setitem(discovery.LOCAL_SERVERS, "ollama", int(server.url.rsplit(":", 1)[1].split("/")[0]))
        for name in set(discovery.LOCAL_SERVERS) - {"ollama"}:
            monkeypatch.delitem(discovery.LOCAL_SERVERS, name)
        app = FtbApp()
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await until(pilot, lambda: app._supervisor is not None)
            await opened(pilot)
            await choose(pilot, "ollama")
            await until(pilot, shows(pilot, "on this machine, with 1 model: gpt-fake"))
            await pilot.press("v")
            await until(pilot, shows(pilot, "it costs nothing"))
            app.screen.query_one("#evaluate-limit", Input).value = "3"
            await pilot.press("enter")
            await until(pilot, lambda: app.current_mode == "evaluations")
            await until(pilot, shows(pilot, "finished"))
    db = await open_store()
    [row] = await list_evaluations(db)
    await db.close()
    assert (row.provider, row.model, row.n_answered, len(row.tasks)) == (
        "ollama",
        "gpt-fake",
        3 * len(row.tasks),
        len(row.tasks),
    )


async def test_no_server_is_a_sentence(home: Path, no_servers: None) -> None:
    app = FtbApp(background=False)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("f")
        await until(pilot, shows(pilot, "No server answers on the usual ports"))


async def test_a_provider_is_added_and_changed_and_the_rest_of_the_file_stays(
    configured: Path, no_servers: None
) -> None:
    app = FtbApp(background=False)
    async with app.run_test(size=(120, 50), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("a")
        await until(pilot, lambda: bool(app.screen.query("#provider-name")))
        app.screen.query_one("#provider-name", Input).value = "mine"
        app.screen.query_one("#provider-base_url", Input).value = "http://127.0.0.1:8123/v1"
        app.screen.query_one("#provider-api_key_env", Input).value = "sk-live-0123456789"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "such as MY_KEY"))
        assert configured.read_text() == CONFIG
        app.screen.query_one("#provider-api_key_env", Input).value = "MY_KEY"
        app.screen.query_one("#provider-inference_only", Checkbox).value = True
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert configured.read_text().startswith(CONFIG)
        own = load_config(configured).providers["mine"]
        assert (own.base_url, own.api_key_env, own.inference_only) == ("http://127.0.0.1:8123/v1", "MY_KEY", True)
        await choose(pilot, "mine")
        await pilot.press("e")
        await until(pilot, lambda: bool(app.screen.query("#provider-title")))
        app.screen.query_one("#provider-title", Input).value = "[red]Cellar"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "[red]Cellar"))
        assert configured.read_text().startswith(CONFIG)


async def test_a_name_that_is_taken_is_refused(configured: Path, no_servers: None) -> None:
    app = FtbApp(background=False)
    async with app.run_test(size=(120, 50)) as pilot:
        await opened(pilot)
        await pilot.press("a")
        await until(pilot, lambda: bool(app.screen.query("#provider-name")))
        app.screen.query_one("#provider-name", Input).value = "lab"
        app.screen.query_one("#provider-base_url", Input).value = "http://127.0.0.1:8123/v1"
        await pilot.press("enter")
        await until(pilot, shows(pilot, "There is a provider lab already"))
        await pilot.press("escape")
        assert configured.read_text() == CONFIG


async def test_models_that_stop_soon_are_told_of_where_they_can_be_used(
    home: Path, no_servers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    november = datetime.datetime(2026, 11, 21, 12).timestamp()
    app = FtbApp(clock=lambda: november, background=False)
    async with app.run_test(size=(140, 40)) as pilot:
        await opened(pilot)
        assert "stop on 2027-01-14" not in text_of(app)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    app = FtbApp(clock=lambda: november, background=False)
    async with app.run_test(size=(140, 40)) as pilot:
        await opened(pilot)
        await until(pilot, shows(pilot, "stop on 2027-01-14"))


async def test_on_a_small_screen_the_nearest_end_stands_first_and_none_is_cut_off(
    home: Path, no_servers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    november = datetime.datetime(2026, 11, 21, 12).timestamp()
    app = FtbApp(clock=lambda: november, background=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await until(pilot, shows(pilot, "stop on 2027-01-14 (OpenAI)"))
        banner = [
            line.strip() for line in text_of(app).splitlines() if line.strip().startswith("!") and "left:" in line
        ]
        assert [line.partition(" left:")[0] for line in banner] == ["! 10 days", "! 20 days", "! 54 days", "! 77 days"]
        assert "gpt-4.1-2025-04-14 and 4 more stop on 2027-01-14 (OpenAI)" in banner[2]


async def test_a_broken_configuration_is_told_with_its_file(configured: Path, no_servers: None) -> None:
    configured.write_text("[providers.x]\nbase_url = 3\n")
    app = FtbApp(background=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("5")
        await until(pilot, shows(pilot, "The configuration cannot be used"))
        await until(pilot, shows(pilot, "not 3"))


async def test_a_model_is_asked_in_a_batch_where_that_is_offered(
    home: Path, fake_openai: FakeOpenAI, no_servers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftb_tui.work.batching.LOOK_SECONDS", (0.01, 0.01, 0.01))
    file = home / "config" / "config.toml"
    app = FtbApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app._supervisor is not None)
        await opened(pilot)
        await choose(pilot, "fake")
        await pilot.press("v")
        await until(pilot, lambda: bool(app.screen.query("#evaluate-model")))
        assert not app.screen.query("#evaluate-batch"), "not offered, so not asked"
        await pilot.press("escape")
        file.write_text(file.read_text().replace("[providers.fake]", '[providers.fake]\ndialect = "openai"'))
        await pilot.press("1", "5")
        await until(pilot, lambda: app.screen._infos["fake"].capabilities.batches)
        await pilot.press("v")
        await until(pilot, lambda: bool(app.screen.query("#evaluate-batch")))
        app.screen.query_one("#evaluate-model", Input).value = "gpt-fake"
        app.screen.query_one("#evaluate-limit", Input).value = "3"
        app.screen.query_one("#evaluate-batch", Input).value = "yes"
        await until(pilot, shows(pilot, "12 questions"))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "evaluations")
        await until(pilot, shows(pilot, "finished"))
    assert len(fake_openai.batching.batches) == 1
    assert len(fake_openai.asked) == 1
