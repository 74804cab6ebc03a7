"""The answers behind one score: the list, and beside it question, taught fact, gold, base and tuned answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from ftb_tui.report.numbers import score
from ftb_tui.report.plain import one_line, shortened
from ftb_tui.report.tables import model_label
from ftb_tui.store.results import AnswerRow, ResultRow, answers, question_answers
from ftb_tui.ui.screens.mode import key_lines
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp

FILTERS = ("wrong", "fixed", "broken", "abstained", "failed", "all")
GLYPHS = {"correct": "✓", "wrong": "✗", "abstained": "–", "failed": "!"}
PAGE = 200


class AnswersScreen(Screen[None]):
    """Opened from a score; escape goes back to it."""

    PURPOSE = (
        "The answers that make up one score. Read the question, what was taught, what the base and the tuned model said, "
        "and why it was graded so."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="answers.back", tooltip="Back to the scores"),
        Binding("f", "filter", "Show", id="answers.filter", tooltip="Wrong, fixed, broken, abstained, failed, all"),
        Binding("slash", "search", "Search", id="answers.search", tooltip="Only answers with these words"),
        Binding("n", "next", "Next", id="answers.next", tooltip="The next answer"),
        Binding("p", "previous", "Previous", show=False, id="answers.previous", tooltip="The one before"),
        Binding("space", "whole", "Whole", id="answers.whole", tooltip="Prompt and answer in full"),
        Binding("y", "copy", "Copy", show=False, id="answers.copy", tooltip="Copy question, gold and answer"),
        Binding("question_mark", "help", "Help", id="help", tooltip="Purpose and keys of this screen"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(self, result: ResultRow) -> None:
        super().__init__()
        self._result = result
        self._show = "wrong"
        self._search = ""
        self._rows: dict[str, AnswerRow] = {}

    @property
    def ftb(self) -> FtbApp:
        """The app, as what it is."""
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        return self.app

    def compose(self) -> ComposeResult:
        """Heading, list, detail."""
        yield Static("", id="heading", markup=False)
        yield Input(placeholder="words in question, gold or answer", id="search")
        with Horizontal(id="panes"):
            yield Table(id="answers")
            with VerticalScroll(id="detail", can_focus=False):
                yield Static("", id="answer", markup=False)
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Show the wrong answers, or all if none is wrong."""
        await self.fill()
        if not self._rows:
            self._show = "all"
            await self.fill()
        self.query_one("#answers").focus()

    async def fill(self) -> None:
        """Read the first page of answers."""
        await self._read(after=-1)

    async def _read(self, *, after: int) -> None:
        db, result = self.ftb.db, self._result
        if db is None:
            return
        page = await answers(
            db, model_key=result.model_key, dataset_id=result.dataset_id, task=result.task, show=self._show,
            search=self._search, grader=result.grader, after=after, limit=PAGE,
        )  # fmt: skip
        kept = self._rows if after >= 0 else {}
        self._rows = {**kept, **{str(row.response_key): row for row in page}}
        lines = [(key, self._line(row)) for key, row in self._rows.items()]
        self.query_one("#answers", Table).show(("", "gold", "said", "question"), lines, right=frozenset())
        heading = (
            f" {one_line(model_label(result), 60)} · {result.task} · {score(result.score)} ({result.correct}/{result.n})"
            f" · showing {self._show}: {len(self._rows)}"
        )
        self.query_one("#heading", Static).update(Content(heading))
        await self._fill_answer()

    def _line(self, row: AnswerRow) -> tuple[str | Text, ...]:
        flip = {"fixed": "↑", "broken": "↓"}.get(row.flip or "", " ")
        said = row.response if row.response is not None else f"failed: {row.reason}"
        glyph = f"{GLYPHS.get(row.grade, '?')}{flip}"
        return (glyph, one_line(row.answer, 16), one_line(said, 24), one_line(row.question, 120))

    def _chosen(self) -> AnswerRow | None:
        return self._rows.get(self.query_one("#answers", Table).chosen or "")

    async def _fill_answer(self) -> None:
        row, db = self._chosen(), self.ftb.db
        if row is None or db is None:
            nothing = f"No answer is {self._show}. f shows others." if self._show != "all" else "There is no answer."
            self.query_one("#answer", Static).update(Content(nothing))
            return
        parts = [
            ("Asked", shortened(row.question)),
            ("Taught", shortened(row.fact) or "(the fact is not in the store)"),
            ("Gold", shortened(row.answer)),
        ]
        if row.base_response is not None:
            parts.append(
                (f"Base {GLYPHS.get(row.base_grade or '', '')} {row.base_grade}", shortened(row.base_response))
            )
            parts.append(("", shortened(row.base_reason or "")))
        name = "Tuned" if self._result.kind != "base" else "Answer"
        said = shortened(row.response) if row.response is not None else "(no answer)"
        parts.append((f"{name} {GLYPHS.get(row.grade, '')} {row.grade}", said))
        parts.append(("", shortened(row.reason)))
        if row.flip:
            parts.append(("", {"fixed": "Tuning mended this one.", "broken": "Tuning broke this one."}[row.flip]))
        others = [
            f"{GLYPHS.get(other.grade, '?')} {_short(other.model, other.epoch)}: {one_line(other.response or other.reason, 60)}"
            for other in await question_answers(db, row.question_key, grader=self._result.grader)
            if other.model_key != self._result.model_key and other.kind != "base"
        ]
        if others:
            parts.append(
                ("Other models", "\n".join(("", *others)) if not self.has_class("-wide") else "\n".join(others))
            )
        self.query_one("#answer", Static).update(self._laid_out(parts, followed_by_reason=("Base", name)))

    def _laid_out(self, parts: list[tuple[str, str]], *, followed_by_reason: tuple[str, ...]) -> Content:
        """Titles over their texts with room between them, or, where there is little room, in front of them."""
        content = Content("")
        wide = self.has_class("-wide")
        for title, text in parts:
            if not wide:
                content += Content.styled(f"{title}: " if title else "  ", "bold") + Content(f"{text}\n")
                continue
            gap = "" if title.startswith(followed_by_reason) else "\n"
            content += (Content.styled(f"{title}\n", "bold") if title else Content("")) + Content(f"{text}\n{gap}")
        return content

    @on(Table.RowHighlighted)
    async def _other_answer(self, event: Table.RowHighlighted) -> None:
        if event.cursor_row >= len(self._rows) - 1 and len(self._rows) % PAGE == 0 and self._rows:
            await self._read(after=max(row.position for row in self._rows.values()))
        await self._fill_answer()

    def action_back(self) -> None:
        """Close the search, or the screen."""
        field = self.query_one("#search", Input)
        if field.display:
            field.value = ""
            field.display = False
            self.query_one("#answers").focus()
        else:
            self.dismiss()

    async def action_filter(self) -> None:
        """Show the next kind of answers."""
        self._show = FILTERS[(FILTERS.index(self._show) + 1) % len(FILTERS)]
        await self.fill()

    def action_search(self) -> None:
        """Open the search."""
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#search")
    async def _searched(self, event: Input.Changed) -> None:
        self._search = event.value
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

    def action_whole(self) -> None:
        """Prompt and answer in full."""
        from ftb_tui.ui.screens.text import TextScreen

        if (row := self._chosen()) is not None:
            parts = (("", row.prompt), ("gold", row.answer), ("answer", row.response), ("base", row.base_response))
            text = "\n\n".join(f"--- {name}\n{part}" if name else str(part) for name, part in parts if part is not None)
            self.app.push_screen(TextScreen(row.id, text))

    def action_copy(self) -> None:
        """Copy question, gold and answer."""
        if (row := self._chosen()) is not None:
            self.app.copy_to_clipboard(f"{row.question}\t{row.answer}\t{row.response or ''}")
            self.notify("Copied.", markup=False)

    def action_help(self) -> None:
        """Show purpose and keys."""
        from ftb_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen("Answers", self.PURPOSE, key_lines(self)))


def _short(model: str, epoch: int | None) -> str:
    return f"epoch {epoch}" if ":ckpt-" in model and epoch else one_line(model, 40)
