"""How many tokens a training file has: counted where the vocabulary is on this machine, else estimated."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ftb_tui.benchmark.model import TrainingExample

CHARACTERS_PER_TOKEN = 4
# What the chat format adds to a message: its opening, its role and its end.
TOKENS_PER_MESSAGE = 4
_VOCABULARIES = "https://openaipublic.blob.core.windows.net/encodings"


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A number of tokens and how it was found."""

    tokens: int
    how: str


def count_tokens(examples: Iterable[TrainingExample], base_model: str, system_prompt: str | None = None) -> TokenCount:
    """Count the tokens of all messages, with four a message for the chat format.

    With tiktoken where it knows the base model and its vocabulary is cached already (nothing is downloaded), else at
    four characters a token. `how` says which.
    """
    texts = [
        text
        for example in examples
        for text in (system_prompt, example.prompt, example.completion)
        if text is not None and text != ""
    ]
    frame = TOKENS_PER_MESSAGE * len(texts)
    name = _cached_encoding(base_model)
    if name is None:
        characters = sum(len(text) for text in texts)
        return TokenCount(
            -(-characters // CHARACTERS_PER_TOKEN) + frame, f"estimated at {CHARACTERS_PER_TOKEN} characters each"
        )
    import tiktoken

    encoding = tiktoken.get_encoding(name)
    return TokenCount(sum(len(encoding.encode_ordinary(text)) for text in texts) + frame, f"counted with {name}")


def _cached_encoding(base_model: str) -> str | None:
    """The name of the base's vocabulary if it is in tiktoken's cache, where `tiktoken.load` would look."""
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(base_model)
    except KeyError:
        return None
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    cache = Path(tempfile.gettempdir()) / "data-gym-cache" if folder is None else Path(folder)
    address = f"{_VOCABULARIES}/{name}.tiktoken"
    key = hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    return name if folder != "" and (cache / key).is_file() else None
