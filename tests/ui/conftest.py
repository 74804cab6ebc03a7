"""Screens look the same on every machine: one time zone, one home, no colour settings."""

from __future__ import annotations

import time

import pytest


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """UTC, and no terminal settings of the person who runs the tests."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for name in ("TEXTUAL", "TEXTUAL_ANIMATIONS", "TEXTUAL_THEME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
