"""Every setting of the configuration file: what is in force, who says so, what it does; changed in place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.paths import paths
from ftb_tui.providers.config import Config, ConfigError
from ftb_tui.providers.settings import Held, Setting, shown_value
from ftb_tui.report.plain import one_line, shortened, visible
from ftb_tui.ui.acting import telling
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.cells import Valued
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

VALUE_LETTERS = 30
PROBLEMS, PROBLEM_LETTERS = 3, 78
"""How many problems of the file stand above the table, and how much of each; the row has the whole."""


class SettingsScreen(OpenedScreen):
    """A row is a key of the file; below it stands everything about it."""

    NAME = "Settings"
    PURPOSE = (
        "Everything that the configuration file can say, with what is in force and whether the file says so. What is "
        "changed here is checked and written into the file; everything else in it, comments too, stays as it is."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "change", "Change", id="settings.change", tooltip="Change the value in the file, as enter does"),
        Binding("d,delete", "unset", "Default", id="settings.unset", tooltip="Take it out of the file: the default"),
    ]
    DEFAULT_CSS = """
    SettingsScreen #settings { height: 1fr; }
    SettingsScreen #wrong { height: auto; max-height: 4; padding: 0 1; color: $text-error; display: none; }
    SettingsScreen #detail { height: auto; max-height: 45%; min-height: 5; padding: 0 1; }
    SettingsScreen #about { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, Held] = {}
        self._providers: tuple[str, ...] = ()
        self._busy = False

    def body(self) -> Iterable[Widget]:
        """What is wrong with the file, the table, the detail."""
        yield Static("", id="wrong", markup=False)
        yield Table(id="settings", tools=True)
        yield Splitter(id="above-detail", pane="settings")
        with Detail(id="detail"):
            yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        """Read the file and every key's binding, away from the screen: some modules are loaded for it."""
        table = self.query_one("#settings", Table)
        table.tell = lambda key: self._about(self._held[key])
        table.focus()
        self.head("Settings: reading…")
        self._read()

    @work(exclusive=True)
    @telling
    async def _read(self) -> None:
        from ftb_tui.ui.settings import all_settings

        held, problems = await asyncio.to_thread(all_settings)
        self._providers = await asyncio.to_thread(_providers)
        self._held = {one.setting.key: one for one in held}
        file = paths().config_file
        wrong = self.query_one("#wrong", Static)
        shown = [one_line(line.removeprefix(f"{file}: "), PROBLEM_LETTERS) for line in problems[:PROBLEMS]]
        if len(problems) > PROBLEMS:
            shown.append(f"and {len(problems) - PROBLEMS} more; ftb config check names all")
        wrong.update(Content("\n".join(shown)))
        wrong.display = bool(problems)
        there = "" if file.exists() else " (not there yet)"
        self.head(f"Settings · {one_line(_short(file), 200)}{there}")
        self._fill()

    def _fill(self) -> None:
        wide = self.has_class("-wide")
        columns = ("setting", "value", "from", "does") if wide else ("setting", "value", "from")
        lines = []
        for key, one in self._held.items():
            value = shown_value(one.value)
            cells: list[str | Text | Valued] = [
                Text(one_line(key, 40), style="bold" if one.in_file else ""),
                Valued(Text(one_line(value, VALUE_LETTERS) if value else "none", style="" if value else "dim"), value),
                Text("file: wrong", style="bold red") if one.problem else "file" if one.in_file else "default",
            ]
            lines.append((key, [*cells, one.setting.says] if wide else cells))
        self.query_one("#settings", Table).show(columns, lines, right=frozenset())
        self._fill_detail()

    @on(Table.RowHighlighted)
    def _other_row(self) -> None:
        self._fill_detail()

    def _fill_detail(self) -> None:
        if (one := self._chosen()) is not None:
            self.query_one("#about", Static).update(Content(self._about(one)))

    def _chosen(self) -> Held | None:
        return self._held.get(self.query_one("#settings", Table).chosen or "")

    def _about(self, one: Held) -> str:
        setting = one.setting
        said = [f"{one_line(setting.key, 200)}: {setting.says}"]
        if one.problem:
            said.append(f"{visible(one.problem, keep_newlines=False)}. {_meanwhile(setting)}")
        said.append(f"value:   {visible(shown_value(one.value), keep_newlines=False) or 'none'}")
        said.append(f"default: {shown_value(setting.default) or 'none'}")
        if not one.problem:
            said.append(f"may be:  {self._may_be(setting)}")
        if setting.key == "ui.theme" and self.app.theme != one.value:
            said.append(f"In force now is {self.app.theme}, chosen with ctrl+p; it holds until this changes.")
        return "\n".join(said)

    def _may_be(self, setting: Setting) -> str:
        if setting.key == "defaults.provider" and self._providers:
            return one_line(", ".join(self._providers), 400)
        return _may_be(setting)

    def on_resize(self) -> None:
        """The sentences where there is room."""
        if self._held:
            self.call_after_refresh(self._fill)

    @on(Table.RowSelected)
    def _entered(self) -> None:
        self.action_change()

    @work
    @telling
    async def action_change(self) -> None:
        """Ask for a value and write it."""
        one = self._chosen()
        if one is None or self._busy:
            return
        self._busy = True
        try:
            choices = await self._choices(one.setting)
            await (self._choose(one, choices) if choices else self._ask(one))
        finally:
            self._busy = False

    async def _choices(self, setting: Setting) -> tuple[str, ...]:
        """What there is to choose from, where that is known."""
        if setting.kind == "switch":
            return ("true", "false")
        if setting.key == "defaults.provider":
            return self._providers
        if setting.key == "defaults.dataset" and self.ftb.db is not None:
            from ftb_tui.store.datasets import list_datasets

            return tuple(dict.fromkeys(row.name for row in await list_datasets(self.ftb.db)))
        return setting.choices

    async def _choose(self, one: Held, choices: tuple[str, ...]) -> None:
        from ftb_tui.ui.screens.choose import ChooseScreen

        now = shown_value(one.value)
        at = choices.index(now) if now in choices else 0
        text = f"{one.setting.key}\n{one.setting.says}"
        place = await self.app.push_screen_wait(ChooseScreen(text, choices, at=at))
        if place is not None:
            await self._told(lambda: self._write(one.setting, choices[place]))

    async def _ask(self, one: Held) -> None:
        from ftb_tui.ui.screens.ask import Asked, AskScreen

        text = f"{one.setting.key}\n{one.setting.says}"
        now = "" if one.setting.secret else shown_value(one.value)
        asked = Asked("value", f"Value ({self._may_be(one.setting)})", now, path=False)

        def act(values: Mapping[str, str]) -> str:
            return self._write(one.setting, values["value"])

        if await self.app.push_screen_wait(AskScreen(text, [asked], act)) is not None:
            self._written()

    def _write(self, setting: Setting, text: str) -> str:
        from ftb_tui.ui.settings import change_setting

        return f"{setting.key} is written to {_said(lambda: change_setting(setting, text))}."

    @work
    @telling
    async def action_unset(self) -> None:
        """Take the setting out of the file."""
        from ftb_tui.ui.settings import unset_setting

        one = self._chosen()
        if one is None or self._busy:
            return
        if not one.in_file:
            self.notify(f"{one.setting.key} is not in the file; the default is in force.", markup=False)
            return
        self._busy = True
        try:
            await self._told(lambda: f"{one.setting.key} is taken out of {_said(lambda: unset_setting(one.setting))}.")
        finally:
            self._busy = False

    async def _told(self, do: Callable[[], str]) -> None:
        """Do something away from the screen and say how it went."""
        try:
            said = await asyncio.to_thread(do)
        except ValueError as error:
            self.notify(shortened(f"Nothing was written. {error}", 800), severity="warning", markup=False)
        else:
            self.notify(shortened(said, 400), markup=False)
            self._written()

    def _written(self) -> None:
        from ftb_tui.ui.settings import take_settings

        take_settings(self.ftb)
        self._read()


def _said(write: Callable[[], Path]) -> Path:
    """The file that was written; what cannot be is a `ValueError`, as dialogs expect it."""
    try:
        return write()
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _short(file: Path) -> str:
    """A path as people write it."""
    try:
        return f"~/{file.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(file)


def _providers() -> tuple[str, ...]:
    from ftb_tui.providers.registry import provider_names

    try:
        return provider_names()
    except ConfigError:
        # Those that are there whatever the file says.
        return provider_names(Config())


def _may_be(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(setting.choices)
    if setting.key == "defaults.dataset":
        return "the name of a dataset; mode 1 lists them"
    if setting.table == ("keymap",):
        return "a key such as x or ctrl+x, or several with commas"
    return {
        "text": "text", "whole": "a whole number", "number": "a number", "switch": "true or false",
        "any": "text, a number, true or false",
    }[setting.kind]  # fmt: skip


def _meanwhile(setting: Setting) -> str:
    """What a wrong value does until it is mended: the app goes on with its looks and keys, a command stops."""
    if setting.table[0] in ("ui", "keymap"):
        return "The default is in force."
    return "What needs it stops and says so until it is mended."
