"""What people change about answers, verdicts and tags: asked for in a dialog, kept, and taken back in reverse order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftb_tui.benchmark.graders import Verdict
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.database import StoreError
from ftb_tui.store.grading import ResponseNotFoundError, notes_of, overrule
from ftb_tui.store.tags import change_tags, tag_counts

if TYPE_CHECKING:
    from ftb_tui.store.results import AnswerRow, ResultRow
    from ftb_tui.ui.app import FtbApp


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to answers, in words, and how it is undone."""

    what: str
    of: str
    """Whose answers those are: model and task."""
    take_back: Callable[[], Awaitable[None]]


async def overruled(app: FtbApp, result: ResultRow, rows: Sequence[AnswerRow]) -> bool:
    """Ask for a person's verdict on these answers and keep it beside the graders'. Whether there is one."""
    from ftb_tui.ui.screens.overrule import OverruleScreen

    db = app.db
    if db is None or not rows:
        return False
    said = await app.push_screen_wait(OverruleScreen(rows))
    if said is None:
        return False
    notes = await notes_of(db, [row.response_key for row in rows])
    before = {row.response_key: _verdict(row) for row in rows}
    for row in rows:
        await overrule(db, row.response_key, said.verdict, said.note)

    async def take_back() -> None:
        for key, verdict in before.items():
            await overrule(db, key, verdict, notes.get(key, ""))

    word = f"verdict {said.verdict}" if said.verdict is not None else "the grader's verdict again"
    _kept(app, Change(f"{word} on {counted(len(rows), 'answer')}", _of(result), take_back))
    return True


async def tagged(
    app: FtbApp, result: ResultRow, rows: Sequence[AnswerRow], tags: Mapping[int, tuple[str, ...]]
) -> bool:
    """Ask which tags to put on these answers and which to take off; `tags` are those that they have. Whether any."""
    from ftb_tui.ui.screens.tag import TagScreen

    db = app.db
    if db is None or not rows:
        return False
    before = {row.response_key: tags.get(row.response_key, ()) for row in rows}
    counts = await tag_counts(db, evaluation_key=result.evaluation_key)
    change = await app.push_screen_wait(TagScreen(list(before.values()), counts))
    if change is None or not (change.on or change.off):
        return False
    await change_tags(db, list(before), on=change.on, off=change.off)

    async def take_back() -> None:
        # Only what this change did: an answer may have got other tags since.
        for key, had in before.items():
            put, taken = [tag for tag in change.on if tag not in had], [tag for tag in change.off if tag in had]
            await change_tags(db, [key], on=taken, off=put)

    names = ", ".join(one_line(tag, 40) for tag in (*change.on, *(f"-{tag}" for tag in change.off)))
    many = "tag" if len(change.on) + len(change.off) == 1 else "tags"
    _kept(app, Change(f"{many} {names} on {counted(len(rows), 'answer')}", _of(result), take_back))
    return True


async def taken_back(app: FtbApp) -> bool:
    """Take back what was changed last, on whichever answers. Whether anything was."""
    if not app.changes:
        app.notify("Nothing to take back.")
        return False
    change = app.changes.pop()
    try:
        await change.take_back()
    except ResponseNotFoundError as error:
        app.notify(f"Could not be taken back: {change.what} of {change.of}. {error}", severity="error")
        return True
    except StoreError as error:
        app.changes.append(change)
        app.notify(f"Could not be taken back now: {error}", severity="error")
        return False
    app.notify(f"Taken back: {change.what} of {change.of}.")
    return True


def _kept(app: FtbApp, change: Change) -> None:
    app.changes.append(change)
    app.notify(f"Kept: {change.what}. z takes it back.")


def _verdict(row: AnswerRow) -> Verdict | None:
    """The verdict of a person that is in force."""
    return Verdict(row.grade) if row.machine_grade is not None and row.grade != "abstained" else None


def _of(result: ResultRow) -> str:
    return f"{one_line(model_label(result), 60)}, {result.task}"
