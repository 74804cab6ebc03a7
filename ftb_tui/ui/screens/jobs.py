"""Mode 2: jobs; for the chosen one its loss curve, how it is doing, its log; others' curves beside it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.job_news import Watch
from ftb_tui.report.pace import NEWEST, Eta, eta
from ftb_tui.report.plain import one_line
from ftb_tui.store import job_series
from ftb_tui.store import jobs as store
from ftb_tui.store.following import is_answering
from ftb_tui.ui import job_words as words
from ftb_tui.ui.acting import acting
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.curve import Curve, Drawing, Marks, points_of
from ftb_tui.ui.widgets.event_log import EventLog
from ftb_tui.ui.widgets.plot import Line
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

EMPTY = "No job yet. Press b for the quick benchmark, or choose a dataset (1) and train on it (t)."


@dataclass(frozen=True, slots=True)
class Awaited:
    """A job that is being launched, its key to come, and where the cursor stood."""

    job: Future[int]
    stood_on: str | None

    @property
    def is_refused(self) -> bool:
        """Whether it will not come."""
        return self.job.done() and (self.job.cancelled() or self.job.exception() is not None)


class JobsScreen(ModeScreen):
    """A table above; curve and log of the chosen job below."""

    MODE = "jobs"
    PURPOSE = (
        "Fine-tuning jobs and how they are doing: the loss of the chosen job, beside it that of marked ones (m), its "
        "epochs and checkpoints, its log, and how old the news is. Jobs go on when you quit."
    )
    NEEDS_ROWS = frozenset({"cancel", "pause", "resume", "scale", "mark", "evaluate"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel", id="jobs.cancel", tooltip="Cancel the chosen job for good, or give it up"),
        Binding("p", "pause", "Pause", id="jobs.pause", tooltip="Hold the chosen job; its progress is kept"),
        Binding("r", "resume", "Resume", id="jobs.resume", tooltip="Let a paused job go on; send one never sent"),
        Binding("l", "scale", "Log scale", id="jobs.scale", tooltip="Draw the loss on a logarithmic scale, or not"),
        Binding("m", "mark", "Mark", id="jobs.mark", tooltip="Draw this job's loss beside the chosen one's, or not"),
        Binding("v", "evaluate", "Evaluate", id="jobs.evaluate", tooltip="Ask the job's model, or a checkpoint of it"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, store.JobRow] = {}
        self._steps: dict[str, list[tuple[int, float]]] = {}
        self._outlines: dict[str, tuple[int | None, int, list[float | None]]] = {}
        self._losses: dict[tuple[int, str], tuple[object, list[tuple[int, float]]]] = {}
        self._marked: list[str] = []
        self._log_scale = False
        self._shown_job: str | None = None
        self._costs: dict[str, str] = {}
        self._fills = 0
        self._ticked = 0.0
        self._awaited: Awaited | None = None

    def body(self) -> Iterable[Widget]:
        """The table, the curve, the log."""
        yield Static(Content(EMPTY), id="empty")
        yield Table(id="jobs", tools=True)
        yield Splitter(id="below-jobs", pane="jobs")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Static("", id="facts", markup=False)
                yield Curve(id="curve")
            yield Splitter(id="beside-log", pane="left")
            with Vertical(id="right"):
                yield EventLog(id="log")

    def on_mount(self) -> None:
        """A whole row is told in more words than its cells have room for."""
        super().on_mount()
        self.query_one("#jobs", Table).tell = self._whole

    def on_resize(self) -> None:
        """There may be room for more columns now, or for fewer."""
        self.ftb.ask_for_refresh()

    async def fill(self) -> None:
        """Every job, then the chosen one's details."""
        if self.ftb.db is None:
            return
        rows = await store.list_jobs(self.ftb.db)
        self._jobs = {str(row.job_key): row for row in rows}
        self._marked = [key for key in self._marked if key in self._jobs]
        for part in ("#panes", "#below-jobs", "#jobs"):
            self.query_one(part).display = bool(rows)
        self.say_empty(not rows)
        await self._reckon()
        self._show_table()
        self._stand_on_awaited()
        if self.focused is None:
            self.query_one("#jobs").focus()
        await self._fill_chosen()

    async def _reckon(self) -> None:
        """The pace of the running jobs, and the outlines of the curves that have grown."""
        db = self.ftb.db
        assert db is not None
        self._steps = {
            key: [] if row.estimated_finish else await job_series.step_times(db, row.job_key, NEWEST)
            for key, row in self._jobs.items()
            if row.state == "running" and not row.is_final
        }
        blocks = words.blocks(self._is_wide)
        grown = [
            row.job_key
            for key, row in self._jobs.items()
            if key not in self._outlines or self._outlines[key][:2] != (row.step, blocks)
        ]
        for job_key, outline in (await job_series.coarse_losses(db, grown, blocks)).items():
            self._outlines[str(job_key)] = (self._jobs[str(job_key)].step, blocks, outline)

    def await_job(self, job: Future[int]) -> None:
        """Stand on the job with this key as soon as it is there, unless somebody moves before or it never comes."""
        self._awaited = Awaited(job, self.query_one("#jobs", Table).chosen)
        self.ftb.ask_for_refresh()

    def _stand_on_awaited(self) -> None:
        if self._awaited is None:
            return
        table, awaited = self.query_one("#jobs", Table), self._awaited
        if awaited.is_refused or (awaited.stood_on is not None and table.chosen != awaited.stood_on):
            self._awaited = None
        elif awaited.job.done() and (key := str(awaited.job.result())) in self._jobs:
            table.choose(key)
            self._awaited = None
        else:
            self._awaited = replace(awaited, stood_on=table.chosen)

    @property
    def _is_wide(self) -> bool:
        return self.has_class("-wide")

    def _eta(self, row: store.JobRow) -> Eta | None:
        """What is left of a running job at this moment."""
        steps = self._steps.get(str(row.job_key))
        return None if steps is None else eta(row.estimated_finish, steps, row.total_steps, self.ftb.now())

    def _show_table(self) -> None:
        wide = self._is_wide
        lines = [
            (
                key,
                words.line(
                    row, self._watch(row), self._eta(row), self._letter(key),
                    self._outlines.get(key, (None, 0, []))[2], wide=wide,
                ),
            )
            for key, row in self._jobs.items()
        ]  # fmt: skip
        self.query_one("#jobs", Table).show(words.columns(wide), lines, right=words.RIGHT)

    def _letter(self, key: str) -> str:
        return words.LETTERS[self._marked.index(key)] if key in self._marked else ""

    def _watch(self, row: store.JobRow) -> Watch:
        next_look, followed = self.ftb.watched(row.job_key)
        return Watch(self.ftb.now(), next_look, followed)

    def tick(self) -> None:
        """Ages and what is left grow old by themselves: once a second, in place."""
        if not self._jobs or self.ftb.now() - self._ticked < 1:
            return
        self._ticked = self.ftb.now()
        if any(not row.is_final for row in self._jobs.values()):
            self._show_table()
            self._show_facts()

    def _chosen(self) -> store.JobRow | None:
        return self._jobs.get(self.query_one("#jobs", Table).chosen or "")

    async def _fill_chosen(self) -> None:
        row, db = self._chosen(), self.ftb.db
        if db is None:
            return
        self._fills += 1
        fill = self._fills
        self.query_one("#panes").display = row is not None
        if row is None:
            return
        from ftb_tui.store.spending import job_cost
        from ftb_tui.work.cost import cost_sentence

        self._show_facts()
        key = str(row.job_key)
        cost = await job_cost(db, row.job_key)
        drawing = await self._drawing(row)
        events = await store.job_events(db, row.job_key)
        self._costs[key] = "" if cost.price is None and cost.estimated_cost is None else cost_sentence(cost)
        if fill != self._fills or self.query_one("#jobs", Table).chosen != key:
            # Another job was chosen while the store was asked, or this one asked for again: whoever was later tells it.
            return
        self._show_facts()
        self.query_one("#curve", Curve).show(drawing)
        lines = [
            f"{time.strftime('%H:%M:%S', time.localtime(event.created_at))}  "
            f"{'' if event.level == 'info' else f'{one_line(event.level, 12)}: '}{one_line(event.message, 2000)}"
            for event in events
        ]
        other, self._shown_job = self._shown_job != key, key
        self.query_one("#log", EventLog).show(lines, other=other)

    def _facts(self, row: store.JobRow) -> list[str]:
        return words.facts(row, self._watch(row), self._eta(row), self._costs.get(str(row.job_key), ""))

    def _show_facts(self) -> None:
        row = self._chosen()
        if row is not None:
            self.query_one("#facts", Static).update(Content("\n".join(self._facts(row))))

    async def _drawing(self, row: store.JobRow) -> Drawing:
        """The chosen job's losses in front, its epochs and checkpoints below the axis, the marked jobs' behind."""
        db = self.ftb.db
        assert db is not None
        accent = self.ftb.theme_variables.get("accent", "")
        own = await self._measured(row, "train_loss")
        lines = [Line(points_of(own), style=accent)]
        legend = [f"─ job {row.job_key}"] if self._marked else []
        names = [name for name in await store.metric_names(db, row.job_key) if name != "train_loss" and "loss" in name]
        validation = next((name for name in ("valid_loss", "full_valid_loss", *names) if name in names), None)
        if validation:
            points = points_of(await self._measured(row, validation))
            lines.insert(0, Line(points, mark="○", style=words.COLOURS[1], every_point=True))
            legend.append("○ validation")
        steps = tuple(float(one.step) for one in await store.job_checkpoints(db, row.job_key))
        marks = (Marks("┴", "epoch", tuple(words.epochs(row))), Marks("^", "checkpoint", steps))
        for letter, key in zip(words.LETTERS, self._marked, strict=False):
            if key != str(row.job_key):
                other = await self._measured(self._jobs[key], "train_loss")
                colour = words.COLOURS[words.LETTERS.index(letter)]
                lines.append(Line(points_of(other), mark=letter, style=colour))
                legend.append(f"{letter} job {key}")
        title = f"training loss by step{', logarithmic' if self._log_scale else ''}"
        return Drawing(
            title=title if any(line.points for line in lines) else words.no_curve(row),
            lines=tuple(lines),
            x_end=row.total_steps,
            log=self._log_scale,
            marks=marks,
            legend=tuple(legend),
        )

    async def _measured(self, row: store.JobRow, name: str) -> list[tuple[int, float]]:
        """One metric of a job, read again only when the job has gone on."""
        age = (row.step, row.state, row.heard_at if row.is_final else None)
        known = self._losses.get((row.job_key, name))
        if known is None or known[0] != age:
            assert self.ftb.db is not None
            known = (age, await store.job_metrics(self.ftb.db, row.job_key, name))
            self._losses[row.job_key, name] = known
        return known[1]

    def _whole(self, key: str) -> str:
        row = self._jobs[key]
        return "\n".join(
            (
                f"job {row.job_key}: {row.state}, said as {row.raw_state!r}",
                f"{row.base_model} on {row.dataset} at {row.provider} ({row.host})",
                f"id there {row.remote_job_id or 'not known'}, ours {row.intent_id} ({row.intent})",
                *self._facts(row),
                *([f"error in full: {row.error}"] if row.error else []),
                *(
                    [f"{'' if is_answering(row) else 'no answer, '}in full: {row.follow_error}"]
                    if row.follow_error
                    else []
                ),
            )
        )

    @on(Table.RowHighlighted, "#jobs")
    async def _other_job(self) -> None:
        await self._fill_chosen()

    async def action_scale(self) -> None:
        """Change the scale of the curve."""
        self._log_scale = not self._log_scale
        await self._fill_chosen()

    async def action_mark(self) -> None:
        """Mark the chosen job, or take its mark away."""
        key = self.query_one("#jobs", Table).chosen
        if key in self._marked:
            self._marked.remove(key)
        elif key is not None and len(self._marked) < len(words.LETTERS):
            self._marked.append(key)
        elif key is not None:
            self.notify(f"Only {len(words.LETTERS)} jobs can be told apart at once.", markup=False)
        self._show_table()
        await self._fill_chosen()

    @acting
    async def action_cancel(self) -> None:
        """Confirm, then ask the service."""
        from ftb_tui.ui.screens.job_actions import end

        if (row := self._chosen()) is not None:
            await end(self.ftb, row)

    def action_pause(self) -> None:
        """Ask the service to hold the job."""
        self._act("pause", ("running", "queued"))

    @acting
    async def action_resume(self) -> None:
        """Ask the service to go on; send what was never sent."""
        from ftb_tui.ui.screens.job_actions import send

        row = self._chosen()
        if row is not None and row.is_never_sent:
            await send(self.ftb, row)
        else:
            self._act("resume", ("paused",))

    def _act(self, verb: str, states: tuple[str, ...]) -> None:
        row = self._chosen()
        if row is not None and row.state in states:
            self.ftb.supervisor.act_on_job(row.job_key, verb)
        else:
            self.notify(f"Only a job that is {' or '.join(states)} can be asked to {verb}.", markup=False)

    @acting
    async def action_evaluate(self) -> None:
        """Ask the tuned model, or the checkpoint that is chosen, what the job's models are asked."""
        from ftb_tui.store.curves import JobModel
        from ftb_tui.store.models import find_model
        from ftb_tui.ui.screens.choose import ChooseScreen
        from ftb_tui.work.asking_quote import consent_words, quote_lines, require_money
        from ftb_tui.work.checkpoints import checkpoint_plans, plan_checkpoints

        row, db = self._chosen(), self.ftb.db
        if row is None or db is None:
            return
        models = [
            (words.checkpoint_choice(one), JobModel(one.model_key, one.model, "checkpoint", one.step, one.epoch))
            for one in reversed(await store.job_checkpoints(db, row.job_key))
        ]
        if row.tuned_model:
            tuned = await find_model(db, row.tuned_model, provider=row.provider)
            told = JobModel(tuned.model_key, tuned.name, "tuned", row.step or 0, row.n_epochs)
            models.insert(0, (f"the tuned model: {row.tuned_model}", told))
        if not models:
            self.notify("This job has no model and no checkpoint yet.", markup=False)
            return
        [whole, *_] = await checkpoint_plans(db, row.job_key, row.dataset_id, [models[0][1]])
        require_money(whole.quote)
        text = f"Ask which model of job {row.job_key}?\n\nIt is asked {whole.which}."
        text += f"\n\n{chr(10).join(quote_lines(whole.quote)[1:])}" if whole.quote.costs_money else ""
        choices = [choice for choice, _ in models]
        place = await self.app.push_screen_wait(ChooseScreen(text, choices, yes=consent_words(whole.quote)))
        if place is None:
            return
        [key] = await plan_checkpoints(db, row.dataset_id, [models[place][1]], whole)
        self.ftb.supervisor.run_evaluation(key)
        await self.ftb.show_row("evaluations", "evaluations", str(key))

    def memory(self) -> dict[str, object]:
        """The marked jobs and the scale."""
        return {"marked": self._marked, "log": self._log_scale}

    def recall(self, memory: dict[str, object]) -> None:
        """As it was left."""
        marked = memory.get("marked")
        if isinstance(marked, list):
            self._marked = [key for key in marked if isinstance(key, str)][: len(words.LETTERS)]
        self._log_scale = memory.get("log") is True
