"""What a job's models know after each checkpoint, task by task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.collect import named_baselines
from ftb_tui.report.learned import APART, asked_notes
from ftb_tui.report.numbers import counted, interval, score
from ftb_tui.report.plain import one_line
from ftb_tui.store.curves import JobModel, LearningCurves, learning_curves
from ftb_tui.ui.acting import acting
from ftb_tui.ui.following import follow
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.score_plot import Cell, ScorePoint, score_plot
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

STYLES = {
    "point": "$accent bold",
    "interval": "$text-muted",
    "line": "$accent 70%",
    "level": "$warning",
    "axis": "$text-muted",
}
TUNED = "◆"
"""The tuned model's mark: it stands at the same epoch as the last checkpoint, and is another model to the service."""


class Panel(Widget):
    """One task's curve, with its name above it."""

    DEFAULT_CSS = "Panel { height: 1fr; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, tuple[ScorePoint, ...], tuple[tuple[str, float], ...], float | None] = (
            "",
            (),
            (),
            None,
        )

    def show(self, title: str, points: list[ScorePoint], levels: dict[str, float], x_end: float | None) -> None:
        """Draw these; nothing is done when they are those that are shown."""
        now = (title, tuple(points), tuple(levels.items()), x_end)
        if now != self._shown:
            self._shown = now
            self.refresh()

    def render(self) -> Content:
        """Name and plot."""
        title, points, levels, x_end = self._shown
        width, height = self.content_size
        plot = score_plot(points, dict(levels), width=width, height=height - 1, x_end=x_end)
        return Content("\n").join([Content.styled(title, "bold"), *map(_styled, plot)])


def _styled(line: list[Cell]) -> Content:
    parts: list[tuple[str, str]] = []
    for letter, kind in line:
        if parts and parts[-1][1] == kind:
            parts[-1] = (parts[-1][0] + letter, kind)
        else:
            parts.append((letter, kind))
    return Content("").join(Content.styled(text, STYLES.get(kind, "")) for text, kind in parts)


