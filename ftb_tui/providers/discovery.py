"""Servers on this machine that answer over the OpenAI wire, found on the ports that they usually have."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

LOCAL_SERVERS = {"vllm": 8000, "sglang": 30000, "llama-cpp": 8080, "ollama": 11434, "lm-studio": 1234}
"""Provider name -> usual port on the loopback interface."""
TITLES = {
    "vllm": "vLLM",
    "sglang": "SGLang",
    "llama-cpp": "llama.cpp server",
    "ollama": "Ollama",
    "lm-studio": "LM Studio",
}
LOOK_SECONDS = 1.0
_LONGEST = 4_000_000


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that was found, usable as the provider `name`."""

    name: str
    title: str
    base_url: str
    models: tuple[str, ...]


def local_url(name: str) -> str:
    """Where a local server is expected."""
    return f"http://127.0.0.1:{LOCAL_SERVERS[name]}/v1"


async def find_local_servers() -> list[LocalServer]:
    """Every server that lists its models on a usual port. Nothing but this machine is asked, and no key is sent."""
    found = await asyncio.gather(*(_look(name, port) for name, port in LOCAL_SERVERS.items()))
    return [server for server in found if server is not None]


async def _look(name: str, port: int) -> LocalServer | None:
    """One request by hand: a heavy client is not worth its start-up time for five ports that are mostly closed."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            body = await _get(port, "/v1/models")
        listed = json.loads(body)["data"] or []
        models = tuple(str(model["id"]) for model in listed)
    except (OSError, TimeoutError, ValueError, KeyError, TypeError, EOFError):
        return None
    return LocalServer(name, TITLES[name], local_url(name), models)


async def _get(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        # HTTP/1.0: the body ends with the connection, never in chunks.
        writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n".encode())
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise ValueError("not a list of models")
        parts = []
        size = 0
        while part := await reader.read(65536):
            size += len(part)
            if size > _LONGEST:
                raise ValueError("too long for a list of models")
            parts.append(part)
        return b"".join(parts)
    finally:
        writer.close()
