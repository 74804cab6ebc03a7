"""Wrong answers as they were left: what was shown of a score, and the screen itself after the app was closed or killed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ftb_tui.ui.remembered import table_of

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.store.results import ResultRow
    from ftb_tui.ui.app import FtbApp

MOST_SCORES = 50
"""Of so many scores, those looked at last, is remembered what was shown."""
_PLACE = ("model_key", "dataset_id", "task", "grader")


def score_memory(memory: dict[str, Any], result: ResultRow) -> dict[str, Any]:
    """How the answers of a score were left; empty where they were not looked at."""
    return table_of(memory, "answers", _name(result))


def keep_score(memory: dict[str, Any], result: ResultRow, how: Mapping[str, Any]) -> None:
    """Put into the memory how the answers of a score stand now."""
    kept = table_of(memory, "answers")
    kept.pop(_name(result), None)
    memory["answers"] = dict([*kept.items(), (_name(result), dict(how))][-MOST_SCORES:])


def keep_open(app: FtbApp) -> None:
    """Put into the app's memory the mode and which score's answers are open; of a mode not reopened yet they stay."""
    app.memory["mode"] = app.current_mode
    if table_of(app.memory, "open").get("mode") in app.reopened:
        del app.memory["open"]
    for mode, stack in app._screen_stacks.items():
        for screen in stack:
            result = getattr(screen, "open_score", None)
            if result is not None:
                app.reopened.add(mode)
                app.memory["open"] = {"mode": mode, **{name: getattr(result, name) for name in _PLACE}}


async def reopen(app: FtbApp, mode: str) -> None:
    """Open the answers that were open over this mode when the app ended; nothing where their score is gone."""
    wanted = table_of(app.memory, "open")
    if app.db is None or mode in app.reopened:
        return
    found = await _score(app.db, wanted) if wanted.get("mode") == mode else None
    if app.current_mode != mode or len(app.screen_stack) != 1:
        # Somebody has gone on meanwhile; it is there the next time.
        return
    app.reopened.add(mode)
    if found is not None:
        from ftb_tui.ui.screens.answers import AnswersScreen

        await app.push_screen(AnswersScreen(found))


async def _score(db: aiosqlite.Connection, wanted: Mapping[str, Any]) -> ResultRow | None:
    """The score that was remembered; None where it is gone, or is not what was ever remembered."""
    from ftb_tui.store.chosen import chosen_with_base
    from ftb_tui.store.results import score_of

    match [wanted.get(name) for name in _PLACE]:
        case [int(model_key), str(dataset_id), str(task), str(grader)]:
            chosen = await chosen_with_base(db, model_key, dataset_id, task)
            return None if chosen is None else await score_of(db, chosen, task, grader)
    return None


def _name(result: ResultRow) -> str:
    return " ".join(str(getattr(result, name)) for name in _PLACE)
