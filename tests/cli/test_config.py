"""The configuration in force can be seen, and what is wrong with it is named by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Ftb


def write(home: Path, text: str) -> Path:
    file = home / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("[defaults]\nepoch = 3", "defaults.epoch"),
        ('[defaults]\nepochs = "many"', "defaults.epochs"),
        ("[defaults\n", "line 1"),
        ('[providers.x]\nbase_url = "ftp://x"', "providers.x.base_url"),
    ],
)
def test_a_malformed_file_stops_every_command_that_needs_it(ftb: Ftb, home: Path, text: str, needle: str) -> None:
    file = write(home, text)
    for arguments in (("bench", "--quick"), ("providers", "list"), ("config", "check"), ("config", "show")):
        done = ftb(*arguments)
        assert done.code == 2, arguments
        assert str(file) in done.said
        assert needle in done.said
    assert needle in ftb("doctor").out
    assert ftb("doctor").code == 1


def test_check_lists_every_problem_as_data(ftb: Ftb, home: Path) -> None:
    file = write(home, "colour = 1\n[defaults]\nepoch = 3")
    found = ftb("config", "check", "--json")
    assert found.code == 2
    assert found.json["file"] == str(file)
    assert len(found.json["problems"]) == 2


def test_check_is_content_with_no_file_and_with_a_good_one(ftb: Ftb, home: Path) -> None:
    assert "the defaults are used" in ftb("config", "check").err
    write(home, "[defaults]\nepochs = 3")
    done = ftb("config", "check")
    assert (done.code, done.out) == (0, "")
    assert "can be used" in done.err


def test_check_reads_the_catalogue_that_lies_over_ours_too(ftb: Ftb, home: Path) -> None:
    file = write(home, "[defaults]\nepochs = 3").with_name("catalogue.toml")
    file.write_text("[services.openai]\nlimit = 3\n")
    done = ftb("config", "check")
    assert (done.code, f"{file}: limit in services.openai is not known" in done.out) == (2, True)
    assert len(ftb("config", "check", "--json").json["problems"]) == 1
    assert f"✗ configuration  {file}: limit in services.openai" in ftb("doctor").out


def test_show_gives_what_is_in_force(ftb: Ftb, home: Path) -> None:
    assert ftb("config", "show", "--json").json["defaults"]["epochs"] == 12
    assert "A file could look like this" in ftb("config", "show").err
    write(
        home, '[defaults]\nepochs = 3\n[providers.mine]\nbase_url = "http://127.0.0.1:8000/v1"\ninference_only = true'
    )
    shown = ftb("config", "show")
    assert "defaults.epochs" in shown.out
    assert ["providers.mine.inference_only", "true"] in [line.split() for line in shown.out.splitlines()]
    assert "could look like" not in shown.err


def test_the_example_that_is_shown_can_be_used_as_it_is_and_uncommented(ftb: Ftb, home: Path) -> None:
    example = ftb("config", "show").err.split("could look like this:\n\n")[1]
    file = write(home, example)
    assert ftb("config", "check").code == 0
    lines = [
        line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in example.splitlines()
    ]
    file.write_text("\n".join(lines))
    assert ftb("config", "check").said.count("config.toml") == 1, ftb("config", "check").said
    assert ftb("config", "check").code == 0


def test_the_defaults_of_the_file_are_what_commands_take(ftb: Ftb, home: Path) -> None:
    write(home, '[defaults]\nepochs = 3\nprovider = "openai"')
    planned = ftb("train", "--dataset", "fictional_people", "--base", "gpt-x", "--dry-run", "--json").json
    assert (planned["epochs"], planned["provider"]) == (3, "openai")


def test_path_names_places_below_the_home_whole(ftb: Ftb, home: Path) -> None:
    places = ftb("config", "path", "--json").json
    assert places["store"] == str(home / "data" / "ftb.db")
    assert all(Path(place).is_relative_to(home) for place in places.values())
    for name, place in places.items():
        assert f"{name}  " in ftb("config", "path").out
        assert place in ftb("config", "path").out
