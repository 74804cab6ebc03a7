"""A text opened in the person's own pager or editor, while the app stands aside."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

PAGERS = ("less", "more")
EDITORS = ("sensible-editor", "nano", "vi")


def read_in_pager(text: str) -> str:
    """Read a text in $PAGER, else in what there is; a sentence where that failed, else nothing."""
    return _open(text, ("PAGER",), PAGERS)


def open_in_editor(text: str) -> str:
    """Open a copy of a text in $VISUAL or $EDITOR, else in what there is; a sentence where that failed, else nothing."""
    return _open(text, ("VISUAL", "EDITOR"), EDITORS)


def _open(text: str, variables: tuple[str, ...], usual: tuple[str, ...]) -> str:
    named = next((os.environ[name] for name in variables if os.environ.get(name, "").strip()), "")
    try:
        command = shlex.split(named) if named else [name for name in usual if shutil.which(name)][:1]
    except ValueError as error:
        return f"${variables[0]} cannot be read as a command: {error}"
    if not command:
        return f"There is neither ${variables[-1]} nor any of {', '.join(usual)}."
    with tempfile.TemporaryDirectory(prefix="ftb-") as folder:
        file = Path(folder) / "text.txt"
        file.touch(mode=0o600)
        # Lone surrogates, which JSON may bring, are no UTF-8; they are spelled out rather than lost.
        file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        try:
            with _deaf_to_interrupts():
                code = subprocess.run([*command, str(file)], check=False).returncode
        except OSError as error:
            return f"{command[0]} could not be started: {error.strerror}"
    return f"{command[0]} ended with exit code {code}." if code else ""


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """ctrl+c in a pager is meant for the pager, though the terminal sends it to us too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Not SIG_IGN, which the program would inherit.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
