"""Providers are added and changed by command, in the file that people edit by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ftb
from tests.fakes.openai_server import KEY, FakeOpenAI

FILE = "# by hand\n[defaults]\nepochs = 3\n"


def test_a_server_is_added_checked_and_changed_by_command(
    ftb: Ftb, home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "config" / "config.toml"
    file.write_text(FILE)
    monkeypatch.setenv("MY_KEY", KEY)
    added = ftb("providers", "set", "mine", "--base-url", fake_openai.url, "--key-env", "MY_KEY")
    assert (added.code, str(file) in added.err, KEY in added.said) == (0, True, False)
    assert file.read_text().startswith(FILE)
    assert ftb("providers", "check", "mine").code == 0
    changed = ftb("providers", "set", "mine", "--inference-only", "--title", "Mine", "--json")
    assert (changed.json["title"], changed.json["capabilities"]["trains"]) == ("Mine", False)
    assert ftb("providers", "set", "mine", "--key-env", "").code == 0
    assert "api_key_env" not in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        (("mine", "--base-url", "lab.example"), "http:// or https://"),
        (("mine", "--base-url", "https://x.example", "--key-env", "sk-live-0123"), "never a key itself"),
        (("openai", "--base-url", "https://x.example"), "built-in"),
        (("mine",), "Nothing to set"),
    ],
)
def test_what_cannot_be_is_a_usage_error_and_writes_nothing(
    ftb: Ftb, home: Path, arguments: tuple[str, ...], needle: str
) -> None:
    done = ftb("providers", "set", *arguments)
    assert (done.code, needle in done.err, "sk-live" in done.said) == (2, True, False)
    assert not (home / "config" / "config.toml").exists()
