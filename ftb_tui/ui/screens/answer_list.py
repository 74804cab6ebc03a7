"""The answers behind one score as far as they were read, and whether they are to be read again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ftb_tui.report.numbers import score
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.list_state import ListState, list_state
from ftb_tui.store.results import AnswerRow, ResultRow, answers, score_of
from ftb_tui.store.tags import tags_of

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.store.chosen import Chosen


class AnswerList:
    """Read by one at a time, and never of two evaluations: pages behind the first are of the same one."""

    def __init__(self, result: ResultRow) -> None:
        self.result = result
        """The score, of the evaluation whose answers were read."""
        self.show, self.search = "wrong", ""
        self.rows: dict[str, AnswerRow] = {}
        self.tags: dict[int, tuple[str, ...]] = {}
        self.more = False
        """Whether there may be answers behind those that were read."""
        self._state: ListState | None = None
        self._scored: ListState | None = None
        self._turn = asyncio.Lock()

    @property
    def chosen(self) -> Chosen | None:
        """Whose answers these are."""
        return self._state.chosen if self._state is not None else None

    def heading(self, marks: str, width: int) -> str:
        """What stands above the list, behind `marks`, the last first where there is no room for everything."""
        result = self.result
        showing = f"showing {self.show}: {len(self.rows)}{'+' if self.more else ''}"
        parts = [result.task, f"{score(result.score)} ({result.correct}/{result.n})", showing]
        room = width - len(" · ".join([marks, *parts])) - 2
        parts = [one_line(model_label(result), max(8, min(60, room))), *parts]
        while len(line := f" {marks}{' · '.join(parts)}") > width and len(parts) > 1:
            del parts[0]
        return line

    async def read(self, db: aiosqlite.Connection, limit: int) -> bool:
        """Read so many answers from the first on, and their score; whether they are of another evaluation than before.

        The first time the score is taken as it was given, so that nobody waits for it, if it is of that evaluation.
        """
        async with self._turn:
            before = self._state
            # Before the answers: what comes in between is then read once more, not missed.
            self._state = state = await self._now(db)
            page: list[AnswerRow] = []
            if state.chosen is not None:
                if before is not None or state.chosen.evaluation_key != self.result.evaluation_key:
                    await self.read_score(db)
                page = await self._page(db, limit)
            self.rows = {str(row.response_key): row for row in page}
            self.tags = await tags_of(db, [row.response_key for row in page])
            self.more = len(page) == limit
            was, now = before.chosen if before is not None else None, state.chosen
            return was is not None and now is not None and was.evaluation_key != now.evaluation_key

    async def read_score(self, db: aiosqlite.Connection) -> None:
        """Read the score as it was when the answers were read, if that was not done yet."""
        state = self._state
        if state is None or state.chosen is None or state == self._scored:
            return
        found = await score_of(db, state.chosen, self.result.task, self.result.grader)
        if state is self._state:
            self._scored, self.result = state, found or self.result

    async def read_more(self, db: aiosqlite.Connection, limit: int) -> list[AnswerRow]:
        """Read so many answers behind those that were read."""
        async with self._turn:
            if not self.more:
                return []
            page = await self._page(db, limit, behind=next(reversed(self.rows.values())))
            self.rows |= {str(row.response_key): row for row in page}
            self.tags |= await tags_of(db, [row.response_key for row in page])
            self.more = len(page) == limit
            return page

    async def has_changed(self, db: aiosqlite.Connection) -> bool:
        """Whether anything was changed since the answers were read that is seen in this list."""
        return await self._now(db) != self._state

    async def _now(self, db: aiosqlite.Connection) -> ListState:
        result = self.result
        return await list_state(
            db, model_key=result.model_key, dataset_id=result.dataset_id, task=result.task, show=self.show
        )

    async def _page(self, db: aiosqlite.Connection, limit: int, behind: AnswerRow | None = None) -> list[AnswerRow]:
        result = self.result
        after = {} if behind is None else {"after": behind.position, "repeat": behind.repeat}
        return await answers(
            db, model_key=result.model_key, dataset_id=result.dataset_id, task=result.task, show=self.show,
            search=self.search, grader=result.grader, chosen=self.chosen, limit=limit, **after,
        )  # fmt: skip
