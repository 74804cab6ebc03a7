"""A data table that is kept in step with rows by their keys: what is unchanged is not touched, the cursor stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

Cell = str | Text


class Table(DataTable[Text]):
    """A table with row cursor and vi keys. Cells are always `Text`, so that nothing in them is read as markup."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="table.down"),
        Binding("k", "cursor_up", "Up", show=False, id="table.up"),
        Binding("g", "scroll_top", "Top", show=False, id="table.top"),
        Binding("G", "scroll_bottom", "Bottom", show=False, id="table.bottom"),
    ]

    def __init__(self, *, id: str, cursor: str = "row") -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type="cell" if cursor == "cell" else "row", zebra_stripes=False)
        self._columns: tuple[str, ...] = ()
        self._kept: dict[str, tuple[Text, ...]] = {}

    def show(
        self, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]], *, right: frozenset[str]
    ) -> None:
        """Show these rows, each with its key. Rows that moved or vanished rebuild the table; changed cells do not."""
        wanted = {
            key: tuple(_text(cell, name in right) for cell, name in zip(cells, columns, strict=True))
            for key, cells in rows
        }
        if tuple(columns) != self._columns or list(wanted)[: len(self._kept)] != list(self._kept):
            self._rebuild(tuple(columns), wanted, right)
            return
        for key, cells in wanted.items():
            old = self._kept.get(key)
            if old is None:
                self.add_row(*cells, key=key)
            elif old != cells:
                for name, before, now in zip(columns, old, cells, strict=True):
                    if before != now:
                        self.update_cell(key, name, now, update_width=True)
        self._kept = wanted

    def _rebuild(self, columns: tuple[str, ...], wanted: dict[str, tuple[Text, ...]], right: frozenset[str]) -> None:
        chosen, at = self.chosen, self.cursor_coordinate
        self.clear(columns=columns != self._columns)
        if columns != self._columns:
            for name in columns:
                self.add_column(Text(name, justify="right" if name in right else "left"), key=name)
            self._columns = columns
        for key, cells in wanted.items():
            self.add_row(*cells, key=key)
        self._kept = wanted
        keys = list(wanted)
        row = keys.index(chosen) if chosen in wanted else min(at.row, len(keys) - 1)
        if keys and row >= 0:
            self.move_cursor(row=row, column=min(at.column, len(columns) - 1), animate=False)

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        keys = list(self._kept)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None


def _text(cell: Cell, right: bool) -> Text:
    text = cell.copy() if isinstance(cell, Text) else Text(cell)
    text.justify = "right" if right else "left"
    text.no_wrap = True
    return text
