"""The app in a browser: `ftb --serve`.

textual-serve brings the terminal's script and runs one app a window. The page is ours, since textual-serve's asks a third
party for a font and works only at the address that the server was told; and so is the rule about who may open a window.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import ipaddress
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ftb_tui.cli.exits import Exit, say

if TYPE_CHECKING:
    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE = Path(__file__).parent / "page" / "index.html"

END_SECONDS = 3.0
"""How long open windows may take to end when the server does."""

LOOK_SECONDS = 1.0
"""How often an app in a window looks whether its server is still there."""


def serve_app(host: str, port: int) -> None:
    """Serve the app until ctrl+c; each window of the browser has an app of its own, on the same store."""
    if importlib.util.find_spec("textual_serve") is None:
        say("For the app in a browser install the extra: pip install 'ftb-tui[web]'")
        raise click.exceptions.Exit(Exit.USAGE)
    _free(host, port)
    if not is_this_machine(host):
        say(f"Whoever reaches {host}:{port} can use this app, its store and its keys: nothing asks who they are.")
    from aiohttp import web

    def listening(_: str) -> None:
        say(f"The app is at http://{_spelled(host)}:{port} until ctrl+c.")

    site = _site(host, port)
    # What an app says when it ends by an error comes through textual-serve's stdout; it is narration.
    with contextlib.redirect_stdout(sys.stderr):
        web.run_app(site, host=host, port=port, shutdown_timeout=END_SECONDS, print=listening, access_log=None)


def _site(host: str, port: int) -> web.Application:
    from aiohttp import web
    from textual_serve.server import Server

    async def page(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE, headers={"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8"})

    @web.middleware
    async def only_own_windows(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = why_not(request.headers.get("Host", ""), request.headers.get("Origin"), host)
        if refusal:
            raise web.HTTPForbidden(text=f"{refusal}\n")
        return await handler(request)

    windows: set[asyncio.Task[web.WebSocketResponse]] = set()

    async def window(request: web.Request) -> web.StreamResponse:
        one = asyncio.create_task(server.handle_websocket(request))
        windows.add(one)
        one.add_done_callback(windows.discard)
        return await one

    async def close_windows(_: web.Application) -> None:
        for one in windows:
            one.cancel()

    # Without a shell between them an app sees when its server is gone.
    server = Server(f"exec {shlex.quote(sys.executable)} -P -m ftb_tui", host=host, port=port, title="ftb")
    site = web.Application(middlewares=[only_own_windows])
    site.on_shutdown.append(close_windows)
    site.router.add_get("/", page)
    site.router.add_get("/ws", window)
    site.router.add_get("/download/{key}", server.handle_download)
    site.router.add_static("/static", server.statics_path)
    return site


def end_with_the_server() -> None:
    """End this process, an app in a window, when the server that started it is gone however it went."""
    server = os.getppid()

    def watch() -> None:
        while os.getppid() == server:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        # Its last words had nobody to go to, which may have ended the app but not its threads. Nothing is lost: what
        # was answered is committed.
        os._exit(1)

    threading.Thread(target=watch, name="ftb-server-watch", daemon=True).start()


def why_not(asked_host: str, origin: str | None, bound: str) -> str:
    """Why a request is refused, else nothing.

    Any page on the web may open a socket to this machine from its reader's browser, which says truly where that page is
    from (`Origin`); and a name of a stranger's may be made to mean this machine (`Host`).
    """
    if origin is not None and urlsplit(origin).netloc != asked_host:
        return f"A page of {origin} may not use this app."
    name = urlsplit(f"//{asked_host}").hostname or ""
    if is_this_machine(bound) and not is_this_machine(name) and name != bound:
        return f"This app is served to this machine only, not as {name or 'nothing'}."
    return ""


def _spelled(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def _free(host: str, port: int) -> None:
    import socket

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        say(f"Nothing can listen at {host}:{port}: {error.strerror}. Choose another: --port")
        raise click.exceptions.Exit(Exit.USAGE) from error


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine's own loopback."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
