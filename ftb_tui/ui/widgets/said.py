"""Text on a screen that is put there only where it is not yet."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


def say(static: Static, text: Content) -> bool:
    """Show a text in a widget that reads no markup, if it is not there; gives whether it was not.

    Every update lays out and paints the whole screen again. Texts are the same where their styles are, too: `==` does
    not ask after those.
    """
    there = static.content
    if isinstance(there, str):
        there = Content(there)
    if isinstance(there, Content) and there.is_same(text):
        return False
    static.update(text)
    return True
