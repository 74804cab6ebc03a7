"""A key is found where a person keeps it, in a fixed order, and shown by its last four characters only."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.config import Config, ProviderConfig, load_config
from ftb_tui.providers.failures import cleaned
from ftb_tui.providers.keys import KeySettings, find_key, read_dotenv
from ftb_tui.providers.registry import check_provider, open_provider, provider_info
from tests.fakes.openai_server import FakeOpenAI

EVERYWHERE = KeySettings(dotenv=True, keyring=True)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A keyring with these entries, in place of the system's."""
    entries: dict[str, str] = {}
    module, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")
    module.get_password = lambda service, entry: entries.get(f"{service}/{entry}")  # type: ignore[attr-defined]
    errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return entries


def test_the_order_is_configuration_environment_dotenv_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyring: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    keyring.update({"ftb-tui/x": "from-the-keyring", "ftb-tui/named": "from-a-named-entry"})
    (tmp_path / ".env").write_text("A_KEY=from-dotenv\n")
    monkeypatch.setenv("A_KEY", "from-the-environment")

    def found(settings: KeySettings = EVERYWHERE, entry: str | None = None) -> str | None:
        key = find_key("x", ("A_KEY",), settings, keyring_entry=entry)
        return key and key.value

    assert found(entry="named") == "from-a-named-entry"
    assert found() == "from-the-environment"
    monkeypatch.delenv("A_KEY")
    assert found() == "from-dotenv"
    (tmp_path / ".env").unlink()
    assert found() == "from-the-keyring"
    assert found(KeySettings()) is None


def test_dotenv_and_keyring_are_not_looked_at_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyring: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-in-a-file\n")
    keyring["ftb-tui/openai"] = "sk-in-the-keyring"
    assert provider_info("openai", Config()).ready is False
    assert provider_info("openai", Config(keys=KeySettings(dotenv=True))).key == ".env (OPENAI_API_KEY)"
    assert provider_info("openai", Config(keys=KeySettings(keyring=True))).key.startswith("keyring entry openai, …ring")


def test_a_dotenv_file_is_read_as_shells_read_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# no\nexport A='x y' # tail\nB = plain # tail\nC=\"a#b\"\nnonsense\nD=\n")
    assert read_dotenv(file) == {"A": "x y", "B": "plain", "C": "a#b", "D": ""}
    assert read_dotenv(tmp_path / "none") == {}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_dotenv_file_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_text("A_KEY=sk-1\nB=x\n", encoding=encoding)
    assert read_dotenv(tmp_path / ".env") == {"A_KEY": "sk-1", "B": "x"}


