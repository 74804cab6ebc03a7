"""`ftb jobs`."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ftb_tui.cli.common import as_json, confirm, opened, put_json, put_pairs, put_table, run_async, store
from ftb_tui.cli.exits import Exit, say
from ftb_tui.cli.groups import Commands
from ftb_tui.report.numbers import duration

if TYPE_CHECKING:
    from ftb_tui.store.jobs import EventRow, JobRow


@click.group(cls=Commands)
def jobs() -> None:
    """List, show, follow, cancel, pause and resume jobs. JOB is a number, an id at the service, or `last`."""


@jobs.command("list")
@as_json
def list_command(*, as_json: bool) -> None:
    """Every job, the newest first."""
    from ftb_tui.store.jobs import list_jobs

    async def work() -> None:
        async with store() as db:
            rows = await list_jobs(db)
        if as_json:
            put_json([asdict(row) for row in rows])
        elif not rows:
            say("No job yet. Begin with: ftb bench --quick")
        else:
            head = ("job", "state", "provider", "base", "dataset", "step", "loss", "age")
            lines = [
                (
                    r.job_key, r.state if r.intent == "confirmed" else r.intent, r.provider, r.base_model, r.dataset,
                    f"{r.step or 0}/{r.total_steps or '?'}", "" if r.last_loss is None else f"{r.last_loss:.3f}",
                    duration(time.time() - r.created_at),
                )
                for r in rows
            ]  # fmt: skip
            put_table(head, lines, right=frozenset({"job", "step", "loss", "age"}), spare=("provider", "dataset"))

    run_async(work())


@jobs.command()
@click.argument("job")
@as_json
def show(*, job: str, as_json: bool) -> None:
    """Everything that is known of a job."""
    from ftb_tui.store import jobs as rows
    from ftb_tui.store.spending import job_cost
    from ftb_tui.work.cost import cost_sentence
    from ftb_tui.work.deployed import known_deployments

    async def work() -> None:
        async with store() as db:
            found = await rows.find_job(db, job)
            events = await rows.job_events(db, found.job_key)
            checkpoints = await rows.job_checkpoints(db, found.job_key)
            names = await rows.metric_names(db, found.job_key)
            metrics = {name: await rows.job_metrics(db, found.job_key, name) for name in names}
            cost = await job_cost(db, found.job_key)
        deployed = await known_deployments(job_key=found.job_key)
        if as_json:
            put_json(
                {
                    **asdict(found),
                    "events": [asdict(event) for event in events],
                    "checkpoints": [asdict(checkpoint) for checkpoint in checkpoints],
                    "metrics": metrics,
                    "cost": {**asdict(cost), "sentence": cost_sentence(cost)},
                    "deployments": deployed,
                }
            )
            return
        put_pairs([(name, _told(name, value)) for name, value in asdict(found).items() if value is not None])
        if cost.price is not None or cost.estimated_cost is not None:
            click.echo(cost_sentence(cost))
        for sentence in deployed:
            click.echo(f"! {_safe(sentence, 1000)}")
        if checkpoints:
            click.echo()
            put_table(("checkpoint at step", "epoch", "model"), [(c.step, c.epoch, c.model) for c in checkpoints])
        if events:
            click.echo()
        for event in events[-20:]:
            click.echo(f"{time.strftime('%H:%M:%S', time.localtime(event.created_at))}  {_safe(event.message)}")
        if len(events) > 20:
            say(f"The last 20 of {len(events)} events; --json has them all.")

    run_async(work())


@jobs.command()
@click.argument("job_id", metavar="ID")
@click.option("--provider", required=True, help="Where the job was created.")
@click.option("--dataset", help="What it was trained on, if that is a dataset here.")
@as_json
def adopt(*, job_id: str, provider: str, dataset: str | None, as_json: bool) -> None:
    """Follow a job that was created elsewhere. ID is the service's own, for example ftjob-abc123."""
    from ftb_tui.providers.states import told
    from ftb_tui.work.adoption import adopt as adopt_job
    from ftb_tui.work.bench_plan import bench_dataset
    from ftb_tui.work.service import in_service

    async def work() -> Any:
        async with store() as db:
            dataset_id = None if dataset is None else (await bench_dataset(db, dataset)).dataset_id
            async with in_service(provider, opened) as (service, _):
                return await adopt_job(db, service, job_id, dataset_id=dataset_id)

    row = run_async(work())
    if as_json:
        put_json(asdict(row))
    else:
        verb = "Look at it: ftb jobs show" if row.is_final else "Follow it: ftb jobs follow"
        say(f"Job {row.job_key} ({row.remote_job_id}) {told(row.state)}. {verb} {row.job_key}")


