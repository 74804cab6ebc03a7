"""Commands as people run them: in a process of their own, or (the same path, faster) in this one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ftb_tui.cli.main import run
from tests.demo import fill_demo_store


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Everything, for words that may stand on either stream."""
        return self.out + self.err


Ftb = Callable[..., Done]


@pytest.fixture
def ftb(capsys: pytest.CaptureFixture[str]) -> Ftb:
    """`ftb("results", "--json")` in this process, from the arguments to the exit code."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ftb_tui", *arguments]


@pytest.fixture
def ftb_process() -> Ftb:
    """`ftb` as a real process in this test's environment, without a terminal."""

    def call(*arguments: str, **env: str) -> Done:
        done = subprocess.run(
            command(*arguments), env={**os.environ, **env}, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with finished results, made once; see `tests/demo.py`."""
    from ftb_tui.store.database import open_store

    file = tmp_path_factory.mktemp("demo") / "ftb.db"

    async def fill() -> None:
        db = await open_store(file)
        await fill_demo_store(db)
        await db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await db.close()

    asyncio.run(fill())
    return file


@pytest.fixture
def demo(home: Path, demo_store: Path) -> Path:
    """This test's home, with a copy of the demo store."""
    (home / "data").mkdir(parents=True)
    shutil.copy(demo_store, home / "data" / "ftb.db")
    return home


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ftb_tui.engine.tiny import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("weights") / "tiny.gguf")


@pytest.fixture
def tiny(home: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch, ftb_process: Ftb) -> Iterator[Path]:
    """This test's home with an engine on the tiny model, started when needed and stopped afterwards."""
    monkeypatch.setenv("FTB_WEIGHTS", str(tiny_weights))
    yield home
    # Not through a function's environment: the test may have changed it.
    ftb_process("serve", "--stop", FTB_HOME=str(home))
