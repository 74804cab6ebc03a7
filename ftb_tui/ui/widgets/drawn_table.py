"""A data table that measures and draws only what changed, where Textual would measure and draw all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.widgets import DataTable
from textual.widgets.data_table import CellKey, CursorType, RowKey

from ftb_tui.ui.widgets.cells import drawn_line

MOST_DRAWN = 2_000
"""How many drawn cells are kept: several screens full, and nothing beside what the rows themselves take."""


class DrawnTable(DataTable[Text]):
    """Cells are `Text`; one that stays the same object, in the same place and style, is drawn once."""

    def __init__(self, *, id: str, cursor_type: CursorType) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type=cursor_type, zebra_stripes=False)
        self._measured: tuple[int, ...] = ()
        self._drawn: dict[tuple[object, ...], tuple[Text, list[list[Segment]]]] = {}
        self.scroll_step = 0
        """By how much columns are scrolled, so that none is cut; 0 for one cell at a time."""

    def fit(self) -> None:
        """Let columns be as wide as their cells are now; else they stay as wide as any cell of theirs ever was."""
        for key, column in self.columns.items():
            column.content_width = max(column.label.cell_len, *(row[key].cell_len for row in self._data.values()), 0)
        self._require_update_dimensions = True
        self.refresh()

    def _update_column_widths(self, updated_cells: set[CellKey]) -> None:
        """Measure the columns of changed cells, each once; Textual measures one anew for every cell that got shorter."""
        for key in {cell.column_key for cell in updated_cells} & self.columns.keys():
            column = self.columns[key]
            widths = (row[key].cell_len for row in self._data.values())
            column.content_width = max(column.label.cell_len, *widths)
        self._require_update_dimensions = True

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        """Measure new rows, and draw again what was drawn before: Textual keeps a line in the widths it was drawn in."""
        there = [self._data[key] for key in new_rows if key in self._data]
        for key, column in self.columns.items():
            column.content_width = max(column.content_width, max((row[key].cell_len for row in there), default=0))
        super()._update_dimensions(())
        widths = tuple(column.content_width for column in self.columns.values())
        if widths != self._measured:
            self._measured = widths
            self._clear_caches()
            self.refresh()

    def _render_cell(
        self,
        row_index: int,
        column_index: int,
        base_style: Style,
        width: int,
        cursor: bool = False,
        hover: bool = False,
    ) -> list[list[Segment]]:
        """Draw a cell, once for as long as it stays what it is: Textual draws every cell anew when any one changes."""
        if row_index < 0 or column_index < 0:
            return super()._render_cell(row_index, column_index, base_style, width, cursor, hover)
        row, column = self._row_locations.get_key(row_index), self._column_locations.get_key(column_index)
        assert row is not None
        assert column is not None
        cell = self._data[row][column]
        styles = self._get_styles_to_render_cell(
            False, False, row_index < self.fixed_rows or column_index < self.fixed_columns, hover, cursor,
            self.show_cursor, self._show_hover_cursor, self.cursor_foreground_priority == "css",
            self.cursor_background_priority == "css",
        )  # fmt: skip
        # A cell also tells the mouse its row and column, so that it is drawn again where it was moved.
        place = (row_index, column_index, width, base_style, styles)
        drawn = self._drawn.get(place)
        if drawn is None or drawn[0] is not cell:
            if len(self._drawn) >= MOST_DRAWN:
                self._drawn.clear()
            at = Style.from_meta({"row": row_index, "column": column_index})
            lines = drawn_line(cell, width, base_style + at + styles[0], styles[1], self.cell_padding, self.app.console)
            if lines is None:
                lines = super()._render_cell(row_index, column_index, base_style, width, cursor, hover)
            drawn = self._drawn[place] = (cell, lines)
        return drawn[1]

    def validate_scroll_x(self, value: float) -> float:
        """Whole columns only, where they are scrolled so."""
        value = super().validate_scroll_x(value)
        return round(value / self.scroll_step) * self.scroll_step if self.scroll_step else value

    def _scroll_right_for_pointer(self, **how: Any) -> bool:
        return self._scroll_to(x=self.scroll_target_x + (self.scroll_step or self.app.scroll_sensitivity_x), **how)

    def _scroll_left_for_pointer(self, **how: Any) -> bool:
        return self._scroll_to(x=self.scroll_target_x - (self.scroll_step or self.app.scroll_sensitivity_x), **how)