@jobs.command()
@click.argument("job")
@as_json
def follow(*, job: str, as_json: bool) -> None:
    """Follow a job to its end, a line for every change: what the app shows of it, as plain lines.

    State, step, loss and what is left (with whose estimate that is), checkpoints, warnings of the service, and how long
    nobody has answered.
    """
    from ftb_tui.providers.states import told as state_told
    from ftb_tui.report.job_news import Watch, news
    from ftb_tui.report.pace import NEWEST, eta
    from ftb_tui.store.following import is_answering
    from ftb_tui.store.jobs import find_job
    from ftb_tui.work import jobs as work_jobs
    from ftb_tui.work.service import in_service

    told: list[str] = []
    seen: list[JobRow] = []
    unread: set[str] = set()
    steps: list[tuple[int, float]] = []

    def tell(row: JobRow) -> None:
        seen[:] = [row]
        line = f"{row.state}, step {row.step or 0}/{row.total_steps or '?'}"
        if row.last_loss is not None:
            line += f", loss {row.last_loss:.3f}"
        if told[-1:] != [line] and is_answering(row):
            told.append(line)
            left = None if row.is_final else eta(row.estimated_finish, steps, row.total_steps, time.time())
            say(f"{line}, {left.sentence}" if left else line)

    def hear(event: EventRow) -> None:
        if event.step is not None:
            steps[:] = [*(one for one in steps if one[0] < event.step), (event.step, event.created_at)][-NEWEST:]
        if event.level != "info":
            say(f"{event.level}: {_safe(event.message)}")
        elif "heckpoint" in event.message:
            say(_safe(event.message))

    def wait(seconds: float) -> None:
        for row in seen:
            # What cannot be read of a job that answers is said once.
            if row.follow_error and not (is_answering(row) and row.follow_error in unread):
                unread.add(row.follow_error)
                say(news(row, Watch(time.time(), time.time() + seconds, followed=True)))

    async def work() -> JobRow:
        async with store() as db:
            found = await find_job(db, job)
            if found.is_final:
                return found
            async with in_service(found.provider, opened) as (provider, revive):
                return await work_jobs.follow(
                    db, provider, found.job_key, on_update=tell, revive=revive, on_event=hear, on_pause=wait
                )

    row = run_async(work())
    if as_json:
        put_json(asdict(row))
    else:
        model = f" Its model is {_safe(row.tuned_model)}." if row.tuned_model else ""
        say(f"Job {row.job_key} {state_told(row.state)}.{model}" + (f" {_safe(row.error)}" if row.error else ""))
    if row.state not in ("succeeded", "partial"):
        raise click.exceptions.Exit(Exit.FAILED)
    if not as_json:
        for then in run_async(_what_then(row)):
            say(_safe(then, 1000))


async def _what_then(row: JobRow) -> list[str]:
    """The next commands after a job that ended well; none where there is nothing to ask."""
    from ftb_tui.providers.base import ProviderError
    from ftb_tui.providers.registry import provider_info
    from ftb_tui.store.adoption import ELSEWHERE
    from ftb_tui.store.evaluations import list_evaluations
    from ftb_tui.store.jobs import job_checkpoints
    from ftb_tui.work.deployed import command

    async with store() as db:
        checkpoints = await job_checkpoints(db, row.job_key)
        evaluations = await list_evaluations(db)
    model = row.tuned_model or (checkpoints[-1].model if checkpoints else None)
    try:
        deploys = provider_info(row.provider).capabilities.deploy_step
    except ProviderError:
        return []
    if model is None:
        return []
    asked = [
        one for one in evaluations
        if (one.provider, one.model) == (row.provider, model) and one.n_answered
        and (one.dataset_id == row.dataset_id or row.dataset == ELSEWHERE)
    ]  # fmt: skip
    if any(not one.n_missing for one in asked):
        return ["Its model was asked already. Next: ftb results"]
    if asked:
        answered = f"{asked[0].n_answered} of {asked[0].n_questions} answers are there"
        return [f"Next: ftb evaluate --resume {asked[0].evaluation_key} ({answered})"]
    dataset = "NAME" if row.dataset == ELSEWHERE else shlex.quote(row.dataset)
    ask = f"ftb evaluate --model {shlex.quote(model)} --dataset {dataset}"
    if not deploys:
        return [f"Next: {ask}"]
    return [
        f"Next, deploy it, which may cost money: {command(row.provider, model, '--create')}",
        f"Then: {ask}",
        f"And afterwards: {command(row.provider, model, '--remove')}",
    ]


