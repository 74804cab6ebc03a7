"""`ftb bench`: the whole benchmark in one go."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from types import TracebackType
from typing import Any

import click

from ftb_tui.benchmark.graders import DEFAULT_GRADER
from ftb_tui.benchmark.model import Task
from ftb_tui.cli.common import (
    as_json,
    chosen_base,
    confirm,
    put_json,
    put_results,
    put_sentences,
    require_weights_for,
    run_async,
    store,
    tasks_option,
    today,
)
from ftb_tui.cli.exits import Exit, say
from ftb_tui.cli.known_before import held_sentences
from ftb_tui.cli.recipe_options import paraphrases_from_option, paraphrases_option, recipe_option
from ftb_tui.providers.base import JobState
from ftb_tui.report.numbers import duration
from ftb_tui.report.plain import one_line, visible
from ftb_tui.work.bench import BenchProgress, BenchResult, run_bench
from ftb_tui.work.bench_plan import BenchPlan, expected_seconds


@click.command(epilog="Interrupted? The same command goes on where it stopped; --new starts afresh.")
@click.option("--provider", help="Who trains and answers.  [default: local, the embedded engine]")
@click.option("--dataset", help="A stored or bundled dataset.  [default: fictional_people]")
@click.option("--base", "base_model", help="The model to tune.  [default: smollm2-135m where that is local]")
@click.option("--epochs", type=click.IntRange(1, 50), help="Times through the training file.  [default: 12]")
@click.option("--people", type=click.IntRange(1), help="Only the facts of the first N people or other subjects.")
@click.option("--facts", type=click.IntRange(1), help="Only the first N facts.")
@click.option("--limit", type=click.IntRange(1), help="At most N questions of each task.")
@tasks_option
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=42,
    show_default=True,
    help="Of training and of the choice of questions.",
)
@click.option(
    "--answer-tokens", type=click.IntRange(1), help="Cap of an answer.  [default: what the dataset's answers need]"
)
@recipe_option
@paraphrases_option
@paraphrases_from_option
@click.option("--quick", is_flag=True, help="A third of the facts, 24 questions a task: about a minute.")
@click.option("--yes", is_flag=True, help="Do not ask before a benchmark that costs money.")
@click.option("--new", "fresh", is_flag=True, help="Start afresh even if an equal run was interrupted.")
@as_json
def bench(
    *,
    provider: str | None,
    dataset: str | None,
    base_model: str | None,
    epochs: int | None,
    people: int | None,
    facts: int | None,
    limit: int | None,
    tasks: tuple[Task, ...] | None,
    seed: int,
    answer_tokens: int | None,
    recipe_name: str,
    paraphrases: int,
    paraphrases_from: str,
    quick: bool,
    yes: bool,
    fresh: bool,
    as_json: bool,
) -> None:
    """Train, ask the base and the tuned model everything, print the table."""
    from ftb_tui.providers.config import load_config
    from ftb_tui.report.matrix import adjusted_p
    from ftb_tui.report.reading import reading
    from ftb_tui.report.tables import result_objects
    from ftb_tui.work.bench import open_local_or_remote

    defaults = load_config().defaults
    provider = provider or defaults.provider
    plan = BenchPlan(
        provider=provider,
        dataset=dataset or defaults.dataset,
        base_model=chosen_base(provider, base_model),
        epochs=epochs or defaults.epochs,
        people=people,
        facts=facts,
        limit=limit,
        tasks=tasks,
        seed=seed,
        answer_tokens=answer_tokens,
        recipe=recipe_name,
        paraphrases=paraphrases,
        paraphrases_from=paraphrases_from,
    )
    plan = plan.quick() if quick else plan

    async def expected() -> float:
        async with store() as db:
            return await expected_seconds(db, plan)

    async def work() -> BenchResult:
        with progress_display() as display:

            async def opened(name: str) -> Any:
                return await open_local_or_remote(name, on_status=display.tell)

            async with store() as db:
                return await run_bench(db, plan, opened, on_progress=display.show, fresh=fresh)

    # An unknown dataset is found out here, before a download.
    seconds = run_async(expected())
    ask_before_spending(plan, yes=yes)
    require_weights_for(plan.provider)
    if plan.provider == "local":
        say(f"About {duration(seconds)} on two cores; nothing leaves this machine.")
    try:
        result = run_async(work())
    except KeyboardInterrupt:
        same = "the same command without --new" if fresh else "the same command"
        say(f"\nInterrupted. Answers are kept, and a job that was sent goes on; {same} continues from there.")
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None
    if as_json:
        put_json(result_objects(result.rows))
        return
    rows = [row for row in result.rows if row.grader == DEFAULT_GRADER]
    put_results(rows, "table")
    click.echo()
    put_sentences(reading(rows, adjusted_p(rows)))
    keys = frozenset(row.evaluation_key for row in rows)
    put_sentences(run_async(held_sentences(result.dataset_id, result.base_model, keys)))
    asked = [row.task for row in rows]
    task = next((task for task in asked if task != Task.MEMORIZATION), Task.MEMORIZATION)
    say(f"\n{duration(result.seconds)}. Look closer: ftb wrong --model {shlex.quote(result.tuned_model)} --task {task}")


def ask_before_spending(plan: BenchPlan, *, yes: bool) -> None:
    """Refuse what cannot be launched; show the quote of a benchmark that costs money and ask."""
    from ftb_tui.work.bench import launch_plan
    from ftb_tui.work.bench_plan import bench_dataset
    from ftb_tui.work.cost import quote_lines
    from ftb_tui.work.quoting import quote_launch, refuse

    async def quoted() -> Any:
        async with store() as db:
            dataset = await bench_dataset(db, plan.dataset)
            return await quote_launch(db, await launch_plan(db, dataset, plan), plan.provider, today())

    quote = run_async(quoted())
    refuse(quote, force=False)
    if quote.free:
        return
    for line in quote_lines(quote):
        say(visible(line))
    confirm("Launch this job and ask both models everything?", yes=yes)


class progress_display:  # noqa: N801 - used like a function
    """Shows progress: one live line on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = 0.0
        self._told = ""

    def __enter__(self) -> progress_display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw("")

    def tell(self, text: str) -> None:
        """A line that stays."""
        self._draw("")
        say(text)

    def _draw(self, line: str) -> None:
        if self._live:
            # One column less, since a full line makes some terminals begin another.
            fitting = one_line(line, max(10, shutil.get_terminal_size().columns - 1))
            sys.stderr.write(f"\r\x1b[K{fitting}")
            sys.stderr.flush()

    def show(self, progress: BenchProgress) -> None:
        """Show where the run is, at most five times a second, or once for every tenth of a phase."""
        if self._live:
            now = time.monotonic()
            if now - self._drawn >= 0.2:
                self._drawn = now
                self._draw(progress_line(progress))
            return
        tenth = 10 * progress.done // progress.total if progress.total else 0
        base = 10 * progress.base_done // progress.base_total if progress.base_total else 0
        now_told = (
            f"{progress.phase} {tenth} {base if progress.phase == 'train' else ''} {progress.detail == JobState.PAUSED}"
        )
        if now_told != self._told:
            self._told = now_told
            say(progress_line(progress))


def progress_line(progress: BenchProgress) -> str:
    """One line that says where a run is."""
    if progress.phase == "prepare":
        return f"preparing: {progress.detail}"
    if progress.phase == "done":
        return "done"
    name = {"train": "training", "base": "asking the base", "tuned": "asking the tuned model"}[progress.phase]
    count = f"{progress.done}/{progress.total or '?'}"
    waits = not progress.done and progress.detail not in ("", name)
    parts = [f"{name}: {progress.detail}" if waits else f"{name} {count}"]
    if progress.detail == JobState.PAUSED:
        return f"{name} {count}, paused; it goes on with: ftb jobs resume last"
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.phase == "train" and progress.base_total:
        parts.append(f"base model asked {progress.base_done}/{progress.base_total}")
    if progress.eta_seconds:
        parts.append(f"{duration(progress.eta_seconds)} left in this phase")
    return ", ".join(parts)
