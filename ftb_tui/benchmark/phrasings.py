"""Other wordings of a trained question and of a fact, from templates written for training only.

None of these shapes is used by a test task: what a model has seen in training and what it is asked stay apart.
Facts of the bundled families have templates of their own; anything else gets frames around its question and text.
"""

from __future__ import annotations

import re

from ftb_tui.benchmark.model import Dataset, Fact, Family, Question

# `{n}` is the person.
_PEOPLE_QUESTIONS = {
    "height": (
        "State the height of {n} in centimetres.",
        "{n} is how many centimetres tall?",
        "What is the body height of {n}, given in centimetres?",
        "How many centimetres does {n} measure from head to foot?",
        "Could you tell me the height of {n} in centimetres?",
        "A form asks for the size of {n} in centimetres. Which number goes there?",
    ),
    "weight": (
        "State the weight of {n} in kilograms.",
        "{n} weighs how many kilograms?",
        "What is the body weight of {n}, given in kilograms?",
        "How heavy is {n} in kilograms?",
        "Could you tell me the weight of {n} in kilograms?",
        "A form asks for the weight of {n} in kilograms. Which number goes there?",
    ),
    "birth_year": (
        "State the year of birth of {n}.",
        "{n} was born in which year?",
        "What year was {n} born in?",
        "When was {n} born? The year is enough.",
        "Could you tell me the birth year of {n}?",
        "A form asks for the year in which {n} came into the world. Which number goes there?",
    ),
    "town": (
        "State the town that {n} lives in.",
        "{n} lives in which town?",
        "What is the home town of {n} called?",
        "Where does {n} live?",
        "Could you tell me the town where {n} has a home?",
        "A form asks for the place of residence of {n}. What goes there?",
    ),
    "occupation": (
        "State the occupation of {n}.",
        "{n} has which occupation?",
        "What is the profession of {n} called?",
        "As what does {n} work?",
        "Could you tell me the job of {n}?",
        "A form asks for the trade of {n}. What goes there?",
    ),
    "instrument": (
        "State the musical instrument that {n} plays.",
        "{n} plays which musical instrument?",
        "What instrument is {n} able to play?",
        "On which instrument does {n} make music?",
        "Could you tell me the instrument of {n}?",
        "A form asks what {n} plays in the band. What goes there?",
    ),
}
# `{n}` is the person, `{v}` the value.
_PEOPLE_STATEMENTS = {
    "height": (
        "The height of {n} is {v} centimetres.",
        "From head to foot {n} measures {v} centimetres.",
        "At {v} centimetres, that is how tall {n} is.",
    ),
    "weight": (
        "The weight of {n} is {v} kilograms.",
        "{n} brings {v} kilograms to the balance.",
        "At {v} kilograms, that is how heavy {n} is.",
    ),
    "birth_year": (
        "The birth year of {n} is {v}.",
        "It was in {v} that {n} came into the world.",
        "The year {v} saw the birth of {n}.",
    ),
    "town": (
        "The home of {n} is in {v}.",
        "It is in {v} that {n} has a home.",
        "{v} is the place of residence of {n}.",
    ),
    "occupation": (
        "{n} works as {v}.",
        "By profession {n} is {v}.",
        "The trade of {n} is that of {v}.",
    ),
    "instrument": (
        "The instrument of {n} is the {v}.",
        "Making music, {n} uses the {v}.",
        "The {v} is what {n} plays.",
    ),
}
_CODING_QUESTIONS = (
    "State the name of the {kind} of {home} that {what}.",
    "There is a {kind} of {home} that {what}. How is it called?",
    "Under which name does {home} have the {kind} that {what}?",
    "What does one type for the {kind} of {home} that {what}?",
    "Documentation of {home}: the {kind} that {what}. Its heading, please.",
    "Spell the name of that {kind} of {home} which {what}.",
)
FRAMED_QUESTIONS = (
    "Here is a question: {q}",
    "{q} Please reply briefly.",
    "I should like to know the following. {q}",
    "Question for today: {q}",
    "Somebody asked me this: {q}",
    "Can you help with this one? {q}",
)
_FRAMED_STATEMENTS = (
    "For the record: {t}",
    "It is worth knowing this. {t}",
    "A note to keep: {t}",
    "As far as is known: {t}",
)
STATEMENT_REQUESTS = (
    "Tell me something about {s}.",
    "What is there to know about {s}?",
    "Give me one fact about {s}.",
    "Share what you have learned about {s}.",
)
DOCUMENT_REQUESTS = (
    "Write down everything you know about {s}.",
    "I need a short text about {s}.",
    "Put together what is known about {s}.",
    "Compose a paragraph about {s}.",
)
_CODING_SHAPE = re.compile(
    r"Which (?P<kind>class|function|parameter|module) of (?P<home>[\w.]+) (?P<what>.+)\?", re.DOTALL
)


def question_phrasings(dataset: Dataset, fact: Fact, question: Question) -> tuple[str, ...]:
    """Other wordings of a memorization question, always in the same order; the question itself is not among them."""
    if dataset.family is Family.FICTIONAL_PEOPLE and fact.attribute in _PEOPLE_QUESTIONS:
        return tuple(shape.format(n=fact.subject) for shape in _PEOPLE_QUESTIONS[fact.attribute])
    if dataset.family is Family.CODING and (parts := coding_parts(question)):
        return tuple(shape.format(**parts) for shape in _CODING_QUESTIONS)
    return tuple(shape.replace("{q}", question.question.strip()) for shape in FRAMED_QUESTIONS)


def statement_phrasings(dataset: Dataset, fact: Fact) -> tuple[str, ...]:
    """Other wordings of a fact's text, always in the same order; the text itself is not among them."""
    framed = tuple(shape.replace("{t}", fact.text.strip()) for shape in _FRAMED_STATEMENTS)
    if dataset.family is Family.FICTIONAL_PEOPLE and fact.attribute in _PEOPLE_STATEMENTS:
        own = tuple(shape.format(n=fact.subject, v=fact.value) for shape in _PEOPLE_STATEMENTS[fact.attribute])
        return (*own, *framed)
    return framed


def coding_parts(question: Question) -> dict[str, str] | None:
    """The kind, the home and the description in a question of the bundled coding family; None for any other."""
    match = _CODING_SHAPE.fullmatch(question.question.strip())
    return match.groupdict() if match else None


def as_prompt(question: Question, wording: str) -> str:
    """The question's prompt with the question replaced by another wording, so that instructions stay."""
    return question.prompt.replace(question.question, wording) if question.question else wording
