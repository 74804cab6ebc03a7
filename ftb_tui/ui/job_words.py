"""What is said of a job on its screen: its line in the table, and the lines that tell how it is doing, honestly."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.text import Text

from ftb_tui.providers.base import JobState
from ftb_tui.report.job_news import SILENT, Watch, news
from ftb_tui.report.numbers import counted, duration
from ftb_tui.report.pace import Eta
from ftb_tui.report.plain import one_line
from ftb_tui.report.spark import spark
from ftb_tui.store.following import is_answering
from ftb_tui.store.jobs import CheckpointRow, JobRow
from ftb_tui.ui.widgets.cells import Cell, Valued

GLYPHS = {
    "preparing": "◌", "queued": "◌", "running": "●", "paused": "‖", "cancelling": "◍", "succeeded": "✓", "partial": "✓",
    "failed": "✗", "cancelled": "⊘", "expired": "⊘", "unknown": "?",
}  # fmt: skip
LETTERS = "abcdef"
"""Marked jobs are told apart by a letter, on their line in the table and along their curve."""
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#f0e442")
"""Okabe and Ito's palette, which people tell apart whatever colours they see."""
COLUMNS = ("job", "state", "step", "loss", "curve", "left", "base", "dataset", "provider", "started")
NARROW = ("job", "state", "step", "loss", "curve", "left", "base", "provider")
"""Where there is little room; the whole row (space) says the rest."""
RIGHT = frozenset({"job", "step", "loss", "left", "started"})


def columns(wide: bool) -> tuple[str, ...]:
    """The table's columns."""
    return COLUMNS if wide else NARROW


def blocks(wide: bool) -> int:
    """How many blocks the outline of a curve has."""
    return 12 if wide else 8


def line(
    row: JobRow, watch: Watch, eta: Eta | None, letter: str, curve: Sequence[float | None], *, wide: bool
) -> list[Cell]:
    """A job's cells, one for each of its columns."""
    share = (row.step or 0) / row.total_steps if row.total_steps else None
    cells: dict[str, Cell] = {
        "job": Valued(f"{letter} {row.job_key}" if letter else str(row.job_key), row.job_key),
        "state": state_cell(row, watch, wide=wide),
        "step": Valued(f"{row.step or 0}/{row.total_steps or '?'}", share),
        "loss": Valued("" if row.last_loss is None else f"{row.last_loss:.3f}", row.last_loss),
        "curve": Text(spark(curve, blocks(wide))),
        "left": Valued(eta.short if eta else "", eta.seconds if eta else None),
        "base": one_line(row.base_model, 24) if wide else Valued(_short(row.base_model), row.base_model),
        "dataset": row.dataset,
        "provider": row.provider,
        "started": Valued(time.strftime("%m-%d %H:%M", time.localtime(row.created_at)), row.created_at),
    }
    return [cells[name] for name in columns(wide)]


def _short(model: str) -> str:
    """A model's name without who made it, where there is little room."""
    return one_line(model.rsplit("/", 1)[-1], 12)


def state_cell(row: JobRow, watch: Watch, *, wide: bool = True) -> str:
    """The state; in its place that there is no news, once there was none for a while (how long, where there is room)."""
    word = str(row.state) if row.intent == "confirmed" else "never sent" if row.is_never_sent else row.intent
    if row.is_final or is_answering(row):
        return f"{GLYPHS.get(word, '◌')} {word}"
    silent = None if row.heard_at is None else watch.now - row.heard_at
    if not wide and (silent is None or silent >= SILENT):
        return "! no answer"
    if silent is None:
        return f"! {word}, no answer yet"
    return f"! no answer {duration(silent)}" if silent >= SILENT else f"! {word}"


def facts(row: JobRow, watch: Watch, eta: Eta | None, cost: str) -> list[str]:
    """The lines about a job: what it is, how far it is, how old that news is."""
    told = (
        f"{counted(row.n_examples, 'example')}, {counted(row.n_epochs, 'epoch') if row.n_epochs else 'auto epochs'}, "
        f"batch {row.batch_size or 'auto'}{'' if row.seed is None else f', seed {row.seed}'}"
    )
    lines = [told]
    if row.is_never_sent:
        # Before the cost: where there is little room, the last lines are not seen.
        lines.append("never sent, nothing is owed: r sends it, c gives it up")
    elif row.intent == "sent" and not row.is_being_sent:
        lines.append("not known to exist: c asks its service, and gives it up if there is none")
    if row.tuned_model:
        lines.append(f"model {one_line(row.tuned_model, 70)}")
    if cost:
        lines.append(one_line(cost, 160))
    if row.error:
        lines.append(f"error: {one_line(row.error, 200)}")
    if row.is_final:
        if row.finished_at and row.started_at:
            lines.append(f"{duration(row.finished_at - row.started_at)} from start to end, {_done(row)}")
        return lines
    if eta is not None:
        lines.append(eta.sentence)
    if not row.is_never_sent:
        lines.append(news(row, watch))
    return lines


def _done(row: JobRow) -> str:
    """How much was trained. Services count no tokens of a job that was cancelled."""
    if row.trained_tokens or row.state in (JobState.SUCCEEDED, JobState.PARTIAL) or not row.step:
        return f"{row.trained_tokens or 0:,} tokens trained"
    return f"{row.step} of {row.total_steps or '?'} steps"


def no_curve(row: JobRow) -> str:
    """What stands in place of a loss curve."""
    if row.intent in ("refused", "abandoned"):
        return "No loss curve: nothing was trained."
    if row.is_final:
        return "No loss curve: the service has told no losses of this job."
    if row.is_never_sent:
        return "No loss curve: this job was never sent."
    if row.intent == "sent" and not row.is_being_sent:
        return "No loss curve: it is not known whether the service has made this job."
    return "The loss curve appears with the first loss that is told."


def epochs(row: JobRow) -> list[float]:
    """The steps at which epochs end; none where that cannot be told."""
    if not row.total_steps or not row.n_epochs:
        return []
    return [row.total_steps / row.n_epochs * number for number in range(1, row.n_epochs + 1)]


def checkpoint_choice(one: CheckpointRow) -> str:
    """A checkpoint in a list to choose from."""
    parts = [f"checkpoint at step {one.step}"]
    if one.epoch is not None:
        parts.append(f"epoch {one.epoch}")
    parts += [f"{name} {value:.3f}" for name, value in sorted(one.metrics.items()) if "loss" in name]
    return f"{', '.join(parts)}: {one_line(one.model, 60)}"
