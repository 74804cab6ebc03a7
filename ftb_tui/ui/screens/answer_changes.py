"""What people change about answers, verdicts and tags: asked for in a dialog, kept, and taken back in reverse order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.database import StoreError
from ftb_tui.store.grading import LITERAL_GRADERS, overrule_all, restore_all, verdicts_of
from ftb_tui.store.tags import Tagging, change_tags_of, clean, tag_counts, tags_of

if TYPE_CHECKING:
    from ftb_tui.store.results import AnswerRow, ResultRow
    from ftb_tui.ui.app import FtbApp


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to answers, in words, and how it is undone."""

    what: str
    of: str
    """Whose answers those are: model and task."""
    many: int
    """To how many answers."""
    take_back: Callable[[], Awaitable[tuple[Collection[int], Collection[int]]]]
    """Undoes it for all answers or none. Gives those for which that is done, and those for which it is not, since
    somebody has said something else meanwhile; the others are gone. Raises `StoreError`."""


async def overruled(app: FtbApp, result: ResultRow, rows: Sequence[AnswerRow], *, marked: bool = False) -> bool:
    """Ask for a person's verdict on these answers and keep it beside the graders'. Whether to read them again.

    Raises `StoreError` where nothing could be kept, as `tagged` does.
    """
    from ftb_tui.ui.screens.overrule import OverruleScreen

    db = app.db
    if db is None or not rows:
        return False
    in_force = await verdicts_of(db, [row.response_key for row in rows])
    said = await app.push_screen_wait(OverruleScreen(rows, result.grader, in_force, marked=marked))
    if not said:
        return False
    before = await overrule_all(db, said)
    verdict = next(iter(said.values())).verdict
    word = f"verdict {verdict}" if verdict is not None else "the grader's verdict again"
    where = f"It counts by other graders; {result.grader} leaves it aside." if result.grader in LITERAL_GRADERS else ""
    return _kept(app, result, word, rows, before, lambda: restore_all(db, before, said), where)


async def tagged(app: FtbApp, result: ResultRow, rows: Sequence[AnswerRow], *, marked: bool = False) -> bool:
    """Ask which tags to put on these answers and which to take off. Whether to read them again."""
    from ftb_tui.ui.screens.tag import TagScreen

    db = app.db
    if db is None or not rows:
        return False
    keys = [row.response_key for row in rows]
    tags, counts = await tags_of(db, keys), await tag_counts(db, evaluation_key=result.evaluation_key)
    change = await app.push_screen_wait(TagScreen(rows, [tags.get(key, ()) for key in keys], counts, marked=marked))
    if change is None or not (change.on or change.off):
        return False
    before = await change_tags_of(db, dict.fromkeys(keys, change))
    on, off = clean(change.on), clean(change.off)
    # Only what this change did: an answer may have got other tags since.
    back = {
        key: Tagging(on=[tag for tag in off if tag in had], off=[tag for tag in on if tag not in had])
        for key, had in before.items()
    }
    names = ", ".join(one_line(tag, 40) for tag in (*on, *(f"-{tag}" for tag in off)))
    word = f"{'tag' if len(on) + len(off) == 1 else 'tags'} {names}"

    async def take_back() -> tuple[Collection[int], Collection[int]]:
        return await change_tags_of(db, back), ()

    return _kept(app, result, word, rows, before, take_back)


async def taken_back(app: FtbApp) -> bool:
    """Take back what was changed last, on whichever answers. Whether to read them again."""
    if not app.changes:
        app.notify("Nothing to take back.")
        return False
    change = app.changes.pop()
    try:
        done, newer = await change.take_back()
    except StoreError as error:
        app.changes.append(change)
        app.notify(f"Could not be taken back now: {error}", severity="error")
        return False
    rest = _newer(len(newer)) + _gone(change.many - len(done) - len(newer))
    if done:
        app.notify(f"Taken back: {change.what} of {change.of}.{rest}")
    else:
        app.notify(f"Could not be taken back: {change.what} of {change.of}.{rest}", severity="error")
    return True


def _kept(
    app: FtbApp,
    result: ResultRow,
    word: str,
    rows: Sequence[AnswerRow],
    before: Collection[int],
    take_back: Callable[[], Awaitable[tuple[Collection[int], Collection[int]]]],
    where: str = "",
) -> bool:
    """Say what was done, and let it be taken back; of the rows those were changed that are in `before`."""
    gone = _gone(len(rows) - len(before))
    if not before:
        app.notify(f"Nothing was changed:{gone}", severity="error")
        return True
    of = f"{one_line(model_label(result), 60)}, {result.task}"
    change = Change(f"{word} on {counted(len(before), 'answer')}", of, len(before), take_back)
    app.changes.append(change)
    app.notify(" ".join(filter(None, (f"Kept: {change.what}.{gone}", where, "z takes it back."))))
    return True


def _gone(many: int) -> str:
    """A sentence on answers that were not found, behind another one; empty where all were."""
    return f" {counted(many, 'answer')} {'is' if many == 1 else 'are'} no longer in the store." if many else ""


def _newer(many: int) -> str:
    """A sentence on answers that were overruled anew by somebody else; empty without any."""
    return f" {counted(many, 'answer')} {'has' if many == 1 else 'have'} a newer verdict, which stays." if many else ""
