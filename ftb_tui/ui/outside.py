"""A text opened in the person's own pager or editor, while the app stands aside."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
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
        # Lone surrogates, which JSON may bring, are no UTF-8; they are spelled out rather than lost.
        file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        try:
            code = subprocess.run([*command, str(file)], check=False).returncode
        except OSError as error:
            return f"{command[0]} could not be started: {error.strerror}"
    return f"{command[0]} ended with exit code {code}." if code else ""
