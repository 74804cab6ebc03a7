"""Taking in a dataset, or answers that somebody else collected: looked at first, stored whole or not at all."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, ProgressBar, Select, Static

from ftb_tui.benchmark.importing import ImportOptions
from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Family, Task
from ftb_tui.benchmark.upstream import ARCHIVE_URL
from ftb_tui.report.plain import one_line, shortened
from ftb_tui.store.database import StoreError
from ftb_tui.ui.acting import telling
from ftb_tui.ui.away import kept
from ftb_tui.ui.screens.choose import ChooseScreen
from ftb_tui.ui.screens.import_told import (
    FIELD_WORDS,
    answers_said,
    column_rows,
    dataset_rows,
    found_said,
    kept_said,
    on_screen,
    report_rows,
    reports_said,
    store_answers,
    store_datasets,
)
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.path_suggester import PathSuggester
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table
from ftb_tui.work.download import DownloadError
from ftb_tui.work.importing import Look, fetch, is_address, look

HINT = """\
Give a path and press enter. What can be taken in:

  the published FineTuneBench: checkout, archive, folder or single file
  your own table: CSV, TSV, JSONL, JSON, Parquet, a Hugging Face directory
  a folder that was exported here
  answers that somebody else collected: CSV with columns MODEL_response
  an http or https address of any of these