def test_a_dotenv_file_in_another_encoding_loses_no_key_but_the_one_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_bytes("# für alle\nA_KEY=sk-1\nB_KEY=sk-ä\n".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    good, bad = (find_key("x", (name,), KeySettings(dotenv=True)) for name in ("A_KEY", "B_KEY"))
    assert good is not None and (good.value, good.problem) == ("sk-1", "")
    assert bad is not None
    assert bad.problem == "the key in .env (B_KEY) holds a character that no key has (position 4)"


def test_a_key_is_in_no_repr() -> None:
    import os

    os.environ["A_KEY"] = "sk-secret-secret-1234"
    try:
        key = find_key("x", ("A_KEY",), KeySettings())
    finally:
        del os.environ["A_KEY"]
    assert key is not None
    assert "secret" not in repr(key)
    assert key.shown() == "A_KEY, …1234"


def test_what_cannot_be_a_key_has_no_value_and_is_told_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", " sk-secret-secret\u200b-1234\n")
    key = find_key("x", ("A_KEY",), KeySettings())
    assert key is not None
    assert (key.value, key.problem) == ("", "the key in A_KEY holds a character that no key has (position 17)")
    assert key.shown() == f"not usable: {key.problem}"


@pytest.mark.parametrize(
    "echoed",
    [
        r"""Illegal header value b'Bearer sk-\\quoted"s-0123456789'""",
        r"""no access for "sk-\\quoted\"s-0123456789\"""",
        r"""no access for sk-\quoted"s-0123456789""",
    ],
    ids=["as code", "as JSON", "as it is"],
)
def test_a_key_is_taken_out_of_a_services_words_however_they_write_it(echoed: str) -> None:
    said = cleaned(echoed, r"""sk-\quoted"s-0123456789""")
    assert "quoted" not in said
    assert "…6789" in said


def test_openais_key_is_not_given_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine-0123456789")
    config = Config(providers={"gateway": ProviderConfig(base_url="https://gateway.example/v1", dialect="openai")})
    assert provider_info("gateway", config).key == "none needed"
    assert provider_info("openai", config).key == "OPENAI_API_KEY, …6789"


def test_a_stray_base_url_is_shown_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:pass@elsewhere.example/v1")
    info = provider_info("openai")
    assert info.host == "https://api.openai.com/v1"
    [note] = info.notes
    assert "https://elsewhere.example/v1" in note
    assert "pass" not in note
    assert provider_info("nebius").notes == ()


def test_a_key_in_the_clear_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", "x" * 20)
    config = Config(providers={"far": ProviderConfig(base_url="http://far.example/v1", api_key_env="K")})
    assert "unencrypted" in provider_info("far", config).notes[0]
    near = Config(providers={"near": ProviderConfig(base_url="http://127.0.0.1:1/v1", api_key_env="K")})
    assert provider_info("near", near).notes == ()


@pytest.mark.parametrize(
    ("provider", "key", "bills"),
    [
        (ProviderConfig(base_url="https://api.far.example/v1", api_key_env="K"), "x" * 20, True),
        (ProviderConfig(base_url="https://api.far.example/v1"), None, False),
        (ProviderConfig(base_url="http://127.0.0.1:8000/v1", api_key_env="K"), "x" * 20, False),
        (ProviderConfig(base_url="http://192.168.1.7:8000/v1", api_key_env="K"), "x" * 20, False),
        (ProviderConfig(base_url="http://gpu-box:8000/v1", api_key_env="K"), "x" * 20, False),
        (ProviderConfig(base_url="http://127.0.0.1:8000/v1", dialect="openai", api_key_env="K"), "x" * 20, True),
    ],
    ids=["far with a key", "far without a key", "here", "in the same network", "in the same room", "like OpenAI"],
)
def test_whether_answers_cost_money_is_told_by_who_gives_them(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderConfig, key: str | None, bills: bool
) -> None:
    if key is not None:
        monkeypatch.setenv("K", key)
    assert provider_info("it", Config(providers={"it": provider})).bills is bills


@pytest.mark.parametrize(("name", "bills"), [("openai", True), ("gemini", True), ("local", False), ("ollama", False)])
def test_commercial_services_bill_and_the_engine_and_servers_of_this_machine_do_not(name: str, bills: bool) -> None:
    assert provider_info(name).bills is bills


def test_services_without_an_address_say_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a" * 20)
    with pytest.raises(ProviderError, match="AZURE_OPENAI_ENDPOINT") as caught:
        open_provider("azure")
    assert caught.value.kind is ErrorKind.INVALID_REQUEST
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com/")
    assert provider_info("azure").host == "https://res.openai.azure.com/openai/v1/"
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert provider_info("bedrock").host == "https://bedrock-mantle.us-west-2.api.aws/v1"


def test_a_built_in_provider_takes_a_reference_to_a_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('[providers.openai]\napi_key_env = "WORK_KEY"\n')
    monkeypatch.setenv("WORK_KEY", "sk-at-work-0123456789")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-at-home-9876543210")
    assert provider_info("openai", load_config()).key == "WORK_KEY, …6789"


async def test_servers_on_their_usual_ports_are_found_and_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftb_tui.providers import discovery
    from ftb_tui.providers.base import AskRequest

    with FakeOpenAI(key=None) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        ports = {"vllm": port, "ollama": 9}
        monkeypatch.setattr(discovery, "LOCAL_SERVERS", ports)
        monkeypatch.setattr("ftb_tui.providers.registry.LOCAL_SERVERS", ports)
        [found] = await discovery.find_local_servers()
        assert (found.name, found.title, found.models) == ("vllm", "vLLM", ("gpt-fake",))
        checked = await check_provider("vllm")
        assert (checked.reachable, "does not train" in checked.message) == (True, True)
        provider = open_provider("vllm")
        assert (await provider.ask(AskRequest("gpt-fake", "hi"))).text == "Yes"
        assert "max_tokens" in server.bodies[0]
        await provider.close()
        assert all("sk-" not in str(headers) for headers in server.headers)


async def test_what_is_no_server_of_models_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftb_tui.providers import discovery
    from tests.fakes.openai_server import raw

    with FakeOpenAI(key=None) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        monkeypatch.setattr(discovery, "LOCAL_SERVERS", {"llama-cpp": port})
        for body in ("<html>", "[]", '{"data": 3}', '{"data": [{}]}'):
            server.faults["GET /models"].append(raw(body))
            assert await discovery.find_local_servers() == []
