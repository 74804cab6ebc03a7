"""Settings from the command line: listed, written, taken out, refused by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ftb


def test_a_setting_is_written_listed_and_taken_out_again(ftb: Ftb, home: Path) -> None:
    file = home / "config" / "config.toml"
    assert ftb("config", "set", "budget.per_day", "5").code == 0
    assert ftb("config", "set", "keymap.jobs.cancel", "x").code == 0
    assert file.read_text() == '[budget]\nper_day = 5.0\n\n[keymap]\n"jobs.cancel" = "x"\n'
    listed = {one["key"]: one for one in ftb("config", "settings", "--json").json}
    assert (listed["budget.per_day"]["value"], listed["budget.per_day"]["from"]) == (5.0, "file")
    assert (listed["keymap.jobs.cancel"]["value"], listed["keymap.jobs.cancel"]["default"]) == ("x", "c")
    assert listed["ui.theme"]["from"] == "default" and listed["ui.theme"]["value"] == "ftb"
    assert ftb("config", "unset", "budget.per_day").code == 0
    assert file.read_text() == '[budget]\n\n[keymap]\n"jobs.cancel" = "x"\n'


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (("budget.per_day", "-1"), "config.toml: budget.per_day must be an amount"),
        (("ui.theme", "pink"), "config.toml: ui.theme must be one of"),
        (("ui.motion", "wild"), "config.toml: ui.motion must be one of full, reduced"),
        (("defaults.epochs", "many"), "config.toml: defaults.epochs must be a whole number"),
        (("keymap.jobs.cancel", "j"), "config.toml: keymap.jobs.cancel: j is the key of table.down too"),
        (("keymap.jobs.cancel", "nokey"), "config.toml: keymap.jobs.cancel: 'nokey' is no key"),
        (("ui.them", "ftb"), "ui.them is not a setting; did you mean ui.theme?"),
    ],
)
def test_what_cannot_be_is_told_by_file_and_key_and_nothing_is_written(
    ftb: Ftb, home: Path, words: tuple[str, str], needle: str
) -> None:
    result = ftb("config", "set", *words)
    assert result.code == 2
    assert needle in result.err
    assert not (home / "config" / "config.toml").exists()
