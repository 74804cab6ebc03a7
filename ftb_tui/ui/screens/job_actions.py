"""What can be done with a job: shown once it is there, ended or given up, sent at last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line
from ftb_tui.ui.screens.confirm import ConfirmScreen
from ftb_tui.ui.screens.spend import SpendScreen, spending

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ftb_tui.store.jobs import JobRow
    from ftb_tui.ui.app import FtbApp


async def show_job(app: FtbApp, job: Future[int]) -> None:
    """Go to the jobs, and stand on the one with this key as soon as it is there."""
    from ftb_tui.ui.screens.jobs import JobsScreen

    await app.switch_mode("jobs")
    if isinstance(app.screen, JobsScreen):
        app.screen.await_job(job)


async def end(app: FtbApp, row: JobRow) -> None:
    """Cancel a job for good, or give up one that was never sent or of which it is not known whether it exists."""
    if row.is_final:
        app.notify("This job has ended already.")
    elif row.is_being_sent:
        app.notify(f"Job {row.job_key} is being sent at this moment; it can be ended once it is there.")
    elif row.intent == "confirmed":
        if await app.push_screen_wait(
            ConfirmScreen(f"Cancel job {row.job_key}? It cannot be resumed.", yes="cancel it")
        ):
            app.supervisor.act_on_job(row.job_key, "cancel")
    else:
        asked = f"{one_line(row.host, 60)} is asked for it first; one that is there is not given up but followed."
        why = "Nothing of it was ever sent." if row.is_never_sent else asked
        if await app.push_screen_wait(ConfirmScreen(f"Give up job {row.job_key}? {why}", yes="give it up")):
            app.supervisor.abandon(row.job_key)


async def send(app: FtbApp, row: JobRow) -> None:
    """Send a job that was planned and never sent, once it is agreed to as a launch is."""
    import asyncio

    from ftb_tui.providers.registry import provider_info

    info = await asyncio.to_thread(provider_info, row.provider)
    times = counted(row.n_epochs, "epoch") if row.n_epochs else "epochs chosen by the service"
    text = (
        f"Send job {row.job_key}? It was planned, and nothing of it was sent yet.\n\n"
        f"{one_line(row.base_model, 60)} on {one_line(row.dataset, 40)}: {counted(row.n_examples, 'example')}, {times}"
    )
    spends = ""
    if info.capabilities.cost_basis != "free":
        spends = spending(row.estimated_cost, row.base_model, row.n_epochs, row.provider, row.host)
        dated = f" with the price of {row.price_as_of}" if row.price_as_of else ""
        text += f"\nIts cost was reckoned when it was planned{dated}."
    if await app.push_screen_wait(SpendScreen(text, spends=spends, yes="send it")):
        app.supervisor.send(row.job_key)
