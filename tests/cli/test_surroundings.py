"""Terminals, pipes, disks and other versions: what surrounds a command never makes it misbehave."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftb_tui.weights import FILE_NAME
from tests.cli.conftest import Ftb, command

LISTS = [
    ("datasets", "list"), ("jobs", "list"), ("models", "list"), ("results",), ("providers", "list"), ("config", "path"),
    ("config", "show"), ("doctor",), ("serve", "--status"),
]  # fmt: skip

LONG = [("datasets", "show", "fictional_people", "--json"), ("results", "--json"), ("doctor",), ("--help",)]
WRITING = [("results",), ("datasets", "build", "fictional-people", "--seed", "1"), ("bench", "--quick"), ("serve",)]


def test_a_light_start_imports_nothing_heavy() -> None:
    program = (
        "import sys; from ftb_tui.cli.main import run; code = run(['--version']);"
        "import json; print(json.dumps(sorted(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    version, modules = done.stdout.splitlines()
    assert version.startswith("ftb, version ")
    heavy = (
        "openai",
        "google.genai",
        "numpy",
        "aiohttp",
        "textual",
        "ftb_tui.engine",
        "tiktoken",
        "aiosqlite",
        "httpx2",
    )
    assert [
        name for name in json.loads(modules) if name in heavy or name.startswith(tuple(f"{h}." for h in heavy))
    ] == []


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_data_goes_to_stdout_as_json_and_narration_to_stderr(ftb: Ftb, demo: Path, arguments: tuple[str, ...]) -> None:
    done = ftb(*arguments, "--json")
    assert done.code == 0
    json.loads(done.out)
    assert done.err == ""


@pytest.mark.parametrize("arguments", LISTS, ids=" ".join)
def test_without_a_terminal_there_is_no_escape_and_nothing_is_asked(
    ftb: Ftb, demo: Path, arguments: tuple[str, ...]
) -> None:
    done = ftb(*arguments)
    assert done.code == 0
    assert "\x1b" not in done.said


@pytest.mark.parametrize("arguments", [*LISTS, ("--help",), ("bench", "--help")], ids=" ".join)
def test_a_very_narrow_screen_breaks_nothing(
    ftb: Ftb, demo: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    for columns in ("1", "20", "0", "wide"):
        monkeypatch.setenv("COLUMNS", columns)
        done = ftb(*arguments)
        assert done.code == 0
        assert "unexpectedly" not in done.err


def test_no_help_needs_more_than_80_columns(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftb_tui.cli.main import COMMANDS

    monkeypatch.setenv("COLUMNS", "80")
    for name in COMMANDS:
        done = ftb(name, "--help")
        assert done.code == 0, name
        assert max(map(len, done.out.splitlines())) <= 80, name


def test_help_says_what_each_option_is_for(ftb: Ftb) -> None:
    import click

    from ftb_tui.cli.main import COMMANDS
    from ftb_tui.cli.main import ftb as group

    def options(one: click.Command, name: str) -> Iterator[tuple[str, click.Option]]:
        for parameter in one.params:
            if isinstance(parameter, click.Option):
                yield f"{name} {parameter.opts[0]}", parameter
        for part in one.commands.values() if isinstance(one, click.Group) else ():
            yield from options(part, f"{name} {part.name}")

    context = click.Context(group)
    found = [
        pair for name in COMMANDS for pair in options(group.get_command(context, name) or click.Command("x"), name)
    ]
    assert len(found) > 40
    assert [name for name, option in found if not option.help] == []


@pytest.mark.skipif(not Path("/dev/tty").exists() and sys.platform != "linux", reason="needs pseudo-terminals")
@pytest.mark.parametrize("arguments", [("results",), ("doctor",), ("datasets", "list")], ids=" ".join)
def test_on_a_terminal_no_color_means_no_escape(demo: Path, arguments: tuple[str, ...]) -> None:
    import pty

    ours, theirs = pty.openpty()
    env = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
    with subprocess.Popen(command(*arguments), env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 65536):
                shown += chunk
    os.close(ours)
    assert process.returncode == 0
    assert b"\x1b" not in shown
    assert shown


@pytest.mark.parametrize("arguments", LONG, ids=" ".join)
def test_a_reader_that_goes_away_is_no_failure(demo: Path, arguments: tuple[str, ...]) -> None:
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_output_that_cannot_be_written_fails_with_a_sentence(demo: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command("results", "--json"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "unexpectedly" not in done.stderr


def test_a_store_from_the_future_is_refused_and_left_alone(ftb: Ftb, demo: Path) -> None:
    file = demo / "data" / "ftb.db"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 9999")
    before = file.read_bytes()
    for arguments in (("results",), ("bench", "--quick"), ("jobs", "list", "--json")):
        done = ftb(*arguments)
        assert (done.code, done.out) == (1, ""), arguments
        assert "written by a newer version of ftb" in done.err
        assert str(file) in done.err
    assert file.read_bytes() == before
    assert "newer version" in ftb("doctor").out
    assert ftb("doctor").code == 1


def test_a_file_that_is_no_store_is_named(ftb: Ftb, home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "ftb.db").write_text("this is no database" * 100)
    done = ftb("results")
    assert (done.code, done.out) == (1, "")
    assert "is not a readable store" in done.err


@pytest.mark.parametrize("arguments", WRITING, ids=" ".join)
def test_a_home_that_cannot_be_written_is_named_with_what_to_do(
    ftb_process: Ftb, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    file = tmp_path / "file"
    file.touch()
    done = ftb_process(*arguments, FTB_HOME=str(file))
    assert (done.code, done.out) == (1, "")
    assert f"{file}/data" in done.err
    assert "Traceback" not in done.err
    assert file.read_text() == ""


def test_doctor_tells_of_a_home_that_cannot_be_written(
    ftb: Ftb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("FTB_HOME", str(file))
    done = ftb("doctor", "--json")
    assert done.code == 1
    failed = {check["what"]: check["found"] for check in done.json if check["state"] == "fail"}
    assert set(failed) == {"data", "cache", "config", "state", "log"}
    assert "set FTB_HOME" in failed["data"]


def test_doctor_tells_what_there_is_and_what_to_do(ftb: Ftb, demo: Path) -> None:
    checks = {check["what"]: check for check in ftb("doctor", "--json").json}
    assert checks["weights"]["state"] == "warn"
    assert "ftb models pull smollm2-135m" in checks["weights"]["found"]
    assert "192 responses" in checks["store"]["found"]
    assert "not running" in checks["engine"]["found"]
    assert "openai" in checks["other services"]["found"]
    assert str(demo) in checks["directories"]["found"]
    assert "ftb bench --quick" in ftb("doctor").err


def test_doctor_knows_weights_that_are_not_the_published_ones(
    ftb: Ftb, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTB_WEIGHTS", str(tiny_weights))
    checks = {check["what"]: check for check in ftb("doctor", "--json").json}
    assert checks["weights"]["state"] == "warn"
    assert str(tiny_weights) in checks["weights"]["found"]
    monkeypatch.setenv("FTB_WEIGHTS", str(tiny_weights) + ".gone")
    assert ftb("doctor").code == 1


def test_doctor_is_not_ready_with_damaged_weights(ftb: Ftb, home: Path) -> None:
    cached = home / "cache" / "weights" / FILE_NAME
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"GGUF, and nothing else")
    done = ftb("doctor")
    assert done.code == 1
    assert f"✗ weights        {cached} is damaged. Fetch it anew with: ftb models pull smollm2-135m" in done.out
    assert "Ready" not in done.said


def test_doctor_is_not_ready_on_a_full_disk(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 0))
    done = ftb("doctor")
    assert done.code == 1
    assert "✗ disk           0 MB free" in done.out
    assert "free some space, or set FTB_HOME" in done.out


def test_doctor_warns_of_an_own_service_without_its_key(ftb: Ftb, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(
        '[providers.mine]\nbase_url = "http://127.0.0.1:1/v1"\napi_key_env = "MINE"'
    )
    checks = {check["what"]: check for check in ftb("doctor", "--json").json}
    assert checks["mine"]["state"] == "warn"
    assert "MINE" in checks["mine"]["found"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None] | None]]:
    """A directory on a disk of 400 kB: a real one where this process may mount, else a limit on the size of files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and os.geteuid() == 0 and not subprocess.run(mount, capture_output=True).returncode
    try:
        yield folder, None if mounted else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_sentence_and_leaves_a_store_that_opens(
    ftb_process: Ftb, small_disk: tuple[Path, Callable[[], None] | None]
) -> None:
    folder, limit = small_disk
    env = {**os.environ, "FTB_HOME": str(folder)}
    done = subprocess.run(
        command("datasets", "build", "fictional-people", "--seed", "5", "--people", "200"),
        env=env, capture_output=True, text=True, timeout=60, preexec_fn=limit,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "disk" in done.stderr
    assert "full" in done.stderr
    assert str(folder) in done.stderr
    assert "Traceback" not in done.stderr
    assert "what was stored before is safe" in done.stderr
    with contextlib.closing(sqlite3.connect(folder / "data" / "ftb.db")) as db:
        [(found,)] = db.execute("PRAGMA integrity_check")
        assert found == "ok"
        tables = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'datasets'").fetchone()[0]
        assert not tables or db.execute("SELECT count(*) FROM datasets").fetchone() == (0,)


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """`disk_of("100k")` is a directory on a real disk of that size. Skips where this process may not mount."""
    mounted: list[Path] = []

    def made(size: str) -> Path:
        folder = tmp_path / f"disk{size}"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if not shutil.which("mount") or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("only who may mount can make a disk that is full")
        mounted.append(folder)
        return folder

    yield made
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("size", ["20k", "60k", "100k"])
def test_a_disk_without_room_for_the_store_is_named(
    ftb_process: Ftb, disk_of: Callable[[str], Path], size: str
) -> None:
    home = disk_of(size)
    done = ftb_process("datasets", "list", FTB_HOME=str(home))
    assert (done.code, done.out) == (1, "")
    assert f"The disk is full: nothing can be written to {home / 'data' / 'ftb.db'}. Free some space" in done.err


def test_a_disk_without_room_for_the_engine_is_named(
    ftb_process: Ftb, disk_of: Callable[[str], Path], tiny_weights: Path
) -> None:
    home = disk_of("900k")
    done = ftb_process("bench", "--quick", FTB_HOME=str(home), FTB_WEIGHTS=str(tiny_weights))
    assert done.code == 1
    assert "cannot be written, for there is no room on the disk" in done.err
    assert "Free some space, or set FTB_HOME" in done.err


def test_a_home_may_have_spaces_and_letters_of_any_alphabet(
    ftb: Ftb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTB_HOME", str(tmp_path / "my höme 家"))
    assert ftb("datasets", "build", "fictional-people", "--seed", "1", "--people", "8").code == 0
    assert (tmp_path / "my höme 家" / "data" / "ftb.db").exists()


def test_output_that_is_not_utf_8_is_still_written(ftb_process: Ftb, demo: Path) -> None:
    done = ftb_process("results", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.code == 0
    assert "memorization" in done.out
