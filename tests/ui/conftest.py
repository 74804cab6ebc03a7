"""Screens look the same on every machine: one time zone, one home, no colour settings."""

from __future__ import annotations

import time
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.screen import Screen
from textual.widgets import Input

_parse = Stylesheet._parse_rules
_parsed: dict[tuple[Any, ...], list[RuleSet]] = {}


@pytest.fixture(autouse=True)
def styles_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all apps of all tests together, which each app would do anew: a sixth of the time that they take."""

    def parse_rules(sheet: Stylesheet, css: str, *more: Any, **named: Any) -> list[RuleSet]:
        key = (css, more, tuple(sorted(named.items())), tuple(sorted(sheet._variables.items())))
        if key not in _parsed:
            _parsed[key] = _parse(sheet, css, *more, **named)
        return _parsed[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_rules)


@pytest.fixture(autouse=True)
def screens_are_painted_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whenever a test pauses, which is when it looks; nobody sees the sixty pictures a second that a person would."""
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", 0.1)


_refresh = Screen._compositor_refresh


@pytest.fixture(autouse=True)
def nothing_is_painted_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual throws away what it paints without a terminal; what a test looks at is drawn whole when it looks."""

    def refresh(screen: Screen[Any]) -> None:
        if screen is not screen.app.screen or not screen.app.is_headless:
            _refresh(screen)
            return
        screen._dirty_widgets.clear()
        screen._compositor._dirty_regions.clear()
        screen.app._update_mouse_over(screen)

    monkeypatch.setattr(Screen, "_compositor_refresh", refresh)


@pytest.fixture(autouse=True)
def the_cursor_does_not_blink(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is the same whenever it is taken."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda field: None)


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """UTC, and no terminal settings of the person who runs the tests."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for name in ("TEXTUAL", "TEXTUAL_ANIMATIONS", "TEXTUAL_THEME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
