"""Other wordings of trained questions that a model wrote, looked at one by one: kept, rejected, or left."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import ClassVar

import aiosqlite
from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.plain import one_line, shortened
from ftb_tui.store.paraphrases import WordingRow, WordingState, decide, list_wordings
from ftb_tui.ui.acting import telling
from ftb_tui.ui.following import follow
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

GLYPHS: Mapping[str, tuple[str, str]] = {
    WordingState.PROPOSED: ("? proposed", "#d0a85c"),
    WordingState.KEPT: ("✓ kept", "bold #8abf7f"),
    WordingState.REJECTED: ("✗ rejected", "dim"),
}
_FILTERS: tuple[WordingState | None, ...] = (None, *WordingState)
# As the breakpoint of the screens; their class is not set yet when the screen is filled first.
_WIDE = 100
_Decisions = list[tuple[int, WordingState, str]]


class WordingsScreen(OpenedScreen):
    """Opened from a dataset; a row is a wording, below it the question that it is to stand for."""

    NAME = "Wordings"
    PURPOSE = (
        "Other wordings of the trained questions, written by a model. Only those that you keep are trained on, and only "
        "where a recipe asks for reviewed paraphrases. Does a wording ask for the same thing, and has it the same answer?"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "keep", "Keep", id="wordings.keep", tooltip="Keep this wording for training"),
        Binding("x", "reject", "Reject", id="wordings.reject", tooltip="Reject this wording"),
        Binding("u", "undo", "Undo", id="wordings.undo", tooltip="Take the last decision back"),
        Binding("A", "keep_all", "Keep all", id="wordings.keep_all", tooltip="Keep all that are proposed"),
        Binding("f", "state", "State", id="wordings.state", tooltip="Show those of the next state"),
        Binding("space", "whole", "Whole text", show=False, id="wordings.whole", tooltip="The wording in full"),
        Binding("y", "copy", "Copy", show=False, id="wordings.copy", tooltip="Copy the wording and its question"),
    ]
    DEFAULT_CSS = """
    WordingsScreen #wordings { height: 1fr; }
    WordingsScreen #detail { height: 9; padding: 0 1; }
    WordingsScreen #wording { height: auto; }
    WordingsScreen.-narrow #detail { height: 8; }
    """

    def __init__(self, dataset_id: str, name: str) -> None:
        super().__init__()
        self._dataset_id, self._named = dataset_id, name
        self._rows: list[WordingRow] = []
        self._only: WordingState | None = None
        self._done: list[_Decisions] = []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where no model has worded anything there is nothing to decide on."""
        return bool(self._rows) or action not in ("keep", "reject", "undo", "keep_all", "state", "whole", "copy")

    def body(self) -> Iterable[Widget]:
        """The wordings, and the chosen one with its question."""
        yield Table(id="wordings")
        yield Splitter(id="above-detail", pane="wordings")
        with Detail(id="detail"):
            yield Static("", id="wording", markup=False)

    async def on_mount(self) -> None:
        """Show what there is, and what comes from elsewhere while one looks."""
        self.query_one("#wordings").focus()
        await follow(self, self._fill)

    async def on_resize(self) -> None:
        """Show as many columns as there is room for."""
        await self._fill()

    async def _fill(self) -> None:
        db = self.ftb.db
        if db is None:
            return
        had = bool(self._rows)
        self._rows = await list_wordings(db, dataset_id=self._dataset_id)
        if had != bool(self._rows):
            self.refresh_bindings()
        counts = Counter(row.state for row in self._rows)
        told = ", ".join(f"{counts[state]} {state}" for state in WordingState)
        only = "" if self._only is None else f" · only {self._only}"
        self.head(f"Wordings of {one_line(self._named, 30)} · {told}{only}")
        wide = self.app.size.width >= _WIDE
        columns = ("state", "wording", "question", "gold") if wide else ("state", "wording")
        rows: list[tuple[str, tuple[str | Text, ...]]] = []
        for row in self._shown():
            cells = (Text(*GLYPHS[row.state]), one_line(row.text, 70 if wide else 62))
            asked = (one_line(row.question, 48), one_line(row.answer, 16))
            rows.append((str(row.paraphrase_key), (*cells, *asked) if wide else cells))
        self.query_one("#wordings", Table).show(columns, rows, right=frozenset())
        self._fill_wording()

    def _shown(self) -> Sequence[WordingRow]:
        return [row for row in self._rows if self._only in (None, row.state)]

    def _chosen(self) -> WordingRow | None:
        chosen = self.query_one("#wordings", Table).chosen
        return next((row for row in self._rows if str(row.paraphrase_key) == chosen), None)

    def _fill_wording(self) -> None:
        row = self._chosen()
        text = self._nothing() if row is None else shortened(_told(row), 2000)
        self.query_one("#wording", Static).update(Content(text))

    def _nothing(self) -> str:
        if self._rows:
            return f"None is {self._only}. f shows others."
        return (
            "No model has worded these questions yet. Have one do it, any that answers:\n\n"
            f"  ftb paraphrases make {one_line(shlex.quote(self._named), 62)} --model PROVIDER/MODEL -n 3\n\n"
            "Then look at them here."
        )

    @on(Table.RowHighlighted)
    def _other_wording(self) -> None:
        self._fill_wording()

    @on(Table.RowSelected)
    def _entered(self) -> None:
        self.action_whole()

    async def action_state(self) -> None:
        """Show the wordings of the next state, at last all of them again."""
        self._only = _FILTERS[(_FILTERS.index(self._only) + 1) % len(_FILTERS)]
        await self._fill()

    @work(exclusive=True)
    @telling
    async def action_keep(self) -> None:
        """Keep the chosen wording."""
        from ftb_tui.work.paraphrasing import keep

        if (row := self._chosen()) is not None:
            await self._decide([row], keep)

    @work(exclusive=True)
    @telling
    async def action_reject(self) -> None:
        """Reject the chosen wording."""
        from ftb_tui.work.paraphrasing import reject

        if (row := self._chosen()) is not None:
            await self._decide([row], reject)

    @work(exclusive=True)
    @telling
    async def action_keep_all(self) -> None:
        """Keep all that are proposed."""
        from ftb_tui.work.paraphrasing import keep

        proposed = [row for row in self._rows if row.state == WordingState.PROPOSED]
        if not proposed:
            self.notify("None is proposed.", markup=False)
        elif await self._decide(proposed, keep):
            self.notify(f"{len(proposed)} kept; u takes it back.", markup=False)

    async def _decide(
        self,
        rows: Sequence[WordingRow],
        how: Callable[[aiosqlite.Connection, Sequence[WordingRow]], Awaitable[None]],
    ) -> bool:
        db = self.ftb.db
        if db is None:
            return False
        await how(db, rows)
        self._done.append([(row.paraphrase_key, WordingState(row.state), row.reason) for row in rows])
        await self._fill()
        table = self.query_one("#wordings", Table)
        # Where the decided one stays in the list, on to the next; else the next has taken its place.
        if len(rows) == 1 and table.chosen == str(rows[0].paraphrase_key):
            table.action_cursor_down()
        return True

    @work(exclusive=True)
    @telling
    async def action_undo(self) -> None:
        """Take the last decision back."""
        db = self.ftb.db
        if db is None or not self._done:
            self.notify("Nothing was decided here yet.", markup=False)
            return
        last = self._done[-1]
        await decide(db, last)
        self._done.remove(last)
        await self._fill()
        self.query_one("#wordings", Table).choose(str(last[0][0]))

    def action_whole(self) -> None:
        """The wording with its question, in full."""
        from ftb_tui.ui.screens.text import TextScreen

        if (row := self._chosen()) is not None:
            self.app.push_screen(TextScreen(f"Wording {row.paraphrase_key}", _told(row)))

    def action_copy(self) -> None:
        """Copy the wording and its question."""
        if (row := self._chosen()) is not None:
            self.app.copy_to_clipboard(f"{row.text}\t{row.question}")
            self.notify("Copied.", markup=False)


def _told(row: WordingRow) -> str:
    lines = [f"wording   {row.text}", f"question  {row.question.strip()}", f"gold      {row.answer}"]
    if row.reason:
        lines.append(f"rejected  {row.reason}")
    return "\n".join([*lines, f"written by {row.provider}/{row.model}; key {row.paraphrase_key}"])
