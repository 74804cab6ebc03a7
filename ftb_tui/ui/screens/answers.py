"""The answers behind one score: the list, and beside it question, taught fact, gold, base and tuned answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from ftb_tui.report.numbers import score
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.counts import revision
from ftb_tui.store.drilldown import other_models, response_record, training_lines
from ftb_tui.store.results import AnswerRow, ResultRow, answers, question_answers, results
from ftb_tui.store.tags import tag_counts, tags_of
from ftb_tui.ui.reopening import keep_score, score_memory
from ftb_tui.ui.screens.answer_changes import overruled, tagged, taken_back
from ftb_tui.ui.screens.answer_detail import GLYPHS, blank, has_words, laid_out, parts, said_by, whole_text
from ftb_tui.ui.screens.answer_search import PLACEHOLDER, completions, search_note
from ftb_tui.ui.screens.mode import key_lines
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.keys import Keys
from ftb_tui.ui.widgets.search_field import SearchField
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp

FILTERS = ("wrong", "fixed", "broken", "abstained", "failed", "overruled", "disputed", "unsolved", "correct", "all")
PAGE = 200
MOST_PAGES = 10
"""At most so many are read to come back to the answer that was chosen the last time."""
LOOK_SECONDS = 1.0
"""Between two looks at whether the answers have changed, and as long since the last key."""


class AnswersScreen(Screen[None]):
    """Opened from a score; escape goes back to it."""

    PURPOSE = (
        "The answers that make up one score. Read the question, what was taught, what the base and the tuned model said, "
        "and why it was graded so."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear", id="answers.clear", tooltip="Clear the search"),
        Binding("escape", "back", "Back", id="answers.back", tooltip="Back to the scores"),
        Binding("f", "filter", "Show", id="answers.filter", tooltip="Wrong, fixed, broken, disputed by graders, …"),
        Binding(
            "slash",
            "search",
            "Search",
            show=False,
            id="answers.search",
            tooltip="Only answers with these words, tags, …",
        ),
        Binding("a", "fact", "Fact", id="answers.fact", tooltip="This fact through all its tasks and models"),
        Binding("o", "overrule", "Overrule", id="answers.overrule", tooltip="Say yourself whether it is right"),
        Binding("t", "tag", "Tag", id="answers.tag", tooltip="Name the kind of error"),
        Binding("m", "mark", "Mark", show=False, id="answers.mark", tooltip="Mark it; o and t act on all marked"),
        Binding("z", "undo", "Undo", show=False, id="answers.undo", tooltip="Take the last verdict or tag back"),
        Binding("space", "whole", "Whole", id="answers.whole", tooltip="Request, answer and training lines in full"),
        Binding("e", "export", "Export", show=False, id="answers.export", tooltip="Write all listed answers to a file"),
        Binding("y", "copy", "Copy", show=False, id="answers.copy", tooltip="Copy question, gold and answer"),
        Binding("n", "next", "Next", show=False, id="answers.next", tooltip="The next answer"),
        Binding("p", "previous", "Previous", show=False, id="answers.previous", tooltip="The one before"),
        Binding("question_mark", "help", "Help", id="help", tooltip="Purpose and keys of this screen"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(self, result: ResultRow) -> None:
        super().__init__()
        self._result = result
        self._show = "wrong"
        self._search = ""
        self._rows: dict[str, AnswerRow] = {}
        self._tags: dict[int, tuple[str, ...]] = {}
        self._tag_names: tuple[str, ...] = ()
        self._more = False
        self._revision = -1
        self._told: Content | None = None
        self._marks: set[int] = set()

    @property
    def ftb(self) -> FtbApp:
        """The app, as what it is."""
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        return self.app

    @property
    def open_score(self) -> ResultRow:
        """What to open again after the app was closed or killed."""
        return self._result

    def compose(self) -> ComposeResult:
        """Heading, list, detail."""
        yield Static("", id="heading", markup=False)
        with Horizontal(id="panes"):
            yield Table(id="answers")
            yield Splitter(id="beside-detail", pane="answers")
            with Detail(id="detail"):
                yield Static("", id="answer", markup=False)
        yield Keys(more=True)

    async def on_mount(self) -> None:
        """Show what was shown of this score the last time; at first the wrong answers, or all if none is wrong."""
        known = score_memory(self.ftb.memory, self._result)
        await self._recall(known)
        await self.fill()
        if not self._rows and not known:
            self._show = "all"
            await self.fill()
        if self._table.chosen != known.get("chosen"):
            # Farther down than the first page, which is there to be seen meanwhile.
            self.call_after_refresh(self._go_on_to, known.get("chosen"), known.get("place"))
        self.query_one("#answers").focus()
        self.set_interval(LOOK_SECONDS, self._look)

    async def _recall(self, known: dict[str, Any]) -> None:
        """Show what was shown of this score the last time."""
        if known.get("show") in FILTERS:
            self._show = known["show"]
        if isinstance(known.get("search"), str) and known["search"].strip():
            self._search = known["search"]
            await self._open_search()
        if isinstance(known.get("chosen"), str):
            self._table.choose(known["chosen"])

    async def _go_on_to(self, chosen: object, place: object) -> None:
        """Read on to the answer that was chosen the last time, unless somebody is under way already."""
        if not (isinstance(chosen, str) and isinstance(place, int)):
            return
        while self._more and len(self._rows) <= min(place, MOST_PAGES * PAGE) and not self._table.cursor_row:
            await self._read(behind=list(self._rows.values())[-1])
        if chosen in self._rows and not self._table.cursor_row:
            self._table.choose(chosen)

    def _keep(self) -> bool:
        """Put into the app's memory how this stands; whether that is anything new."""
        place = self._table.cursor_row
        how = {"show": self._show, "search": self._search, "chosen": self._table.chosen, "place": place}
        if how == score_memory(self.ftb.memory, self._result):
            return False
        keep_score(self.ftb.memory, self._result, how)
        return True

    async def _look(self) -> None:
        """Read again what was changed meanwhile, by a run that goes on or by somebody else; not under a person's keys."""
        db, result = self.ftb.db, self._result
        if db is None or not self.is_current or self.ftb.looking.pace.idle < LOOK_SECONDS:
            return
        if self._keep():
            self.ftb.keep_memory()
        if await revision(db, result.evaluation_key, result.task) != self._revision:
            await self._refresh()

    async def fill(self) -> None:
        """Read the first page of answers."""
        await self._read()

    async def _refresh(self) -> None:
        """Read the score, and as many answers as are listed, again."""
        db, result = self.ftb.db, self._result
        if db is None:
            return
        place = (result.model_key, result.task)
        scores = await results(db, dataset_id=result.dataset_id, grader=result.grader)
        self._result = next((row for row in scores if (row.model_key, row.task) == place), result)
        await self._read(limit=max(PAGE, -(-len(self._rows) // PAGE) * PAGE))

    async def _read(self, *, behind: AnswerRow | None = None, limit: int = 0) -> None:
        db, result, limit = self.ftb.db, self._result, limit or PAGE
        if db is None:
            return
        after = {} if behind is None else {"after": behind.position, "repeat": behind.repeat}
        if behind is None:
            # Before the answers: what comes in between is then read once more, not missed.
            self._revision = await revision(db, result.evaluation_key, result.task)
        page = await answers(
            db, model_key=result.model_key, dataset_id=result.dataset_id, task=result.task, show=self._show,
            search=self._search, grader=result.grader, limit=limit, **after,
        )  # fmt: skip
        fresh, tags = (
            {str(row.response_key): row for row in page},
            await tags_of(db, [row.response_key for row in page]),
        )
        self._more = len(page) == limit
        if behind is None:
            self._rows, self._tags = fresh, tags
            self._show_lines()
        else:
            self._rows, self._tags = {**self._rows, **fresh}, {**self._tags, **tags}
            self._table.extend([(key, self._line(row)) for key, row in fresh.items()])
        heading = (
            f" {one_line(model_label(result), 60)} · {result.task} · {score(result.score)} ({result.correct}/{result.n})"
            f" · showing {self._show}: {len(self._rows)}{'+' if self._more else ''}"
        )
        self.query_one("#heading", Static).update(Content(heading))
        await self._fill_answer()

    def _show_lines(self) -> None:
        lines = [(key, self._line(row)) for key, row in self._rows.items()]
        self._table.show(("", "gold", "said", "question"), lines, right=frozenset())

    def _line(self, row: AnswerRow) -> tuple[str | Text, ...]:
        flip = {"fixed": "↑", "broken": "↓"}.get(row.flip or "", " ")
        said = row.response if row.response is not None else f"failed: {row.reason}"
        said = said if has_words(said) else blank(said)
        mark = "*" if row.response_key in self._marks else " "
        person = "o" if row.machine_grade is not None else "t" if row.response_key in self._tags else " "
        glyph = f"{mark}{GLYPHS.get(row.grade, '?')}{flip}{person}"
        return (glyph, one_line(row.answer, 16), one_line(said, 24), one_line(row.question, 120))

    def _chosen(self) -> AnswerRow | None:
        return self._rows.get(self._table.chosen or "")

    @property
    def _table(self) -> Table:
        return self.query_one("#answers", Table)

    async def _fill_answer(self) -> None:
        row, db = self._chosen(), self.ftb.db
        if row is None or db is None:
            nothing = f"No answer is {self._show}. f shows others." if self._show != "all" else "There is no answer."
            if self._search.strip():
                nothing = f"No answer fits the search (showing {self._show}). escape ends it, f shows others."
            self._tell(Content(nothing))
            return
        said = await question_answers(db, row.question_key, grader=self._result.grader)
        training = await training_lines(db, self._result.model_key, row.fact_id)
        found = parts(
            row,
            said_by=said_by(self._result.kind, self._result.epoch),
            others=other_models(said, self._result.model_key),
            tags=self._tags.get(row.response_key, ()),
            training=training,
        )
        self._tell(laid_out(found, wide=self.app.size.width >= 100))

    def _tell(self, text: Content) -> None:
        """Show this beside the list, if it is not there: every update lays out and paints the whole screen again."""
        if self._told is None or (text.plain, text.spans) != (self._told.plain, self._told.spans):
            self._told = text
            self.query_one("#answer", Static).update(text)
            self.query_one("#detail").scroll_home(animate=False)

    @on(Table.RowHighlighted)
    async def _other_answer(self, event: Table.RowHighlighted) -> None:
        if event.cursor_row >= len(self._rows) - 1 and self._more:
            await self._read(behind=list(self._rows.values())[-1])
        else:
            await self._fill_answer()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape ends the search before it leaves the screen, and says so."""
        if action in ("clear", "back"):
            return bool(self.query(SearchField)) == (action == "clear")
        return super().check_action(action, parameters)

    async def action_clear(self) -> None:
        """Close the search and list everything again."""
        await self.query(SearchField).remove()
        self._search = ""
        self.query_one("#answers").focus()
        self.refresh_bindings()
        await self.fill()

    def action_back(self) -> None:
        """Close the screen."""
        app = self.ftb
        self._keep()
        self.dismiss()
        app.keep_memory()

    async def action_filter(self) -> None:
        """Show the next kind of answers."""
        self._show = FILTERS[(FILTERS.index(self._show) + 1) % len(FILTERS)]
        await self.fill()

    async def action_search(self) -> None:
        """Open the search."""
        if self.ftb.db is not None:
            used = await tag_counts(self.ftb.db, evaluation_key=self._result.evaluation_key)
            self._tag_names = tuple(tag.replace(" ", "_") for tag in used)
        (await self._open_search()).begin()

    async def _open_search(self) -> SearchField:
        found = self.query(SearchField)
        if found:
            return found.first()
        field = SearchField(PLACEHOLDER, lambda name: completions(name, self._result, self._tag_names), self._search)
        await self.mount(field, before="#panes")
        self.refresh_bindings()
        field.say(search_note(self._search, self._result))
        return field

    @on(Input.Changed, "#search")
    async def _searched(self, event: Input.Changed) -> None:
        if event.value == self._search or not (field := self.query(SearchField)):
            return
        self._search = event.value
        field.first().say(search_note(self._search, self._result))
        await self.fill()

    @on(Input.Submitted, "#search")
    def _done_searching(self) -> None:
        self.query_one("#answers").focus()

    def action_next(self) -> None:
        """The next answer."""
        self.query_one("#answers", Table).action_cursor_down()

    def action_previous(self) -> None:
        """The answer before."""
        self.query_one("#answers", Table).action_cursor_up()

    def _acted_on(self) -> list[AnswerRow]:
        """The marked answers, or the one under the cursor."""
        marked_rows = [row for row in self._rows.values() if row.response_key in self._marks]
        chosen = self._chosen()
        return marked_rows or ([chosen] if chosen is not None else [])

    async def action_mark(self) -> None:
        """Mark the answer, or take the mark off, and go to the next."""
        if (row := self._chosen()) is not None:
            self._marks ^= {row.response_key}
            self._show_lines()
            self.action_next()

    @work
    async def action_overrule(self) -> None:
        """A person's verdict on the chosen answers; the grader's is kept beside it."""
        rows = [row for row in self._acted_on() if row.response is not None]
        if not rows:
            self.notify("There is no answer to overrule here.", markup=False)
        elif await overruled(self.ftb, self._result, rows):
            self._marks.clear()
            await self._refresh()

    @work
    async def action_tag(self) -> None:
        """Put tags on the chosen answers."""
        if await tagged(self.ftb, self._result, self._acted_on()):
            self._marks.clear()
            await self._refresh()

    async def action_undo(self) -> None:
        """Take the last verdict or tag back, on whichever score's answers."""
        if await taken_back(self.ftb):
            await self._refresh()

    def action_fact(self) -> None:
        """The fact through all its tasks and models."""
        from ftb_tui.ui.screens.fact import FactScreen

        if (row := self._chosen()) is not None:
            self.app.push_screen(FactScreen(self._result.dataset_id, row.fact_id, row.fact, self._result.grader))

    @work
    async def action_whole(self) -> None:
        """Request, answer and training lines in full."""
        from ftb_tui.ui.screens.text import TextScreen

        row, db = self._chosen(), self.ftb.db
        if row is None or db is None:
            return
        record = await response_record(db, row.response_key)
        lines = await training_lines(db, self._result.model_key, row.fact_id)
        self.app.push_screen(TextScreen(row.id, whole_text(row, record, lines)))

    def action_export(self) -> None:
        """Write all answers that are listed, not only those that were read so far, to a file that a person names."""
        from ftb_tui.ui.screens.answers_export import ask_for_file

        if self._rows:
            ask_for_file(self.app, self._result, self._show, self._search)
        else:
            self.notify("There is no answer to write.", markup=False)

    def action_copy(self) -> None:
        """Copy question, gold and answer."""
        if (row := self._chosen()) is not None:
            self.app.copy_to_clipboard(f"{row.question}\t{row.answer}\t{row.response or ''}")
            self.notify("Copied.", markup=False)

    def action_help(self) -> None:
        """Show purpose and keys."""
        from ftb_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen("Answers", self.PURPOSE, key_lines(self)))
