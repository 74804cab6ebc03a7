"""`ftb providers`."""

from __future__ import annotations

from dataclasses import asdict

import click

from ftb_tui.cli.common import as_json, put_json, put_table, run_async
from ftb_tui.cli.exits import Exit
from ftb_tui.report.plain import visible


@click.group()
def providers() -> None:
    """Who trains and answers, and whether they can be reached."""


@providers.command("list")
@as_json
def list_command(*, as_json: bool) -> None:
    """Providers, their hosts, where each key was found.

    Of a key never more than the last four characters are shown.
    """
    from ftb_tui.providers.registry import provider_infos

    infos = provider_infos()
    if as_json:
        put_json([asdict(info) for info in infos])
    else:
        put_table(
            ("provider", "title", "host", "key"), [(i.name, i.title, i.host, i.key) for i in infos], spare=("title",)
        )


@providers.command()
@click.argument("provider", required=False)
@as_json
def check(*, provider: str | None, as_json: bool) -> None:
    """Is a provider (or each of them) there, and is the key good?

    It is asked for its models. With PROVIDER the exit code is 3 when it cannot be used.
    """
    from ftb_tui.providers.registry import CheckResult, check_provider, provider_names

    async def work() -> list[CheckResult]:
        return [await check_provider(name) for name in ([provider] if provider else provider_names())]

    found = run_async(work())
    if as_json:
        put_json([asdict(result) for result in found])
    else:
        for result in found:
            click.echo(visible(f"{'✓' if result.reachable else '✗'} {result.name}  {result.host}  {result.message}"))
    if provider and not found[0].reachable:
        raise click.exceptions.Exit(Exit.UNREACHABLE)
