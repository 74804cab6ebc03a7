"""A configuration that cannot be used is named by file and key; a provider without its key says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.config import ConfigError, config_problems, load_config
from ftb_tui.providers.registry import check_provider, open_provider, provider_infos
from tests.fakes.openai_server import KEY, FakeOpenAI


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("[defaults]\nepoch = 3", "defaults.epoch is not a setting; did you mean epochs?"),
        ('[defaults]\nepochs = "3"', "defaults.epochs must be a whole number"),
        ("[defaults]\nepochs = true", "defaults.epochs must be a whole number"),
        ("colour = 1", "colour is not a setting"),
        ("[providers.x]\ndialect = 'custom'", "providers.x.base_url must be given"),
        ("[providers.x]\nbase_url = 'ftp://x'", "providers.x.base_url must be given and begin with http"),
        ("[providers.x]\nbase_url = 'http://x'\ndialect = 'latin'", "dialect must be one of"),
        ("[providers.local]\nbase_url = 'http://x'", "taken by a built-in provider"),
        ("[defaults", "config.toml"),
    ],
)
def test_a_problem_is_named_by_file_and_key(tmp_path: Path, text: str, needle: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    problems = config_problems(file)
    assert any(needle in problem and str(file) in problem for problem in problems), problems
    with pytest.raises(ConfigError):
        load_config(file)


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(tmp_path / "none.toml").defaults.provider == "local"
    assert config_problems(tmp_path / "none.toml") == []


def test_a_key_is_shown_by_its_source_and_last_four(fake_openai: FakeOpenAI) -> None:
    infos = {info.name: info for info in provider_infos()}
    assert infos["fake"].key == "FAKE_KEY, …WXYZ"
    assert infos["openai"].key == "missing: set OPENAI_API_KEY"
    assert KEY not in repr(infos)


async def test_a_missing_key_a_stopped_engine_and_an_unknown_name_are_told_apart(fake_openai: FakeOpenAI) -> None:
    for name, kind, needle in (
        ("openai", ErrorKind.AUTH, "OPENAI_API_KEY"),
        ("local", ErrorKind.UNREACHABLE, "ftb serve"),
        ("fak", ErrorKind.INVALID_REQUEST, "Did you mean fake"),
    ):
        with pytest.raises(ProviderError, match=needle) as caught:
            open_provider(name)
        assert caught.value.kind is kind


async def test_a_check_says_what_a_provider_may_do(fake_openai: FakeOpenAI) -> None:
    found = await check_provider("fake")
    assert (found.reachable, found.models) == (True, 1)
    assert "trains and answers" in found.message
    assert not (await check_provider("openai")).reachable
