"""What is typed into a search is read as it was meant."""

from __future__ import annotations

import pytest

from ftb_tui.store.terms import Term, holds_words, name_problem, terms

COLUMNS = ("gold", "tag")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ()),
        ('  "" gold: ', ()),
        ("Two words", (Term("Two"), Term("words"))),
        ('"Two words" -"no more"', (Term("Two words", whole=True), Term("no more", negated=True, whole=True))),
        ('gold:"149 cm" -TAG:format', (Term("149 cm", "gold", whole=True), Term("format", "tag", negated=True))),
        ('"not closed yet', (Term("not closed yet"),)),
        ('"gold:5" "-5" -', (Term("gold:5", whole=True), Term("-5", whole=True), Term("-"))),
        ("6'1\" 12:30", (Term("6'1\""), Term("12:30"))),
    ],
)
def test_marks_hold_words_together_and_words_stay_as_typed(typed: str, expected: tuple[Term, ...]) -> None:
    assert terms(typed, COLUMNS) == expected


@pytest.mark.parametrize(
    ("text", "words", "there"),
    [
        ("No", "no", True),
        ("Well, no.", "NO", True),
        ("no-one", "no", True),
        ("I am not sure", "no", False),
        ("snow and piano", "no", False),
        ("163", "1", False),
        ("16 of 163", "163", True),
        ("wrong_value", "value", True),
        ("an unknown word, then no", "no", True),
        ("149 cm", "149 c", False),
        ('say("no")!', '("no")', True),
        ("x(no)y", "(no)", True),
        ("Élan vital", "élan", True),
        ("Élans", "élan", False),
        ("Нет", "нет", True),
        ("Нетто", "нет", False),
        ("die STRASSE hier", "straße", True),
        ("cafe\u0301 au lait", "cafe", False),
        ("यह हिन्दी है", "हिन्दी", True),
        ("हिन्दी", "हिन्द", False),
        ("ñandú no", "no", True),
        ("東京は日本の首都です", "日本", True),
        ("ราคาหนึ่งร้อย", "หนึ่ง", True),
    ],
)
def test_exact_words_end_where_the_words_of_a_text_do_in_any_script(text: str, words: str, there: bool) -> None:
    assert holds_words(text, words) is there
    assert Term(words, whole=True).stands_in(text) is there
    assert Term(words).stands_in(text), "their letters are there in any case"


def test_where_the_letters_stand_is_known_for_underlining_them() -> None:
    assert Term("no").places("No, not now") == [(0, 2), (4, 6), (8, 10)]
    assert Term("no", whole=True).places("No, not now, no") == [(0, 2), (13, 15)]
    assert Term("no", whole=True).places("No, not now, no", 1) == [(13, 15)]
    assert Term("s").places("ẞs") == [], "in lower case it has other places"


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
