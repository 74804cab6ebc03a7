"""What a list of answers depends on, cheap enough to be asked for every second."""

from __future__ import annotations

from dataclasses import dataclass

import aiosqlite

from ftb_tui.store.chosen import Chosen, chosen_with_base


@dataclass(frozen=True, slots=True)
class ListState:
    """A list need not be read again as long as this stays the same."""

    chosen: Chosen | None
    """Whose answers are listed; None where nothing was asked."""
    revisions: tuple[tuple[int, int], ...]
    """(evaluation, revision), which rises with every change of a planned question, an answer or a grade."""
    tags: tuple[int, float]
    """How many tags there are on any answers, and when the newest was put on, in seconds since 1970."""


async def list_state(
    db: aiosqlite.Connection, *, model_key: int, dataset_id: str, task: str, show: str = "all"
) -> ListState:
    """The state of the list that `results.answers` gives for the same."""
    chosen = await chosen_with_base(db, model_key, dataset_id, task)
    # Whether anybody is right depends on everybody's answers.
    every = show == "unsolved"
    own, base = (chosen.evaluation_key, chosen.base_key) if chosen is not None else (None, None)
    revisions = await db.execute_fetchall(
        "SELECT evaluation_key, revision FROM evaluation_tasks JOIN evaluations e USING (evaluation_key)"
        " WHERE task = ? AND e.dataset_id = ? AND e.deleted_at IS NULL AND (? OR evaluation_key IN (?, ?))"
        " ORDER BY evaluation_key",
        (task, dataset_id, every, own, base),
    )
    [tags] = await db.execute_fetchall("SELECT count(*), coalesce(max(created_at), 0) FROM answer_tags")
    return ListState(chosen, tuple((row[0], row[1]) for row in revisions), (tags[0], tags[1]))
