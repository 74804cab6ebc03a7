"""The sentences about invented people in the published files, read into facts."""

from __future__ import annotations

import re

from ftb_tui.benchmark.model import Fact

_SENTENCES = (
    ("weight", re.compile(r"(?P<name>.+?) weighs (?P<value>\d+) pounds\.")),
    ("height", re.compile(r"(?P<name>.+?) is (?P<value>\d+) cm tall\.")),
    ("age", re.compile(r"(?P<name>.+?) is (?P<value>\d+) years old\.")),
    ("occupation", re.compile(r"(?P<name>.+?) works as an? (?P<value>.+?)\.")),
    ("color", re.compile(r"(?P<name>.+?)'s favou?rite colou?r is (?P<value>.+?)\.")),
    ("city", re.compile(r"(?P<name>.+?) lives in (?P<value>.+?)\.")),
)


def person_fact(text: str, person_id: str = "") -> Fact | None:
    """The fact that a sentence tells, or None for a sentence of another shape.

    Its id is made of the person's id (the name if there is none) and the attribute, so that the same sentence in
    another task's file is the same fact.
    """
    for attribute, pattern in _SENTENCES:
        if match := pattern.fullmatch(text.strip()):
            person = person_id or slug(match["name"])
            return Fact(
                f"fictional_people/{person}/{attribute}", text.strip(), match["name"], attribute, match["value"]
            )
    return None


def comparison_facts(row_id: str, text: str) -> tuple[Fact, ...]:
    """The two facts that a comparison cites, which are two sentences; empty when they cannot be told apart.

    A row's id is the first person's, the second person's and what is compared, joined by hyphens.
    """
    sentences = re.split(r"(?<=\.)\s+", text.strip())
    parsed = [fact for sentence in sentences if (fact := person_fact(sentence)) is not None]
    if len(sentences) != 2 or len(parsed) != 2:
        return ()
    first, second = (slug(fact.subject) for fact in parsed)
    match = re.fullmatch(rf"({re.escape(first)}(?:-[^-]+)?)-({re.escape(second)}(?:-[^-]+)?)-[^-]+", row_id)
    ids = match.groups() if match else (first, second)
    cited = tuple(person_fact(fact.text, person) for fact, person in zip(parsed, ids, strict=True))
    return tuple(fact for fact in cited if fact is not None)


def slug(name: str) -> str:
    """A name as ids have it: lower case, hyphens for spaces."""
    return re.sub(r"\s+", "-", name.strip().lower())
