"""Foreign text made harmless: what a model or server wrote, fit for a terminal."""

from __future__ import annotations

import unicodedata

_PICTURES = 0x2400


def visible(text: str, *, keep_newlines: bool = True) -> str:
    """The text with control, bidirectional and invisible characters shown instead of obeyed.

    C0 controls become their pictures (␛), others their code point (‹U+202E›). Nothing is left out.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character, keep_newlines) for character in text)


def _shown(character: str, keep_newlines: bool) -> str:
    code = ord(character)
    if character == "\n" and keep_newlines:
        return character
    if character == "\t":
        return "    "
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return f"‹U+{code:04X}›"
    return character


def one_line(text: str, limit: int = 80) -> str:
    """The text on one line, cut with an ellipsis."""
    line = " ".join(visible(text[: limit * 8]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