class LearningScreen(OpenedScreen):
    """Curves above, the figures below; what was not asked yet can be asked from here."""

    NAME = "Learning curve"
    PURPOSE = (
        "The score of each task after each checkpoint of one job, from the base (epoch 0) to the tuned model, with 95% "
        "intervals. On yes/no tasks the dashed lines are what no knowledge would score."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Answers", id="learning.open", tooltip="The answers behind this score", priority=True),
        Binding("t", "task", "Task", id="learning.task", tooltip="The next task's curve, large; after the last, all"),
        Binding(
            "v", "evaluate", "Evaluate", id="learning.evaluate", tooltip="Ask the checkpoints that have no answers yet"
        ),
        Binding("e", "export", "Export", id="learning.export", tooltip="Write the points of all curves to a file"),
        Binding("y", "copy", "Copy", id="learning.copy", tooltip="Copy the figures as tab-separated text"),
    ]
    DEFAULT_CSS = """
    LearningScreen #state { height: auto; padding: 0 1; color: $text-muted; }
    LearningScreen #panels { height: 2fr; layout: grid; grid-size: 1; grid-gutter: 0 1; }
    LearningScreen.-wide #panels { grid-size: 2; }
    LearningScreen.-wide #panels.one { grid-size: 1; }
    LearningScreen #below { height: 1fr; min-height: 5; }
    """

    def __init__(self, job_key: int, dataset_id: str, dataset: str, grader: str) -> None:
        super().__init__()
        self._job_key, self._dataset_id, self._dataset, self._grader = job_key, dataset_id, dataset, grader
        self._curves: LearningCurves | None = None
        self._alone: str | None = None

    def body(self) -> Iterable[Widget]:
        """State, curves, table."""
        yield Static("", id="state", markup=False)
        yield Container(id="panels")
        yield Splitter(id="below-panels", pane="panels")
        with Container(id="below"):
            yield Table(id="scores", cursor="cell")

    async def on_mount(self) -> None:
        """Read now, and again whenever answers come in."""
        await follow(self, self._read)
        table = self.query_one("#scores", Table)
        table.move_cursor(row=table.row_count - 1, column=1)
        table.focus()

    async def _read(self) -> None:
        db = self.ftb.db
        if db is not None:
            self._curves = await learning_curves(db, self._job_key, self._dataset_id, grader=self._grader)
            if self.is_attached:
                await self._fill()

    async def _fill(self) -> None:
        curves = self._curves
        if curves is None:
            return
        self.head(
            f"Learning curve · job {self._job_key} · {one_line(self._dataset, 30)} · by {one_line(self._grader, 20)}"
        )
        self.query_one("#state", Static).update(Content(self._state(curves)))
        wide = self.has_class("-wide")
        lines: list[tuple[str, tuple[str | Text, ...]]] = []
        for model in curves.models:
            cells = [self._cell(curves, model, task, wide) for task in curves.tasks]
            lines.append((str(model.model_key), (_place(model), *cells)))
        self.query_one("#scores", Table).show(("after", *curves.tasks), lines, right=frozenset())
        await self._fill_panels(curves)

    def _state(self, curves: LearningCurves) -> str:
        missing, trained = len(curves.without_answers), sum(model.kind != "base" for model in curves.models)
        cut = len(curves.unfinished) - missing
        if trained == 1 and not curves.unfinished:
            said = "The service keeps no checkpoint of this job: there are only the base and the tuned model."
        elif missing:
            more = f", {cut} not to the end" if cut else ""
            said = f"{missing} of the job's {trained} models were asked nothing yet{more}; v asks them."
        elif cut:
            said = f"{cut} of the job's {trained} models were not asked to the end; v goes on with them."
        else:
            said = f"All {trained} models of the job were asked."
        return "\n".join([said, *asked_notes(curves)])

    async def _fill_panels(self, curves: LearningCurves) -> None:
        alone = self._alone if self._alone in curves.tasks else None
        if alone is None and not self.has_class("-wide") and curves.tasks:
            alone = curves.tasks[0]
        shown = [alone] if alone is not None else list(curves.tasks)
        panels = self.query_one("#panels", Container)
        panels.set_class(len(shown) == 1, "one")
        have = list(panels.query(Panel))
        if len(have) > len(shown):
            for panel in have[len(shown) :]:
                await panel.remove()
        elif len(have) < len(shown):
            await panels.mount_all(Panel() for _ in range(len(shown) - len(have)))
        if self._curves is not curves:
            # Newer ones were read meanwhile, and are drawn by whoever read them.
            return
        end = max((_x(model, curves) for model in curves.models), default=0)
        for panel, task in zip(panels.query(Panel), shown, strict=False):
            points, levels = curve_of(curves, task)
            tuned = f", {TUNED}: the tuned model" if any(point.mark == TUNED for point in points) else ""
            panel.show(f"{task}, by {_unit(curves)} (0: the base{tuned})", points, levels, end)

    def _cell(self, curves: LearningCurves, model: JobModel, task: str, wide: bool) -> Text:
        point = curves.points.get((model.model_key, task))
        if point is None:
            return Text("·", style="dim")
        text = Text(score(point.score), style="bold" if model.kind == "tuned" else "")
        if wide:
            text.append(f"  {interval(point.low, point.high):<8} of {point.n}", style="dim")
        if not point.is_joined:
            text.append(f" {APART}", style="dim")
        return text

    def _chosen(self) -> tuple[int, str] | None:
        table, curves = self.query_one("#scores", Table), self._curves
        column = table.cursor_column - 1
        if curves is None or table.chosen is None or not 0 <= column < len(curves.tasks):
            return None
        return int(table.chosen), curves.tasks[column]

    @on(Table.CellHighlighted, "#scores")
    def _other_cell(self) -> None:
        table = self.query_one("#scores", Table)
        if table.cursor_column == 0 and self._curves is not None and self._curves.tasks:
            table.move_cursor(column=1)

    async def on_resize(self) -> None:
        """One curve where there is little room."""
        self.call_after_refresh(self._fill)

    def action_open(self) -> None:
        """The answers behind the score under the cursor."""
        chosen, curves = self._chosen(), self._curves
        point = curves.points.get(chosen) if curves is not None and chosen is not None else None
        if point is None:
            self.notify("This model was not asked this task yet; v asks it.", markup=False)
            return
        from ftb_tui.ui.screens.answers import AnswersScreen

        self.app.push_screen(AnswersScreen(point.row))

    async def action_task(self) -> None:
        """The next task's curve alone; after the last all of them, where there is room."""
        curves = self._curves
        if curves is None or not curves.tasks:
            return
        choices: list[str | None] = [None, *curves.tasks] if self.has_class("-wide") else [*curves.tasks]
        # Where there is little room, none chosen means that the first is shown.
        at = choices.index(self._alone) if self._alone in choices else 0
        self._alone = choices[(at + 1) % len(choices)]
        await self._fill()

    @acting
    async def action_evaluate(self) -> None:
        """Say what would be asked, then ask it in the background."""
        from ftb_tui.ui.screens.choose import ChooseScreen
        from ftb_tui.work.asking_quote import quote_lines, require_money
        from ftb_tui.work.checkpoints import CheckpointPlan, checkpoint_plans, require_nobody_asks
        from ftb_tui.work.cost import money

        db, curves = self.ftb.db, self._curves
        if db is None or curves is None:
            return
        models = curves.unfinished
        if not models:
            self.notify("Every model of this job was asked already.", markup=False)
            return
        await require_nobody_asks(db, self._job_key)

        def said(plan: CheckpointPlan) -> str:
            cost = plan.quote.cost
            price = "" if not plan.quote.costs_money else f", {money(cost)} at most" if cost else ", at no known price"
            n_questions, n_answers = counted(len(plan.questions), "question"), counted(plan.n_answers, "answer")
            begun = ", less what was answered" if plan.is_begun else ""
            return f"{plan.short}: {n_questions}, {n_answers} in all{price}{begun}"

        plans = await checkpoint_plans(db, self._job_key, self._dataset_id, models)
        require_money(plans[0].quote)
        those = "the model" if len(models) == 1 else f"the {len(models)} models"
        lacking = "answers" if models == curves.without_answers else "all answers"
        text = f"Ask {those} without {lacking}, one after the other, in the background"
        costs = plans[0].quote.costs_money
        text += f"\n\n{chr(10).join(quote_lines(plans[0].quote)[1:])}" if costs else ""
        choices, yes = [said(plan) for plan in plans], "ask, for that at most" if costs else "ask"
        begun = next((place for place, plan in enumerate(plans) if plan.is_begun), 0)
        chosen = await self.app.push_screen_wait(ChooseScreen(text, choices, at=begun, yes=yes))
        if chosen is None:
            return
        if self.ftb._supervisor is None:
            self.notify("Nothing can be asked: this app runs without its background.", severity="error", markup=False)
            return
        self.ftb.supervisor.ask_models(self._job_key, self._dataset_id, models, plans[chosen])

    def action_export(self) -> None:
        """Write the points of all curves to a file that is asked for."""
        curves = self._curves
        if curves is None or not curves.points:
            self.notify("There is no point to write yet.", markup=False)
            return
        from ftb_tui.report.learned import learning_sheet
        from ftb_tui.ui.screens.sheet_export import ask_for_file

        ask_for_file(
            self.app, "the points of all curves", "point", f"learning job {self._job_key} {self._dataset}",
            lambda: learning_sheet(curves, self._dataset, self._grader),
        )  # fmt: skip

    def action_copy(self) -> None:
        """Copy the figures, tab-separated, with a head."""
        curves = self._curves
        if curves is None:
            return
        lines = ["model\tstep\tepoch\ttask\tscore\tlow\thigh\tn"]
        for model in curves.models:
            for task in curves.tasks:
                if (point := curves.points.get((model.model_key, task))) is not None:
                    values = (
                        one_line(model.name, 200), model.step, model.epoch, task, point.score, point.low, point.high, point.n,
                    )  # fmt: skip
                    lines.append("\t".join("" if value is None else str(value) for value in values))
        self.app.copy_to_clipboard("\n".join(lines))
        self.notify(f"{len(lines) - 1} scores copied.", markup=False)


def curve_of(curves: LearningCurves, task: str) -> tuple[list[ScorePoint], dict[str, float]]:
    """The points of one task in the order of training, and its trivial baselines."""
    points = []
    for model in curves.models:
        point = curves.points.get((model.model_key, task))
        if point is not None:
            mark = APART if not point.is_joined else TUNED if model.kind == "tuned" else "●"
            points.append(ScorePoint(_x(model, curves), point.score, point.low, point.high, mark, point.is_joined))
    found = curves.baselines.get(task)
    levels = {} if found is None else named_baselines(found)
    return points, {f"{name} {value:.2f}": value for name, value in levels.items()}


def _unit(curves: LearningCurves) -> str:
    return "step" if any(model.epoch is None for model in curves.models) else "epoch"


def _x(model: JobModel, curves: LearningCurves) -> float:
    return float(model.step if _unit(curves) == "step" or model.epoch is None else model.epoch)


def _place(model: JobModel) -> str:
    if model.kind == "base":
        return "base"
    epoch = "" if model.epoch is None else f"epoch {model.epoch}"
    return f"{epoch or f'step {model.step}'}{' (tuned)' if model.kind == 'tuned' else ''}"
