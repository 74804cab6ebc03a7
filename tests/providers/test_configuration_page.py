"""What docs/configuration.md says can be written into a file, and nothing that can is left out of it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import ftb_tui
from ftb_tui.providers.config import Budget, Defaults, ProviderConfig, config_problems, load_config
from ftb_tui.providers.google_opening import GoogleConfig
from ftb_tui.providers.keys import KeySettings

PAGE = Path(ftb_tui.__file__).parents[1] / "docs" / "configuration.md"
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) if PAGE.exists() else []

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="installed without docs")


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_can_be_used_as_it_stands(tmp_path: Path, block: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(block)
    assert config_problems(file) == []
    load_config(file)


def test_there_are_examples() -> None:
    assert len(BLOCKS) >= 4


def test_every_key_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    sections = {"defaults.": Defaults, "budget.": Budget, "keys.": KeySettings, "": ProviderConfig}
    missing = [
        f"{where}{part.name}"
        for where, record in (*sections.items(), ("", GoogleConfig))
        for part in fields(record)
        if f"`{where}{part.name}`" not in text
    ]
    assert missing == []


def test_the_page_gives_the_defaults_that_are_in_force() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for part in fields(Defaults):
        value = f'"{part.default}"' if isinstance(part.default, str) else part.default
        assert re.search(rf"`defaults\.{part.name}` \| [a-z ]+ \| `{re.escape(str(value))}` ", text), part.name


@pytest.mark.parametrize("where", ["mine", "openai", "google"])
def test_a_key_in_the_place_of_its_variables_name_is_refused_and_not_repeated(tmp_path: Path, where: str) -> None:
    name = "token_env" if where == "google" else "api_key_env"
    file = tmp_path / "config.toml"
    address = 'base_url = "http://127.0.0.1:1/v1"\n' if where == "mine" else ""
    file.write_text(f'[providers.{where}]\n{address}{name} = "sk-proj-VERYSECRET"')
    [problem] = config_problems(file)
    assert f"providers.{where}.{name} must be the name of an environment variable" in problem
    assert "VERYSECRET" not in problem


@pytest.mark.parametrize("epochs", [0, -3, 51])
def test_epochs_that_cannot_be_asked_for_are_refused(tmp_path: Path, epochs: int) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[defaults]\nepochs = {epochs}")
    [problem] = config_problems(file)
    assert "defaults.epochs must be from 1 to 50" in problem
