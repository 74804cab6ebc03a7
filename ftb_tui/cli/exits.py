"""Exit codes, and which error ends with which."""

from __future__ import annotations

import enum
import logging
import sys
from collections.abc import Callable
from logging.handlers import RotatingFileHandler

import click

from ftb_tui.paths import paths


class Exit(enum.IntEnum):
    """What an exit code means; part of the interface."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


def guarded(call: Callable[[], object]) -> int:
    """Run a command: expected errors become a sentence on stderr and their code, never a traceback."""
    try:
        call()
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader went away; the interpreter must not complain about it at its end either.
        sys.stderr.close()
        return Exit.OK
    except Exception as error:
        code = _code(error)
        if code is None:
            say(f"ftb failed unexpectedly: {type(error).__name__}: {error}\nThe details are in {_log(error)}.")
            return Exit.FAILED
        say(str(error))
        return code
    return Exit.OK


def say(text: str) -> None:
    """Narration: a line on stderr."""
    click.echo(text, err=True)


def _code(error: Exception) -> Exit | None:
    """The code of an expected error, None for any other. Errors are told by class without importing their homes."""
    name = type(error).__name__
    if name == "ProviderError":
        kind = str(getattr(error, "kind", ""))
        if kind in ("unreachable", "timeout", "server", "rate_limited"):
            return Exit.UNREACHABLE
        return Exit.USAGE if kind in ("auth", "invalid_request", "not_found") else Exit.FAILED
    codes = {
        "StoreError": Exit.FAILED,
        "BenchError": Exit.FAILED,
        "LaunchError": Exit.FAILED,
        "EvaluationStoppedError": Exit.FAILED,
        "EvaluationBusyError": Exit.FAILED,
        "EngineStartError": Exit.FAILED,
        "WeightsError": Exit.FAILED,
        "DatasetError": Exit.USAGE,
        "ConfigError": Exit.USAGE,
        "ModelNotFoundError": Exit.USAGE,
        "JobNotFoundError": Exit.USAGE,
        "EvaluationNotFoundError": Exit.USAGE,
    }
    return codes.get(name)


def _log(error: Exception) -> str:
    file = paths().log / "ftb.log"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    logger = logging.getLogger("ftb.crash")
    handler = RotatingFileHandler(file, maxBytes=1 << 20, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    logger.error("unexpected", exc_info=error)
    handler.close()
    return str(file)
