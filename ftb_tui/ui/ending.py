"""Being told to end by the system: the app ends as it does on its own key, and its process says by which signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

from textual.worker import WorkerFailed

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""To end, and that the terminal is gone."""
BY_SIGNAL = 128
"""What a process's code is above the number of the signal that ended it, as shells have it."""

END_SECONDS = 8.0
"""How long the end may take. With a terminal that is gone the thread that writes to it may never return."""


def end_in_order(app: FtbApp) -> None:
    """From now on let these signals end the app. Without effect where an event loop cannot hear them."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        # Outside the main thread, and on Windows, they do what they always did.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, _end, app, number)


def asking(app: FtbApp) -> list[int]:
    """The evaluations that this app runs now, which stop when it ends."""
    return [] if app._supervisor is None else app._supervisor.asking


def stopping(app: FtbApp) -> str | None:
    """What is said in the terminal when evaluations stop with the app; None where none does."""
    keys = asking(app)
    if not keys:
        return None
    named = f"evaluation {keys[0]}" if len(keys) == 1 else f"evaluations {', '.join(map(str, keys))}"
    number = keys[0] if len(keys) == 1 else "N"
    return (
        f"Stopped {named}; every answer is kept. Go on with: ftb evaluate --resume {number}, or r in mode 3 of the app."
    )


def tell_crash(app: FtbApp) -> None:
    """Tell what ended the app in a sentence and keep the details: Textual's own traceback shows values, keys among them."""
    from rich.text import Text

    from ftb_tui import crash_log
    from ftb_tui.report.plain import visible

    failed = app._exception
    # A worker's failure is told as what it was.
    error = failed.error if isinstance(failed, WorkerFailed) else failed
    app.bell()
    app.panic(Text(visible(crash_log.told(error or RuntimeError("unknown")))))


def _end(app: FtbApp, number: int) -> None:
    app.keep_memory()
    # What was answered is committed, and what is kept is kept: nothing is lost by not waiting.
    last = threading.Timer(END_SECONDS, os._exit, (BY_SIGNAL + number,))
    last.daemon = True
    last.start()
    app.exit(return_code=BY_SIGNAL + number, message=stopping(app))
