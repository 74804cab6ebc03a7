"""Where datasets were taken from, in the store."""

from __future__ import annotations

import aiosqlite

from ftb_tui.benchmark.model import Provenance, SourceFile


async def save_provenance(db: aiosqlite.Connection, dataset_id: str, provenance: Provenance) -> None:
    """Write a new dataset's provenance; the caller holds the transaction in which the dataset itself is written."""
    await db.execute(
        "INSERT INTO provenance (dataset_id, origin, sha256, taken_at, revision, licence_note)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            dataset_id, provenance.origin, provenance.sha256, provenance.taken_at, provenance.revision,
            provenance.licence_note,
        ),
    )  # fmt: skip
    await db.executemany(
        "INSERT INTO provenance_files (dataset_id, position, name, sha256, n_bytes, n_rows) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (dataset_id, position, file.name, file.sha256, file.n_bytes, file.n_rows)
            for position, file in enumerate(provenance.files)
        ],
    )


async def load_provenance(db: aiosqlite.Connection, dataset_id: str) -> Provenance | None:
    """A dataset's provenance; None for one that was bundled or generated here."""
    rows = await db.execute_fetchall(
        "SELECT origin, sha256, taken_at, revision, licence_note FROM provenance WHERE dataset_id = ?", (dataset_id,)
    )
    files = await db.execute_fetchall(
        "SELECT name, sha256, n_bytes, n_rows FROM provenance_files WHERE dataset_id = ? ORDER BY position",
        (dataset_id,),
    )
    for row in rows:
        return Provenance(
            origin=row["origin"],
            sha256=row["sha256"],
            taken_at=row["taken_at"],
            revision=row["revision"],
            licence_note=row["licence_note"],
            files=tuple(SourceFile(*file) for file in files),
        )
    return None


async def origins(db: aiosqlite.Connection) -> dict[str, str]:
    """For each dataset with a provenance, in short: where it was taken from, with its commit."""
    rows = await db.execute_fetchall("SELECT dataset_id, origin, revision FROM provenance")
    return {row[0]: f"{row[1]} at {row[2][:12]}" if row[2] else row[1] for row in rows}
