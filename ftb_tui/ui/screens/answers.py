"""The answers behind one score: the list, and beside it question, taught fact, gold, base and tuned answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from ftb_tui.report.plain import one_line, readable
from ftb_tui.store.drilldown import other_models, response_record, training_lines
from ftb_tui.store.results import AnswerRow, ResultRow, question_answers
from ftb_tui.store.tags import tag_counts
from ftb_tui.ui.acting import acting
from ftb_tui.ui.reopening import keep_score, score_memory
from ftb_tui.ui.screens.answer_changes import overruled, tagged, taken_back
from ftb_tui.ui.screens.answer_detail import GLYPHS, laid_out, parts, said_by, whole_text
from ftb_tui.ui.screens.answer_list import AnswerList
from ftb_tui.ui.screens.answer_marks import Marks
from ftb_tui.ui.screens.answer_search import PLACEHOLDER, completions, search_note
from ftb_tui.ui.screens.mode import key_lines
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.keys import Keys
from ftb_tui.ui.widgets.said import say
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
        Binding("M", "unmark", "Unmark", show=False, id="answers.unmark", tooltip="Take all marks off"),
        Binding("question_mark", "help", "Help", id="help", tooltip="Purpose and keys of this screen"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(self, result: ResultRow) -> None:
        super().__init__()
        self._list = AnswerList(result)
        self._tag_names: tuple[str, ...] = ()
        self._version = -1
        self._marks = Marks()

    @property
    def ftb(self) -> FtbApp:
        """The app, as what it is."""
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        return self.app

    @property
    def open_score(self) -> ResultRow:
        """What to open again after the app was closed or killed."""
        return self._list.result

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
        known = score_memory(self.ftb.memory, self._list.result)
        await self._recall(known)
        await self.fill()
        if not self._list.rows and not known:
            self._list.show = "all"
            await self.fill()
        if self._table.chosen != known.get("chosen"):
            # Farther down than the first page, which is there to be seen meanwhile.
            self.call_after_refresh(self._go_on_to, known.get("chosen"), known.get("place"))
        self.query_one("#answers").focus()
        self.set_interval(LOOK_SECONDS, self._look)

    async def _recall(self, known: dict[str, Any]) -> None:
        """Show what was shown of this score the last time."""
        if known.get("show") in FILTERS:
            self._list.show = known["show"]
        if isinstance(known.get("search"), str) and known["search"].strip():
            self._list.search = known["search"]
            await self._open_search()
        if isinstance(known.get("chosen"), str):
            self._table.choose(known["chosen"])

    async def _go_on_to(self, chosen: object, place: object) -> None:
        """Read on to the answer that was chosen the last time, unless somebody is under way already."""
        if not (isinstance(chosen, str) and isinstance(place, int)):
            return
        listed = self._list
        while listed.more and len(listed.rows) <= min(place, MOST_PAGES * PAGE) and not self._table.cursor_row:
            await self._read_more()
        if chosen in self._list.rows and not self._table.cursor_row:
            self._table.choose(chosen)

    def _keep(self) -> None:
        """Put into the app's memory how this stands."""
        place = self._table.cursor_row
        how = {"show": self._list.show, "search": self._list.search, "chosen": self._table.chosen, "place": place}
        keep_score(self.ftb.memory, self._list.result, how)

    async def _look(self) -> None:
        """Read again what was changed meanwhile, by a run that goes on or by somebody else; not under a person's keys."""
        db, looking = self.ftb.db, self.ftb.looking
        if db is None or not self.is_current or looking.pace.idle < LOOK_SECONDS:
            return
        self._keep()
        if looking.version == self._version:
            return
        self._version = looking.version
        if await self._list.has_changed(db):
            await self._refresh()
        else:
            await self._list.read_score(db)
            # Another model may have been asked the same.
            await self._show_rest()

    async def on_resize(self) -> None:
        """What has another form in a window of another size."""
        if self._list.rows:
            await self._show_rest()

    def on_screen_resume(self) -> None:
        """What this app itself wrote while another screen was shown is no news by `Looking.version`."""
        self._version = -1

    async def fill(self) -> None:
        """Read the first page of answers."""
        await self._read(PAGE)

    async def _refresh(self) -> None:
        """Read as many answers as are listed again."""
        await self._read(max(PAGE, -(-len(self._list.rows) // PAGE) * PAGE))

    async def _read(self, limit: int) -> None:
        if (db := self.ftb.db) is None:
            return
        if await self._list.read(db, limit):
            self._marks.clear()
            self.notify("Another evaluation of this model counts now; these are its answers.", markup=False)
        lines = [(key, self._line(row)) for key, row in self._list.rows.items()]
        self._table.show(("", "gold", "said", "question"), lines, right=frozenset())
        await self._show_rest()

    async def _read_more(self) -> None:
        if (db := self.ftb.db) is None:
            return
        page = await self._list.read_more(db, PAGE)
        self._table.put([(str(row.response_key), self._line(row)) for row in page])
        await self._show_rest()

    async def _show_rest(self) -> None:
        """What stands above and beside the list."""
        said = self._list.heading(self._marks.said(self._list.rows.keys()), self.app.size.width)
        say(self.query_one("#heading", Static), Content(said))
        await self._fill_answer()

    def _line(self, row: AnswerRow) -> tuple[str | Text, ...]:
        flip = {"fixed": "↑", "broken": "↓"}.get(row.flip or "", " ")
        said = readable(row.response, f"failed: {row.reason}")
        mark = "*" if row in self._marks else " "
        person = f"{'o' if row.machine_grade is not None else ''}{'t' if row.response_key in self._list.tags else ''}"
        glyph = f"{mark}{GLYPHS.get(row.grade, '?')}{flip}{person or ' '}"
        return (glyph, one_line(row.answer, 16), one_line(said, 24), one_line(row.question, 120))

    def _chosen(self) -> AnswerRow | None:
        return self._list.rows.get(self._table.chosen or "")

    @property
    def _table(self) -> Table:
        return self.query_one("#answers", Table)

    async def _fill_answer(self) -> None:
        row, db = self._chosen(), self.ftb.db
        show, result = self._list.show, self._list.result
        if row is None or db is None:
            nothing = f"No answer is {show}. f shows others." if show != "all" else "There is no answer."
            if self._list.search.strip():
                nothing = f"No answer fits the search (showing {show}). escape ends it, f shows others."
            self._tell(Content(nothing))
            return
        said = await question_answers(db, row.question_key, grader=result.grader)
        training = await training_lines(db, result.model_key, row.fact_id)
        found = parts(
            row,
            said_by=said_by(result.kind, result.epoch),
            others=other_models(said, result.model_key),
            tags=self._list.tags.get(row.response_key, ()),
            training=training,
        )
        if row is self._chosen():
            self._tell(laid_out(found, wide=self.app.size.width >= 100))

    def _tell(self, text: Content) -> None:
        """Show this beside the list, from its beginning."""
        if say(self.query_one("#answer", Static), text):
            self.query_one("#detail").scroll_home(animate=False)

    @on(Table.RowHighlighted)
    async def _other_answer(self, event: Table.RowHighlighted) -> None:
        if event.cursor_row >= len(self._list.rows) - 1 and self._list.more:
            await self._read_more()
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
        self._list.search = ""
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
        self._list.show = FILTERS[(FILTERS.index(self._list.show) + 1) % len(FILTERS)]
        await self.fill()

    async def action_search(self) -> None:
        """Open the search."""
        if self.ftb.db is not None:
            used = await tag_counts(self.ftb.db, evaluation_key=self._list.result.evaluation_key)
            self._tag_names = tuple(tag.replace(" ", "_") for tag in used)
        (await self._open_search()).begin()

    async def _open_search(self) -> SearchField:
        found = self.query(SearchField)
        if found:
            return found.first()
        listed = self._list
        field = SearchField(PLACEHOLDER, lambda name: completions(name, listed.result, self._tag_names), listed.search)
        await self.mount(field, before="#panes")
        self.refresh_bindings()
        field.say(search_note(listed.search, listed.result))
        return field

    @on(Input.Changed, "#search")
    async def _searched(self, event: Input.Changed) -> None:
        if event.value == self._list.search or not (field := self.query(SearchField)):
            return
        self._list.search = event.value
        field.first().say(search_note(self._list.search, self._list.result))
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
        """The marked answers of all lists of this score, or the one under the cursor."""
        chosen = self._chosen()
        return self._marks.rows(self._list.rows) or ([chosen] if chosen is not None else [])

    async def action_mark(self) -> None:
        """Mark the answer, or take the mark off, and go to the next."""
        if (row := self._chosen()) is not None:
            self._marks.turn(row)
            self._table.put([(str(row.response_key), self._line(row))])
            self.action_next()
            await self._show_rest()

    async def action_unmark(self) -> None:
        """Take all marks off, those of other lists too."""
        if self._marks.clear():
            await self._refresh()

    @acting
    async def action_overrule(self) -> None:
        """A person's verdict on the chosen answers; the grader's is kept beside it."""
        rows = [row for row in self._acted_on() if row.response is not None]
        if not rows:
            self.notify("There is no answer to overrule here.", markup=False)
        elif await overruled(self.ftb, self._list.result, rows, marked=rows[0] in self._marks):
            self._marks.clear()
            await self._refresh()

    @acting
    async def action_tag(self) -> None:
        """Put tags on the chosen answers."""
        rows = self._acted_on()
        if rows and await tagged(self.ftb, self._list.result, rows, marked=rows[0] in self._marks):
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
            result = self._list.result
            self.app.push_screen(FactScreen(result.dataset_id, row.fact_id, row.fact, result.grader))

    @acting
    async def action_whole(self) -> None:
        """Request, answer and training lines in full."""
        from ftb_tui.ui.screens.text import TextScreen

        row, db = self._chosen(), self.ftb.db
        if row is None or db is None:
            return
        record = await response_record(db, row.response_key)
        lines = await training_lines(db, self._list.result.model_key, row.fact_id)
        self.app.push_screen(TextScreen(row.id, whole_text(row, record, lines)))

    def action_export(self) -> None:
        """Write all answers that are listed, not only those that were read so far, to a file that a person names."""
        from ftb_tui.ui.screens.answers_export import ask_for_file

        if (listed := self._list).rows:
            ask_for_file(self.app, listed.result, listed.chosen, listed.show, listed.search)
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
