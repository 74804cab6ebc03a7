"""What the fake service is to ftb: one that takes money, or a server of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def that_bills(home: Path) -> Iterator[None]:
    """Meanwhile the provider `fake` is a service that takes money; as a server of one's own it costs nothing."""
    file = home / "config" / "config.toml"
    before = file.read_text()
    file.write_text(before.replace("[providers.fake]\n", '[providers.fake]\ndialect = "openai"\n'))
    yield
    file.write_text(before)
