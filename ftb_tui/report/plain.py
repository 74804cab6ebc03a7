"""Foreign text made harmless: what a model or server wrote, fit for a terminal."""

from __future__ import annotations

import json
import re
import unicodedata

from ftb_tui.report.numbers import counted

CONTROL_PICTURES = 0x2400
"""Where the pictures of the C0 control characters begin: U+2400 is NUL's."""
# Unassigned ones (Cn) as well: what this Python does not know yet, the terminal may.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# What may need showing: everything but printable ASCII.
_UNSURE = re.compile(r"[^ -~]")


def visible(text: str, *, keep_newlines: bool = True) -> str:
    """The text with control, bidirectional and invisible characters shown instead of obeyed.

    C0 controls become their pictures (␛), others their code point (‹U+202E›). Nothing is left out.
    """
    if text.isprintable():
        return text
    return _UNSURE.sub(lambda found: _shown(found.group(), keep_newlines), text)


def shortened(text: str, limit: int = 4000, lines: int = 60) -> str:
    """The beginning of a text made `visible`, with a note of how much more there is."""
    start = "".join(text[:limit].splitlines(keepends=True)[:lines])
    if len(start) == len(text):
        return visible(text)
    return f"{visible(start)}… ({len(text) - len(start):,} more characters)"


def without_gaps(text: str) -> str:
    """The text with every run of three or more line breaks told as such, so that what follows it stays in view."""
    return _GAP.sub(lambda found: f"\n‹{found.group().count(chr(10))} line breaks›\n", text).strip("\n")


_GAP = re.compile(r"\n(?:[^\S\n]*\n){2,}")


def readable(answer: str | None, instead: str) -> str:
    """An answer fit to be read: blanks alone and long runs of line breaks are told in words; `instead` where none came."""
    if answer is None:
        return instead
    return without_gaps(answer) if has_words(answer) else _blank(answer)


def has_words(answer: str) -> bool:
    """Whether there is anything to be seen of an answer."""
    return bool(answer.strip(" \t\r\n"))


def _blank(answer: str) -> str:
    breaks = answer.count("\n")
    return f"(nothing but {counted(breaks, 'line break')})" if breaks else "(blanks alone)" if answer else "(empty)"


def json_text(value: object) -> str:
    """A value as indented JSON in which control, bidirectional and invisible characters are escaped.

    Reading it back gives exactly the same value. Whatever JSON does not know becomes its `str`.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    if letter == "\n" or unicodedata.category(letter) not in _HIDDEN:
        return letter
    return "\\u007f" if letter == "\x7f" else json.dumps(letter)[1:-1]


def _shown(character: str, keep_newlines: bool) -> str:
    code = ord(character)
    if character == "\n" and keep_newlines:
        return character
    if character == "\t":
        return "    "
    if code < 0x20:
        return chr(CONTROL_PICTURES + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(character) in _HIDDEN:
        return f"‹U+{code:04X}›"
    return character


def one_line(text: str, limit: int = 80) -> str:
    """The text on one line, cut with an ellipsis."""
    line = " ".join(visible(text[: limit * 8]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def ending(text: str, limit: int) -> str:
    """The text on one line, of a long one its end: that is what tells a base's tuned models and checkpoints apart."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else f"…{line[1 - limit :]}"
