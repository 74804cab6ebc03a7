"""A counter of tokens for a service: with OpenAI's tokenizer where its table is here, else by an estimate that says so."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_TABLE = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
"""What tiktoken names its cached table after; the vocabulary of gpt-4o, gpt-4.1 and later."""
_SERVICES = frozenset({"openai", "azure"})
BYTES_PER_TOKEN = 4
FORMAT_TOKENS = 7
"""What the chat format adds to a question: around its message, and around the whole."""
# Tokens are about a quarter of a text's bytes, and a cap must hold for odd text, and for odd formats, too.
_BYTES_PER_TOKEN_AT_WORST = 2
_FORMAT_TOKENS_AT_WORST = 16


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """How tokens are counted, and the words that go with every figure."""

    count: Callable[[str], int]
    how: str
    exact: bool


def token_counter(service: str) -> TokenCounter:
    """The best counter for a service's models. Nothing is fetched: a missing table means an estimate."""
    if service in _SERVICES and _table_is_here():
        import tiktoken

        encoding = tiktoken.get_encoding("o200k_base")
        return TokenCounter(lambda text: len(encoding.encode_ordinary(text)), "counted with o200k_base", True)
    return TokenCounter(estimate, f"estimated at {BYTES_PER_TOKEN} bytes each", False)


def estimate(text: str) -> int:
    """About as many tokens as a text has: a quarter of its UTF-8 bytes, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def tokens_at_worst(prompt: str) -> int:
    """As many tokens as a question may come to at a service, its chat format among them."""
    return len(prompt.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN_AT_WORST + _FORMAT_TOKENS_AT_WORST


def _table_is_here() -> bool:
    """Whether tiktoken would find its table without the network."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    place = Path(folder) if folder else Path(tempfile.gettempdir()) / "data-gym-cache"
    return (place / hashlib.sha1(_TABLE.encode(), usedforsecurity=False).hexdigest()).is_file()
