"""Mode 1: datasets, their questions, and the fact behind each question. Also where a newcomer begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import randrange
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from ftb_tui.benchmark.model import Family, Task
from ftb_tui.report.dataset import details_text, whole_text
from ftb_tui.report.fact_sheet import taught
from ftb_tui.report.plain import one_line, shortened
from ftb_tui.store.dataset_details import dataset_details
from ftb_tui.store.datasets import (
    QUESTION_COLUMNS,
    QUESTION_ORDERS,
    DatasetRow,
    QuestionRow,
    list_datasets,
    question_page,
    question_search_problem,
    questions_of_fact,
)
from ftb_tui.ui.acting import acting
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.search_field import SearchField
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

PAGE = 200


class DatasetsScreen(ModeScreen):
    """Datasets on the left, questions on the right, one fact below."""

    MODE = "datasets"
    PURPOSE = (
        "What is taught and asked. Choose a dataset, read its questions, and see each fact with all that is asked about "
        "it; t trains a model on the dataset."
    )
    DEFAULT_CSS = """
    DatasetsScreen #left { width: 44; }
    DatasetsScreen #about-scroll { height: auto; max-height: 60%; }
    DatasetsScreen #about { height: auto; }
    DatasetsScreen.-narrow #left { width: 1fr; height: 6; }
    DatasetsScreen.-narrow.-first #left { height: 3; }
    DatasetsScreen.-narrow #above-about, DatasetsScreen.-narrow #about-scroll { display: none; }
    DatasetsScreen.-narrow.-first #above-fact { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "train", "Train", id="datasets.train", tooltip="Fine-tune a model on this dataset"),
        Binding("a", "audit", "Audit", id="datasets.audit", tooltip="What is wrong with this dataset"),
        Binding("v", "preview", "Lines", id="datasets.preview", tooltip="The training file that a recipe makes of it"),
        Binding(
            "p", "wordings", "Wordings", show=False, id="datasets.wordings", tooltip="Review a model's paraphrases"
        ),
        Binding("i", "import", "Import", id="datasets.import", tooltip="Take in a dataset, or answers"),
        Binding("f", "task", "Task", id="datasets.task", tooltip="Show the questions of the next task"),
        Binding(
            "d", "details", "Details", show=False, id="datasets.details", tooltip="Where it is from, licence, card"
        ),
        Binding("w", "world", "World", show=False, id="datasets.world", tooltip="Build a fresh Fictional People world"),
        Binding("e", "export", "Export", show=False, id="datasets.export", tooltip="Write it into a folder"),
        Binding(
            "D,delete", "delete", "Delete", show=False, id="datasets.delete", tooltip="Delete it; u brings it back"
        ),
        Binding("u", "restore", "Bring back", show=False, id="datasets.restore", tooltip="Bring a deleted one back"),
        Binding("s", "sort", "Sort", show=False, id="datasets.sort", tooltip="Sort questions by gold, by question"),
        Binding(
            "slash",
            "search",
            "Filter",
            id="datasets.search",
            tooltip="Only questions with these words, task:rephrased, …",
        ),
        Binding("escape", "clear", "Clear", id="datasets.clear", tooltip="Clear the filter"),
        Binding("space", "whole", "Whole text", show=False, id="datasets.whole", tooltip="The prompt as it is sent"),
        Binding("y", "copy", "Copy", show=False, id="datasets.copy", tooltip="Copy the question and its gold"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._datasets: list[DatasetRow] = []
        self._questions: dict[str, QuestionRow] = {}
        self._search = ""
        self._only_task: Task | None = None
        self._wanted: str | None = None
        self._order = "position"
        self._welcomed: str | None = ""
        """The dataset whose benchmarks a newcomer is told of."""

    def body(self) -> Iterable[Widget]:
        """Welcome, the two tables, the fact."""
        yield Static("", id="welcome", markup=False)
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Table(id="datasets")
                yield Splitter(id="above-about", pane="datasets")
                with Detail(id="about-scroll"):
                    yield Static("", id="about", markup=False)
            yield Splitter(id="beside-questions", pane="left")
            with Vertical(id="right"):
                yield Table(id="questions")
                yield Splitter(id="above-fact", pane="questions")
                with Detail(id="detail"):
                    yield Static("", id="fact", markup=False)

    async def fill(self) -> None:
        """Datasets, then the questions of the chosen one."""
        db = self.ftb.db
        if db is None:
            return
        found = await list_datasets(db)
        self._datasets = sorted(found, key=lambda row: (row.name != Family.FICTIONAL_PEOPLE, row.name))
        table = self.query_one("#datasets", Table)
        rows = [(row.dataset_id, (one_line(row.name, 40), str(row.n_questions))) for row in self._datasets]
        table.show(("dataset", "questions"), rows, right=frozenset({"questions"}))
        ids = [row.dataset_id for row in self._datasets]
        if self._wanted in ids:
            table.move_cursor(row=ids.index(self._wanted))
            self._wanted = None
        await self._welcome()
        if self.focused is None:
            table.focus()
        await self._fill_about()
        await self._fill_questions()

    async def _fill_about(self) -> None:
        row, db = self._dataset(), self.ftb.db
        if row is not None and db is not None:
            details = await dataset_details(db, row.dataset_id)
            if self.chosen_id == row.dataset_id:
                self.query_one("#about", Static).update(Content(shortened(details_text(row, details))))

    async def _welcome(self) -> None:
        """What a newcomer can do with the dataset he stands on; gone with the first result."""
        from ftb_tui.ui.bench_offer import welcome

        said, first, chosen = self.query_one("#welcome", Static), not self.ftb.has_results, self.chosen_id
        if first and self.ftb.db is not None and chosen != self._welcomed:
            text = await welcome(self.ftb.db, chosen)
            if self.chosen_id != chosen:
                return
            self._welcomed = chosen
            said.update(Content(text))
        said.display = first
        self.set_class(first, "-first")

    @property
    def chosen_id(self) -> str | None:
        """The dataset under the cursor."""
        row = self._dataset()
        return row.dataset_id if row is not None else None

    def _dataset(self) -> DatasetRow | None:
        chosen = self.query_one("#datasets", Table).chosen
        return next((row for row in self._datasets if row.dataset_id == chosen), None)

    async def _fill_questions(self, more: bool = False) -> None:
        dataset, db = self._dataset(), self.ftb.db
        if dataset is None or db is None:
            return
        after = list(self._questions.values())[-1].position if more and self._questions else -1
        listed = self._listed()
        page = await question_page(
            db, dataset.dataset_id, task=self._only_task, search=self._search, order=self._order,
            after_position=after, limit=PAGE,
        )  # fmt: skip
        if listed != self._listed() or (more and not page):
            # Other questions were asked for while the store was read: whoever was later shows them.
            return
        kept = self._questions if more else {}
        self._questions = {**kept, **{str(question.question_key): question for question in page}}
        rows = [
            (key, (q.task, one_line(q.answer, 16), one_line(q.question, 120))) for key, q in self._questions.items()
        ]
        gold, question = (f"{name} ▲" if name == self._order else name for name in ("gold", "question"))
        columns = (f"task: {self._only_task or 'all'}", gold, question)
        self.query_one("#questions", Table).show(columns, rows, right=frozenset())
        await self._fill_fact()

    def _listed(self) -> tuple[object, ...]:
        """Which questions are asked for."""
        return self.chosen_id, self._only_task, self._search, self._order

    async def _fill_fact(self) -> None:
        question, dataset, db = self._question(), self._dataset(), self.ftb.db
        if question is None or dataset is None or db is None:
            nothing = (
                "No question has these words." if self._search else "The dataset has no such question. f shows others."
            )
            self.query_one("#fact", Static).update(Content(nothing))
            return
        asked = await questions_of_fact(db, dataset.dataset_id, question.fact_id)
        if self._question() != question:
            return
        lines = [f"Taught: {shortened(taught(question.fact))}", ""]
        lines += [f"{q.task:<13} {shortened(q.question, 1000)}  → {shortened(q.answer, 1000)}" for q in asked]
        self.query_one("#fact", Static).update(Content("\n".join(lines)))

    def _question(self) -> QuestionRow | None:
        return self._questions.get(self.query_one("#questions", Table).chosen or "")

    @on(Table.RowHighlighted, "#datasets")
    async def _other_dataset(self) -> None:
        dataset = self._dataset()
        if dataset is not None and self._only_task not in dataset.tasks:
            self._only_task = None
        await self._fill_about()
        await self._fill_questions()
        await self._welcome()

    @on(Table.RowHighlighted, "#questions")
    async def _other_question(self, event: Table.RowHighlighted) -> None:
        if event.cursor_row >= len(self._questions) - 1 and len(self._questions) % PAGE == 0:
            await self._fill_questions(more=True)
        await self._fill_fact()

    @on(Table.RowSelected, "#datasets")
    def _into_questions(self) -> None:
        self.query_one("#questions").focus()

    async def action_task(self) -> None:
        """Show the questions of the next task, at last all of them again."""
        dataset = self._dataset()
        if dataset is None:
            return
        order: list[Task | None] = [None, *(task for task in Task if task in dataset.tasks)]
        at = order.index(self._only_task) if self._only_task in order else 0
        self._only_task = order[(at + 1) % len(order)]
        await self._fill_questions()

    async def action_search(self) -> None:
        """Open the filter."""
        if not self.query(SearchField):
            field = SearchField(
                'words, "exact words", -word, task:rephrased, question: gold: fact:', self._words, self._search
            )
            await self.mount(field, before="#questions")
            self.refresh_bindings()
        self.query_one(SearchField).begin()

    def _words(self, column: str) -> Sequence[str]:
        """What the filter can be completed with."""
        dataset = self._dataset()
        return QUESTION_COLUMNS if not column else tuple(dataset.tasks) if dataset and column == "task" else ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a filter escape is free for what lies further out."""
        if action == "clear" and not self.query(SearchField):
            return False
        return super().check_action(action, parameters)

    async def action_clear(self) -> None:
        """Close the filter and show everything."""
        await self.query(SearchField).remove()
        self._search = ""
        self.query_one("#questions").focus()
        self.refresh_bindings()
        await self._fill_questions()

    @on(Input.Changed, "#search")
    async def _searched(self, event: Input.Changed) -> None:
        if event.value != self._search and (field := self.query(SearchField)):
            self._search = event.value
            field.first().say(question_search_problem(event.value))
            await self._fill_questions()

    @on(Input.Submitted, "#search")
    def _done_searching(self) -> None:
        self.query_one("#questions").focus()

    def action_whole(self) -> None:
        """The prompt as it is sent."""
        from ftb_tui.ui.screens.text import TextScreen

        if (question := self._question()) is not None:
            text = f"{question.prompt}\n\nGold: {question.answer}\nTaught: {taught(question.fact)}"
            self.app.push_screen(TextScreen(question.question_id, text))

    def action_copy(self) -> None:
        """Copy the question and its gold."""
        if (question := self._question()) is not None:
            self.app.copy_to_clipboard(f"{question.question}\t{question.answer}")
            self.notify("Copied.", markup=False)

    async def action_sort(self) -> None:
        """Sort the questions by the next order."""
        orders = list(QUESTION_ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        await self._fill_questions()
        self.query_one("#questions", Table).move_cursor(row=0)

    @acting
    async def action_details(self) -> None:
        """Where the dataset is from, its licence, its files and its card."""
        from ftb_tui.ui.screens.text import TextScreen

        row, db = self._dataset(), self.ftb.db
        if row is not None and db is not None:
            details = await dataset_details(db, row.dataset_id)
            self.app.push_screen(TextScreen(f"{row.name}, version {row.version}", whole_text(row, details)))

    def action_world(self) -> None:
        """Build a fresh world."""
        from ftb_tui.ui.screens.dataset_dialogs import world_dialog

        made: list[str] = []
        self.app.push_screen(
            world_dialog(randrange(1000, 10_000), made.append), lambda said: self._choose(made[-1]) if made else None
        )

    def action_export(self) -> None:
        """Write the dataset into a folder."""
        from ftb_tui.ui.screens.dataset_dialogs import export_dialog

        if (row := self._dataset()) is not None:
            self.app.push_screen(export_dialog(row))

    @acting
    async def action_delete(self) -> None:
        """Delete the dataset so that it can be brought back."""
        from ftb_tui.ui.screens.dataset_dialogs import delete_dialog

        if (row := self._dataset()) is not None and await delete_dialog(self.ftb, row):
            self.ftb.ask_for_refresh()

    @acting
    async def action_restore(self) -> None:
        """Bring a deleted dataset back."""
        from ftb_tui.ui.screens.dataset_dialogs import restore_dialog

        if (dataset_id := await restore_dialog(self.ftb)) is not None:
            self._choose(dataset_id)

    def action_audit(self) -> None:
        """What is wrong with the dataset."""
        from ftb_tui.ui.screens.audit import AuditScreen

        if (dataset := self._dataset()) is not None:
            self.app.push_screen(AuditScreen(dataset.dataset_id, dataset.name))

    def action_preview(self) -> None:
        """The training file that a recipe makes of the dataset."""
        from ftb_tui.ui.screens.training import TrainingScreen

        if (dataset := self._dataset()) is not None:
            self.app.push_screen(TrainingScreen(dataset.dataset_id, dataset.name))

    def action_wordings(self) -> None:
        """Other wordings of the trained questions, to be kept or rejected."""
        from ftb_tui.ui.screens.wordings import WordingsScreen

        if (dataset := self._dataset()) is not None:
            self.app.push_screen(WordingsScreen(dataset.dataset_id, dataset.name))

    def action_import(self) -> None:
        """Take in a dataset, or answers."""
        from ftb_tui.ui.screens.import_ import ImportScreen

        dataset = self._dataset()
        self.app.push_screen(ImportScreen(self._choose, dataset=dataset.name if dataset is not None else ""))

    def _choose(self, dataset_id: str) -> None:
        """Stand on this dataset as soon as it is listed."""
        self._wanted = dataset_id
        self.ftb.ask_for_refresh()

    @acting
    async def action_train(self) -> None:
        """Show what a job would be and cost, and launch it once a person has decided to."""
        from ftb_tui.store.datasets import load_dataset
        from ftb_tui.ui.screens.launch import launched

        dataset, db = self._dataset(), self.ftb.db
        if dataset is not None and db is not None:
            await launched(self.ftb, await load_dataset(db, dataset.dataset_id))
