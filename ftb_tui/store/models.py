"""Models in the store: base, tuned, and checkpoints."""

from __future__ import annotations

import difflib
import re
import time
from dataclasses import dataclass

import aiosqlite


class ModelNotFoundError(Exception):
    """No stored model goes by a name; the message lists what there is."""


class AmbiguousModelError(Exception):
    """More than one stored model goes by a name; the message lists the candidates."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that was trained or asked here."""

    model_key: int
    provider: str
    name: str
    kind: str
    """`base`, `tuned` or `checkpoint`."""
    base_model: str
    job_key: int | None
    epoch: int | None
    step: int | None
    created_at: float
    serving_name: str | None = None
    """The name of its deployment, where it answers only through one."""


async def ensure_model(
    db: aiosqlite.Connection,
    *,
    provider: str,
    name: str,
    kind: str,
    base_model: str,
    job_key: int | None = None,
    epoch: int | None = None,
    step: int | None = None,
) -> int:
    """The key of the model, added if it is new. A checkpoint that turns out to be the tuned model becomes it."""
    await db.execute(
        "INSERT INTO models (provider, name, kind, base_model, job_key, epoch, step, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (provider, name) DO UPDATE SET"
        "  kind = CASE WHEN excluded.kind = 'base' THEN models.kind"
        "              WHEN models.kind = 'tuned' THEN 'tuned' ELSE excluded.kind END,"
        "  base_model = CASE WHEN excluded.kind = 'base' THEN models.base_model ELSE excluded.base_model END,"
        "  job_key = coalesce(excluded.job_key, models.job_key),"
        "  epoch = coalesce(excluded.epoch, models.epoch), step = coalesce(excluded.step, models.step)",
        (provider, name, kind, base_model, job_key, epoch, step, time.time()),
    )
    [row] = await db.execute_fetchall("SELECT model_key FROM models WHERE provider = ? AND name = ?", (provider, name))
    return int(row[0])


async def forget_unused_base(db: aiosqlite.Connection, model_key: int) -> None:
    """Drop a base model with which nothing was done here after all."""
    await db.execute(
        "DELETE FROM models WHERE model_key = :key AND kind = 'base'"
        " AND NOT EXISTS (SELECT 1 FROM evaluations WHERE model_key = :key)"
        " AND NOT EXISTS (SELECT 1 FROM deployments WHERE model_key = :key)"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE provider = models.provider AND base_model = models.name)",
        {"key": model_key},
    )


async def list_models(db: aiosqlite.Connection) -> list[ModelRow]:
    """Every stored model, base models first, then by job and step."""
    rows = await db.execute_fetchall("SELECT * FROM models ORDER BY provider, kind <> 'base', job_key, step, model_key")
    return [ModelRow(*row) for row in rows]


async def get_model(db: aiosqlite.Connection, model_key: int) -> ModelRow:
    """The model with this key."""
    [row] = await db.execute_fetchall("SELECT * FROM models WHERE model_key = ?", (model_key,))
    return ModelRow(*row)


async def find_model(db: aiosqlite.Connection, reference: str, *, provider: str | None = None) -> ModelRow:
    """The model of that name, `provider/name`, or the only one whose name ends so, begins so, or has it within.

    Of a part that a tuned model and its checkpoints have in common, the tuned model is meant.
    `tuned` is the newest tuned model, or the last checkpoint of a newer job that ended well and gives nothing but
    checkpoints; `base` is its base. Raises `ModelNotFoundError` or `AmbiguousModelError`.
    """
    listed = [model for model in await list_models(db) if provider in (None, model.provider)]
    tuned = await _newest_tuned(db, listed)
    if reference == "tuned" and tuned is not None:
        return tuned
    if reference == "base" and tuned is not None:
        for model in listed:
            if (model.provider, model.name) == (tuned.provider, tuned.base_model):
                return model
    for found in (
        [model for model in listed if reference in (model.name, f"{model.provider}/{model.name}")],
        [model for model in listed if model.name.endswith(reference)],
        [model for model in listed if model.name.startswith(reference)],
        _without_own_checkpoints([model for model in listed if _has_within(model, reference)]),
    ):
        if len(found) == 1:
            return found[0]
        if found:
            listing = _some([f"{model.provider}/{model.name}" for model in found])
            raise AmbiguousModelError(f"Several models go by {reference!r}: {listing}. Give the whole name.")
    names = [model.name for model in listed if model.kind != "checkpoint"]
    if not any(model.kind == "tuned" for model in listed):
        # The last ones first: they are what a service without tuned models gives.
        names += [model.name for model in reversed(listed) if model.kind == "checkpoint"]
    if not names:
        where = f" of {provider}" if provider else ""
        raise ModelNotFoundError(f"No model{where} was trained or asked here yet. Begin with: ftb bench --quick")
    near = difflib.get_close_matches(reference, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ModelNotFoundError(f"There is no model {reference!r} here.{hint} Known: {_some(names)}.")


def _has_within(model: ModelRow, part: str) -> bool:
    """Whether the name has the part where a word of it begins.

    Within what a base model is called, or within the letters of an id, it may be the name of another model, which is
    not known here yet and is to be asked.
    """
    own = model.name.replace(model.base_model, "", 1)
    return re.search(rf"(?<![^\W_]){re.escape(part)}", own) is not None


def _without_own_checkpoints(found: list[ModelRow]) -> list[ModelRow]:
    """Those of them that are no checkpoint of a tuned model among them."""
    tuned = {model.job_key for model in found if model.kind == "tuned" and model.job_key is not None}
    return [model for model in found if model.kind != "checkpoint" or model.job_key not in tuned]


async def _newest_tuned(db: aiosqlite.Connection, listed: list[ModelRow]) -> ModelRow | None:
    rows = await db.execute_fetchall(
        "SELECT job_key FROM jobs WHERE state IN ('succeeded', 'partial') AND tuned_model IS NULL"
    )
    without = {row[0] for row in rows}
    last: dict[int | None, ModelRow] = {}
    for model in listed:
        # They come by job and step.
        if model.kind == "checkpoint" and model.job_key in without:
            last[model.job_key] = model
    candidates = [*(model for model in listed if model.kind == "tuned"), *last.values()]
    return max(candidates, key=lambda model: model.model_key, default=None)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 8} more (ftb models list)" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more
