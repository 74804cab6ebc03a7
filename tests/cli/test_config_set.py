"""Settings from the command line: listed, written, taken out, refused by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ftb


@pytest.fixture
def file(home: Path) -> Path:
    """Where the configuration is, in a directory that is there."""
    path = home / "config" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


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
        (
            ("defaults.provider", "opneai"),
            "config.toml: defaults.provider: there is no provider 'opneai'; did you mean",
        ),
        (("defaults.dataset", "nope"), "config.toml: defaults.dataset: There is no dataset 'nope'"),
        (("providers.mine.api_key_env", "MINE"), "config.toml: providers.mine.base_url must be given"),
        (("providers.mine.base_ur", "http://x"), "did you mean providers.mine.base_url?"),
        (("providers.mine.base_url", "http://me:S3CRETWORD@x"), "providers.mine.base_url must not hold a user name"),
        (("providers.openai.base_url", "http://x"), "providers.openai: this name is taken by a built-in provider"),
        (("providers.openai.api_key_env", "S3CRETWORDAIzaSyA12345"), "providers.openai.api_key_env must be the name"),
        (
            ("providers.openai.api_key_keyring", "S3CRETWORDAIzaSyA12345"),
            "api_key_keyring must be the name of a keyring",
        ),
        (
            ("providers.azure.deploy.capacity", "two"),
            "config.toml: providers.azure.deploy.capacity must be a whole number",
        ),
        (("providers.azure.deploy.capcity", "2"), "did you mean providers.azure.deploy.capacity?"),
        (("providers.google.inference_only", "true"), "providers.google.inference_only is not a setting; known are"),
        (("providers.my server.base_url", "http://x"), "cannot be a provider's name"),
        (("providers", "x"), "providers is not a setting"),
    ],
)
def test_what_cannot_be_is_told_by_file_and_key_and_nothing_is_written(
    ftb: Ftb, home: Path, words: tuple[str, str], needle: str
) -> None:
    result = ftb("config", "set", *words)
    assert result.code == 2
    assert needle in result.err
    assert "S3CRETWORD" not in result.said
    assert not (home / "config" / "config.toml").exists()


def test_a_server_of_ones_own_is_described_then_made_changed_and_taken_out_key_by_key(ftb: Ftb, home: Path) -> None:
    described = {one["key"]: one for one in ftb("config", "settings", "providers.lab", "--json").json}
    assert set(described) == {
        f"providers.lab.{name}"
        for name in ("base_url", "dialect", "api_key_env", "api_key_keyring", "inference_only", "title")
    }
    assert all(one["does"].endswith(".") and one["from"] == "default" for one in described.values())
    for key, value in (
        ("base_url", "http://127.0.0.1:8000/v1"), ("api_key_env", "LAB_KEY"), ("inference_only", "true"),
        ("job_body.priority", "3"), ("job_body.tier", "gold"),
    ):  # fmt: skip
        done = ftb("config", "set", f"providers.lab.{key}", value)
        assert done.code == 0, done.err
    file = home / "config" / "config.toml"
    assert file.read_text() == (
        '[providers.lab]\nbase_url = "http://127.0.0.1:8000/v1"\napi_key_env = "LAB_KEY"\ninference_only = true\n'
        '\n[providers.lab.job_body]\npriority = 3\ntier = "gold"\n'
    )
    assert ftb("config", "set", "defaults.provider", "lab").code == 0
    needed = ftb("config", "unset", "providers.lab")
    assert (needed.code, "defaults.provider: there is no provider 'lab'" in needed.err) == (2, True)
    assert ftb("config", "unset", "defaults.provider").code == 0
    assert "base_url must be given" in ftb("config", "unset", "providers.lab.base_url").err
    assert ftb("config", "unset", "providers.lab").code == 0
    assert file.read_text() == "[defaults]\n"
    assert "there is no table providers.lab" in ftb("config", "unset", "providers.lab").err


def test_a_table_is_taken_out_and_what_stands_around_it_stays(ftb: Ftb, file: Path) -> None:
    before, after = "# top\n[budget]\nper_day = 3  # few\n\n", "[ui]\nmotion = 'reduced'\n# end\n"
    address = 'base_url = "http://127.0.0.1:1/v1"\n'
    file.write_text(
        f"{before}[providers.a]\n{address}[ providers . a.job_body ]\nx = 1\n{after}[providers.ab]\n{address}"
    )
    assert ftb("config", "unset", "providers.a").code == 0
    assert file.read_text() == f"{before}{after}[providers.ab]\n{address}"
    file.write_text(f'providers.b.base_url = "http://127.0.0.1:1/v1"\n{before}')
    assert "in a form that ftb does not edit" in ftb("config", "unset", "providers.b").err
    assert file.read_text().endswith(before)


def test_what_may_be_a_secret_is_shown_by_no_command(ftb: Ftb, file: Path) -> None:
    file.write_text(
        '[providers.lab]\nbase_url = "http://127.0.0.1:1/v1"\n[providers.lab.job_body.nested]\napi_key = "S3CRETWORD"\n'
    )
    shown = ftb("config", "settings", "providers.lab")
    assert ["providers.lab.job_body.nested.api_key", "(not", "shown)"] in [
        line.split()[:3] for line in shown.out.splitlines()
    ]
    assert "(not shown)" in ftb("config", "show").out
    for words in (("settings",), ("settings", "--json"), ("show",), ("show", "--json"), ("check",)):
        assert "S3CRETWORD" not in ftb("config", *words).said, words
    written = ftb("config", "set", "providers.lab.job_body.token", "S3CRETWORD", "--json")
    assert (written.code, "S3CRETWORD" in written.said) == (0, False)


def test_the_default_dataset_may_be_any_that_is_stored(ftb: Ftb, home: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("question,answer\nWhat is the code?,1234\nWho has it?,Nobody\n")
    assert ftb("config", "set", "defaults.dataset", "mine").code == 2
    assert ftb("datasets", "import", str(table)).code == 0
    done = ftb("config", "set", "defaults.dataset", "mine")
    assert done.code == 0, done.err
    assert ftb("config", "check").code == 0
    [name] = [one for one in ftb("config", "settings", "defaults", "--json").json if one["key"] == "defaults.dataset"]
    assert (name["value"], name["problem"]) == ("mine", None)


def test_the_configuration_is_shown_as_the_file_has_it(ftb: Ftb, file: Path) -> None:
    file.write_text(
        '[keymap]\n"jobs.cancel" = "x"\n[providers.google]\nproject = "p"\n[providers.openai]\ntitle = "Ours"\n'
    )
    shown = [line.split() for line in ftb("config", "show").out.splitlines()]
    assert ["keymap.jobs.cancel", "x"] in shown
    assert ["providers.google.project", "p"] in shown
    assert ["providers.openai.title", "Ours"] in shown
    assert not [line for line in shown if "dialect" in line[0]], "a built-in service has no dialect to choose"
    listed = {one["name"]: one for one in ftb("providers", "list", "--json").json}
    assert listed["openai"]["title"] == "Ours"


def test_a_place_that_there_is_not_is_named(ftb: Ftb) -> None:
    done = ftb("config", "settings", "budgt")
    assert (done.code, "did you mean budget?" in done.err) == (2, True)
