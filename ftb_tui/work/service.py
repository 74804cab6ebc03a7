"""A provider for the length of a piece of work, and those that take its place when the embedded engine has died."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ftb_tui.providers.base import Provider, ProviderError

Opener = Callable[[str], Awaitable[Provider]]
Revive = Callable[[], Awaitable[Provider]]


@asynccontextmanager
async def in_service(name: str, open_provider: Opener) -> AsyncIterator[tuple[Provider, Revive | None]]:
    """The open provider of that name, and how to bring it back: only the embedded engine is ours to start.

    All are closed at the end and none before: questions may still be under way at the one that broke.
    """
    opened = [await open_provider(name)]

    async def revive() -> Provider:
        opened.append(await open_provider(name))
        return opened[-1]

    try:
        yield opened[0], revive if name == "local" else None
    finally:
        for provider in opened:
            with contextlib.suppress(ProviderError):
                await provider.close()
