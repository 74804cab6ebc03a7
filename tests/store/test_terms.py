"""What is typed into a search is read as it was meant."""

from __future__ import annotations

import pytest

from ftb_tui.store.terms import Term, name_problem, quoted_terms, terms

COLUMNS = ("gold", "tag")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ()),
        ('  "" gold: ', ()),
        ("Two words", (Term("Two"), Term("words"))),
        ('"Two words" -"no more"', (Term("Two words"), Term("no more", negated=True))),
        ('gold:"149 cm" -TAG:format', (Term("149 cm", "gold"), Term("format", "tag", negated=True))),
        ('"not closed yet', (Term("not closed yet"),)),
        ('"gold:5" "-5" -', (Term("gold:5"), Term("-5"), Term("-"))),
        ("6'1\" 12:30", (Term("6'1\""), Term("12:30"))),
    ],
)
def test_marks_hold_words_together_and_words_stay_as_typed(typed: str, expected: tuple[Term, ...]) -> None:
    assert quoted_terms(typed, COLUMNS) == expected


def test_a_tables_filter_knows_no_marks_and_no_capitals() -> None:
    assert terms('"A B" -Gold:C', COLUMNS) == (Term('"a'), Term('b"'), Term("c", "gold", negated=True))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("gld:5", "There is no gld: here. Did you mean gold:? There are gold:, tag:."),
        ('word -nothing:"of it"', "There is no nothing: here. There are gold:, tag:."),
        ("Gold:5 -tag:x plain", ""),
        ("https://example.org 12:30 :) a", ""),
        ('"gld:5" -"gld:5"', ""),
    ],
)
def test_a_misspelt_name_is_told_with_what_there_is_and_text_with_colons_can_be_looked_for(
    typed: str, said: str
) -> None:
    assert name_problem(typed, COLUMNS) == said
