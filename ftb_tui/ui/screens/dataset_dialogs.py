"""The dialogs of the datasets: a fresh world, an export, putting a dataset away and bringing it back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ftb_tui.benchmark.load import DatasetError, bundled_names, load_bundled
from ftb_tui.benchmark.people import DEFAULT_PEOPLE, MAX_PEOPLE, MIN_PEOPLE, build_fictional_people
from ftb_tui.report.numbers import counted, duration
from ftb_tui.report.plain import one_line
from ftb_tui.store.dataset_details import bring_back, dataset_details, list_put_away, put_away
from ftb_tui.store.datasets import DatasetRow, load_dataset, save_dataset
from ftb_tui.ui.away import away, kept
from ftb_tui.ui.screens.ask import Asked, AskScreen
from ftb_tui.ui.screens.choose import ChooseScreen
from ftb_tui.ui.screens.confirm import ConfirmScreen
from ftb_tui.ui.widgets.recipe_form import whole
from ftb_tui.work.files import export_dataset, file_name

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.ui.app import FtbApp

_MOST_SEED = 2**31 - 1


def world_dialog(seed: int, made: Callable[[str], None]) -> AskScreen:
    """A fresh world of people whom no model has seen; `made` is called with its id, in a thread."""

    def build(said: Mapping[str, str]) -> str:
        seed = whole(said["seed"], "Seed", least=0, most=_MOST_SEED)
        people = whole(said["people"], "People", least=MIN_PEOPLE, most=MAX_PEOPLE)
        if seed is None:
            raise DatasetError("Seed: give a whole number; another seed is another world.")
        dataset = build_fictional_people(seed=seed, people=people or DEFAULT_PEOPLE)

        async def save(db: aiosqlite.Connection) -> str:
            return await save_dataset(db, dataset)

        made(kept(save))
        return f"{dataset.name}: {len(dataset.facts)} facts, {len(dataset.questions)} questions."

    text = (
        "Build a fresh world of fictional people, whom no model has seen.\n"
        "The same seed and number of people give the same world everywhere."
    )
    asked = [
        Asked("seed", "Seed: another seed is another world", str(seed), path=False),
        Asked("people", f"People, {MIN_PEOPLE} to {MAX_PEOPLE}, each with six facts", str(DEFAULT_PEOPLE), path=False),
    ]
    return AskScreen(text, asked, build)


def export_dialog(row: DatasetRow) -> AskScreen:
    """Write a dataset into a folder of a person's choice."""

    def write(said: Mapping[str, str]) -> str:
        async def load(db: aiosqlite.Connection) -> str:
            folder = export_dataset(await load_dataset(db, row.dataset_id), said["folder"])
            return f"{row.name} is in {folder}."

        return kept(load)

    text = f"Write {one_line(row.name, 60)} into a new folder: facts.jsonl, questions.jsonl, dataset.toml and its card"
    return AskScreen(text, [Asked("folder", "Folder", f"{file_name(row.name)}-{row.version}")], write)


async def delete_dialog(app: FtbApp, row: DatasetRow) -> bool:
    """Ask whether a dataset is to be put away, and do it; bundled ones stay."""
    if row.name in bundled_names() and load_bundled(row.name).dataset_id == row.dataset_id:
        app.notify(f"{row.name} is bundled with ftb and stays.", markup=False)
        return False
    details = await away(lambda db: dataset_details(db, row.dataset_id))
    rests = ""
    if details.n_evaluations or details.n_jobs:
        rests = (
            f"\nWhat rests on it stays where it is: {counted(details.n_jobs, 'job')}, "
            f"{counted(details.n_evaluations, 'evaluation')} with {counted(details.n_answers, 'answer')}."
        )
    text = (
        f"Delete {one_line(row.name, 60)}, version {row.version}, with its {row.n_questions} questions?\n\n"
        f"It leaves this list and can no longer be trained on or asked. u brings it back at any time.{rests}"
    )
    if not await app.push_screen_wait(ConfirmScreen(text, yes="delete it")) or app.db is None:
        return False
    await put_away(app.db, row.dataset_id)
    app.notify(f"{one_line(row.name, 60)} is deleted. u brings it back.", markup=False)
    return True


async def restore_dialog(app: FtbApp) -> str | None:
    """Bring a deleted dataset back, chosen if there are several; gives its id."""
    if app.db is None:
        return None
    found = await list_put_away(app.db)
    if not found:
        app.notify("No deleted dataset is there to bring back.", markup=False)
        return None
    place: int | None = 0
    if len(found) > 1:
        ago = [duration(max(0.0, time.time() - one.deleted_at)) for one in found]
        choices = [f"{one.dataset_id}, deleted {age} ago" for one, age in zip(found, ago, strict=True)]
        place = await app.push_screen_wait(ChooseScreen("Bring back which dataset?", choices))
    if place is None:
        return None
    await bring_back(app.db, found[place].dataset_id)
    app.notify(f"{one_line(found[place].dataset_id, 80)} is back.", markup=False)
    return found[place].dataset_id
