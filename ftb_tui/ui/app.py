"""The app: five modes over the store, work in the background, one key to begin."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Static

from ftb_tui.interface import load_interface
from ftb_tui.paths import paths
from ftb_tui.ui import remembered
from ftb_tui.ui.acting import acting, telling
from ftb_tui.ui.attention import call
from ftb_tui.ui.ending import asking, end_in_order, leave, tell_crash
from ftb_tui.ui.everywhere import EVERYWHERE, mode_screen
from ftb_tui.ui.looking import Looking
from ftb_tui.ui.reopening import keep_open, reopen
from ftb_tui.ui.telling import Gathered, faults_told, fitted
from ftb_tui.ui.themes import OWN, first_theme
from ftb_tui.ui.widgets.splitter import Splitter, can_split, split
from ftb_tui.ui.widgets.tabs import MODES, tabs

if TYPE_CHECKING:
    import aiosqlite
    from textual.command import Provider

    from ftb_tui.ui.screens.answer_changes import Change
    from ftb_tui.ui.screens.mode import ModeScreen
    from ftb_tui.work.bench import BenchProgress
    from ftb_tui.work.supervisor import Supervisor


def _commands() -> type[Provider]:
    from ftb_tui.ui.commands import Commands

    return Commands


KEEP_EVERY = 3.0
"""Seconds between two times at which is kept what is remembered, where that changed, so that a crash forgets little."""


class FtbApp(App[None]):
    """FineTuneBench in the terminal."""

    TITLE = "ftb"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {_commands}
    MODES: ClassVar[dict[str, Callable[[], Screen[None]]]] = {  # type: ignore[assignment]
        name: mode_screen(name) for name in MODES
    }
    BINDINGS: ClassVar[list[BindingType]] = EVERYWHERE
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-middle"), (30, "-tall")]
    _fatal_error = tell_crash

    def __init__(self, *, clock: Callable[[], float] = time.time, background: bool = True) -> None:
        super().__init__()
        self.now = clock
        self.db: aiosqlite.Connection | None = None
        self._with_background = background
        self._supervisor: Supervisor | None = None
        self.looking = Looking(self)
        self.settings, self._setting_problems = load_interface(paths().config_file)
        self._memory = remembered.load()
        self._gathered = Gathered(self._tell_news, self.set_timer)
        self._modes_seen: dict[str, ModeScreen] = {}
        self.changes: list[Change] = []
        self.reopened: set[str] = set()
        self._kept: object = None

    @property
    def has_background(self) -> bool:
        """Whether things may begin by themselves: jobs are followed, servers on this machine are looked for."""
        return self._with_background

    @property
    def has_results(self) -> bool:
        """Whether anything was graded yet."""
        return self.looking.has_results

    @property
    def supervisor(self) -> Supervisor:
        """The background of this app."""
        assert self._supervisor is not None
        return self._supervisor

    @property
    def bench_progress(self) -> BenchProgress | None:
        """Where the running benchmark is."""
        return self._supervisor.bench if self._supervisor is not None else None

    def watched(self, job_key: int) -> tuple[float | None, bool]:
        """When the app looks at a job next (seconds since 1970, None: not known), and whether it follows it at all."""
        if self._supervisor is None:
            return None, False
        return self._supervisor.next_looks.get(job_key), self._supervisor.follows(job_key)

    def compose(self) -> ComposeResult:
        """The first frame: the tabs, before anything else is loaded."""
        yield Static(tabs("datasets"), id="tabs")

    def on_load(self) -> None:
        """Before the terminal is changed: whatever ends the app puts it back."""
        if not self.is_headless:
            end_in_order(self)

    def on_mount(self) -> None:
        """Show the tabs at once; the first mode is loaded and the store opened after the first frame."""
        for theme in OWN:
            self.register_theme(theme)
        self.theme, problem = first_theme(self._memory, self.settings.theme, self.available_themes)
        self._setting_problems += [f"{paths().config_file}: {problem}"] if problem else []
        if self.settings.motion == "reduced":
            self.animation_level = "none"
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self.current_mode not in self.MODES:
            mode = self._memory.get("mode")
            self.switch_mode(mode if mode in self.MODES else "datasets")
        self._take_keymap()
        if self._setting_problems:
            self._tell_faults()
        self.call_after_refresh(self._open)

    @work(group="faults")
    @telling
    async def _tell_faults(self) -> None:
        from ftb_tui.ui.keymap import first_key
        from ftb_tui.ui.settings import all_problems

        file = paths().config_file
        self._setting_problems = await asyncio.to_thread(all_problems, file) or self._setting_problems
        key = self.get_key_display(Binding(first_key("settings.open", self.settings.keymap), ""))
        self._tell("warning", faults_told(self._setting_problems, str(file), key))

    def _take_keymap(self) -> None:
        """The keys of the configuration, but for what of them cannot be."""
        if self.settings.keymap:
            from ftb_tui.ui.keymap import keymap_problems, usable_keymap

            where = f"{paths().config_file}: keymap"
            self._setting_problems += keymap_problems(self.settings.keymap, where=where)
            self.set_keymap(usable_keymap(self.settings.keymap))

    @work
    @telling
    async def _open(self) -> None:
        from ftb_tui.store.database import StoreError, open_store
        from ftb_tui.ui.opening import take_missing
        from ftb_tui.work.supervisor import Supervisor

        try:
            self.db = await open_store()
            await take_missing(self.db)
        except StoreError as error:
            self.exit(return_code=1, message=str(error))
            return
        await self._say_news(self.db)
        if self._with_background:
            self._supervisor = Supervisor(self._heard)
            self._supervisor.start()
        await self.looking.look()
        await reopen(self, self.current_mode)
        self._take_newer_bundled()
        self.keep_memory()
        self.set_interval(KEEP_EVERY, self._keep_news)
        await self.looking.go_on()

    async def _say_news(self, db: aiosqlite.Connection) -> None:
        """What finished while the app was not open, and what was left, once."""
        from ftb_tui.ui.opening import news

        for severity, told in await news(db, self._memory, self.now()):
            self._tell(severity, told)

    @work(group="bundled")
    @telling
    async def _take_newer_bundled(self) -> None:
        """After an upgrade the bundled datasets may be newer than those in the store."""
        from ftb_tui.ui.opening import take_newer

        assert self.db is not None
        for dataset_id in await take_newer(self.db):
            self._tell("information", f"A newer version of a bundled dataset is here: {dataset_id}.")
            self.ask_for_refresh()

    def ask_for_refresh(self) -> None:
        """The visible screen wants to be filled now, whether the store changed or not."""
        self.looking.ask()

    async def on_event(self, event: events.Event) -> None:
        """Keys go first: the store is read less often while somebody presses them."""
        if isinstance(event, events.Key):
            self.looking.pace.pressed()
        await super().on_event(event)

    def _heard(self, severity: str, message: str) -> None:
        """A sentence from the background, in its thread."""
        self.call_from_thread(self._gathered.add, severity, message)

    def _tell_news(self, severity: str, message: str) -> None:
        # What needs the configuration says again what is wrong with it.
        if not set(message.splitlines()) <= set(self._setting_problems):
            self._tell(severity, message)
        self.keep_memory()

    def _tell(self, severity: str, message: str) -> None:
        kind: SeverityLevel = severity if severity in ("warning", "error") else "information"  # type: ignore[assignment]
        self.notify(message, severity=kind, timeout=12 if kind != "information" else min(12, 4 + len(message) / 25))

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Say something in a corner: plain, and never so much that it hides the screen."""
        # Whoever watches the job sees the table at once; nobody else is taken away from what they read or type.
        is_end = message.startswith("The benchmark is finished")
        watching = self.current_mode == "jobs" and len(self.screen_stack) == 1
        text = fitted(message, self.size.width)
        text += "\n4 shows the table." if is_end and not watching else ""
        super().notify(text, title=title, severity=severity, timeout=timeout, markup=False)
        if self._driver is not None:
            call(self._driver.write, message, self.settings, looked_at=self.app_focus)
        if is_end and watching:
            self.switch_mode("results")
        self.ask_for_refresh()

    def recall(self, screen: ModeScreen) -> None:
        """Let a mode's screen stand as it was left."""
        self._modes_seen[screen.MODE] = screen
        remembered.recall(self._memory, screen)
        if self.db is not None:
            self.call_after_refresh(self._reopen)

    @work
    @telling
    async def _reopen(self) -> None:
        await reopen(self, self.current_mode)

    @property
    def memory(self) -> dict[str, Any]:
        """What is remembered from one time to the next."""
        return self._memory

    def _gather(self) -> object:
        """Put into the memory how everything stands; what this gives is another thing when that is worth keeping."""
        remembered.gather(self._memory, self._modes_seen.values())
        keep_open(self)
        self._memory["asking"] = asking(self)
        return self.looking.version, remembered.said(self._memory)

    def keep_memory(self) -> None:
        """Keep what is remembered, for the next time."""
        self._kept = self._gather()
        # What waits to be told may wait for ever; the next start tells it.
        if self.db is not None and not self._gathered.waits:
            self._memory["seen"] = self.now()
        remembered.save(self._memory)

    def _keep_news(self) -> None:
        """Keep it where something happened: what was seen before a crash is no news after it."""
        if self._gather() != self._kept:
            self.keep_memory()

    def choose_theme(self, name: str) -> None:
        """Look so from now on, the next time too."""
        self.theme = name
        self._memory["theme"] = {"name": name, "configured": self.settings.theme}
        self.keep_memory()

    def save_picture(self) -> None:
        """Save the screen as an SVG file in the working directory."""
        try:
            saved = self.save_screenshot(path="./")
        except OSError as error:
            self._tell("error", f"The picture could not be written: {error}")
        else:
            self.notify(f"Saved {saved}", markup=False)

    async def show_row(self, mode: str, table: str, key: str) -> None:
        """Go to a mode and stand on the row with this key in one of its tables."""
        from ftb_tui.ui.widgets.table import Table

        await self.switch_mode(mode)
        self.screen.query_one(f"#{table}", Table).choose(key)

    def on_resize(self, event: events.Resize) -> None:
        """Say so when nothing fits any more."""
        from ftb_tui.ui.screens.small import SmallScreen, too_small

        if too_small(event.size) and self.current_mode in self.MODES and not isinstance(self.screen, SmallScreen):
            self.push_screen(SmallScreen())

    async def weights_are_here(self) -> bool:
        """Whether the weights are here; if not, offer to fetch them and do so."""
        from ftb_tui.weights import WeightsError, damaged_weights, find_weights

        try:
            # A file that has changed is read through.
            if await asyncio.to_thread(find_weights) is not None:
                return True
        except WeightsError as error:
            self._tell("error", str(error))
            return False
        from ftb_tui.ui.screens.fetch import FetchScreen

        fetched: bool = await self.push_screen_wait(FetchScreen(await asyncio.to_thread(damaged_weights)))
        return fetched

    @acting
    async def action_bench(self, quick: bool) -> None:
        """Say what will happen, then run the benchmark in the background."""
        from ftb_tui.ui.bench_offer import chosen_dataset, offer
        from ftb_tui.ui.screens.confirm import ConfirmScreen
        from ftb_tui.ui.screens.job_actions import show_job
        from ftb_tui.work.bench_plan import BenchPlan

        if self.db is None or self._supervisor is None:
            return
        if self.bench_progress is not None:
            self.switch_mode("jobs")
            return
        plan, text = await offer(self.db, chosen_dataset(self.screen), quick=quick)
        # A newcomer's screen says all of it already, and what it offers costs nothing.
        told = self.screen.has_class("-first") and plan.dataset == BenchPlan().dataset
        if not told and not await self.push_screen_wait(ConfirmScreen(text, yes="start")):
            return
        if not await self.weights_are_here():
            return
        await show_job(self, self._supervisor.run_bench(plan))

    def action_clear_notifications(self) -> None:
        """Close every notice in the corner."""
        self.clear_notifications()

    def action_jump(self) -> None:
        """Go to any place in view by a letter."""
        from ftb_tui.ui.screens.jump import jump

        jump(self)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Panes can be moved only where there are some."""
        return action != "split" or can_split(self, str(parameters[0]))

    def action_split(self, axis: str, steps: int) -> None:
        """Move the bar between two panes; put all back without an axis."""
        split(self, axis, steps)

    def split_memory(self, splitter: Splitter) -> dict[str, Any]:
        """Where a bar between panes stood the last time."""
        return remembered.split_memory(self._memory, splitter)

    def on_splitter_moved(self, event: Splitter.Moved) -> None:
        """Remember where a bar was put."""
        remembered.keep_split(self._memory, event.splitter)

    async def action_quit(self) -> None:
        """Quit; what runs at a service goes on there. What is being sent or paid for is waited for, unless asked again."""
        self.keep_memory()
        leave(self)

    async def on_unmount(self) -> None:
        """Give back the store and the background."""
        closed = asyncio.create_task(self.looking.close())
        if self._supervisor is not None:
            await asyncio.to_thread(self._supervisor.close)
        await closed
        if self.db is not None:
            await self.db.close()


def run_app() -> None:
    """Open the app; the process ends with its code."""
    from ftb_tui.ui.sweeping import Sweeper

    app = FtbApp()
    app.looking.sweeper = Sweeper()
    app.run()
    if app.return_code:
        sys.exit(app.return_code)
