"""Wrong answers as they were left: what was shown of a score, and the screen itself after the app was closed or killed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ftb_tui.ui.remembered import table_of

if TYPE_CHECKING:
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
    """Put into the app's memory which score's answers are open, over a mode that was seen since the app was opened."""
    if table_of(app.memory, "open").get("mode") in app._screen_stacks:
        del app.memory["open"]
    for mode, stack in app._screen_stacks.items():
        for screen in stack:
            result = getattr(screen, "open_score", None)
            if result is not None:
                app.memory["open"] = {"mode": mode, **{name: getattr(result, name) for name in _PLACE}}


async def reopen(app: FtbApp, mode: str) -> None:
    """Open the answers that were open over this mode when the app ended; nothing where their score is gone."""
    wanted = table_of(app.memory, "open")
    if app.db is None or wanted.get("mode") != mode:
        return
    from ftb_tui.store.results import results
    from ftb_tui.ui.screens.answers import AnswersScreen

    grader, dataset_id = wanted.get("grader"), wanted.get("dataset_id")
    if not (isinstance(grader, str) and isinstance(dataset_id, str)):
        return
    scores = await results(app.db, dataset_id=dataset_id, grader=grader)
    found = [row for row in scores if all(getattr(row, name) == wanted.get(name) for name in _PLACE)]
    if found and app.current_mode == mode and len(app.screen_stack) == 1:
        await app.push_screen(AnswersScreen(found[0]))


def _name(result: ResultRow) -> str:
    return " ".join(str(getattr(result, name)) for name in _PLACE)
