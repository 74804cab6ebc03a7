"""A configuration that cannot be used is named by file and key; a provider without its key says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.config import ConfigError, config_problems, load_config
from ftb_tui.providers.registry import check_provider, open_provider, provider_infos
from tests.fakes.google_server import GEMINI_KEY, TOKEN, FakeGoogle
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
        ("[providers.google]\nproject = 7", "providers.google.project must be text"),
        ("[providers.google]\nregoin = 'x'", "providers.google.regoin is not a setting; did you mean region?"),
        ("[providers.google]\napi_key_env = 'X'", "providers.google.api_key_env is not a setting of a google provider"),
        ("[providers.google]\ndialect = 'custom'", "providers.google.dialect must be google"),
        ("[providers.gemini]\nproject = 'p'", "providers.gemini.project is not a setting of a gemini provider"),
        ("[providers.lab]\ndialect = 'google'\nendpoint = 'x'", "providers.lab.endpoint must begin with http"),
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


def test_googles_providers_show_project_region_bucket_and_credentials(fake_google: FakeGoogle) -> None:
    infos = {info.name: info for info in provider_infos()}
    assert infos["google"].title == "Agent Platform: p1, tunes in us-central1, gs://b1"
    assert (infos["google"].host, infos["google"].key) == (fake_google.url, "FAKE_TOKEN, …WXYZ")
    assert infos["gemini"].key == "GEMINI_API_KEY, …QRST"
    assert "cannot fine-tune" in infos["gemini"].capabilities.why_no_training
    assert (infos["google"].ready, infos["gemini"].ready) == (True, True)
    assert TOKEN not in repr(infos)
    assert GEMINI_KEY not in repr(infos)


def test_without_settings_google_says_what_is_missing(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    infos = {info.name: info for info in provider_infos()}
    assert infos["google"].title == "Agent Platform: no project, no region, no bucket"
    assert "gcloud auth application-default login" in infos["google"].key
    assert infos["gemini"].key == "missing: set GOOGLE_API_KEY or GEMINI_API_KEY"
    for name, needle in (
        ("google", "needs a Google Cloud project"),
        ("gemini", "set GOOGLE_API_KEY or GEMINI_API_KEY"),
    ):
        with pytest.raises(ProviderError, match=needle):
            open_provider(name)
    (tmp_path / "application_default_credentials.json").write_text("{}")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p9")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west4")
    [google] = [info for info in provider_infos() if info.name == "google"]
    assert (google.ready, google.key) == (True, "application default credentials of gcloud")
    assert google.host == "https://europe-west4-aiplatform.googleapis.com"


@pytest.mark.parametrize("setting", ["base_url", "endpoint"])
@pytest.mark.parametrize("tail", ["?key=s3cr3t-s3cr3t", "#s3cr3t-s3cr3t"])
def test_an_address_with_a_query_is_refused_and_not_repeated(home: Path, setting: str, tail: str) -> None:
    (home / "config").mkdir(parents=True)
    dialect = "google" if setting == "endpoint" else "custom"
    (home / "config" / "config.toml").write_text(
        f'[providers.lab]\ndialect = "{dialect}"\n{setting} = "https://lab.example/v1{tail}"\n'
    )
    with pytest.raises(ConfigError, match=rf"providers\.lab\.{setting} must end before the \{tail[0]}") as caught:
        load_config()
    assert "s3cr3t" not in str(caught.value)


def test_google_goes_before_gemini_among_the_keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "gemini-gemini-AAAA")
    monkeypatch.setenv("GOOGLE_API_KEY", "google-google-BBBB")
    [gemini] = [info for info in provider_infos() if info.name == "gemini"]
    assert gemini.key == "GOOGLE_API_KEY, …BBBB"


def test_googles_usual_key_is_not_for_a_host_that_only_the_configuration_names(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "gemini-gemini-AAAA")
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('[providers.gemini]\nendpoint = "http://127.0.0.1:1"\n')
    with pytest.raises(ProviderError, match="api_key_env") as caught:
        open_provider("gemini")
    assert "The key goes to http://127.0.0.1:1" in caught.value.message


def test_a_gemini_key_may_be_in_dotenv_if_that_is_allowed(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("GEMINI_API_KEY=gemini-gemini-CCCC\n")
    with pytest.raises(ProviderError):
        open_provider("gemini")
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("[keys]\ndotenv = true\n")
    [gemini] = [info for info in provider_infos() if info.name == "gemini"]
    assert gemini.key == ".env (GEMINI_API_KEY), …CCCC"
    assert open_provider("gemini").host == "https://generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    ("line", "needle"),
    [
        ('region = "global"\nbucket = "b"', "'global' only serves"),
        ('region = "us"\nbucket = "b"', "'us' only serves"),
        ('bucket = "b"', "the tuning region"),
        ('region = "us-central1"', "a Cloud Storage bucket"),
    ],
)
async def test_tuning_at_google_names_the_setting_that_it_lacks(home: Path, line: str, needle: str) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(f'[providers.lab]\ndialect = "google"\nproject = "p"\n{line}\n')
    provider = open_provider("lab")
    with pytest.raises(ProviderError, match=needle):
        await provider.upload_training_file(b"", filename="x")
    await provider.close()
