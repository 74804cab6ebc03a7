"""A wheel in an empty environment does what the checkout does: same commands, same bundled data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, CHECKOUT, cwd=target)
    [built] = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    environment = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(environment)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "install", "--quiet", "--no-compile", wheel],
        capture_output=True,
        text=True,
        timeout=280,
    )
    if done.returncode != 0 and "Could not find a version" in done.stderr:
        pytest.skip(f"no package index to install from: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return environment / "bin"


def test_the_wheel_holds_the_bundled_data_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "ftb_tui/data/fictional_people/questions.jsonl" in names
    assert "ftb_tui/store/schema/0001_initial.sql" in names
    assert any(name.endswith(".tcss") for name in names)
    assert any(name.startswith("ftb_tui/providers/dialects/") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_an_installed_ftb_lists_shows_and_exports_like_the_checkout(installed: Path, tmp_path: Path) -> None:
    def listing(ftb: Path | str, *arguments: str, home: str) -> object:
        env = {**os.environ, "FTB_HOME": str(tmp_path / home)}
        env.pop("PYTHONPATH", None)
        return json.loads(run(ftb, *arguments, env=env, cwd=tmp_path))

    checkout_ftb = Path(sys.executable).parent / "ftb"
    arguments = ("datasets", "show", "fictional_people", "--json")
    assert listing(installed / "ftb", *arguments, home="a") == listing(checkout_ftb, *arguments, home="b")
    doctor = json.dumps(listing(installed / "ftb", "doctor", "--json", home="a"))
    assert "store" in doctor


def test_the_default_install_is_light(installed: Path) -> None:
    site = next((installed.parent / "lib").glob("python3*/site-packages"))
    names = {path.name.split("-")[0].lower() for path in site.glob("*.dist-info")}
    assert not names & {"torch", "transformers", "pandas", "scipy", "tokenizers", "pyarrow"}
