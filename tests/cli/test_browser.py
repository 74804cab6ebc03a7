"""The app in a browser: the page, who may open a window, and what becomes of it. No browser is needed to see it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from ftb_tui.cli.browser import PAGE, why_not
from tests.cli.conftest import Ftb, command

pytest.importorskip("textual_serve")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def served(demo: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`ftb --serve` on the demo store, and where it says that it is."""
    process = subprocess.Popen(
        command("--serve", "--port", str(free_port())),
        env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert address is not None, said
    try:
        yield process, address.group()
    finally:
        process.kill()
        process.communicate()


async def until_seen(window: aiohttp.ClientWebSocketResponse, words: str) -> None:
    seen = ""
    while words not in seen:
        message = await window.receive(timeout=30)
        assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), f"closed before {words!r}: {seen}"
        if message.type is aiohttp.WSMsgType.BINARY:
            seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", message.data.decode(errors="replace"))


async def test_a_window_has_the_app_and_a_strangers_page_has_not(served: tuple[subprocess.Popen[str], str]) -> None:
    process, address = served
    async with aiohttp.ClientSession() as browser:
        async with browser.get(address) as page:
            text = await page.text()
            assert page.status == 200 and page.content_type == "text/html"
        for name in re.findall(r'(?:src|href)="(static/[^"]+)"', text):
            async with browser.get(f"{address}/{name}") as part:
                assert part.status == 200, name

        for headers in ({"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Host": "elsewhere.example"}):
            async with browser.get(f"{address}/ws", headers=headers) as refused:
                assert refused.status == 403
                assert "this app" in (await refused.text()).lower()

        own = {"Origin": address}
        async with (
            browser.ws_connect(f"{address}/ws?width=100&height=30", headers=own) as first,
            browser.ws_connect(f"{address}/ws?width=80&height=24", headers=own) as second,
        ):
            await until_seen(first, "fictional_people")
            await until_seen(second, "fictional_people")
            await first.send_str(json.dumps(["focus"]))
            await first.send_str(json.dumps(["stdin", "4"]))
            await until_seen(first, "memorization")
            await first.send_str(json.dumps(["stdin", "q"]))
            await until_closed(first)
            # The other window is an app of its own. The server ends with it still open, and leaves nothing behind.
            apps = below(process.pid)
            assert apps
            closing = asyncio.create_task(until_closed(second))
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 30) == 0
            await closing
            await gone(apps)
    assert process.stdout is not None and process.stdout.read() == ""


async def test_an_app_ends_with_its_server_however_that_went(served: tuple[subprocess.Popen[str], str]) -> None:
    process, address = served
    async with aiohttp.ClientSession() as browser, browser.ws_connect(f"{address}/ws") as window:
        await until_seen(window, "fictional_people")
        apps = below(process.pid)
        assert apps
        process.kill()
        await asyncio.to_thread(process.wait, 30)
        await gone(apps)


async def until_closed(window: aiohttp.ClientWebSocketResponse) -> None:
    while not window.closed:
        await window.receive(timeout=30)


async def gone(processes: set[int]) -> None:
    async with asyncio.timeout(30):
        while processes & running().keys():
            await asyncio.sleep(0.1)


def running() -> dict[int, int]:
    """Every process that runs, and which one started it."""
    found = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in found.stdout.splitlines())
    return {int(pid): int(parent) for pid, parent, state in rows if "Z" not in state}


def below(pid: int) -> set[int]:
    """The processes that a process started, and those that they started."""
    parents = running()
    own = {child for child, parent in parents.items() if parent == pid}
    return own.union(*(below(child) for child in own))


@pytest.mark.parametrize(
    ("host", "origin", "bound", "refused"),
    [
        ("127.0.0.1:8000", None, "127.0.0.1", False),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1", False),
        ("localhost:9000", "http://localhost:9000", "127.0.0.1", False),  # through a tunnel
        ("[::1]:8000", "http://[::1]:8000", "::1", False),
        ("box.lan:8000", "http://box.lan:8000", "0.0.0.0", False),
        ("box.lan", "https://box.lan", "0.0.0.0", False),  # behind a proxy with TLS
        ("localhost:8000", "http://127.0.0.1:8000", "127.0.0.1", True),
        ("127.0.0.1:8000", "http://127.0.0.1:3000", "127.0.0.1", True),  # another program of this machine's
        ("127.0.0.1:8000", "https://elsewhere.example", "127.0.0.1", True),
        ("elsewhere.example:8000", "http://elsewhere.example:8000", "127.0.0.1", True),  # a name made to mean us
        ("box.lan:8000", "https://elsewhere.example", "0.0.0.0", True),
        ("", None, "127.0.0.1", True),
    ],
)
def test_only_the_page_that_was_served_may_open_a_window(
    host: str, origin: str | None, bound: str, refused: bool
) -> None:
    assert bool(why_not(host, origin, bound)) is refused


def test_the_page_asks_nobody_else_for_anything() -> None:
    assert re.findall(r"""(?:https?:)?//[a-z]""", PAGE.read_text(encoding="utf-8")) == []


def test_a_port_that_is_taken_and_an_extra_that_is_missing_are_said(ftb: Ftb, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = ftb("--serve", "--port", str(port))
        assert (done.code, done.out) == (2, "")
        assert f"127.0.0.1:{port}" in done.err and "--port" in done.err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = ftb("--serve")
    assert (done.code, done.out) == (2, "")
    assert "pip install 'ftb-tui[web]'" in done.err