def _act(job: str, verb: str, as_json: bool, *, yes: bool = True) -> None:
    from ftb_tui.providers.base import ProviderError
    from ftb_tui.providers.states import told
    from ftb_tui.store.jobs import find_job
    from ftb_tui.work import job_control
    from ftb_tui.work.service import in_service

    call: Any = {"cancel": job_control.cancel, "pause": job_control.pause, "resume": job_control.resume}[verb]

    async def known() -> JobRow:
        async with store() as db:
            return await find_job(db, job)

    found = run_async(known())
    if found.is_final:
        say(f"Job {found.job_key} {told(found.state)} already; there is nothing to {verb}.")
        raise click.exceptions.Exit(Exit.FAILED)
    # Outside an event loop, so that ctrl+c ends the question at once.
    if verb == "cancel":
        confirm(f"Cancel job {found.job_key} at {found.host}? It cannot be resumed.", yes=yes)

    async def work() -> None:
        async with store() as db:
            try:
                async with in_service(found.provider, opened) as (provider, _):
                    row = await call(db, provider, found.job_key)
            except ProviderError as error:
                # The service's own no to a command that was right: the work failed.
                if error.status is None or error.retryable:
                    raise
                say(f"{found.host} refused to {verb} job {found.job_key}: {error.message}")
                raise click.exceptions.Exit(Exit.FAILED) from error
        if as_json:
            put_json(asdict(row))
        else:
            say(f"Job {row.job_key} {told(row.state)}, says {row.host}.")

    run_async(work())


@jobs.command()
@click.argument("job")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def cancel(*, job: str, yes: bool, as_json: bool) -> None:
    """Cancel a job for good."""
    _act(job, "cancel", as_json, yes=yes)


@jobs.command()
@click.argument("job")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also where the service cannot be asked; what it costs stays counted.")
@as_json
def abandon(*, job: str, yes: bool, force: bool, as_json: bool) -> None:
    """Give up on a job of which it is not known whether it was ever created.

    Its service is asked first: a job that is there is not given up but known from now on (exit code 1), and nothing
    is given up while the service cannot be asked.
    """
    from ftb_tui.store.jobs import find_job
    from ftb_tui.work.reconciling import abandon as give_up

    async def found() -> JobRow:
        async with store() as db:
            row = await find_job(db, job)
        if row.intent not in ("intended", "sent"):
            known = "was created" if row.intent == "confirmed" else f"is {row.intent}"
            raise click.UsageError(f"Job {row.job_key} {known}; only one whose creation is unclear is given up.")
        return row

    async def work(key: int) -> tuple[JobRow, str]:
        async with store() as db:
            return await give_up(db, opened, key, force=force)

    key = run_async(found()).job_key
    confirm(f"Give up on job {key}?", yes=yes)
    row, sentence = run_async(work(key))
    if as_json:
        put_json(asdict(row))
    else:
        say(sentence)
    if row.intent != "abandoned":
        raise click.exceptions.Exit(Exit.FAILED)


@jobs.command()
@click.argument("job")
@as_json
def pause(*, job: str, as_json: bool) -> None:
    """Hold a job; its progress is kept."""
    _act(job, "pause", as_json)


@jobs.command()
@click.argument("job")
@as_json
def resume(*, job: str, as_json: bool) -> None:
    """Let a paused job go on."""
    _act(job, "resume", as_json)


def _told(name: str, value: object) -> object:
    if name.endswith("_at") or name == "estimated_finish":
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(str(value))))
    return f"{value:.4g}" if isinstance(value, float) else value


def _safe(text: str, room: int = 300) -> str:
    from ftb_tui.report.plain import one_line

    return one_line(text, room)
