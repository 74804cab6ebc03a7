"""`ftb providers`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ftb_tui.cli.common import as_json, put_json, put_table, run_async
from ftb_tui.cli.exits import Exit, say
from ftb_tui.cli.groups import Commands
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import visible

if TYPE_CHECKING:
    from ftb_tui.providers.discovery import LocalServer


@click.group(cls=Commands)
def providers() -> None:
    """Who trains and answers, and whether they can be reached."""


@providers.command("list")
@as_json
def list_command(*, as_json: bool) -> None:
    """Providers, their hosts, where each key was found.

    Of a key never more than the last four characters are shown. Servers found on this machine's usual ports
    (vLLM, SGLang, llama.cpp, Ollama, LM Studio) can be used by the name they are listed with.
    """
    from ftb_tui.providers.discovery import find_local_servers
    from ftb_tui.providers.registry import provider_info, provider_infos

    infos = provider_infos()
    named = {info.name for info in infos}
    found = [server for server in run_async(find_local_servers()) if server.name not in named]
    infos += [provider_info(server.name) for server in found]
    if as_json:
        put_json([asdict(info) for info in infos])
    else:
        put_table(
            ("provider", "title", "host", "key"), [(i.name, i.title, i.host, i.key) for i in infos], spare=("title",)
        )
        for server in found:
            say(
                visible(
                    f"Found {server.title} with {counted(len(server.models), 'model')}. Ask one: {_example(server)}"
                )
            )
        for note in dict.fromkeys(note for info in infos for note in info.notes):
            say(visible(f"! {note}"))


@providers.command()
@click.argument("provider", required=False)
@as_json
def check(*, provider: str | None, as_json: bool) -> None:
    """Is a provider (or each of them) there, and is the key good?

    It is asked for its models. With PROVIDER the exit code is 3 when it cannot be used.
    """
    from ftb_tui.providers.discovery import find_local_servers
    from ftb_tui.providers.registry import CheckResult, check_provider, provider_info, provider_names
    from ftb_tui.store.database import StoreError
    from ftb_tui.work.deployed import known_deployments

    deployed: dict[str, list[str]] = {}

    async def work() -> list[CheckResult]:
        names = [provider] if provider else list(provider_names())
        if provider is None:
            names += [server.name for server in await find_local_servers() if server.name not in names]
        results = []
        for name in names:
            # Before anything is sent there.
            for note in provider_info(name).notes:
                say(visible(f"! {name}: {note}"))
            results.append(await check_provider(name))
            try:
                deployed[name] = await known_deployments(provider=name)
            except StoreError as error:
                # Whether somebody is there can be told all the same.
                deployed[name] = []
                say(str(error))
        return results

    found = run_async(work())
    if as_json:
        put_json([{**asdict(result), "deployments": deployed[result.name]} for result in found])
    else:
        for result in found:
            key = f" Key: {result.key}." if result.key and not result.key.startswith(("missing", "not usable")) else ""
            mark = "✓" if result.reachable else "✗"
            click.echo(visible(f"{mark} {result.name}  {result.host}  {result.message}.{key}".replace("..", ".")))
            if result.quota:
                click.echo(visible(f"  jobs: {result.quota}"))
            for sentence in deployed[result.name]:
                click.echo(visible(f"  ! {sentence}"))
    if provider and not found[0].reachable:
        raise click.exceptions.Exit(Exit.UNREACHABLE)


@providers.command("set")
@click.argument("name")
@click.option("--base-url", help="Its address, for example http://127.0.0.1:8000/v1.")
@click.option("--dialect", help="How it speaks the OpenAI wire.  [default: custom]")
@click.option("--key-env", "api_key_env", metavar="NAME", help="The environment variable that holds its key.")
@click.option("--key-keyring", "api_key_keyring", metavar="ENTRY", help="The keyring entry that holds its key.")
@click.option("--title", help="What lists call it.")
@click.option("--inference-only/--trains", default=None, help="Whether it only answers.")
@as_json
def set_command(*, name: str, as_json: bool, **given: str | bool | None) -> None:
    """Add a provider to config.toml, or change one; everything else in the file stays as it is.

    What is not given stays; an empty text takes a setting out. A key itself is never written.
    """
    from ftb_tui.providers.config_editing import write_provider
    from ftb_tui.providers.registry import provider_info

    wanted = {key: value or None for key, value in given.items() if value is not None}
    if not wanted:
        raise click.UsageError("Nothing to set: give --base-url, --key-env or another option.")
    file = write_provider(name, wanted)
    info = provider_info(name)
    if as_json:
        put_json(asdict(info))
    else:
        say(visible(f"Written to {file}. {info.name} is at {info.host}; key: {info.key}."))


def _example(server: LocalServer) -> str:
    model = server.models[0] if server.models else "MODEL"
    return f"ftb evaluate --provider {server.name} --model {shlex.quote(model)} --dataset fictional_people"
