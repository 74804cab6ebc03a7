"""Exit codes, and which error ends with which."""

from __future__ import annotations

import enum
import errno
import io
import os
import sys
from collections.abc import Callable

import click

from ftb_tui import crash_log
from ftb_tui.report.plain import visible


class Exit(enum.IntEnum):
    """What an exit code means; part of the interface."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


class ReaderGoneError(Exception):
    """Nobody reads stdout any more (`ftb ... | head`). No `OSError`, since click would turn that into a failure."""


def guarded(call: Callable[[], object]) -> int:
    """Run a command: expected errors become a sentence on stderr and their code, never a traceback.

    `call` may return an exit code of its own, as click does for `ctx.exit` outside its standalone mode.
    """
    try:
        code = call()
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        # Click's words about the use, then the error, in which names of models and files stand.
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue().removesuffix("\n"))
        return Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        return Exit.INTERRUPTED
    except (ReaderGoneError, BrokenPipeError):
        # What is still buffered must not be written at the interpreter's end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            say(crash_log.told(error))
        else:
            say(f"{error.filename or 'The output'} cannot be used: {error.strerror}.")
        return Exit.FAILED
    except Exception as error:
        expected = _code(error)
        if expected is None:
            say(crash_log.told(error))
            return Exit.FAILED
        say(str(error))
        return expected
    # A process that a signal ended has a negative code, which a shell would show as something else.
    return Exit.OK if not isinstance(code, int) else code if code >= 0 else Exit.FAILED


def say(text: str) -> None:
    """Narration: a line on stderr. Control characters in it, which services may send, are shown, never obeyed."""
    click.echo(visible(text), err=True)


def _code(error: Exception) -> Exit | None:
    """The code of an expected error, None for any other. Errors are told by class without importing their homes."""
    name = type(error).__name__
    if name == "ProviderError":
        kind = str(getattr(error, "kind", ""))
        if kind in ("unreachable", "timeout", "server", "rate_limited"):
            return Exit.UNREACHABLE
        return Exit.USAGE if kind in ("auth", "invalid_request", "not_found") else Exit.FAILED
    if name == "DownloadError":
        return Exit.UNREACHABLE if getattr(error, "unreachable", False) else Exit.FAILED
    if name == "WeightsError":
        if getattr(error, "misnamed", False):
            return Exit.USAGE
        return Exit.UNREACHABLE if getattr(error, "unreachable", False) else Exit.FAILED
    if name == "EvaluationStoppedError" and isinstance(error.__cause__, Exception):
        return Exit.UNREACHABLE if _code(error.__cause__) is Exit.UNREACHABLE else Exit.FAILED
    codes = {
        "StoreError": Exit.FAILED,
        "BenchError": Exit.FAILED,
        "LaunchError": Exit.FAILED,
        "EvaluationStoppedError": Exit.FAILED,
        "EvaluationBusyError": Exit.FAILED,
        "EngineStartError": Exit.FAILED,
        "DatasetError": Exit.USAGE,
        "HomeUnknownError": Exit.USAGE,
        "ConfigError": Exit.USAGE,
        "LaunchRefusedError": Exit.USAGE,
        "CatalogueError": Exit.USAGE,
        "ModelNotFoundError": Exit.USAGE,
        "AmbiguousModelError": Exit.USAGE,
        "JobNotFoundError": Exit.USAGE,
        "EvaluationNotFoundError": Exit.USAGE,
        "ResponseNotFoundError": Exit.USAGE,
        "FactNotFoundError": Exit.USAGE,
    }
    return codes.get(name)
