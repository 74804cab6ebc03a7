"""Text to token ids and back, and SmolLM2's chat markup.

Byte-level byte pair encoding (Sennrich et al. 2016; bytes as in GPT-2), run by tiktoken. SmolLM's
pre-tokenizer first cuts every digit off on its own and then applies GPT-2's pattern to the rest; `_PATTERN`
does both at once. White space before a digit needs a branch of its own, because in the two-stage original the
piece ends there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tiktoken

from ftb_tui.engine.interface import RequestError, TrainingItem

_PATTERN = r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+"
_NORMAL = 1
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
END_OF_TURN = "<|im_end|>"
START_OF_TURN = "<|im_start|>"


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-in for each byte, as character -> byte."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in visible}
    for shift, byte in enumerate(byte for byte in range(256) if byte not in set(visible)):
        alphabet[chr(256 + shift)] = byte
    return alphabet


BYTE_OF = _byte_alphabet()


class Tokenizer:
    """The vocabulary of one model. Built from the tokens and token types that its GGUF file holds.

    Raises `ValueError` for a vocabulary of another kind, as a clause that a message about the file can take up.
    """

    def __init__(self, tokens: Sequence[str], token_types: Sequence[int]) -> None:
        self._bytes: list[bytes] = []
        self._control: dict[int, str] = {}
        ranks: dict[bytes, int] = {}
        for token_id, (token, kind) in enumerate(zip(tokens, token_types, strict=True)):
            if kind == _NORMAL:
                try:
                    raw = bytes(BYTE_OF[character] for character in token)
                except KeyError as error:
                    raise ValueError(f"its token {token!r} is not of byte-level byte pair encoding") from error
                ranks[raw] = token_id
                self._bytes.append(raw)
            else:
                self._control[token_id] = token
                self._bytes.append(token.encode())
        ids = {name: token_id for token_id, name in self._control.items()}
        if START_OF_TURN not in ids or END_OF_TURN not in ids:
            raise ValueError(
                f"its vocabulary has no {START_OF_TURN} and {END_OF_TURN}; the engine runs chat models that use them"
            )
        self.start_of_turn = ids[START_OF_TURN]
        self.end_of_turn = ids[END_OF_TURN]
        self.control_ids = frozenset(self._control)
        self.size = len(self._bytes)
        # tiktoken must know every byte. Bytes that the vocabulary lacks (none occurs in common text) get ids
        # beyond it, and these are dropped after encoding, as the reference tokenizer drops them.
        self._complete = True
        for byte in range(256):
            if bytes([byte]) not in ranks:
                ranks[bytes([byte])] = self.size + byte
                self._complete = False
        self._encoding = tiktoken.Encoding("ftb-engine", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})
        self._newline_ids = frozenset(
            token_id for token_id, raw in enumerate(self._bytes) if b"\n" in raw and token_id not in self._control
        )

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text. Control tokens spelled out in it stay text: content never forges a turn."""
        # A lone surrogate has no UTF-8; it becomes U+FFFD instead of an exception from within tiktoken.
        text = text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        ids = self._encoding.encode_ordinary(text)
        return ids if self._complete else [token_id for token_id in ids if token_id < self.size]

    def decode(self, ids: Iterable[int], kept: int | None = None) -> str:
        """The text of token ids, or its first `kept` bytes, without control tokens.

        Bytes that are not UTF-8 become U+FFFD.
        """
        raw = b"".join(self._bytes[token_id] for token_id in ids if token_id not in self._control)
        return raw[:kept].decode("utf-8", "replace")

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one token stands for; for a control token those of its name."""
        return self._bytes[token_id]

    def token_text(self, token_id: int) -> str:
        """One token alone as text; part of a character shows as U+FFFD."""
        return self._bytes[token_id].decode("utf-8", "replace")

    def has_newline(self, token_id: int) -> bool:
        """Whether the token's text holds a line feed."""
        return token_id in self._newline_ids

    def is_blank(self, token_id: int) -> bool:
        """Whether the token is white space only."""
        return not self._bytes[token_id].strip()

    def chat_prompt(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """Token ids of a chat up to and including the opening of the assistant's next turn.

        `messages` have `role` (system, developer, user, assistant) and `content`. SmolLM2's own template puts a
        default system message before a chat that has none; this does not, so that training and asking see
        exactly what was sent and nothing else. Raises `RequestError` for an unknown role.
        """
        return [*self._turns(messages), *self._opening("assistant")]

    def training_items(self, messages: Sequence[Mapping[str, Any]]) -> list[TrainingItem]:
        """One item for each assistant message (those with `"weight": 0` left out): what precedes it, and it.

        Raises `RequestError` for a message without a known role or text, wherever it stands.
        """
        self._turns(messages)
        items = []
        for position, message in enumerate(messages):
            if message.get("role") == "assistant" and message.get("weight", 1) != 0:
                answer = [*self.encode(text_of(message.get("content"))), self.end_of_turn]
                items.append(TrainingItem(tuple(self.chat_prompt(messages[:position])), tuple(answer)))
        return items

    def _opening(self, role: str) -> list[int]:
        return [self.start_of_turn, *self.encode(f"{role}\n")]

    def _turns(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        ids: list[int] = []
        newline = self.encode("\n")
        for message in messages:
            role = _ROLES.get(str(message.get("role")))
            if role is None:
                raise RequestError(f"Unknown role {message.get('role')!r}; use system, developer, user or assistant.")
            # Role and content in one run: the reference encodes all text between two control tokens at once.
            text = f"{role}\n{text_of(message.get('content'))}"
            ids += [self.start_of_turn, *self.encode(text), self.end_of_turn, *newline]
        return ids


def text_of(content: object) -> str:
    """The text of a message: its content, or the parts of it joined. Raises `RequestError` for all but text."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) == len(content):
            return "".join(texts)
        raise RequestError("The content of a message may only have parts of the type text.")
    if not isinstance(content, str):
        raise RequestError(f"The content of a message must be text, not {json.dumps(content)[:40]}.")
    return content
