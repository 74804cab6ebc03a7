"""Memory is gone through while nobody presses keys; if keys never pause, all the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from ftb_tui.ui.sweeping import IDLE_SECONDS, LONGEST, SHARE, SHORTEST, Sweeper
from tests.ui.test_pace import Clock


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_nobody_who_presses_keys_waits_for_it_but_now_and_then() -> None:
    clock = Clock()
    sweeper = Sweeper(clock)
    clock.now += SHORTEST
    assert not sweeper.is_due(idle=IDLE_SECONDS / 2)
    assert sweeper.is_due(idle=IDLE_SECONDS)
    clock.now += LONGEST - SHORTEST
    assert sweeper.is_due(idle=0.0)


def test_the_longer_it_takes_the_rarer_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    sweeper = Sweeper(clock)
    monkeypatch.setattr(gc, "collect", lambda: setattr(clock, "now", clock.now + 0.2))
    sweeper.sweep()
    clock.now += SHARE * 0.2 - 1
    assert not sweeper.is_due(idle=60)
    clock.now += 2
    assert sweeper.is_due(idle=60)


def test_what_nobody_needs_is_gone_after_it() -> None:
    class Knot:
        pass

    def knot() -> weakref.ref[Knot]:
        one = Knot()
        one.self = one  # type: ignore[attr-defined]
        return weakref.ref(one)

    sweeper = Sweeper()
    for _ in range(2):
        left = knot()
        sweeper.sweep()
        assert left() is None
