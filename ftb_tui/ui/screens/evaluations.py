"""Mode 3: evaluations and how far they are."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.benchmark.statistics import wilson
from ftb_tui.report.numbers import duration, interval, score
from ftb_tui.report.plain import one_line, visible
from ftb_tui.store.evaluations import EvaluationRow, list_evaluations
from ftb_tui.store.job_series import answered_since
from ftb_tui.ui.acting import acting
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.cells import Cell, Valued
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

EMPTY = "No evaluation yet. Press b for the quick benchmark, or evaluate a finished job (2, then v)."


class EvaluationsScreen(ModeScreen):
    """One line for each evaluation, with its live score."""

    MODE = "evaluations"
    PURPOSE = (
        "Models being asked a dataset's questions. Every answer is kept as it comes, so a run can be paused or killed at "
        "any time and asks exactly what is missing when it goes on."
    )
    NEEDS_ROWS = frozenset({"pause", "resume"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause", id="evaluations.pause", tooltip="Stop asking; answers are kept"),
        Binding("r", "resume", "Resume", id="evaluations.resume", tooltip="Ask what is missing, failed questions too"),
        Binding(
            "enter", "results", "Results", id="evaluations.results", tooltip="Show the result table", priority=True
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, EvaluationRow] = {}
        self._run: tuple[int, int] = (0, 0)
        """Of the chosen evaluation: its key, and how many answers the present run of it, or the last one, had."""

    def body(self) -> Iterable[Widget]:
        """The table and the chosen evaluation's details."""
        yield Static(Content(EMPTY), id="empty")
        yield Table(id="evaluations", tools=True)
        yield Splitter(id="above-detail", pane="evaluations")
        with Detail(id="detail"):
            yield Static("", id="facts", markup=False)

    def on_mount(self) -> None:
        """A whole row is told in more words than its cells have room for."""
        super().on_mount()
        self.query_one("#evaluations", Table).tell = lambda key: "\n".join(self._told(self._rows[key], whole=True))

    async def fill(self) -> None:
        """Every evaluation; totals are counted from the rows."""
        if self.ftb.db is None:
            return
        rows = await list_evaluations(self.ftb.db)
        self._rows = {str(row.evaluation_key): row for row in rows}
        self.say_empty(not rows)
        self.query_one(Splitter).display = bool(rows)
        columns = ("no", "state", "asked", "right", "95%", "failed", "model", "dataset", "tokens")
        lines = [(key, self._line(row)) for key, row in self._rows.items()]
        right = frozenset({"no", "asked", "right", "95%", "failed", "tokens"})
        self.query_one("#evaluations", Table).show(columns, lines, right=right)
        if self.focused is None:
            self.query_one("#evaluations").focus()
        await self._fill_facts()

    def _line(self, row: EvaluationRow) -> tuple[Cell, ...]:
        state = "interrupted" if row.is_abandoned else row.state
        glyph = {"running": "●", "finished": "✓", "failed": "✗", "paused": "‖"}.get(state, "◌")
        low, high = wilson(row.n_correct, row.n_answered) if row.n_answered else (None, None)
        share = row.n_correct / row.n_answered if row.n_answered else None
        asked = row.n_answered + row.n_failed
        room = 60 if self.size.width >= 140 else 29
        name = "…" + row.model[1 - room :] if len(row.model) > room else row.model
        return (
            str(row.evaluation_key), f"{glyph} {state}", Valued(f"{asked}/{row.n_questions}", asked / max(1, row.n_questions)),
            Valued(score(share), share), interval(low, high), str(row.n_failed or ""),
            Valued(one_line(name, room + 1), row.model), row.dataset,
            f"{'~' if row.tokens_estimated else ''}{row.prompt_tokens + row.completion_tokens:,}",
        )  # fmt: skip

    async def _fill_facts(self) -> None:
        row = self._chosen()
        if row is not None and row.started_at is not None and self.ftb.db is not None:
            self._run = row.evaluation_key, await answered_since(self.ftb.db, row.evaluation_key, row.started_at)
        if row is self._chosen():
            self.query_one("#facts", Static).update(Content("\n".join(self._told(row) if row is not None else [])))

    def _told(self, row: EvaluationRow, *, whole: bool = False) -> list[str]:
        lines = [f"{one_line(row.model, 1000 if whole else 100)} on {', '.join(row.tasks)}"]
        if whole:
            state = "interrupted" if row.is_abandoned else row.state
            right = f"{row.n_correct} of {row.n_answered} answers right" if row.n_answered else "no answer yet"
            how = ", estimated: the service left some out" if row.tokens_estimated else ""
            lines = [
                f"evaluation {row.evaluation_key}: {state}", f"model {lines[0]} of {row.dataset}",
                f"{row.n_answered + row.n_failed} of {row.n_questions} asked, {right}, {row.n_failed} failed",
                f"{row.prompt_tokens:,} tokens in, {row.completion_tokens:,} out{how}",
            ]  # fmt: skip
        given = ", ".join(f"{name} {value}" for name, value in row.parameters.items())
        lines.append(f"asked with {given}; graded by {row.grader}; {row.n_abstained} abstained")
        key, answered = self._run
        # Of one that is paused there is no rate: nothing is asked, and it would sink with every look.
        end = self.ftb.now() if row.state == "running" and not row.is_abandoned else row.finished_at
        if key == row.evaluation_key and row.started_at and answered and end and end - row.started_at >= 1:
            rate = answered / (end - row.started_at)
            left = f", about {duration(row.n_missing / rate)} left" if row.state == "running" else ""
            lines.append(f"{rate:.1f} answers a second{left}")
        if row.error:
            lines.append(f"stopped: {one_line(row.error, 100_000 if whole else 300)}")
        if row.started_at is None:
            return [*lines, f"planned {_moment(row.created_at)}, not begun"]
        if key == row.evaluation_key and answered < row.n_answered:
            return [*lines, f"planned {_moment(row.created_at)}, gone on with {_moment(row.started_at)}"]
        return [*lines, f"begun {_moment(row.started_at)}"]

    async def on_data_table_row_highlighted(self) -> None:
        """Another evaluation was chosen."""
        await self._fill_facts()

    def _chosen(self) -> EvaluationRow | None:
        return self._rows.get(self.query_one("#evaluations", Table).chosen or "")

    def action_pause(self) -> None:
        """Stop asking."""
        row = self._chosen()
        if row is not None and row.state == "running":
            self.ftb.supervisor.pause_evaluation(row.evaluation_key)
        else:
            self.notify("Only a running evaluation can be paused.", markup=False)

    @acting
    async def action_resume(self) -> None:
        """Ask what is missing, once a person has agreed to what it may cost."""
        from ftb_tui.ui.screens.confirm import ConfirmScreen
        from ftb_tui.work.asking_quote import consent_words, quote_lines, quote_missing, require_money

        row = self._chosen()
        if row is None or not row.n_missing or self.ftb.db is None:
            self.notify("Nothing is missing in this evaluation.", markup=False)
            return
        quote = await quote_missing(self.ftb.db, row.evaluation_key)
        require_money(quote)
        text = visible("\n".join(quote_lines(quote)))
        if not quote.costs_money or await self.app.push_screen_wait(ConfirmScreen(text, yes=consent_words(quote))):
            self.ftb.supervisor.run_evaluation(row.evaluation_key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter in the filter's line is the filter's."""
        if action == "results":
            return isinstance(self.focused, Table | None)
        return super().check_action(action, parameters)

    def action_results(self) -> None:
        """Show the result table."""
        self.ftb.switch_mode("results")


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
