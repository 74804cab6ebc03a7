"""A whole text in a pager or an editor of one's own: private, harmless, gone afterwards, and the app goes on."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftb_tui.ui.outside import open_in_editor, read_in_pager

APP = """
from ftb_tui.ui.screens.text import TextScreen
from textual.app import App

class Reading(App):
    def on_mount(self):
        self.push_screen(TextScreen("answer", "red \\x1b[31m \\x1b]52;c;ZXZpbA==\\x07 end"))

Reading().run()
"""


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_nobody_else_can_read_the_text_and_nothing_is_left_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = program(
        tmp_path / "pager", f'ls -ld "$1" "$(dirname "$1")" > {tmp_path}/seen; echo "$1" > {tmp_path}/where'
    )
    monkeypatch.setenv("PAGER", str(shown))
    assert read_in_pager("secret") == ""
    file, folder = sorted((tmp_path / "seen").read_text().splitlines())
    assert file.startswith("-rw-------") and folder.startswith("drwx------")
    assert not Path((tmp_path / "where").read_text().strip()).parent.exists()


def test_an_interrupt_is_the_pagers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"trap 'echo mine > {tmp_path}/heard; exit 0' INT\nkill -INT $PPID; kill -INT $$\nexit 7"
    monkeypatch.setenv("PAGER", str(program(tmp_path / "pager", text)))
    assert read_in_pager("x") == ""
    assert (tmp_path / "heard").read_text() == "mine\n"


def test_what_stands_in_the_variable_is_no_shell_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{program(tmp_path / 'editor', 'exit 3')} ; touch {tmp_path}/shell")
    assert open_in_editor("x") == f"{tmp_path}/editor ended with exit code 3."
    assert not (tmp_path / "shell").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_in_a_terminal_the_app_stands_aside_and_comes_back(tmp_path: Path) -> None:
    pager = program(tmp_path / "pager", f'cp "$1" {tmp_path}/read; echo PAGER-WAS-HERE')
    editor = program(tmp_path / "editor", 'echo changed >> "$1"; echo EDITOR-WAS-HERE')
    master, slave = pty.openpty()
    env = os.environ | {"PAGER": str(pager), "EDITOR": str(editor), "VISUAL": "", "TERM": "xterm-256color",
                        "COLUMNS": "100", "LINES": "30"}  # fmt: skip
    app = subprocess.Popen([sys.executable, "-c", APP], stdin=slave, stdout=slave, stderr=slave, env=env)
    try:
        heard = _until(master, "␇ end")
        os.write(master, b"v")
        heard = _until(master, "PAGER-WAS-HERE.*␇ end")
        assert "\x1b]52" not in heard
        assert (tmp_path / "read").read_text() == "red ␛[31m ␛]52;c;ZXZpbA==␇ end"
        os.write(master, b"E")
        _until(master, "EDITOR-WAS-HERE.*it is gone")
        os.write(master, b"\x11")
        _until_ended(app, master)
        assert app.returncode == 0
    finally:
        app.kill()
        app.wait()
        os.close(master)
        os.close(slave)


def _until(master: int, words: str, seconds: float = 30) -> str:
    """What the terminal got until these words stood in it, styles taken out."""
    heard, end = b"", time.monotonic() + seconds
    while not re.search(words, _plain(heard), re.DOTALL):
        assert time.monotonic() < end, _plain(heard)
        if select.select([master], [], [], 0.2)[0]:
            heard += os.read(master, 65536)
    return heard.decode(errors="replace")


def _plain(heard: bytes) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", heard.decode(errors="replace"))


def _until_ended(app: subprocess.Popen[bytes], master: int, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while app.poll() is None:
        assert time.monotonic() < end
        if select.select([master], [], [], 0.2)[0]:
            os.read(master, 65536)
