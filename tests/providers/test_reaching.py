"""This machine's own servers are reached whatever stands in the environment; for others it is told what hinders."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from ftb_tui.providers.base import AskRequest, ErrorKind, ProviderError
from ftb_tui.providers.registry import check_provider, open_provider
from ftb_tui.providers.trusted import trusted
from ftb_tui.weights import WeightsError, pull
from tests.fakes.google_server import FakeGoogle
from tests.fakes.openai_server import FakeOpenAI

USELESS = [
    ("HTTP_PROXY", "http://127.0.0.1:9"),
    ("http_proxy", "foo:bar"),
    ("ALL_PROXY", "socks5://127.0.0.1:9"),
    ("SSL_CERT_FILE", "/nonexistent"),
]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    trusted.cache_clear()


@pytest.mark.parametrize(("name", "value"), USELESS)
async def test_nothing_for_this_machine_goes_to_a_proxy_or_needs_certificates(
    fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    provider = open_provider("fake")
    try:
        assert await provider.upload_training_file(b"{}\n", filename="t.jsonl") == "file-1"
        assert (await provider.ask(AskRequest(model="gpt-fake", prompt="Say word1."))).text
    finally:
        await provider.close()


@pytest.mark.parametrize("name", ["google", "gemini"])
@pytest.mark.parametrize(("variable", "value"), USELESS)
async def test_nor_does_what_is_said_to_a_google_endpoint_here(
    fake_google: FakeGoogle, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    provider = open_provider(name)
    try:
        assert await provider.list_models()
        assert (await provider.ask(AskRequest(model="gemini-2.5-flash", prompt="Say word1."))).text
    finally:
        await provider.close()


async def test_a_proxy_is_used_for_others(home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stands for a proxy: it is sent the whole address."""
    rename(home, fake_openai, "http://service.example/v1")
    monkeypatch.setenv("http_proxy", fake_openai.url.removesuffix("/v1"))
    provider = open_provider("fake")
    try:
        assert await provider.list_models()
        assert (await provider.ask(AskRequest(model="gpt-fake", prompt="Say word1."))).text
    finally:
        await provider.close()


def rename(home: Path, fake: FakeOpenAI, url: str) -> None:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace(fake.url, url))


@pytest.mark.parametrize(("name", "value"), USELESS[1:])
async def test_a_setting_of_the_environment_that_is_in_the_way_is_named(
    home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    rename(home, fake_openai, "http://service.example/v1")
    monkeypatch.setenv(name, value)
    found = await check_provider("fake")
    assert not found.reachable
    assert found.message.startswith(f"{name} names ")
    assert value in found.message
    with pytest.raises(ProviderError, match=f"{name} names ") as caught:
        await open_provider("fake").ask(AskRequest(model="gpt-fake", prompt="x"))
    assert caught.value.kind is ErrorKind.INVALID_REQUEST


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_certificates_that_are_none_are_named(
    home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: str | None
) -> None:
    rename(home, fake_openai, "https://service.example/v1")
    file = tmp_path / "mine.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(name, str(file))
    assert f"{name} names " in (await check_provider("fake")).message
    if content is None:
        with pytest.raises(WeightsError, match=f"{name} names "):
            pull(url="https://service.example/weights")


@pytest.mark.parametrize("value", ["ftp://me:secret@proxy.example", "me:secret@proxy:example"])
def test_the_password_of_a_proxy_is_not_shown(home: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(WeightsError, match="HTTPS_PROXY names the proxy") as caught:
        pull(url="https://service.example/weights")
    assert "secret" not in str(caught.value)


async def test_where_the_service_is_excepted_from_the_proxy_it_does_not_matter(
    home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(home, fake_openai, "http://service.invalid/v1")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "service.invalid")
    assert "service.invalid cannot be reached" in (await check_provider("fake")).message


async def test_the_commands_say_so_too(home: Path, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    rename(home, fake_openai, "https://service.example/v1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ftb_tui", "providers", "check", "fake",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    assert "SSL_CERT_FILE names" in said
    assert "unexpectedly" not in said
