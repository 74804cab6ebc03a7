"""However much changes in the store, filling a screen takes a small share of the time, smaller while keys come."""

from __future__ import annotations

from ftb_tui.ui.pace import AT_REST, IN_USE, LONGEST, SHORTEST, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def filled(clock: Clock, seconds: float) -> Pace:
    pace = Pace(clock)
    began_at = pace.now()
    clock.now += seconds
    pace.filled(began_at)
    return pace


def waits(clock: Clock, pace: Pace, *, pressing: bool) -> float:
    began_at = clock.now
    while not pace.is_due():
        clock.now += 0.05
        if pressing:
            pace.pressed()
    return clock.now - began_at


def test_the_first_filling_waits_for_nothing() -> None:
    assert Pace(Clock()).is_due()


def test_a_filling_that_took_long_puts_off_the_next_and_longer_while_keys_come() -> None:
    for took in (0.02, 0.1, 0.3):
        clock = Clock()
        at_rest = waits(clock, filled(clock, took), pressing=False)
        pace = filled(clock, took)
        pace.pressed()
        in_use = waits(clock, pace, pressing=True)
        assert at_rest > max(SHORTEST, AT_REST * took) - 0.01
        assert in_use > max(SHORTEST, IN_USE * took) - 0.01
        assert in_use <= 8.0


def test_what_is_new_is_shown_in_the_end_even_if_keys_never_stop() -> None:
    clock = Clock()
    pace = filled(clock, 5.0)
    pace.pressed()
    assert waits(clock, pace, pressing=True) <= LONGEST + 0.1


def test_soon_after_the_last_key_the_screen_is_read_again() -> None:
    clock = Clock()
    pace = filled(clock, 0.2)
    pace.pressed()
    clock.now += 1.5
    assert pace.is_due()
