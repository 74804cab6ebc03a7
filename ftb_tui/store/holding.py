"""Who holds a lease: a name from which anybody on this machine can tell whether its process still lives.

A lease alone ends some seconds after its holder was killed, and until then everybody else is refused. So every process
that takes leases keeps a lock on a small file, which the system lets go when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import IO

from ftb_tui.paths import paths

_SUFFIX = ".lock"
_SWEPT_AFTER = 120.0
_mine: dict[Path, tuple[int, str, IO[str]]] = {}
_one_at_a_time = threading.Lock()
"""Of two files of one process one would be dropped, with its lock, and who holds by its name be taken for dead."""


def new_owner() -> str:
    """A name to hold leases by, different at every call: machine, this process's lock file, and a UUID.

    Where no lock file can be written, it is the UUID alone, and only time tells that its holder is gone.
    """
    try:
        with _one_at_a_time:
            return f"{_machine()}/{_lock_file()}/{uuid.uuid4()}"
    except OSError:
        return str(uuid.uuid4())


def is_dead(owner: str | None) -> bool:
    """Whether the process behind a name has certainly ended. False when it lives or cannot be known."""
    machine, _, rest = (owner or "").partition("/")
    name = rest.partition("/")[0]
    if machine != _machine() or not name.endswith(_SUFFIX):
        return False
    try:
        with (_folder() / name).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_held(owner: str | None, lease_until: float | None) -> bool:
    """Whether somebody who may live holds this lease now."""
    return owner is not None and (lease_until or 0) >= time.time() and not is_dead(owner)


def process_of(owner: str | None) -> str:
    """Which process holds by this name, for a person to find it."""
    machine, _, rest = (owner or "").partition("/")
    number = rest.partition("-")[0]
    return f"another ftb (process {number} on {machine})" if number.isdecimal() and rest.count("/") else "another ftb"


def _machine() -> str:
    """Locks are seen by the processes of one machine, homes perhaps by several."""
    return socket.gethostname().replace("/", "-")


def _folder() -> Path:
    return paths().state / "holders"


def _lock_file() -> str:
    folder = _folder()
    known = _mine.get(folder)
    if known is not None and known[0] == os.getpid():
        return known[1]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    name = f"{os.getpid()}-{uuid.uuid4().hex[:12]}{_SUFFIX}"
    file = (folder / name).open("w")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _mine[folder] = os.getpid(), name, file
    return name


def _sweep(folder: Path) -> None:
    """Remove the files of ended processes, after every lease of theirs has run out.

    Not at a process's own end: on a full disk it may end without having given its leases back.
    """
    for file in folder.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > _SWEPT_AFTER and is_dead(f"{_machine()}/{file.name}/"):
                file.unlink()
