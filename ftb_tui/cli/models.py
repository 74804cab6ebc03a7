"""`ftb models`: what is known of models, those made here, and the embedded engine's weights."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from ftb_tui.cli.common import as_json, opened, put_json, put_table, run_async, store, today
from ftb_tui.cli.deploy import deploy
from ftb_tui.cli.exits import say
from ftb_tui.cli.groups import Commands


@click.group(cls=Commands)
def models() -> None:
    """List models; fetch the embedded engine's weights."""


@models.command("list")
@click.option("--provider", help="Only this provider's models.")
@click.option("--ask", is_flag=True, help="Ask the provider too: its own models and shutdown dates.")
@as_json
def list_command(*, provider: str | None, ask: bool, as_json: bool) -> None:
    """Models that can be tuned or asked, with methods, prices and shutdown dates, and those made here."""
    from ftb_tui.providers.catalogue_services import catalogue_notes

    if ask and provider is None:
        raise click.UsageError("--ask needs --provider: who is to be asked?")
    lines, deployed = run_async(_listed(provider, ask))
    if as_json:
        put_json(lines)
        return
    if not lines:
        if provider is not None:
            from ftb_tui.providers.registry import provider_info

            # One that there is not is told by name.
            provider_info(provider)
        say("No model is known there. Ask the service itself: ftb models list --provider NAME --ask")
        return
    head = ("provider", "model", "kind", "methods", "train", "in", "out", "priced", "shutdown", "days", "deployed")
    shown = len(head) if deployed else -1
    put_table(
        head[:shown],
        [
            (
                line["provider"], line["name"], line["kind"], _ways(line["methods"]),
                _money(line["prices"].get("training")),
                *(_money(line["asking_prices"].get(key)) for key in ("input", "output")), _priced(line),
                _until(line), line["days_left"], _deployed(line),
            )[:shown]
            for line in lines
        ],
        right=frozenset({"train", "in", "out", "days"}),
        spare=("priced", "methods", "in", "out", "train", "days"),
    )  # fmt: skip
    say(
        "Prices are US dollars for a million tokens on the day given, in and out those of the model itself, not of one "
        "tuned from it; your own go into catalogue.toml (ftb config path)."
    )
    doomed = [line for line in lines if line["warning"] and (line["days_left"] or 0) > 0]
    for sentence in dict.fromkeys(f"{line['service']}: {line['warning']}" for line in doomed):
        say(f"! {sentence}")
    for sentence in (*deployed, *catalogue_notes()):
        say(f"! {sentence}")


