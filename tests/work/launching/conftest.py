"""A store with the dataset that is trained on, and a service that a launch is not looked for long at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiosqlite
import pytest

from ftb_tui.store.database import open_store
from ftb_tui.store.datasets import save_dataset
from ftb_tui.work import jobs as work
from tests.work.launching.launches import PLAN


@pytest.fixture
async def db(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiosqlite.Connection]:
    monkeypatch.setattr(work, "RECONCILE_PAUSES", (0.01,))
    db = await open_store()
    await save_dataset(db, PLAN.dataset)
    yield db
    await db.close()
