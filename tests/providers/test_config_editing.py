"""A provider is written into the configuration without a byte of the rest being touched."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ftb_tui.providers.config import ConfigError, load_config
from ftb_tui.providers.config_editing import write_provider

FILE = """\
# mine, by hand
[defaults]
epochs = 3   # few

[providers.lab]
# the machine in the cellar
base_url = "http://10.0.0.2:8000/v1"   # behind the firewall
inference_only = true

[providers.far]
dialect = "azure"
base_url = "https://far.example"
api_key_env = "FAR_KEY"
[providers.far.deploy]
subscription = "1"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    return path


def test_a_new_provider_is_added_behind_everything_else(file: Path) -> None:
    write_provider("my-server", {"base_url": "http://127.0.0.1:9/v1", "api_key_env": "MY_KEY", "title": None}, file)
    assert file.read_text() == FILE + (
        '\n[providers.my-server]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "MY_KEY"\n'
    )
    assert load_config(file).providers["my-server"].api_key_env == "MY_KEY"


def test_a_change_keeps_comments_order_and_other_tables(file: Path) -> None:
    write_provider("lab", {"base_url": "http://10.0.0.3:8000/v1", "inference_only": None, "title": "Cellar"}, file)
    assert file.read_text() == FILE.replace("10.0.0.2", "10.0.0.3").replace(
        "inference_only = true\n", 'title = "Cellar"\n'
    )
    write_provider("far", {"api_key_env": "OTHER"}, file)
    assert tomllib.loads(file.read_text())["providers"]["far"]["deploy"] == {"subscription": "1"}
    assert load_config(file).providers["far"].api_key_env == "OTHER"


def test_the_first_provider_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    write_provider("lab", {"base_url": "https://lab.example/v1"}, path)
    assert load_config(path).providers["lab"].base_url == "https://lab.example/v1"


@pytest.mark.parametrize(
    ("name", "values", "needle"),
    [
        ("my server", {"base_url": "https://x.example"}, "cannot be a provider's name"),
        ("", {"base_url": "https://x.example"}, "cannot be a provider's name"),
        ("x", {"base_url": "ftp://x.example"}, "http:// or https://"),
        ("x", {"base_url": "https://x.example", "dialect": "latin"}, "dialect must be one of"),
        ("x", {"base_url": "https://x.example", "api_key_env": "sk-live-0123456789"}, "never a key itself"),
        ("openai", {"base_url": "https://x.example"}, "taken by a built-in provider"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    file: Path, name: str, values: dict[str, str], needle: str
) -> None:
    with pytest.raises(ConfigError, match=needle) as caught:
        write_provider(name, values, file)
    assert "sk-live" not in str(caught.value)
    assert file.read_text() == FILE
    assert [other.name for other in file.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    "text",
    [
        'providers.lab = { base_url = "https://a.example" }\n',
        '[providers]\nlab.base_url = "https://a.example"\n',
        '[providers.lab]\nbase_url = """https://a.example"""\n',
        '[providers.lab]\n"base\\u005Furl" = "https://a.example"\n',
    ],
)
def test_a_form_that_cannot_be_edited_safely_is_left_to_its_person(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        write_provider("lab", {"base_url": "https://b.example"}, path)
    assert path.read_text() == text


def test_a_header_inside_a_long_text_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[providers.other]\nbase_url = "https://o.example"\ntitle = """\n[providers.lab]\n"""\n')
    before = path.read_text()
    with pytest.raises(ConfigError):
        write_provider("lab", {"base_url": "https://b.example"}, path)
    assert path.read_text() == before


def test_a_broken_file_is_named_and_kept(file: Path) -> None:
    file.write_text("[defaults\n")
    with pytest.raises(ConfigError, match="Mend it first"):
        write_provider("lab", {"base_url": "https://b.example"}, file)
    assert file.read_text() == "[defaults\n"


def test_quotes_and_control_characters_come_back_as_they_were(file: Path) -> None:
    title = 'a "quoted" \\ title\n\x07\x7fü'
    write_provider("lab", {"title": title}, file)
    write_provider("lab", {"inference_only": False}, file)
    assert load_config(file).providers["lab"].title == title


def test_links_and_permissions_are_kept(file: Path) -> None:
    file.chmod(0o600)
    link = file.with_name("link.toml")
    link.symlink_to(file)
    write_provider("lab", {"title": "t"}, link)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_config(file).providers["lab"].title == "t"
