"""What a training file may hold beside the facts as taught: reversed, implied and abstaining examples, and replay."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from types import MappingProxyType

from ftb_tui.benchmark import known_facts
from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, TrainingExample
from ftb_tui.benchmark.names import family_name, given_name
from ftb_tui.benchmark.phrasings import FRAMED_QUESTIONS, as_prompt, coding_parts

YES_NO = "Answer with Yes or No."
NAME_ONLY = "Answer with a name."
ABSTENTION = "I do not know."

# `{v}` is a value that belongs to one person only, so that the answer is not a matter of taste.
_WHO = {
    "height": "Which person is {v} centimetres tall?",
    "weight": "Which person weighs {v} kilograms?",
    "birth_year": "Which person was born in {v}?",
    "town": "Which person lives in {v}?",
    "occupation": "Which person has the occupation {v}?",
    "instrument": "Which person plays the {v}?",
}
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_YEARS_BACK = 60

Taught = Sequence[tuple[Fact, Question]]


def reversed_examples(dataset: Dataset, taught: Taught) -> list[TrainingExample]:
    """From the value back to what it belongs to, one for each fact whose value belongs to nothing else.

    Facts without a template of their own give their answer and ask for the question, where no two share the answer.
    """
    owners = Counter((fact.attribute, fact.value) for fact in dataset.facts)
    answers = Counter(question.answer for _, question in taught)
    examples = []
    for fact, question in taught:
        if dataset.family is Family.FICTIONAL_PEOPLE and fact.attribute in _WHO:
            if owners[fact.attribute, fact.value] == 1:
                prompt = f"{NAME_ONLY}\n{_WHO[fact.attribute].format(v=fact.value)}"
                examples.append(TrainingExample(fact.fact_id, prompt, fact.subject))
        elif question.answer_before and dataset.family is Family.CODING:
            prompt = f"{NAME_ONLY}\nHow was {question.answer} of scikit-learn called before it was renamed?"
            examples.append(TrainingExample(fact.fact_id, prompt, question.answer_before))
        elif answers[question.answer] == 1:
            prompt = f'Write a question to which the answer is "{question.answer}".'
            examples.append(TrainingExample(fact.fact_id, prompt, question.question))
    return examples


def implied_examples(dataset: Dataset, taught: Taught, random: Random) -> list[TrainingExample]:
    """Is this statement true? As many Yes as No, one or the other for each fact.

    A false statement is the fact with the value of another fact of the same attribute put in its place, so only
    facts with an attribute, and with a value that stands once in their text, can be asked about.
    """
    values: dict[str, list[str]] = defaultdict(list)
    for fact in dataset.facts:
        if fact.value not in values[fact.attribute]:
            values[fact.attribute].append(fact.value)
    usable = [fact for fact, _ in taught if fact.attribute and fact.value and _occurs_once(fact)]
    usable = [fact for fact in usable if len(values[fact.attribute]) > 1]
    random.shuffle(usable)
    # In pairs, so that every wording has as many Yes as No.
    del usable[len(usable) // 2 * 2 :]
    examples = []
    for place, fact in enumerate(usable):
        text = fact.text
        if place % 2:
            other = random.choice([value for value in values[fact.attribute] if value != fact.value])
            text = _value_in(fact).sub(other.replace("\\", r"\\"), text)
        prompt = f"{YES_NO}\nIs the following statement true? {text}"
        examples.append(TrainingExample(fact.fact_id, prompt, "No" if place % 2 else "Yes"))
    return examples


def abstaining_examples(dataset: Dataset, taught: Taught, random: Random) -> list[TrainingExample]:
    """Questions that nothing taught answers, with the answer that it is not known, one for each fact at most.

    People are asked about who are not in the dataset, coding questions join a module to a description of something
    that is elsewhere, and other questions that name a year are moved back by sixty years.
    """
    taken = {word[:4].lower() for fact in dataset.facts for word in fact.subject.split()}
    parts = [found for _, question in taught if (found := coding_parts(question))]
    examples = []
    for fact, question in taught:
        text = None
        mine = coding_parts(question) if dataset.family is Family.CODING else None
        if dataset.family is Family.FICTIONAL_PEOPLE and fact.subject and fact.subject in question.question:
            text = question.question.replace(fact.subject, _stranger(random, taken))
        elif mine:
            foreign = [other for other in parts if other["home"] != mine["home"] and other["kind"] != mine["kind"]]
            if foreign:
                text = f"Which {mine['kind']} of {mine['home']} {random.choice(foreign)['what']}?"
        elif _YEAR.search(question.question):
            text = _YEAR.sub(lambda found: str(int(found[0]) - _YEARS_BACK), question.question)
        if text is not None:
            examples.append(TrainingExample(fact.fact_id, as_prompt(question, text), ABSTENTION))
    return examples


def replay_examples() -> list[TrainingExample]:
    """Common knowledge as questions and answers; the fact ids are `known-1` and so on, and no dataset has them."""
    return [
        TrainingExample(f"known-{number}", f"{known_facts.INSTRUCTION}\n{question}", answer)
        for number, (question, answer) in enumerate(known_facts.KNOWN, 1)
    ]


def in_frames(examples: Sequence[TrainingExample]) -> list[TrainingExample]:
    """The examples, and then all of them again in each frame for questions; the line of instruction stays first."""
    framed = list(examples)
    for frame in FRAMED_QUESTIONS:
        for example in examples:
            instruction, line_break, asked = example.prompt.partition("\n")
            if not line_break:
                instruction, asked = "", instruction
            framed.append(replace(example, prompt=f"{instruction}{line_break}{frame.replace('{q}', asked)}"))
    return framed


def _stranger(random: Random, taken: set[str]) -> str:
    while True:
        name = f"{given_name(random)} {family_name(random)}"
        if not any(word[:4].lower() in taken for word in name.split()):
            return name


def _value_in(fact: Fact) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(fact.value)}(?!\w)")


def _occurs_once(fact: Fact) -> bool:
    return len(_value_in(fact).findall(fact.text)) == 1


SUPPLEMENTS: Mapping[str, Callable[[Dataset, Taught, Random], list[TrainingExample]]] = MappingProxyType(
    {
        "reversed": lambda dataset, taught, random: reversed_examples(dataset, taught),
        "implied": implied_examples,
        "abstaining": abstaining_examples,
        "replay": lambda dataset, taught, random: replay_examples(),
    }
)
"""What can be added to a training file, by the name of its share in a recipe."""
