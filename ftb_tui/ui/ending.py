"""Being told to end by the system: the app ends as it does on its own key, and its process says by which signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

from textual.worker import WorkerFailed

from ftb_tui.report.numbers import counted

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""To end, and that the terminal is gone."""
BY_SIGNAL = 128
"""What a process's code is above the number of the signal that ended it, as shells have it."""

END_SECONDS = 8.0
"""How long the end may take. With a terminal that is gone the thread that writes to it may never return."""

_LEAVING = "leaving"
_FOR_LONG = 600.0
_LOOK = 0.05
_NO_WAIT = 0.3
"""Of an end that takes no longer than this nothing is said."""


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


def leave(app: FtbApp) -> None:
    """End the app once a launch that is being sent is there and paid answers under way are kept; at once if asked again."""
    if any(worker.group == _LEAVING for worker in app.workers):
        app.exit(message=_left(app))
    else:
        app.run_worker(_leave(app), group=_LEAVING)


async def _leave(app: FtbApp) -> None:
    told: list[str | None] = []
    supervisor = app._supervisor
    if supervisor is not None and (places := supervisor.sending.places):
        app.notify(
            f"Closing once the launch that is being sent to {', '.join(places)} is there. q again leaves at once, and "
            "the launch may then have to be repeated.",
            timeout=_FOR_LONG,
        )
        while supervisor.sending.places:  # noqa: ASYNC110 - it is known in another thread
            await asyncio.sleep(_LOOK)
        told.append(
            supervisor.sending.error or "The job was launched and goes on without the app: ftb jobs follow last"
        )
    told.append(stopping(app))
    if supervisor is not None and (supervisor.asking or supervisor.bench):
        finishing = asyncio.wrap_future(supervisor.finish())
        if not (await asyncio.wait({finishing}, timeout=_NO_WAIT))[0]:
            answers = counted(supervisor.under_way, "paid answer")
            app.notify(f"Closing: waiting for {answers} under way. q again leaves at once.", timeout=_FOR_LONG)
        await asyncio.wait({finishing})
    app.exit(message="\n".join(filter(None, told)) or None)


def _left(app: FtbApp) -> str | None:
    """What is said in the terminal where nothing is waited for."""
    places = [] if app._supervisor is None else app._supervisor.sending.places
    cut = [f"A launch at {place} was cut short. What came of it tells: ftb jobs follow last" for place in places]
    return "\n".join(filter(None, (*cut, stopping(app)))) or None


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
    app.exit(return_code=BY_SIGNAL + number, message=_left(app))
