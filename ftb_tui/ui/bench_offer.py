"""What is said before a benchmark is started from the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Family
from ftb_tui.report.numbers import duration
from ftb_tui.report.plain import one_line

if TYPE_CHECKING:
    import aiosqlite
    from textual.screen import Screen

    from ftb_tui.work.bench_plan import BenchPlan, Extent

WELCOME = """\
Does fine-tuning put facts into a model? Find out on this machine, with no key and no account: \
a small language model learns {learns}, and is then asked about them.

  b   quick benchmark: {quick}
  B   whole benchmark: {whole}
"""


def chosen_dataset(screen: Screen[Any]) -> str | None:
    """What the datasets screen stands on, if that is where one is."""
    from ftb_tui.ui.screens.datasets import DatasetsScreen

    return screen.chosen_id if isinstance(screen, DatasetsScreen) else None


async def offer(db: aiosqlite.Connection, dataset_id: str | None = None, *, quick: bool) -> tuple[BenchPlan, str]:
    """The plan for a dataset (the generated people if None), and what a person is told of it."""
    found = await _benchmarks(db, dataset_id)
    (chosen, this), (_, beside) = found[quick], found[not quick]
    people = f"{chosen.people} people, " if chosen.people else ""
    other = f"The {'whole one (B)' if quick else 'quick one (b)'} takes about {duration(beside.seconds)}."
    text = (
        f"{'Quick' if quick else 'Whole'} benchmark, about {duration(this.seconds)} on two cores\n\n"
        f"Fine-tunes SmolLM2-135M on {one_line(this.dataset.title, 60)} ({people}{this.n_facts} facts,"
        f" {this.n_questions} questions), asks the base and the tuned model, and opens the table.\n\n"
        "No key, no cost; nothing leaves this machine. You may quit meanwhile: the training goes on without the app, the "
        "questions when you start it again.\n\n"
        f"{other}"
    )
    return chosen, text


async def welcome(db: aiosqlite.Connection, dataset_id: str | None) -> str:
    """What a newcomer is told: what the two benchmarks of the dataset that he stands on do, and how long they take."""
    try:
        found = await _benchmarks(db, dataset_id)
    except DatasetError as error:
        return one_line(str(error), 300)
    about_people = found[False][1].dataset.family == Family.FICTIONAL_PEOPLE
    title = one_line(found[False][1].dataset.title, 40)
    return WELCOME.format(
        learns="about people who do not exist" if about_people else f"the facts of {title}",
        quick=_in_short(*found[True]),
        whole=_in_short(*found[False]),
    )


def _in_short(plan: BenchPlan, extent: Extent) -> str:
    """How much of it is learnt, and about how long that takes."""
    if extent.dataset.family == Family.FICTIONAL_PEOPLE and plan.facts is None:
        people = len({fact.subject for fact in extent.dataset.facts})
        much = f"{min(plan.people or people, people)} people"
    else:
        much = f"{extent.n_facts} facts"
    return f"{much}, about {duration(extent.seconds)}"


async def _benchmarks(db: aiosqlite.Connection, dataset_id: str | None) -> dict[bool, tuple[BenchPlan, Extent]]:
    """The quick (True) and the whole benchmark of a dataset, the generated people if None, and what each comes to."""
    from ftb_tui.work.bench_plan import BenchPlan, extent

    plan = BenchPlan(dataset=_name(dataset_id)) if dataset_id else BenchPlan()
    return {quick: (one, await extent(db, one)) for quick, one in ((True, plan.quick()), (False, plan))}


def _name(dataset_id: str) -> str:
    """A bundled dataset by its name, as the command names it, so that an unfinished run of either is the same run."""
    from ftb_tui.benchmark.load import bundled_names, load_bundled

    name = dataset_id.rpartition("@")[0]
    return name if name in bundled_names() and load_bundled(name).dataset_id == dataset_id else dataset_id