Nothing is stored before you have seen what it is."""


class ImportScreen(OpenedScreen):
    """Opened from the datasets. `on_kept` is called with the id of what was stored."""

    NAME = "Import"
    PURPOSE = (
        "Takes in a dataset or answers. Give a path or an address and press enter, look at what was found, correct the "
        "columns (enter on one), then take it in: all of it is stored, or nothing."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Take it in", id="import.keep", tooltip="Store what was found"),
        Binding("ctrl+f", "published", "FineTuneBench", id="import.published", tooltip="Fetch the published benchmark"),
    ]
    DEFAULT_CSS = """
    ImportScreen #where { height: 1; padding: 0 1; }
    ImportScreen #where Label { width: 11; color: $text-muted; }
    ImportScreen #path { width: 1fr; }
    ImportScreen #options { layout: grid; grid-size: 4; grid-columns: 11 1fr 11 1fr; grid-rows: 1; height: 2;
        padding: 0 1; }
    ImportScreen #options Label { color: $text-muted; }
    ImportScreen #options.-answers .of-dataset { display: none; }
    ImportScreen .of-answers { display: none; }
    ImportScreen #options.-answers .of-answers { display: block; }
    ImportScreen Select { height: 1; }
    ImportScreen #said-scroll { height: auto; max-height: 40%; padding: 0 1; margin-top: 1; }
    ImportScreen.-narrow #said-scroll { max-height: 11; }
    ImportScreen.-narrow.-found #said-scroll { max-height: 8; }
    ImportScreen #said { height: auto; }
    ImportScreen #found { height: 1fr; display: none; }
    ImportScreen #above-found { display: none; }
    ImportScreen #buttons { height: 1; margin: 1 1 0 1; }
    ImportScreen Button { margin-right: 2; }
    ImportScreen #bar { margin: 1; }
    """

    def __init__(self, on_kept: Callable[[str], None], *, dataset: str = "") -> None:
        """`dataset` is whose questions answers are for, unless something else is said."""
        super().__init__()
        self._on_kept = on_kept
        self._dataset = dataset
        self._told: dict[str, str] = {}
        self._place: tuple[Path, str] | None = None
        self._look: Look | None = None
        self._as_dataset = False
        self._busy = False

    def body(self) -> Iterable[Widget]:
        """The path, what may be said about it, what was found, what can be done."""
        with Horizontal(id="where"):
            yield Label("Path")
            yield Input(placeholder="of a file or directory, or an address; → completes", compact=True,
                        suggester=PathSuggester(), id="path")  # fmt: skip
        with Container(id="options"):
            for name, label, hint, of in (
                ("name", "Name", "found out", "of-dataset"), ("encoding", "Encoding", "found out", "of-dataset"),
                ("dataset", "Dataset", "a name, a family", "of-answers"), ("base", "Base model", "none", "of-answers"),
            ):  # fmt: skip
                yield Label(label, classes=of)
                value = self._dataset if name == "dataset" else ""
                yield Input(value, placeholder=hint, compact=True, id=f"option-{name}", classes=of)
            for name, label, members, of in (
                ("family", "Family", list(Family), "of-dataset"), ("task", "Task", list(Task), "of-both"),
            ):  # fmt: skip
                yield Label(label, classes=of)
                choices = [("found out", ""), *((one.replace("_", " "), str(one)) for one in members)]
                yield Select(choices, value="", allow_blank=False, compact=True, id=f"option-{name}", classes=of)
        with Detail(id="said-scroll"):
            yield Static(Content(HINT), id="said", markup=False)
        yield ProgressBar(id="bar", show_eta=True)
        yield Splitter(id="above-found", pane="said-scroll")
        yield Table(id="found")
        with Horizontal(id="buttons"):
            yield Button("Take it in", id="keep", compact=True, variant="success", disabled=True)
            yield Button("Fetch FineTuneBench", id="published", compact=True)
            yield Button("It is a dataset", id="as-dataset", compact=True)

    def on_mount(self) -> None:
        """Begin at the path."""
        self.head("Import a dataset, or answers")
        self.query_one("#as-dataset").display = False
        self.query_one("#path").focus()

    def _options(self) -> ImportOptions:
        text = {name: self.query_one(f"#option-{name}", Input).value.strip() for name in ("name", "encoding")}
        family, task = (str(self.query_one(f"#option-{name}", Select).value) for name in ("family", "task"))
        return ImportOptions(
            name=text["name"] or None,
            encoding=text["encoding"] or None,
            family=Family(family) if family else None,
            task=Task(task) if task else None,
            columns=self._told,
        )

    @on(Input.Submitted, "#path")
    def _given(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        self._told, self._as_dataset = {}, False
        if is_address(typed):
            self._fetch(typed)
        elif typed:
            self._place = (Path(typed).expanduser(), "")
            self._look_again()

    @on(Input.Submitted, "#option-name")
    @on(Input.Submitted, "#option-encoding")
    @on(Select.Changed)
    def _other_options(self) -> None:
        if self._place is not None:
            self._look_again()

    @work(exclusive=True, group="look")
    @telling
    async def _look_again(self) -> None:
        assert self._place is not None
        path, origin = self._place
        self._look = None
        self.query_one("#keep", Button).disabled = True
        self._say(f"Reading {origin or path}…")
        reading = functools.partial(look, path, self._options(), origin=origin, as_dataset=self._as_dataset)
        try:
            self._look = await asyncio.to_thread(reading)
        except (OSError, ValueError) as error:
            self._look = Look(error=f"{path} cannot be read: {error}")
        self._show_look(self._look)

    def _show_look(self, found: Look) -> None:
        answers = found.responses is not None
        self.query_one("#options").set_class(answers, "-answers")
        self.query_one("#as-dataset").display = answers
        table = self.query_one("#found", Table)
        self._show_table(found.table is not None or found.imported is not None)
        if found.responses is not None:
            self._say(answers_said(found.responses))
        else:
            self._say(found_said(found))
        if found.table is not None:
            columns, rows = column_rows(found, self._told)
            table.show(columns, rows, right=frozenset())
        elif found.imported is not None:
            columns, rows = dataset_rows(found)
            table.show(columns, rows, right=frozenset({"facts", "questions", "errors", "warnings", "notes"}))
        button = self.query_one("#keep", Button)
        button.disabled = found.imported is None and not answers
        # Not while a person is elsewhere: what is typed next would press it.
        if self.query_one("#path").has_focus:
            (table if button.disabled and found.table is not None else button).focus()

    def _show_table(self, shown: bool) -> None:
        for part in ("#above-found", "#found"):
            self.query_one(part).display = shown
        self.set_class(shown, "-found")

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(Content(text))

    @on(Table.RowSelected)
    @work
    async def _correct(self, event: Table.RowSelected) -> None:
        """Say what the chosen column is."""
        found, key = self._look, event.row_key.value
        if found is None or found.table is None or key is None:
            return
        column = found.table.columns[int(key)]
        mapping = found.imported.mapping.columns if found.imported and found.imported.mapping else self._told
        now = next((name for name, its in mapping.items() if its == column), "")
        fields = list(FIELD_WORDS)
        chosen = await self.app.push_screen_wait(
            ChooseScreen(
                f"What is the column {one_line(column or '(no name)', 60)}?",
                [f"{name or 'nothing':<14} {words}" for name, words in FIELD_WORDS.items()],
                at=fields.index(now) if now in fields else 0,
            )
        )
        if chosen is None or fields[chosen] == now:
            return
        # What was guessed beside it stays; only this column, and a field that it takes from another, change.
        self._told = {name: its for name, its in self._told.items() if its != column}
        if now:
            self._told[now] = ""
        if fields[chosen]:
            self._told[fields[chosen]] = column
        self._look_again()

    @on(Button.Pressed, "#as-dataset")
    def _rather_dataset(self) -> None:
        self._as_dataset = True
        self._look_again()

    @on(Button.Pressed, "#published")
    def action_published(self) -> None:
        """Fetch the published benchmark."""
        self.query_one("#path", Input).value = ARCHIVE_URL
        self._told, self._as_dataset = {}, False
        self._fetch(ARCHIVE_URL)

    @work(exclusive=True, group="look")
    @telling
    async def _fetch(self, address: str) -> None:
        self._look, self._place = None, None
        self.query_one("#keep", Button).disabled = True
        bar = self.query_one("#bar", ProgressBar)
        bar.update(total=None, progress=0)
        bar.display = True
        self._say(f"Fetching {shortened(address, 300)}")
        worker_is_gone = asyncio.Event()
        shown = [-1]

        def progress(done: int, total: int | None) -> None:
            if worker_is_gone.is_set():
                raise DownloadError("The download was stopped.", unreachable=False)
            # At most a hundred times, however fast it comes.
            step = done * 100 // total if total else done >> 18
            if step > shown[0]:
                shown[0] = step
                self.app.call_from_thread(bar.update, total=total, progress=done)

        try:
            got = await asyncio.to_thread(fetch, address, progress)
        except DownloadError as error:
            self._say(shortened(str(error)))
        else:
            self.notify(f"{got.n_bytes:,} bytes, SHA-256 {got.sha256}", title="Fetched", markup=False)
            self._place = (got.path, address)
            self._look_again()
        finally:
            worker_is_gone.set()
            bar.display = False

    @on(Button.Pressed, "#keep")
    def _pressed_keep(self) -> None:
        self.action_keep()

    def action_keep(self) -> None:
        """Store what was found."""
        if self._look is None or (self._look.imported is None and self._look.responses is None):
            self.notify("There is nothing to take in yet: give a path and press enter.", markup=False)
        elif not self._busy:
            self._busy = True
            self._keep(self._look)

    @work
    @telling
    async def _keep(self, found: Look) -> None:
        self.query_one("#keep", Button).disabled = True
        try:
            if found.imported is not None:
                new = await asyncio.to_thread(kept, functools.partial(store_datasets, found.imported))
                self.notify(kept_said(found.imported, new), markup=False)
                self._on_kept(found.imported.datasets[0].dataset_id)
                self.dismiss()
            elif found.responses is not None:
                dataset, base = (self.query_one(f"#option-{name}", Input).value.strip() for name in ("dataset", "base"))
                if not dataset:
                    raise DatasetError("Say whose questions these answers are for: the name of a dataset or a family.")
                task = self._options().task
                storing = functools.partial(store_answers, found.responses.path, dataset, task, base or None)
                reports = await asyncio.to_thread(kept, storing)
                columns, rows = report_rows(reports)
                table = self.query_one("#found", Table)
                table.show(columns, rows, right=frozenset({"matched", "unmatched", "empty", "new", "known"}))
                self._show_table(True)
                self.query_one("#as-dataset").display = False
                self._say(reports_said(reports))
                self._look = None
                table.focus()
                self.ftb.ask_for_refresh()
        except (DatasetError, StoreError, OSError) as error:
            self._say(f"Nothing was stored. {on_screen(str(error))}")
            self.query_one("#keep", Button).disabled = False
        finally:
            self._busy = False