async def _listed(provider: str | None, ask: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """A line for each model, and a sentence for each deployment."""
    from ftb_tui.providers.catalogue import load_catalogue
    from ftb_tui.providers.config import load_config
    from ftb_tui.providers.registry import service_name
    from ftb_tui.store.deployments import list_deployments
    from ftb_tui.store.models import list_models
    from ftb_tui.work.deployed import deployment_sentences

    config, facts = load_config(), load_catalogue()
    service = None if provider is None else service_name(provider, config)
    answered = []
    if ask and provider is not None and service is not None:
        opened_provider = await opened(provider)
        try:
            answered = await opened_provider.list_models()
        finally:
            await opened_provider.close()
        facts = facts.with_answers(service, answered)
    async with store() as db:
        rows = [row for row in await list_models(db) if provider in (None, row.provider)]
        deployments = [one for one in await list_deployments(db) if provider in (None, one.provider)]
    lines = [_line(facts, m.service, m.service, m.name, "base") for m in facts.models if service in (None, m.service)]
    known = {line["name"] for line in lines}
    lines += [
        _line(facts, provider or "", service or "", m.name, "listed") for m in answered if m.name not in known
    ]  # fmt: skip
    for row in rows:
        line = _line(facts, row.provider, service_name(row.provider, config), row.name, row.kind, row.base_model)
        own = [asdict(one) for one in deployments if one.model_key == row.model_key]
        lines.append({**line, **asdict(row), "deployments": own})
    made = {(row.provider, row.name) for row in rows}
    lines = [line for line in lines if "model_key" in line or (line["provider"], line["name"]) not in made]
    return lines, deployment_sentences(deployments, facts, config)


def _line(facts: Any, provider: str, service: str, name: str, kind: str, base: str | None = None) -> dict[str, Any]:
    now = today()
    model = facts.model(service, name) or (facts.model(service, base) if base else None)
    trained, tuned = facts.prices(service, base or name), kind not in ("base", "listed")
    asked = facts.asking_prices(service, name, base_model=base or "", tuned=tuned)
    return {
        "provider": provider,
        "service": service,
        "name": name,
        "kind": kind,
        "methods": _methods(model) if kind in ("base", "listed") else [],
        "prices": _prices(trained),
        "asking_prices": _prices(asked),
        "shutdown": model.shutdown if model else None,
        "shutdown_is": model.shutdown_is if model else None,
        "days_left": model.days_left(now) if model else None,
        "warning": model.warning(now) if model else None,
        "note": model.note if model else "",
        "jobs_refused": facts.service(service).refusal(now),
    }  # fmt: skip


def _methods(model: Any) -> list[str] | None:
    return None if model is None or model.methods is None else list(model.methods)


def _ways(methods: list[str] | None) -> str:
    return "?" if methods is None else "+".join(methods) or "–"


def _prices(prices: Any) -> dict[str, Any]:
    return {} if prices is None else {key: value for key, value in asdict(prices).items() if value not in (None, "")}


def _priced(line: dict[str, Any]) -> str:
    """The older of the days on which the prices that are shown were read."""
    shown = (("prices", "training"), ("asking_prices", "input"))
    return str(
        min((line[part]["as_of"] for part, key in shown if key in line[part] and "as_of" in line[part]), default="")
    )


def _money(price: float | None) -> str:
    return "" if price is None else f"{price:.2f}"


def _deployed(line: dict[str, Any]) -> str:
    return ", ".join(
        one["name"]
        if one["state"] in ("made", "recorded")
        else f"{one['name']} ({'failed' if one['state'] == 'failed' else '?'})"
        for one in line.get("deployments", ())
    )


def _until(line: dict[str, Any]) -> str:
    if line["shutdown"] is None:
        return ""
    return f"{line['shutdown']}" if line["shutdown_is"] == "on" else f"≥ {line['shutdown']}"


models.add_command(deploy)


@models.command()
@click.argument("model", type=click.Choice(["smollm2-135m"]))
@click.option("--if-missing", is_flag=True, help="Do nothing when the weights can be found anywhere.")
@click.option("--print-path", is_flag=True, help="Print the file's path on stdout.")
@click.option("--url", help="Fetch the file from here; it must be the very same file.")
@as_json
def pull(*, model: str, if_missing: bool, print_path: bool, url: str | None, as_json: bool) -> None:
    """Fetch a model's weights once (98 MB), SHA-256 checked; a broken download from the hub is resumed."""
    from ftb_tui.weights import find_weights

    found = find_weights() if if_missing else None
    path = found or pull_with_progress(url)
    if as_json:
        put_json({"model": model, "path": str(path)})
    elif print_path:
        click.echo(str(path))
    elif not found:
        say(f"{model} is ready: {path}")


def pull_with_progress(url: str | None = None) -> str:
    """Fetch the weights with a bar on a terminal, a line per step elsewhere."""
    from ftb_tui.weights import damaged_weights
    from ftb_tui.weights import pull as fetch

    if not sys.stderr.isatty():
        told: set[str] = set()

        def line(done: int, total: int | None, what: str) -> None:
            if what not in told:
                told.add(what)
                say(what)

        return str(fetch(line, url=url))
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    if damaged := damaged_weights():
        say(f"{damaged} is damaged; it is fetched anew.")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task("weights")

        def show(done: int, total: int | None, what: str) -> None:
            bars.update(bar, completed=done, total=total, description=what)

        return str(fetch(show, url=url))
