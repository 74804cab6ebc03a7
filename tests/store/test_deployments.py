"""What is kept of deployments: the names they go by, and which of them a model is asked by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from ftb_tui.store import database
from ftb_tui.store.database import migrations, open_store, transaction
from ftb_tui.store.deployments import (
    deployment_made,
    forget_deployment,
    intend_deployment,
    list_deployments,
    record_deployment,
)
from ftb_tui.store.models import ensure_model, get_model

_BEFORE = 10
"""The store's version before deployments were kept."""


@pytest.fixture
async def db() -> AsyncIterator[aiosqlite.Connection]:
    db = await open_store()
    yield db
    await db.close()


@pytest.fixture
async def model(db: aiosqlite.Connection) -> int:
    async with transaction(db):
        return await ensure_model(db, provider="p", name="m", kind="tuned", base_model="b")


async def kept(db: aiosqlite.Connection) -> list[tuple[str, str]]:
    return [(row.name, row.state) for row in await list_deployments(db)]


async def test_the_name_that_the_service_gives_takes_the_place_of_the_one_asked_for(
    db: aiosqlite.Connection, model: int
) -> None:
    async with transaction(db):
        await intend_deployment(db, model, "mine")
    assert (await kept(db), (await get_model(db, model)).serving_name) == ([("mine", "sent")], None)
    async with transaction(db):
        await deployment_made(db, model, "b-LoRa:mine-x", asked_as="mine")
    assert (await kept(db), (await get_model(db, model)).serving_name) == (
        [("b-LoRa:mine-x", "made")],
        "b-LoRa:mine-x",
    )


async def test_what_a_person_records_hides_nothing_that_was_made(db: aiosqlite.Connection, model: int) -> None:
    async with transaction(db):
        await deployment_made(db, model, "made")
        await record_deployment(db, model, "theirs")
        await record_deployment(db, model, "made")
    assert await kept(db) == [("made", "made"), ("theirs", "recorded")]
    async with transaction(db):
        await forget_deployment(db, model, "theirs")
    assert (await get_model(db, model)).serving_name == "made"
    async with transaction(db):
        await forget_deployment(db, model, "made")
    assert (await kept(db), (await get_model(db, model)).serving_name) == ([], None)


async def test_deployments_of_an_older_store_are_in_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, all_of_them = tmp_path / "ftb.db", migrations()
    with monkeypatch.context() as older:
        older.setattr(database, "migrations", lambda: {n: sql for n, sql in all_of_them.items() if n <= _BEFORE})
        db = await open_store(file)
        async with transaction(db):
            await ensure_model(db, provider="p", name="m", kind="tuned", base_model="b")
            await db.execute("UPDATE models SET serving_name = 'd1'")
        await db.close()
    db = await open_store(file)
    assert await kept(db) == [("d1", "recorded")]
    await db.close()
