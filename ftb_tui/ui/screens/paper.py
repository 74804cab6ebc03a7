"""The paper's figures beside ours, opened from the results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.numbers import difference, interval, score, signed_interval
from ftb_tui.report.plain import ending, one_line
from ftb_tui.ui.acting import telling
from ftb_tui.ui.away import away
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.report.paper import PaperCell

NOTHING = (
    "The store holds no answer that stands beside a figure of the paper yet, so all of its figures are shown. Benchmark "
    "a family (b), or take in answers that you have: ftb import-responses FILE --dataset D"
)

NAME = 28
"""So many characters of a stored model's name are listed."""
COMPUTING = "Still computing the averages; ask again when the figures are there."


class PaperScreen(OpenedScreen):
    """A row is a figure of the paper; below it stands why ours may differ."""

    NAME = "The paper beside ours"
    PURPOSE = (
        "The paper's figures (arXiv 2411.05059) beside what your store holds, with the difference and its 95% interval. "
        "Models that the paper does not have stand beside the mean of its five. "
        "The detail says why they may differ: other questions, another grader, fewer epochs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All", id="paper.all", tooltip="Every figure of the paper, or only those with ours beside"),
        Binding("e", "export", "Export", id="paper.export", tooltip="Write the rows to a file"),
        Binding("y", "copy", "Copy", id="paper.copy", tooltip="Copy the rows as tab-separated text"),
    ]
    DEFAULT_CSS = """
    PaperScreen #paper { height: 1fr; }
    PaperScreen #detail { height: auto; max-height: 45%; min-height: 4; padding: 0 1; }
    PaperScreen #why { height: auto; }
    """

    def __init__(self, grader: str) -> None:
        super().__init__()
        self._grader = grader
        self._every: list[PaperCell] | None = None
        self._all = False

    def body(self) -> Iterable[Widget]:
        """The table and the reasons."""
        yield Table(id="paper")
        yield Splitter(id="above-detail", pane="paper")
        with Detail(id="detail"):
            yield Static("", id="why", markup=False)

    def on_mount(self) -> None:
        """Begin to compute."""
        self.head("The paper beside ours: computing the averages…")
        self.query_one("#paper").focus()
        self._read()

    @work
    @telling
    async def _read(self) -> None:
        self._every = await away(self._cells)
        self._fill()

    async def _cells(self, db: aiosqlite.Connection) -> list[PaperCell]:
        from ftb_tui.benchmark.averages import BY_FAMILY
        from ftb_tui.report.paper import paper_cells
        from ftb_tui.store.results import results
        from ftb_tui.work.statistics import statistics

        rows = await results(db, grader=self._grader)
        means = {
            (average.provider, average.model, average.what): average.value
            for average in (await statistics(db, grader=self._grader)).averages
            if average.average == BY_FAMILY and (average.kind != "base" or average.provider == "imported")
        }
        return paper_cells(rows, means, grader=self._grader)

    def _shown(self) -> list[PaperCell]:
        every = self._every or []
        held = [cell for cell in every if cell.ours is not None]
        return every if self._all or not held else held

    def _fill(self) -> None:
        if self._every is None:
            return
        from ftb_tui.report.paper import held_figures

        wide = self.has_class("-wide")
        cells = self._shown()
        held = sum(cell.ours is not None for cell in self._every)
        self.head(
            f"The paper beside ours, by {one_line(self._grader, 30)} · {held_figures(self._every)}"
            f"{'' if len(cells) == held or not held else ' · all'}"
        )
        columns = ("family", "task", "model", "stage", "paper", "ours", "diff")
        more = ("our model", "95% of diff", "n there", "n here") if wide else ()
        lines = [(str(place), (*self._line(cell), *(self._more(cell) if wide else ()))) for place, cell in
                 enumerate(cells)]  # fmt: skip
        right = frozenset({"paper", "ours", "diff", "n there", "n here"})
        self.query_one("#paper", Table).show((*columns, *more), lines, right=right)
        self._fill_why()

    def _line(self, cell: PaperCell) -> tuple[str | Text, ...]:
        model = (
            cell.model if self.has_class("-wide") else cell.model.replace("mean of the paper's five", "mean of five")
        )
        limit = 30 if self.has_class("-wide") else 16
        return (
            one_line(cell.family.replace("knowledge", "know.") if limit == 16 else cell.family, 24),
            cell.task, one_line(model, limit), cell.stage, score(cell.paper),
            Text(score(cell.ours), style="bold" if cell.ours is not None else "dim"), difference(cell.difference),
        )  # fmt: skip

    def _more(self, cell: PaperCell) -> tuple[str, ...]:
        between = signed_interval(cell.difference_low, cell.difference_high)
        counts = tuple("" if n is None else str(n) for n in (cell.paper_n, cell.n))
        return (ending(cell.stored_model, NAME), between, *counts)

    def _chosen(self) -> PaperCell | None:
        place = self.query_one("#paper", Table).chosen
        cells = self._shown()
        return cells[int(place)] if place is not None and int(place) < len(cells) else None

    @on(Table.RowHighlighted)
    def _other_row(self) -> None:
        self._fill_why()

    def _fill_why(self) -> None:
        cell = self._chosen()
        if cell is None:
            return
        lines = [f"paper {score(cell.paper)}, {cell.source}"]
        if cell.ours is None:
            lines.append("ours: nothing in the store" if not cell.why else f"ours: {'; '.join(cell.why)}")
            if not any(other.ours is not None for other in self._every or []):
                lines.append(NOTHING)
        else:
            n = "" if cell.n is None else f" of {cell.n} answers (95% {interval(cell.low, cell.high)})"
            of = f", {one_line(cell.stored_model, 70)} on {one_line(cell.dataset, 40)}" if cell.dataset else ""
            lines.append(f"ours {score(cell.ours)}{n}{of}")
            if cell.difference_low is not None:
                lines.append(
                    f"difference {difference(cell.difference)}, 95% {signed_interval(cell.difference_low, cell.difference_high)}"
                )
            lines += (
                ["Why they may differ:", *(f"· {one_line(reason, 300)}" for reason in cell.why)] if cell.why else []
            )
        self.query_one("#why", Static).update(Content("\n".join(lines)))

    def on_resize(self) -> None:
        """More columns where there is room."""
        self.call_after_refresh(self._fill)

    def action_all(self) -> None:
        """Every figure, or only those with ours beside them."""
        if (every := self.there(self._every, COMPUTING)) is None:
            return
        if not any(cell.ours is not None for cell in every):
            self.notify("No figure has ours beside it yet; all are shown.", markup=False)
            return
        self._all = not self._all
        self._fill()

    def action_export(self) -> None:
        """Write what is shown, with the reasons, to a file that is asked for."""
        if self.there(self._every, COMPUTING) is None:
            return
        from ftb_tui.report.paper import paper_sheet
        from ftb_tui.ui.screens.sheet_export import ask_for_file

        cells, grader = self._shown(), self._grader
        ask_for_file(
            self.app, "the paper's figures beside ours, as they are listed", "figure", f"paper {grader}",
            lambda: paper_sheet(cells, grader),
        )  # fmt: skip

    def action_copy(self) -> None:
        """Copy what is shown, tab-separated, with a head."""
        if self.there(self._every, COMPUTING) is None:
            return
        head = "family\ttask\tmodel\tstage\tpaper\tours\tdifference\tlow\thigh\tn\tdataset"
        lines = [
            "\t".join(
                one_line("" if value is None else str(value), 200)
                for value in (
                    cell.family, cell.task, cell.model, cell.stage, cell.paper, cell.ours, cell.difference,
                    cell.difference_low, cell.difference_high, cell.n, cell.dataset,
                )
            )
            for cell in self._shown()
        ]  # fmt: skip
        self.app.copy_to_clipboard("\n".join((head, *lines)))
        self.notify(f"{len(lines)} rows copied.", markup=False)
