"""The command group. A command's module is imported only when that command runs."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ftb_tui import __version__
from ftb_tui.cli.exits import Exit, ReaderGoneError, guarded, say
from ftb_tui.cli.groups import Commands

# Command -> module and one line for the list, so that `ftb --help` need not import them.
COMMANDS = {
    "bench": ("bench", "The whole benchmark: train, ask, print the table."),
    "datasets": ("datasets", "List, show, import, fetch, audit, build and export datasets."),
    "paraphrases": ("paraphrases", "Other wordings of questions, by a model; review them."),
    "train": ("train", "Launch a fine-tuning job."),
    "jobs": ("jobs", "List, show, follow, cancel, pause and resume jobs."),
    "evaluate": ("evaluate", "Ask a model a dataset's questions, grade its answers."),
    "results": ("results", "The result table: every model on every task."),
    "compare": ("compare", "Two models question by question: 2x2, test, questions."),
    "history": ("history", "What changed since last time: scores beside those before."),
    "report": ("report", "A report for a colleague: page, tables, every answer."),
    "statistics": ("statistics", "Averages over families; how sure differences are."),
    "paper": ("paper", "The paper's tables beside what the store holds."),
    "wrong": ("results", "The wrong answers behind a score."),
    "fact": ("fact", "One fact through all its tasks and models."),
    "regrade": ("regrade", "Grade stored answers again, without asking again."),
    "overrule": ("regrade", "Overrule the graders on one answer."),
    "tag": ("tag", "Name the kind of error of answers; count the kinds."),
    "judge-check": ("judge", "Measure a judge against people's verdicts."),
    "import-responses": ("import_responses", "Take in answers that somebody else collected."),
    "providers": ("providers", "Who trains and answers, and can they be reached?"),
    "models": ("models", "List models; fetch the embedded engine's weights."),
    "serve": ("serve", "Run the embedded engine, a server that trains here."),
    "doctor": ("doctor", "Check everything that can be wrong; say what to do."),
    "config": ("config", "Show and check configuration and directories."),
}


@contextmanager
def _reader_may_go() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error


class _Lazy(Commands):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ftb_tui.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _reader_may_go():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _reader_may_go():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `ftb` (the app) or `ftb bench --quick`. FTB_HOME moves everything that is kept below one directory.",
)
@click.version_option(__version__, prog_name="ftb")
@click.option("--serve", is_flag=True, help="Open the app in a browser instead; needs ftb-tui[web].")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --serve: where to listen.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="With --serve: the port.")
@click.pass_context
def ftb(ctx: click.Context, *, serve: bool, host: str, port: int) -> None:
    """FineTuneBench in the terminal: does fine-tuning this model put my facts into it?

    Without a command the app opens.
    """
    if ctx.invoked_subcommand is None:
        if serve:
            from ftb_tui.cli.browser import serve_app

            serve_app(host, port)
            return
        # A driver that somebody set, as for a browser, brings its own ways in and out.
        if not (sys.stdin.isatty() and sys.stdout.isatty()) and "TEXTUAL_DRIVER" not in os.environ:
            say("The app needs a terminal. Without one use the commands: ftb --help")
            raise click.exceptions.Exit(Exit.USAGE)
        if "TEXTUAL_DRIVER" in os.environ:
            from ftb_tui.cli.browser import end_with_the_server

            end_with_the_server()
        from ftb_tui.ui.app import run_app

        run_app()


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    for name in ("stdout", "stderr"):
        # Closed by who started this (`>&-`): what would be written there is written nowhere.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for good
    return guarded(lambda: ftb.main(arguments, prog_name="ftb", standalone_mode=False))
