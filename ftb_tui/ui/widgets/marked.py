"""An answer with what it shares with the gold marked, so that the difference is seen at once."""

from __future__ import annotations

import difflib
import re

from textual.content import Content

_WORD = re.compile(r"\w+|\W", re.UNICODE)
SHARED = "bold underline"
LIMIT = 2000
"""Beyond so many characters nothing is marked: an essay shares words with everything."""


def marked(answer: str, gold: str) -> Content:
    """The answer; words that also stand in the gold, in its order, are bold and underlined."""
    words, golden = _WORD.findall(answer), _WORD.findall(gold)
    if len(answer) > LIMIT or len(gold) > LIMIT:
        return Content(answer)
    matcher = difflib.SequenceMatcher(
        None, [word.casefold() for word in words], [word.casefold() for word in golden], autojunk=False
    )
    content = Content("")
    for kind, start, end, _, _ in matcher.get_opcodes():
        for word in words[start:end]:
            shared = kind == "equal" and word[0].isalnum()
            content += Content.styled(word, SHARED) if shared else Content(word)
    return content
