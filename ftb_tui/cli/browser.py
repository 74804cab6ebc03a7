"""The app in a browser: `ftb --serve`."""

from __future__ import annotations

import importlib.util
import ipaddress
import shlex
import sys

import click

from ftb_tui.cli.exits import Exit, say


def serve_app(host: str, port: int) -> None:
    """Serve the app until ctrl+c; each window of the browser has an app of its own, on the same store."""
    if importlib.util.find_spec("textual_serve") is None:
        say("For the app in a browser install the extra: pip install 'ftb-tui[web]'")
        raise click.exceptions.Exit(Exit.USAGE)
    _free(host, port)
    if not _is_this_machine(host):
        say(f"Whoever reaches {host}:{port} can use this app, its store and its keys: nothing asks who they are.")
    from textual_serve.server import Server

    say(f"The app is at http://{host}:{port} until ctrl+c.")
    Server(f"{shlex.quote(sys.executable)} -m ftb_tui", host=host, port=port, title="ftb").serve()


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


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
