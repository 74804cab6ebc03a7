"""Mode 2: jobs, and for the chosen one its loss curve, steps, age of data, events and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.numbers import duration
from ftb_tui.report.plain import one_line
from ftb_tui.store import jobs as store
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.curve import Curve
from ftb_tui.ui.widgets.table import Table

GLYPHS = {
    "preparing": "◌", "queued": "◌", "running": "●", "paused": "‖", "cancelling": "◍", "succeeded": "✓", "partial": "✓",
    "failed": "✗", "cancelled": "⊘", "expired": "⊘", "unknown": "?",
}  # fmt: skip
EMPTY = "No job yet. Press b for the quick benchmark, or choose a dataset (1) and train on it (t)."


class JobsScreen(ModeScreen):
    """A table above; curve and log of the chosen job below."""

    MODE = "jobs"
    PURPOSE = (
        "Fine-tuning jobs and how they are doing. The curve is the training loss of the chosen job; the age says how old "
        "what you see is. Jobs go on when you quit."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel", id="jobs.cancel", tooltip="Cancel the chosen job for good"),
        Binding("p", "pause", "Pause", id="jobs.pause", tooltip="Hold the chosen job; its progress is kept"),
        Binding("r", "resume", "Resume", id="jobs.resume", tooltip="Let a paused job go on"),
        Binding("l", "scale", "Log", id="jobs.scale", tooltip="Draw the loss on a logarithmic scale, or not"),
        Binding("v", "evaluate", "Evaluate", id="jobs.evaluate", tooltip="Ask the job's model every question"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, store.JobRow] = {}
        self._log_scale = False

    def body(self) -> Iterable[Widget]:
        """The table, the curve, the log."""
        yield Static(Content(EMPTY), id="empty")
        yield Table(id="jobs")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Static("", id="facts", markup=False)
                yield Curve(id="curve")
            with VerticalScroll(id="log", can_focus=False):
                yield Static("", id="events", markup=False)

    async def fill(self) -> None:
        """Every job, then the chosen one's details."""
        if self.ftb.db is None:
            return
        rows = await store.list_jobs(self.ftb.db)
        self._jobs = {str(row.job_key): row for row in rows}
        self.query_one("#empty").display = not rows
        self.query_one("#panes").display = bool(rows)
        columns = ("job", "state", "step", "loss", "left", "base", "dataset", "provider", "started")
        lines = [(key, self._line(row)) for key, row in self._jobs.items()]
        self.query_one("#jobs", Table).show(columns, lines, right=frozenset({"job", "step", "loss", "left", "started"}))
        if self.focused is None:
            self.query_one("#jobs").focus()
        await self._fill_chosen()

    def _line(self, row: store.JobRow) -> tuple[str, ...]:
        word = str(row.state) if row.intent == "confirmed" else row.intent
        left = duration(row.estimated_finish - self.ftb.now()) if row.estimated_finish and not row.is_final else ""
        return (
            str(row.job_key), f"{GLYPHS.get(word, '◌')} {word}", f"{row.step or 0}/{row.total_steps or '?'}",
            "" if row.last_loss is None else f"{row.last_loss:.3f}", left, one_line(row.base_model, 24), row.dataset,
            row.provider, time.strftime("%m-%d %H:%M", time.localtime(row.created_at)),
        )  # fmt: skip

    def _chosen(self) -> store.JobRow | None:
        return self._jobs.get(self.query_one("#jobs", Table).chosen or "")

    async def _fill_chosen(self) -> None:
        row, db = self._chosen(), self.ftb.db
        if row is None or db is None:
            return
        losses = await store.job_metrics(db, row.job_key, "train_loss")
        title = "training loss by step, logarithmic" if self._log_scale else "training loss by step"
        self.query_one("#curve", Curve).show(
            title if losses else "The loss curve appears with the first step.",
            losses,
            x_end=row.total_steps,
            log=self._log_scale,
        )
        self.query_one("#facts", Static).update(Content("\n".join(self._facts(row))))
        events = await store.job_events(db, row.job_key)
        lines = [
            f"{time.strftime('%H:%M:%S', time.localtime(event.created_at))}  {one_line(event.message, 200)}"
            for event in events
        ]
        log = self.query_one("#log", VerticalScroll)
        at_end = log.scroll_offset.y >= log.max_scroll_y - 1
        self.query_one("#events", Static).update(Content("\n".join(lines)))
        if at_end:
            log.scroll_end(animate=False)

    def _facts(self, row: store.JobRow) -> list[str]:
        now = self.ftb.now()
        lines = [
            f"{row.n_examples} examples, {row.n_epochs or 'auto'} epochs, batch {row.batch_size or 'auto'}, seed {row.seed}"
        ]
        if row.tuned_model:
            lines.append(f"model {one_line(row.tuned_model, 70)}")
        if row.error:
            lines.append(f"error: {one_line(row.error, 200)}")
        elif row.follow_error:
            lines.append(f"no answer: {one_line(row.follow_error, 160)}")
        if not row.is_final:
            heard = "never" if row.heard_at is None else f"{duration(now - row.heard_at)} ago"
            lines.append(f"the service says {one_line(row.raw_state, 40) or 'nothing yet'}, heard {heard}")
        elif row.finished_at and row.started_at:
            lines.append(
                f"took {duration(row.finished_at - row.started_at)}, {row.trained_tokens or 0:,} tokens trained"
            )
        return lines

    @on(Table.RowHighlighted, "#jobs")
    async def _other_job(self) -> None:
        await self._fill_chosen()

    async def action_scale(self) -> None:
        """Change the scale of the curve."""
        self._log_scale = not self._log_scale
        await self._fill_chosen()

    @work
    async def action_cancel(self) -> None:
        """Confirm, then ask the service."""
        from ftb_tui.ui.screens.confirm import ConfirmScreen

        row = self._chosen()
        if row is None or row.is_final:
            self.notify("This job has ended already.", markup=False)
        elif await self.app.push_screen_wait(
            ConfirmScreen(f"Cancel job {row.job_key}? It cannot be resumed.", yes="cancel it")
        ):
            self.ftb.supervisor.act_on_job(row.job_key, "cancel")

    def action_pause(self) -> None:
        """Ask the service to hold the job."""
        self._act("pause", ("running", "queued"))

    def action_resume(self) -> None:
        """Ask the service to go on."""
        self._act("resume", ("paused",))

    def _act(self, verb: str, states: tuple[str, ...]) -> None:
        row = self._chosen()
        if row is not None and row.state in states:
            self.ftb.supervisor.act_on_job(row.job_key, verb)
        else:
            self.notify(f"Only a job that is {' or '.join(states)} can be asked to {verb}.", markup=False)

    @work
    async def action_evaluate(self) -> None:
        """Ask the tuned model every question of the job's dataset."""
        from ftb_tui.store.datasets import find_dataset
        from ftb_tui.store.models import find_model
        from ftb_tui.work.evaluate import create

        row, db = self._chosen(), self.ftb.db
        if row is None or db is None or not row.tuned_model:
            self.notify("This job has no model yet.", markup=False)
            return
        model = await find_model(db, row.tuned_model, provider=row.provider)
        dataset = await find_dataset(db, row.dataset_id)
        key = await create(
            db, model_key=model.model_key, dataset_id=row.dataset_id, answer_tokens=dataset.answer_tokens
        )
        self.ftb.supervisor.run_evaluation(key)
        self.ftb.switch_mode("evaluations")
