"""`ftb serve`: the embedded engine in the foreground."""

from __future__ import annotations

import math
import os
import subprocess
import time
from pathlib import Path

import click

from ftb_tui.cli.common import as_json, put_json
from ftb_tui.cli.exits import say
from ftb_tui.engine_state import read_engine_state
from ftb_tui.paths import paths

_LOOK = 0.05
"""Seconds between looks whether the engine listens."""


def _seconds(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter(f"{value:g} is no number of seconds above 0.")
    return value


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.  [default: 0]")
@click.option(
    "--host",
    type=click.Choice(["127.0.0.1", "::1", "localhost"]),
    default="127.0.0.1",
    show_default=True,
    help="Only this machine.",
)
@click.option("--weights", type=click.Path(path_type=Path), help="A GGUF file of SmolLM2-135M-Instruct.")
@click.option("--idle-exit", type=float, callback=_seconds, metavar="SECONDS", help="End after so long without work.")
@click.option("--stop", is_flag=True, help="Stop the running engine; a job in training stays resumable.")
@click.option("--status", is_flag=True, help="Say whether an engine runs.")
@as_json
def serve(
    *, port: int, host: str, weights: Path | None, idle_exit: float | None, stop: bool, status: bool, as_json: bool
) -> None:
    """Run the embedded engine: an OpenAI-wire server that trains on this machine.

    Any client of the OpenAI wire can use it: the address and the token are in the state file that is named at start.
    """
    from ftb_tui.work.local_engine import ENGINE, engine_health, running_engine, stop_engine

    if stop:
        stopped = stop_engine()
        put_json({"stopped": stopped}) if as_json else say(
            "The engine was stopped." if stopped else "No engine was running."
        )
        return
    if status:
        state = running_engine()
        if as_json:
            put_json({"running": state is not None, "url": state.url if state else None, "health": engine_health()})
        else:
            say(f"Running at {state.url} (process {state.pid})." if state else "Not running.")
        return
    _look_at_weights(weights)
    command = [*ENGINE, "serve", "--port", str(port), "--host", host]
    command += ["--weights", str(weights)] if weights else []
    command += ["--idle-exit", str(idle_exit)] if idle_exit is not None else []
    with subprocess.Popen(command, env=os.environ) as process:
        ending = False
        while True:
            try:
                if not ending:
                    _tell_when_it_listens(process)
                code = process.wait()
                break
            except KeyboardInterrupt:
                ending = True
                # Of ctrl+c it hears itself, of other ways to end us it does not. It needs a moment to keep a running
                # job's state.
                process.terminate()
    raise click.exceptions.Exit(code)


def _tell_when_it_listens(process: subprocess.Popen[bytes]) -> None:
    """Wait until the engine listens, or has ended, and say where it is."""
    while process.poll() is None:
        state = read_engine_state()
        if state is not None and state.pid == process.pid:
            place = paths().engine_state
            say(f"The engine listens at {state.url}. Address and token are in {place} (readable by you alone).")
            say("Ctrl+C stops.")
            return
        time.sleep(_LOOK)


def _look_at_weights(given: Path | None) -> None:
    """Say what is missing. Raises `WeightsError` for a file that was named and cannot be it."""
    from ftb_tui.weights import MODEL_NAME, WeightsError, find_weights, require_weights

    if find_weights(given) is not None:
        require_weights(given)
        return
    try:
        require_weights(given)
    except WeightsError as error:
        say(f"{error}\nThe engine starts without them: it can keep files and jobs, but neither train nor answer.")
        say(f"As soon as {MODEL_NAME} is there, it goes on by itself.")
