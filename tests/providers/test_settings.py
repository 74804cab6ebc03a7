"""Every setting is listed with what is in force, and one is written without touching the rest of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftb_tui.providers.config import ConfigError, config_problems
from ftb_tui.providers.config_editing import write_setting
from ftb_tui.providers.settings import Held, held_settings, read_value

FILE = """\
# mine, by hand
[ defaults ]
epochs = 3   # few

[budget]  # not my money
# per_day is the whole group's
per_day = 20.5
[keymap]
jobs.cancel = "X"
'answers.tag' = "T"

[providers.lab]
base_url = "http://10.0.0.2:8000/v1"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    return path


def held(file: Path) -> dict[str, Held]:
    return {one.setting.key: one for one in held_settings(file)[0]}


def test_every_setting_has_its_value_a_sentence_and_who_says_it(file: Path) -> None:
    found = held(file)
    assert (found["defaults.epochs"].value, found["defaults.epochs"].in_file) == (3, True)
    assert (found["budget.per_day"].value, found["budget.per_launch"].value) == (20.5, None)
    assert (found["ui.motion"].value, found["ui.motion"].in_file) == ("full", False)
    assert found["providers.lab.base_url"].in_file and found["providers.lab.inference_only"].value is False
    assert all(one.setting.says.endswith(".") for one in found.values())


def test_what_is_wrong_counts_as_the_default_and_is_named(file: Path) -> None:
    file.write_text('[defaults]\nepochs = "many"\n[ui]\nmotion = "wild"\n[providers.lab]\napi_key_env = "sk-live-1"\n')
    found = held(file)
    assert (found["defaults.epochs"].value, found["ui.motion"].value) == (12, "full")
    assert found["defaults.epochs"].problem.startswith(f"{file}: defaults.epochs must be a whole number")
    assert found["providers.lab.api_key_env"].value is None, "a key is shown nowhere"


@pytest.mark.parametrize(
    ("table", "name", "value", "old", "new"),
    [
        (("defaults",), "epochs", 7, "epochs = 3   # few", "epochs = 7   # few"),
        (("defaults",), "dataset", "medical", "# few\n", '# few\ndataset = "medical"\n'),
        (("defaults",), "epochs", None, "epochs = 3   # few\n", ""),
        (("budget",), "per_day", 3.5, "per_day = 20.5", "per_day = 3.5"),
        (("keymap",), "jobs.cancel", "Y", 'jobs.cancel = "X"', 'jobs.cancel = "Y"'),
        (("keymap",), "jobs.cancel", None, 'jobs.cancel = "X"\n', ""),
        (("keymap",), "answers.tag", "x", "'answers.tag' = \"T\"", "'answers.tag' = \"x\""),
        (("keymap",), "table.down", "n", '"T"\n', '"T"\n"table.down" = "n"\n'),
        (("ui",), "motion", "reduced", '8000/v1"\n', '8000/v1"\n\n[ui]\nmotion = "reduced"\n'),
        (("ui",), "motion", None, "", ""),
    ],
)
def test_one_setting_is_written_and_not_a_byte_else(
    file: Path, table: tuple[str, ...], name: str, value: str | float | None, old: str, new: str
) -> None:
    write_setting(table, name, value, file)
    assert file.read_text() == FILE.replace(old, new, 1)
    assert config_problems(file) == []


def test_a_value_that_cannot_be_leaves_the_file_and_one_mistake_keeps_nobody_from_mending_another(file: Path) -> None:
    with pytest.raises(ConfigError, match="defaults.epochs must be from 1 to 50"):
        write_setting(("defaults",), "epochs", 99, file)
    assert file.read_text() == FILE
    file.write_text('[defaults]\nepochs = 99\n[ui]\nmotion = "wild"\n')
    write_setting(("ui",), "motion", "full", file)
    write_setting(("defaults",), "epochs", 2, file)
    assert config_problems(file) == []
    assert [other.name for other in file.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("text", ['ui.theme = "a"\n', 'ui = { theme = "a" }\n', '[ui]\ntheme = """a"""\n', "ui = 3\n"])
def test_a_form_that_cannot_be_edited_safely_is_named(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match="in a form that ftb does not edit"):
        write_setting(("ui",), "theme", "b", file)
    assert file.read_text() == text


@pytest.mark.parametrize("amount", ["-1", "nan", "inf"])
def test_an_amount_that_is_none_is_refused_since_it_would_allow_everything(file: Path, amount: str) -> None:
    file.write_text(f"[budget]\nper_day = {amount}\n")
    [problem] = config_problems(file)
    assert problem.startswith(f"{file}: budget.per_day must be an amount of US dollars from 0 on")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [("defaults.epochs", " 4 ", 4), ("budget.per_day", "2.5", 2.5), ("keys.dotenv", "True", True),
     ("ui.notify", "never", "never"), ("defaults.epochs", "four", None), ("defaults.epochs", "4.5", None),
     ("budget.per_day", "inf", None), ("keys.dotenv", "yes", None), ("ui.notify", "loudly", None),
     ("defaults.dataset", "  ", None)],
)  # fmt: skip
def test_what_is_typed_is_read_as_the_settings_kind_or_refused_by_name(
    file: Path, key: str, text: str, value: object
) -> None:
    setting = held(file)[key].setting
    if value is None:
        with pytest.raises(ConfigError, match=f"^{key} must"):
            read_value(setting, text)
    else:
        assert read_value(setting, text) == value
