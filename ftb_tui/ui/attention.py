"""Calling a person who looks elsewhere: the terminal's bell, and a notification of the desktop through the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from ftb_tui.interface import UiSettings
from ftb_tui.report.plain import one_line

BELL = "\a"
_OSC777 = ("rxvt", "foot", "vte", "gnome", "ghostty")


def desktop_notification(title: str, text: str, how: str, environ: Mapping[str, str]) -> str:
    """The sequence that asks the terminal for a notification; empty where none is wanted.

    `osc9` is understood by iTerm2, WezTerm, kitty, Windows Terminal and others, `osc777` by rxvt, foot and terminals
    made of VTE; `auto` takes the one that fits the terminal that `environ` names. The text is made harmless: nothing in
    it can end the sequence or begin another. Inside tmux it is wrapped, so that tmux hands it on where
    `allow-passthrough` is on.
    """
    if how == "none":
        return ""
    if how == "auto":
        named = f"{environ.get('TERM', '')} {environ.get('TERM_PROGRAM', '')}".casefold()
        how = "osc777" if environ.get("VTE_VERSION") or any(name in named for name in _OSC777) else "osc9"
    title, text = one_line(title, 60), one_line(text, 240)
    if how == "osc777":
        sequence = f"\x1b]777;notify;{title.replace(';', ',')};{text.replace(';', ',')}\x1b\\"
    else:
        # ConEmu and Windows Terminal read a number and a semicolon at its beginning as a command.
        sequence = f"\x1b]9;{title}: {text.replace(';', ',')}\x1b\\"
    if environ.get("TMUX"):
        escaped = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{escaped}\x1b\\"
    return sequence


def call(write: Callable[[str], object], message: str, settings: UiSettings, *, looked_at: bool) -> None:
    """Ring and notify when the window is not looked at, or as the configuration has it."""
    if settings.notify == "always" or (settings.notify == "away" and not looked_at):
        write(BELL + desktop_notification("ftb", message, settings.desktop, os.environ))
