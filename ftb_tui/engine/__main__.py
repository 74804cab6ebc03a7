"""`python -m ftb_tui.engine serve`: the embedded engine as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import math
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

THREADS = os.environ.get("FTB_ENGINE_THREADS", "1")
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    # Read by the linear algebra library when it is loaded, so this comes before anything that imports numpy.
    os.environ[_name] = THREADS

from ftb_tui import __version__  # noqa: E402
from ftb_tui.disk import FREE_SOME, MAY_BE_FULL, is_full, may_be_full  # noqa: E402
from ftb_tui.engine_state import EngineState, clear_engine_state, read_engine_state, write_engine_state  # noqa: E402
from ftb_tui.paths import paths  # noqa: E402
from ftb_tui.weights import WeightsError, find_weights, is_known, require_weights  # noqa: E402

log = logging.getLogger("ftb.engine")

_LOCK_TRIES = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the engine; the exit code says how it ended (0 stopped, 1 could not run, 2 usage)."""
    parser = argparse.ArgumentParser(prog="python -m ftb_tui.engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="listen until stopped")
    serve.add_argument("--host", default="127.0.0.1", choices=["127.0.0.1", "::1", "localhost"], help="loopback only")
    serve.add_argument("--port", type=int, default=0, help="0 takes a free one")
    serve.add_argument("--weights", type=Path, help="a GGUF file of SmolLM2-135M-Instruct")
    serve.add_argument("--data", type=Path, help="where files, jobs and adapters are kept")
    serve.add_argument("--idle-exit", type=_seconds, metavar="SECONDS", help="end after so long without work")
    check = commands.add_parser("check", help="say whether a file of weights can be read")
    check.add_argument("weights", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "check":
        trouble = _unreadable(options.weights)
        return 0 if trouble is None else _refuse(trouble, 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    data: Path = options.data or paths().engine_data
    try:
        # Without any it runs, and every request that needs them says so; other files than weights were meant otherwise.
        weights = None if find_weights(options.weights) is None else require_weights(options.weights)
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _only_one(data)
    except WeightsError as error:
        return _refuse(str(error), 2 if error.misnamed else 1)
    except OSError as error:
        return _refuse(f"{error.filename or data} cannot be used: {error.strerror or error}. {_remedy(error, data)}")
    if lock is None:
        other = read_engine_state()
        where = f" (process {other.pid}, {other.url})" if other else ""
        return _refuse(f"An engine for {data} is running already{where}. Use it, or stop it with: ftb serve --stop")
    with contextlib.suppress(OSError):
        os.nice(5)
    return asyncio.run(_serve(options, data, weights))


def _unreadable(weights: Path) -> str | None:
    """Why a file of weights cannot be read; None where it can. The published file is known to be whole."""
    from ftb_tui.engine.interface import ModelFileError

    if is_known(weights):
        return None
    from ftb_tui.engine.model import check_weights

    try:
        check_weights(weights)
    except ModelFileError as error:
        return f"{error}\nOr name another file with --weights or FTB_WEIGHTS."
    return None


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def _only_one(data: Path) -> IO[str] | None:
    """The lock that this process holds as long as it lives; None when another one does."""
    lock = (data / "engine.lock").open("w")
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Whoever looks whether there is an engine holds it for a moment, too.
            time.sleep(0.05)
        else:
            return lock
    lock.close()
    return None


def _refuse(reason: str, code: int = 1) -> int:
    with contextlib.suppress(OSError):
        # Its own log may be on the very disk that is full.
        print(f"ftb engine: {reason}", file=sys.stderr, flush=True)
    return code


def _remedy(error: Exception, folder: Path) -> str:
    """What a person can do about a file in a folder that cannot be used."""
    text = str(error)
    if is_full(error, folder):
        return f"There is no room on the disk. {FREE_SOME}."
    if may_be_full(error):
        return f"{MAY_BE_FULL}."
    if "not a database" in text or "malformed" in text:
        return (
            "Move it away to begin anew, or put a copy in its place. Without it the engine knows no job and no tuned "
            "model of its own any more; answers and results are in the store and stay."
        )
    if "locked" in text:
        return "Another program keeps it locked: try again when that has ended."
    return "Check the directory's permissions, or set FTB_HOME to another."


async def _serve(options: argparse.Namespace, data: Path, weights: Path | None) -> int:
    import sqlite3

    from aiohttp import web

    from ftb_tui.engine.answering import Answering
    from ftb_tui.engine.interface import EngineError
    from ftb_tui.engine.loading import ModelLoader
    from ftb_tui.engine.queue import TrainingQueue
    from ftb_tui.engine.records import Records
    from ftb_tui.engine.server import make_app
    from ftb_tui.engine.serving import Engine

    if weights is not None and (trouble := _unreadable(weights)) is not None:
        return _refuse(trouble, 2)
    try:
        records = Records(data / "engine.db")
    except EngineError as error:
        return _refuse(str(error))
    except (sqlite3.Error, OSError) as error:
        return _refuse(f"{data / 'engine.db'} cannot be used: {error}. {_remedy(error, data)}")
    loader = ModelLoader(weights)
    queue, answering = TrainingQueue(records, loader, data), Answering(loader)
    now = time.time()
    engine = Engine(data, secrets.token_urlsafe(24), records, loader, queue, answering, now, now)
    runner = web.AppRunner(make_app(engine), handler_cancellation=True, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port).start()
    except OSError as error:
        await runner.cleanup()
        return _refuse(
            f"port {options.port} on {options.host} cannot be used: {error.strerror}. Give another --port, or 0 for a free one."
        )
    port = runner.addresses[0][1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    state = EngineState(
        url=f"http://{host}:{port}/v1",
        token=engine.token,
        pid=os.getpid(),
        started_at=now,
        version=__version__,
        weights=None if weights is None else str(weights),
    )
    try:
        write_engine_state(state)
    except OSError as error:
        await runner.cleanup()
        return _refuse(
            f"{paths().engine_state} cannot be written: {error.strerror or error}. {_remedy(error, paths().state)}"
        )
    log.info("listening on %s, weights %s, data %s", state.url, weights or "missing", data)
    queue.start()
    answering.start()
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    await _until_done(engine, ending, options.idle_exit, state if options.data is None else None)
    clear_engine_state(os.getpid())
    log.info("stopping; a running job stays resumable")
    await asyncio.to_thread(answering.stop)
    await runner.cleanup()
    await asyncio.to_thread(queue.stop)
    records.close()
    return 0


async def _until_done(
    engine: object, ending: asyncio.Event, idle_exit: float | None, state: EngineState | None
) -> None:
    """Wait for the end. `state` is what the state file of this home must say as long as this engine holds it."""
    from ftb_tui.engine.serving import Engine

    assert isinstance(engine, Engine)
    while not ending.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), timeout=1.0)
        if state is not None and not ending.is_set() and read_engine_state() != state:
            log.warning("the state file was lost or overwritten; it is written again")
            with contextlib.suppress(OSError):
                write_engine_state(state)
        if engine.queue.busy or engine.answering.busy:
            engine.last_request = time.time()
        if idle_exit is not None and time.time() - engine.last_request > idle_exit:
            log.info("nothing to do for %.0f seconds", idle_exit)
            return


if __name__ == "__main__":
    sys.exit(main())
