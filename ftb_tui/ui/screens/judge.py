"""A model as judge: of stored answers in the background, or measured against people's verdicts at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ftb_tui.report.numbers import counted, interval, score
from ftb_tui.ui.screens.ask import Asked, AskScreen

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp
    from ftb_tui.work.judging import JudgeCheck

TEXT = (
    "A model judges each different answer once, within the cap here and the day's budget where there is one. Its "
    "verdicts stand beside the other graders' (r shows them); people's stay in force.\n"
    "Only measure (yes): it judges what people gave verdicts on, and you see how often it agrees with them."
)
_YES, _NO = ("y", "yes"), ("", "n", "no")


async def judge_from(app: FtbApp, dataset: str) -> None:
    """Ask which judge, then set it to work; what a check found is shown in full."""
    from ftb_tui.ui.screens.text import TextScreen

    found: list[JudgeCheck] = []

    def begin(said: Mapping[str, str]) -> str:
        provider, _, model = said["judge"].partition("/")
        if not provider or not model:
            raise ValueError("Judge: PROVIDER/MODEL, for example openai/gpt-4o-mini.")
        if said["check"].lower() not in (*_YES, *_NO):
            raise ValueError("Only measure: yes or no.")
        cap = _dollars(said["cap"])
        if cap is None:
            asyncio.run(_needs_no_cap(provider, model, said["dataset"], people=said["check"].lower() in _YES))
        if said["check"].lower() in _YES:
            found.append(asyncio.run(_checked(provider, model, said["dataset"], cap)))
            return "Measured."
        if app.supervisor is None:
            raise ValueError("Nothing runs in the background here.")
        app.call_from_thread(app.supervisor.judge, provider, model, dataset=said["dataset"] or None, max_cost=cap)
        return f"{said['judge']} judges; it is told here when it is done."

    asked = [
        Asked("judge", "Judge", path=False, hint="PROVIDER/MODEL, for example openai/gpt-4o-mini"),
        Asked("dataset", "Dataset", dataset, path=False, hint="all"),
        Asked("cap", "At most, US$", "1.00", path=False, hint="nothing, where the judge costs nothing"),
        Asked("check", "Only measure", "no", path=False, hint="no; yes: only where people gave verdicts"),
    ]
    await app.push_screen_wait(AskScreen(TEXT, asked, begin))
    if found:
        app.push_screen(TextScreen("The judge beside people", check_text(found[0])))


def _dollars(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.removeprefix("$"))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"The cap {text!r} is no sum of US dollars.")
    return value


async def _needs_no_cap(provider: str, model: str, dataset: str, *, people: bool) -> None:
    """Raise `ValueError`, with what it may cost, for a judge that costs money: a cap is how a person agrees to that."""
    from ftb_tui.store.database import open_store
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.work.asking_quote import quote_sentence, require_money
    from ftb_tui.work.judging import quote_judging

    db = await open_store()
    try:
        dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
        quote = await quote_judging(db, provider, model, dataset_id=dataset_id, people=people)
    finally:
        await db.close()
    require_money(quote)
    if quote.costs_money:
        raise ValueError(f"{quote_sentence(quote)} Give a cap to agree to it.")


async def _checked(provider: str, model: str, dataset: str, cap: float | None) -> JudgeCheck:
    from ftb_tui.store.database import open_store
    from ftb_tui.store.datasets import find_dataset
    from ftb_tui.store.grading import person_verdicts
    from ftb_tui.work.bench import open_local_or_remote
    from ftb_tui.work.judging import check_judge

    db = await open_store()
    try:
        dataset_id = (await find_dataset(db, dataset)).dataset_id if dataset else None
        if not await person_verdicts(db, dataset_id=dataset_id):
            raise ValueError("There is no person's verdict to measure a judge by. Give some with o on the answers.")
        service = await open_local_or_remote(provider)
        try:
            return await check_judge(db, service, model, dataset_id=dataset_id, max_cost=cap)
        finally:
            await service.close()
    finally:
        await db.close()


def check_text(check: JudgeCheck) -> str:
    """Agreement, kappa and every disagreement, as `ftb judge-check` tells them."""
    found, report = check.agreement, check.report
    kappa = "not defined" if found.kappa is None else f"{found.kappa:.2f}"
    if found.kappa_low is not None and found.kappa_high is not None:
        kappa += f" (95% {found.kappa_low:.2f} to {found.kappa_high:.2f})"
    lines = [
        f"{report.judge} and people agree on {found.agreed} of {counted(found.n, 'answer')}: {score(found.share)}"
        f" (95% {interval(found.low, found.high)}), Cohen's kappa {kappa}.",
        f"{counted(report.requests, 'request')}, {report.prompt_tokens + report.completion_tokens:,} tokens;"
        f" {report.cached} were judged before, {report.unreadable} unreadable, {report.failed} failed.",
    ]
    if report.error:
        lines.append(f"The first failure: {report.error}")
    for one in check.disagreements:
        lines += [
            "",
            f"--- {one.question_id}, {one.model}",
            f"Asked: {one.question}",
            f"Gold: {one.gold}",
            f"Said: {one.answer}",
            f"A person: {one.person}{f' ({one.note})' if one.note else ''}",
            f"The judge: {one.judge}: {one.reason}",
        ]
    return "\n".join(lines)
