"""What is said before a benchmark is started from the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftb_tui.report.numbers import duration
from ftb_tui.report.plain import one_line

if TYPE_CHECKING:
    import aiosqlite
    from textual.screen import Screen

    from ftb_tui.work.bench_plan import BenchPlan


def chosen_dataset(screen: Screen[Any]) -> str | None:
    """What the datasets screen stands on, if that is where one is."""
    from ftb_tui.ui.screens.datasets import DatasetsScreen

    return screen.chosen_id if isinstance(screen, DatasetsScreen) else None


async def offer(db: aiosqlite.Connection, dataset_id: str | None = None, *, quick: bool) -> tuple[BenchPlan, str]:
    """The plan for a dataset (the generated people if None), and what a person is told of it."""
    from ftb_tui.work.bench_plan import BenchPlan, extent

    plan = BenchPlan(dataset=_name(dataset_id)) if dataset_id else BenchPlan()
    plans = {True: plan.quick(), False: plan}
    found = {which: await extent(db, one) for which, one in plans.items()}
    this, chosen = found[quick], plans[quick]
    people = f"{chosen.people} people, " if chosen.people else ""
    other = (
        f"The whole one (B) takes about {duration(found[False].seconds)}."
        if quick
        else f"The quick one (b) takes about {duration(found[True].seconds)}."
    )
    text = (
        f"{'Quick' if quick else 'Whole'} benchmark, about {duration(this.seconds)} on two cores\n\n"
        f"Fine-tunes SmolLM2-135M on {one_line(this.dataset.title, 60)} ({people}{this.n_facts} facts,"
        f" {this.n_questions} questions), asks the base and the tuned model, and opens the table.\n\n"
        "No key, no cost; nothing leaves this machine. You may quit meanwhile: the training goes on without the app, the "
        "questions when you start it again.\n\n"
        f"{other}"
    )
    return chosen, text


def _name(dataset_id: str) -> str:
    """A bundled dataset by its name, as the command names it, so that an unfinished run of either is the same run."""
    from ftb_tui.benchmark.load import bundled_names, load_bundled

    name = dataset_id.rpartition("@")[0]
    return name if name in bundled_names() and load_bundled(name).dataset_id == dataset_id else dataset_id
