"""Foreign text is shown whole and harmless."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftb_tui.report.plain import ending, json_text, one_line, visible, without_gaps


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J", "␛[2J"),
        ("a\x00b\x7f", "a␀b␡"),
        ("\u202egnp.exe", "‹U+202E›gnp.exe"),
        ("\x9b31m", "‹U+009B›31m"),
        ("\ud800", "‹U+D800›"),
        ("a\tb", "a    b"),
        ("a\r\nb", "a␍\nb"),
    ],
)
def test_control_characters_are_shown_not_obeyed(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_line_is_one_line_and_cut_with_an_ellipsis() -> None:
    assert one_line("a\nb") == "a b"
    assert one_line("x" * 100, 10) == "x" * 9 + "…"
    assert len(one_line("\x00" * 10_000_000, 10)) == 10


@given(st.text())
def test_nothing_visible_is_left_unprintable(text: str) -> None:
    shown = visible(text, keep_newlines=False)
    assert [letter for letter in shown if not letter.isprintable() and unicodedata.category(letter) != "Zs"] == []


@given(st.recursive(st.text(st.characters()) | st.integers() | st.none(), st.lists))
def test_json_reads_back_as_the_same_value(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert [c for c in text if not c.isprintable() and c != "\n" and unicodedata.category(c) != "Zs"] == []


def test_json_escapes_what_a_terminal_would_obey() -> None:
    hostile = "\x1b[2J\x9b\x7f\u202e\u2028\U000e0001\ud800"
    text = json_text([hostile])
    assert text.isascii()
    assert text.isprintable() or "\n" in text
    assert "\x7f" not in text
    assert json.loads(text) == [hostile]


def test_many_line_breaks_are_told_and_few_are_left() -> None:
    assert without_gaps("a\n\nb") == "a\n\nb"
    assert without_gaps("a\n \n\t\n\nb\n") == "a\n‹4 line breaks›\nb"
    assert without_gaps("\n" * 16 + "x") == "‹16 line breaks›\nx"


def test_a_megabyte_of_blanks_and_line_breaks_is_looked_through_at_once() -> None:
    for text in (" " * 1_000_000, "\n" + " " * 1_000_000, "\n" * 1_000_000, "\n a" * 300_000, " \n" * 500_000):
        without_gaps(text)


def test_of_a_long_name_the_end_is_shown_on_one_line() -> None:
    assert ending("ft:gpt-4o-mini:ftb::Zz9", 8) == "…tb::Zz9"
    assert ending("short\nname", 10) == "short name"
    assert ending("\x1b[2J" * 3, 6) == "…J␛[2J"
