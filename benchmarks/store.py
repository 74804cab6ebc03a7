"""How fast a store with a million responses answers what the screens ask it.

Run: python benchmarks/store.py [--responses N] [--store FILE]. The bar: 150 ms for opening results and for any page.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import _filling
import aiosqlite

from ftb_tui.store.answer_filter import SHOWS
from ftb_tui.store.database import open_store
from ftb_tui.store.evaluations import get_evaluation, list_evaluations
from ftb_tui.store.jobs import list_jobs
from ftb_tui.store.results import answers, question_answers, results

BAR = 0.150


def peak_megabytes() -> float:
    """The most memory that this process had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


async def seconds(call: Callable[[], Awaitable[object]], runs: int) -> list[float]:
    """How long each of these calls takes."""
    taken = []
    for _ in range(runs):
        begin = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begin)
    return taken


async def measure(file: Path, runs: int) -> list[tuple[str, list[float]]]:
    """Every question of the screens, the first opening apart, since it counts what nobody counted yet."""
    db = await open_store(file)
    try:
        first = await seconds(lambda: results(db, grader=None), 1)
        table = [("(opening results right after the import)", first)]
        for name, call in (await questions(db)).items():
            table.append((name, await seconds(call, runs)))
        return table
    finally:
        await db.close()


async def questions(db: aiosqlite.Connection) -> dict[str, Callable[[], Awaitable[object]]]:
    """What the screens ask; the pages are of the largest score, 20,000 answers."""
    tuned = max(await results(db), key=lambda row: (row.n, row.kind == "tuned"))
    where = {"model_key": tuned.model_key, "dataset_id": tuned.dataset_id, "task": tuned.task}
    whole: list[int] = [row.position for row in await answers(db, **where, show="all", limit=10**6)]
    question = (await answers(db, **where, limit=1))[0].question_key

    def page(show: str, after: int, search: str = "") -> Callable[[], Awaitable[object]]:
        return lambda: answers(db, **where, show=show, after=after, search=search)

    found: dict[str, Callable[[], Awaitable[object]]] = {
        "opening results, every grader": lambda: results(db, grader=None),
        "results of one dataset": lambda: results(db, dataset_id=tuned.dataset_id),
        "wrong answers, first page": page("wrong", -1),
        "wrong answers, middle": page("wrong", whole[len(whole) // 2]),
        "wrong answers, last page": page("wrong", whole[-400]),
        **{f"first page, {show}": page(show, -1) for show in SHOWS if show != "wrong"},
        **{
            f"wrong answers, {name}": page("wrong", -1, text)
            for name, text in {
                "with a rare word": "Person 19990",
                "with a word that is nowhere": "zebra",
                "with an umlaut that is nowhere": "Bär",
                "without a word that is everywhere": "-bees",
            }.items()
        },
        "a question's answers by every model": lambda: question_answers(db, question),
        "evaluations": lambda: list_evaluations(db),
        "one evaluation": lambda: get_evaluation(db, tuned.evaluation_key),
        "jobs": lambda: list_jobs(db),
    }
    return found


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--responses", type=int, default=_filling.WHOLE)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--store", type=Path, help="use this file, filled before; made if it is not there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        file = given.store or Path(directory) / "store.db"
        if not file.exists():
            begin = time.perf_counter()
            # In a process of its own, so that the memory shown is what reading takes.
            filling = multiprocessing.get_context("spawn").Process(target=_filling.fill, args=(file, given.responses))
            filling.start()
            filling.join()
            if filling.exitcode:
                return 1
            took = time.perf_counter() - begin
            print(f"{given.responses:,} responses, {file.stat().st_size / 2**20:,.0f} MB, filled in {took:.0f} s")
        table = asyncio.run(measure(file, given.runs))
    print(f"{'what':<42} {'median ms':>9} {'most ms':>8}   bar {BAR * 1000:.0f} ms ({given.runs} runs each)")
    for name, taken in table:
        middle = statistics.median(taken)
        judged = "" if name.startswith("(") else "met" if middle <= BAR else "MISSED"
        print(f"{name:<42} {middle * 1000:>9.1f} {max(taken) * 1000:>8.1f}   {judged}")
    print(f"{'peak memory, MB':<42} {peak_megabytes():>9.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
