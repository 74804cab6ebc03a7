"""Where a report goes, asked before it is written; nothing is replaced without being told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftb_tui.report.plain import shortened
from ftb_tui.ui.acting import expected, sentence
from ftb_tui.ui.away import away
from ftb_tui.ui.widgets.path_suggester import PathSuggester

if TYPE_CHECKING:
    import aiosqlite

FOLDER = "./ftb-report/"
TEXT = """Export the results

report.html   charts, tables, curves, wrong answers, methods
results.*     the table: CSV, JSON, Markdown, LaTeX (booktabs)
answers.*     every answer with every verdict, to recompute

A name that ends in .html is the page alone."""


class ExportScreen(ModalScreen[None]):
    """Closed by escape, or when everything was written."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave it", id="export.leave")]
    DEFAULT_CSS = """
    ExportScreen Input { margin-top: 1; }
    ExportScreen #said { display: none; height: auto; margin-top: 1; }
    """

    def __init__(self, grader: str, now: float) -> None:
        super().__init__()
        self._grader, self._now = grader, now
        self._agreed: Path | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """What is written, where to, the keys."""
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(Content(TEXT))
            yield Input(FOLDER, id="where", suggester=PathSuggester())
            yield Static("", id="said", markup=False)
            yield Static(Content("\nenter  write      escape  leave it      →  complete a name"))

    def on_mount(self) -> None:
        """Begin in the field."""
        self.query_one("#where").focus()

    def _say(self, text: str) -> None:
        field = self.query_one("#said", Static)
        field.update(Content(shortened(text, 600)))
        field.display = True

    @on(Input.Changed)
    def _changed(self) -> None:
        self._agreed = None
        self.query_one("#said").display = False

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._busy:
            return
        if not event.value.strip():
            self._say("Give a folder, or a file that ends in .html.")
            return
        path = Path(event.value.strip()).expanduser()
        try:
            there = self._there(path)
        except (OSError, ValueError) as error:
            self._say(str(error))
            return
        if there and self._agreed != path:
            self._agreed = path
            self._say(f"There already: {', '.join(there)}. Press enter again to replace them, or give another name.")
            return
        self._busy = True
        self._say("Writing…")
        self._write(path)

    def _there(self, path: Path) -> list[str]:
        from ftb_tui.report.bundle import already_there

        if _is_page(path):
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder; a page needs a name of its own.")
            return [path.name] if path.exists() else []
        return already_there(path)

    @work
    async def _write(self, path: Path) -> None:
        try:
            written = await away(lambda db: self._written(db, path))
        except expected(ValueError) as error:
            self._busy = False
            why = error.strerror if isinstance(error, OSError) and error.strerror else sentence(error)
            self._say(f"{path} cannot be written: {why}.")
            return
        more = "" if _is_page(path) else f" and {len(written) - 1} more files beside it"
        self.notify(f"Written: {written[0].absolute()}{more}", markup=False)
        self.dismiss()

    async def _written(self, db: aiosqlite.Connection, path: Path) -> list[Path]:
        from ftb_tui import __version__
        from ftb_tui.report.bundle import write_bundle, write_page
        from ftb_tui.report.collect import collect
        from ftb_tui.work.gap import gaps
        from ftb_tui.work.statistics import statistics

        averages = (await statistics(db, grader=self._grader)).listed
        report = await collect(
            db, grader=self._grader, averages=averages, gaps=await gaps(db, grader=self._grader),
            version=__version__, now=self._now,
        )  # fmt: skip
        if _is_page(path):
            write_page(path, report)
            return [path]
        return await write_bundle(db, path, report)

    def action_leave(self) -> None:
        """Write nothing, unless it is being written."""
        if not self._busy:
            self.dismiss()


def _is_page(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")
