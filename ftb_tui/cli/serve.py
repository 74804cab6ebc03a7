"""`ftb serve`: the embedded engine in the foreground."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from ftb_tui.cli.common import as_json, put_json
from ftb_tui.cli.exits import say
from ftb_tui.paths import paths


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
@click.option("--idle-exit", type=float, metavar="SECONDS", help="End after so long without work.")
@click.option("--stop", is_flag=True, help="Stop the running engine; a job in training stays resumable.")
@click.option("--status", is_flag=True, help="Say whether an engine runs.")
@as_json
def serve(
    *, port: int, host: str, weights: Path | None, idle_exit: float | None, stop: bool, status: bool, as_json: bool
) -> None:
    """Run the embedded engine: an OpenAI-wire server that trains on this machine.

    Any client of the OpenAI wire can use it: the address and the token are in the state file that is named at start.
    """
    from ftb_tui.work.local_engine import engine_health, running_engine, stop_engine

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
    command = [sys.executable, "-m", "ftb_tui.engine", "serve", "--port", str(port), "--host", host]
    command += ["--weights", str(weights)] if weights else []
    command += ["--idle-exit", str(idle_exit)] if idle_exit is not None else []
    say(f"Address and token are in {paths().engine_state} (readable by you alone). Ctrl+C stops.")
    sys.stderr.flush()
    with subprocess.Popen(command, env=os.environ) as process:
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:
                # Of ctrl+c it hears itself, of other ways to end us it does not. It needs a moment to keep a running
                # job's state.
                process.terminate()
    raise click.exceptions.Exit(code)
