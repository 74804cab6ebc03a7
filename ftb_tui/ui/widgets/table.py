"""A data table that is kept in step with rows by their keys: what is unchanged is not touched, the cursor stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from ftb_tui.ui.acting import acting
from ftb_tui.ui.widgets.cells import Cell, Row, said_in, sortable, text_of, told, value_of
from ftb_tui.ui.widgets.drawn_table import DrawnTable
from ftb_tui.ui.widgets.narrowing import matches, name_fault, terms

if TYPE_CHECKING:
    from ftb_tui.ui.widgets.filter_bar import FilterBar, Narrowed


class Table(DrawnTable):
    """A table with row cursor and vi keys. Cells are always `Text`, so that nothing in them is read as markup.

    With `tools` it can also be filtered as one types (`/`), sorted by any column's values (`s`, `S`, a click on the
    heading), copied from (`y`), and shows a whole row (space); `tell` then gives the whole text of a row by its key.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="table.down"),
        Binding("k", "cursor_up", "Up", show=False, id="table.up"),
        Binding("g", "scroll_top", "Top", show=False, id="table.top"),
        Binding("G", "scroll_bottom", "Bottom", show=False, id="table.bottom"),
        Binding("slash", "filter", "Filter", id="table.filter", tooltip="Only rows with these words"),
        Binding("escape", "unfilter", "All", id="table.unfilter", tooltip="Take the filter away"),
        Binding("s", "sort", "Sort", id="table.sort", tooltip="Sort by a column's values"),
        Binding("S", "turn", "Turn the order", show=False, id="table.turn", tooltip="Turn the order round"),
        Binding("y", "copy", "Copy", show=False, id="table.copy", tooltip="Copy the row, its cells apart by tabs"),
        Binding("space", "whole", "Whole", show=False, id="table.whole", tooltip="The whole text of the row"),
    ]
    DEFAULT_CSS = "Table { scrollbar-size-vertical: 1; }"

    def __init__(self, *, id: str, cursor: str = "row", tools: bool = False) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type="cell" if cursor == "cell" else "row")
        self._columns: tuple[str, ...] = ()
        self._headings: tuple[str, ...] = ()
        self._kept: dict[str, tuple[Text, ...]] = {}
        self._tools = tools
        self._every: dict[str, Row] = {}
        self._right: frozenset[str] = frozenset()
        self._filter = ""
        self._sort: tuple[str, bool] | None = None
        self._recalled: str | None = None
        self._recalled_column: int | None = None
        self.tell: Callable[[str], str] | None = None
        self.narrower: Narrowed | None = None
        """Who narrows the rows down in the table's place, where a row is not all that a filter is about."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The tools are there only where they were asked for and have rows; elsewhere their keys are the screen's."""
        if action == "unfilter":
            return bool(self._filter.strip())
        if action == "filter" and self.narrower is not None:
            return bool(self._every or self._filter)
        return (self._tools and bool(self._every)) or action not in ("filter", "sort", "turn", "copy", "whole")

    def put(self, rows: Sequence[tuple[str, Sequence[Cell]]]) -> None:
        """Show these rows in place of those with the same keys, or behind all. The others are not looked at again.

        After the first `show`.
        """
        changed = {key: self._row(cells, self._columns) for key, cells in rows}
        self._every |= changed
        if self._filter or self._sort:
            self._lay_out(self._columns)
            return
        for key, row in changed.items():
            self._put(self._columns, key, row.cells)
            self._kept[key] = row.cells

    def show(
        self, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]], *, right: frozenset[str]
    ) -> None:
        """Show these rows, each with its key, filtered and sorted as was asked for. Unchanged cells are not touched."""
        had = bool(self._every)
        changed = tuple(columns) != self._columns
        self._right = right
        self._every = {key: self._row(cells, columns) for key, cells in rows}
        if (self._tools or self.narrower is not None) and had != bool(self._every):
            self.screen.refresh_bindings()
        self._lay_out(tuple(columns), rebuild=changed)
        if self._filter and self._tools:
            for bar in self._bars():
                bar.say(self._counted(self._filter))

    def _row(self, cells: Sequence[Cell], columns: Sequence[str]) -> Row:
        return Row(
            tuple(text_of(cell, name in self._right) for cell, name in zip(cells, columns, strict=True)),
            tuple(value_of(cell) for cell in cells) if self._tools else (),
        )

    def _lay_out(self, columns: tuple[str, ...], *, rebuild: bool = False) -> None:
        wanted = self._wanted(columns)
        same = self._kept.keys() <= wanted.keys() and len(wanted) - len(self._kept) <= max(8, len(self._kept))
        if rebuild or not same:
            self._rebuild(columns, wanted)
            return
        for key, cells in wanted.items():
            self._put(columns, key, cells)
        order = [key for key in self._kept if key in wanted] + [key for key in wanted if key not in self._kept]
        if order != list(wanted):
            self._put_in_order(wanted)
        self._kept = wanted

    def _put(self, columns: tuple[str, ...], key: str, cells: tuple[Text, ...]) -> None:
        old = self._kept.get(key)
        if old is None:
            self.add_row(*cells, key=key)
            return
        for name, before, now in zip(columns, old, cells, strict=True):
            if before is not now and before != now:
                self.update_cell(key, name, now, update_width=True)

    def _put_in_order(self, wanted: dict[str, tuple[Text, ...]]) -> None:
        """The rows in their new order, without being built again; the cursor stays on its row."""
        chosen = self.chosen
        places = {key: place for place, key in enumerate(wanted)}
        by_cell = {id(self.get_row(key)[0]): places[str(key.value)] for key in self.rows}
        self.sort(key=lambda cells: by_cell[id(cells[0])])
        if chosen in places:
            self.move_cursor(row=places[chosen], animate=False)

    def _wanted(self, columns: tuple[str, ...]) -> dict[str, tuple[Text, ...]]:
        """The rows that are shown, in the order in which they are."""
        if not self._tools:
            return {key: row.cells for key, row in self._every.items()}
        asked = terms(self._filter, columns)
        fitting = [
            (key, row)
            for key, row in self._every.items()
            if not asked or matches(asked, dict(zip(columns, map(said_in, row.cells, row.values), strict=True)))
        ]
        if self._sort is not None and self._sort[0] in columns:
            place, backwards = columns.index(self._sort[0]), self._sort[1]
            there = [one for one in fitting if one[1].values[place] is not None]
            there.sort(key=lambda one: sortable(one[1].values[place]), reverse=backwards)
            fitting = there + [one for one in fitting if one[1].values[place] is None]
        return {key: row.cells for key, row in fitting}

    def _rebuild(self, columns: tuple[str, ...], wanted: dict[str, tuple[Text, ...]]) -> None:
        chosen, at = self._recalled or self.chosen, self.cursor_coordinate
        headings = tuple(self._heading(name) for name in columns)
        self.clear(columns=headings != self._headings)
        if headings != self._headings:
            for name, heading in zip(columns, headings, strict=True):
                self.add_column(Text(heading, justify="right" if name in self._right else "left"), key=name)
        self._columns, self._headings = columns, headings
        for key, cells in wanted.items():
            self.add_row(*cells, key=key)
        self._kept = wanted
        keys = list(wanted)
        row = keys.index(chosen) if chosen in wanted else min(at.row, len(keys) - 1)
        if keys and row >= 0:
            column = at.column if self._recalled_column is None or chosen not in wanted else self._recalled_column
            self.move_cursor(row=row, column=min(column, len(columns) - 1), animate=False)
        if keys:
            self._recalled = self._recalled_column = None

    def _heading(self, name: str) -> str:
        sorted_by = self._tools and self._sort is not None and self._sort[0] == name
        return f"{name} {'↓' if self._sort and self._sort[1] else '↑'}" if sorted_by else name

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        keys = list(self._kept)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def choose(self, key: str) -> None:
        """Stand on the row with this key, now or as soon as it is there; a filter that hides it is taken away."""
        if self._filter and key not in self._kept and self._columns and (key in self._every or self.narrower):
            self.narrow("")
            for bar in self._bars():
                bar.remove()
        if key in self._kept:
            self.move_cursor(row=list(self._kept).index(key), animate=False)
            self._recalled = None
        else:
            self._recalled = key
            self._recalled_column = 1 if self.cursor_type == "cell" else None

    @property
    def is_recalled(self) -> bool:
        """Whether the row to stand on is known before the rows are."""
        return self._recalled is not None

    @property
    def shown_keys(self) -> list[str]:
        """The keys of the rows that are shown, from the top."""
        return list(self._kept)

    def remembered(self) -> dict[str, Any]:
        """What to bring back the next time: the chosen row, filter and sort."""
        chosen, column = self._recalled or self.chosen, self._recalled_column or self.cursor_column
        return {"chosen": chosen, "column": column, "filter": self._filter, "sort": self._sort}

    def recall(self, memory: dict[str, Any]) -> None:
        """Bring back what was remembered; whatever it is not made of is left alone. Before the first `show`."""
        if isinstance(memory.get("chosen"), str):
            self._recalled = memory["chosen"]
            column = memory.get("column")
            self._recalled_column = column if isinstance(column, int) and column >= 0 else None
        if (self._tools or self.narrower) and isinstance(memory.get("filter"), str) and memory["filter"]:
            self._filter = memory["filter"]
            self._filter_bar(begin=False)
        match memory.get("sort"):
            case [str(name), bool(backwards)] if self._tools:
                self._sort = (name, backwards)

    def narrow(self, text: str) -> str:
        """Show only the rows that fit a filter; gives how many of how many those are."""
        turned, self._filter = bool(text.strip()) != bool(self._filter.strip()), text
        if turned:
            self.screen.refresh_bindings()
        if self.narrower is not None:
            return self.narrower.narrow(text)
        if self._columns:
            self._lay_out(self._columns)
        return self._counted(text)

    def _counted(self, text: str) -> str:
        return f"{len(self._kept)} of {len(self._every)}" if text.strip() else ""

    def fault(self, text: str) -> str:
        """What is wrong with a filter, in a sentence; empty where nothing is."""
        if self.narrower is not None:
            return self.narrower.fault(text)
        rows = self._every.values()
        return name_fault(text, self._columns, lambda: ({"": " ".join(map(said_in, *row))} for row in rows))

    def words(self, column: str) -> Sequence[str]:
        """The columns' names for an empty text, else what stands in that column: for completing a filter."""
        if self.narrower is not None:
            return self.narrower.words(column)
        if not column:
            return self._columns
        lowered = [name.casefold() for name in self._columns]
        if column not in lowered:
            return ()
        place = lowered.index(column)
        return sorted({word for row in self._every.values() for word in row.cells[place].plain.split()})

    def action_filter(self) -> None:
        """Type a filter in the line below the table."""
        self._filter_bar(begin=True)

    def action_unfilter(self) -> None:
        """Show every row again."""
        for bar in self._bars():
            bar.action_leave()

    def _bars(self) -> list[FilterBar]:
        from ftb_tui.ui.widgets.filter_bar import bars_of

        return bars_of(self)

    def _filter_bar(self, *, begin: bool) -> None:
        from ftb_tui.ui.widgets.filter_bar import open_bar

        open_bar(self, self._filter, begin=begin)

    @acting
    async def action_sort(self) -> None:
        """Choose the column to sort by; the one chosen already turns the order round."""
        from ftb_tui.ui.screens.choose import ChooseScreen

        names = ["the order they came in", *self._columns]
        at = self._columns.index(self._sort[0]) + 1 if self._sort and self._sort[0] in self._columns else 0
        place = await self.app.push_screen_wait(ChooseScreen("Sort by", names, at=at))
        if place is not None:
            self.sort_by(self._columns[place - 1] if place else None)

    def sort_by(self, column: str | None) -> None:
        """Sort by this column's values, the other way round if it is so already; None: as the rows come."""
        if column is None:
            self._sort = None
        else:
            self._sort = (column, not self._sort[1] if self._sort and self._sort[0] == column else False)
        self._lay_out(self._columns, rebuild=True)

    def action_turn(self) -> None:
        """Turn the order round."""
        if self._sort is None:
            self.notify("Choose a column to sort by first: s.", markup=False)
        else:
            self.sort_by(self._sort[0])

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the column whose heading was clicked."""
        if self._tools:
            event.stop()
            self.sort_by(str(event.column_key.value))

    def action_copy(self) -> None:
        """Copy the chosen row, or the chosen cell where single cells are chosen."""
        if self.chosen is None:
            return
        cells = [cell.plain.strip() for cell in self._kept[self.chosen]]
        text = cells[self.cursor_column] if self.cursor_type == "cell" else "\t".join(cells)
        self.app.copy_to_clipboard(text)
        self.notify("Copied the cell." if self.cursor_type == "cell" else "Copied the row.", markup=False)

    def action_whole(self) -> None:
        """Show the whole text of the chosen row."""
        from ftb_tui.ui.screens.text import TextScreen

        if self.chosen is None:
            return
        text = self.tell(self.chosen) if self.tell else told(self._columns, self._kept[self.chosen])
        self.app.push_screen(TextScreen("The whole row", text))
