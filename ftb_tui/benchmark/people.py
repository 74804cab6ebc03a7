"""Fictional People: a deterministic generator of invented people, six facts each, and four tasks over them.

Equal arguments give equal datasets on every machine: randomness comes from one seeded generator, and every order
is explicit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TypeAlias, TypeVar

from ftb_tui.benchmark.card import fictional_people_card
from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Fact, Family, Question, Task
from ftb_tui.benchmark.names import family_name, given_name, town_name, unique

DEFAULT_SEED = 2411
DEFAULT_PEOPLE = 25
MIN_PEOPLE, MAX_PEOPLE = 8, 200
ANSWER_TOKENS = 16

_T = TypeVar("_T")
_Grid: TypeAlias = dict[tuple[int, str], Fact]

SHORT_ANSWER = "Answer with a number, a word or a short phrase."
YES_NO = "Answer with Yes or No."

OCCUPATIONS = (
    "beekeeper",
    "carpenter",
    "translator",
    "surveyor",
    "baker",
    "optician",
    "gardener",
    "locksmith",
    "miller",
    "chauffeur",
    "pharmacist",
    "tailor",
    "glazier",
    "sailor",
    "veterinarian",
    "bookbinder",
    "plumber",
    "cartographer",
    "florist",
    "dentist",
    "archivist",
    "roofer",
    "goldsmith",
    "midwife",
    "electrician",
)
STRINGS = (
    "violin",
    "cello",
    "harp",
    "lute",
    "banjo",
    "zither",
    "viola",
    "mandolin",
    "guitar",
    "ukulele",
    "dulcimer",
    "sitar",
    "balalaika",
)
WINDS = (
    "flute",
    "oboe",
    "clarinet",
    "bassoon",
    "trumpet",
    "trombone",
    "tuba",
    "saxophone",
    "piccolo",
    "cornet",
    "bugle",
    "bagpipes",
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """How one kind of fact is told and asked for. `{n}` stands for the person, `{v}` for the value."""

    name: str
    fact: str
    memorization: str
    rephrased: str
    secondary: str
    """`{x}` is what the person is held against."""
    comparison: str
    """`{a}` and `{b}` are the two people."""


ATTRIBUTES = (
    Attribute(
        "height",
        "{n} is {v} centimetres tall.",
        "How tall is {n} in centimetres?",
        "If {n} stood against a door frame, at how many centimetres would you draw the pencil mark?",
        "Is {n} taller than {x} centimetres?",
        "Is {a} taller than {b}?",
    ),
    Attribute(
        "weight",
        "{n} weighs {v} kilograms.",
        "How many kilograms does {n} weigh?",
        "When {n} steps on the scales, which figure do they show in kilograms?",
        "Does {n} weigh more than {x} kilograms?",
        "Does {a} weigh more than {b}?",
    ),
    Attribute(
        "birth_year",
        "{n} was born in {v}.",
        "In which year was {n} born?",
        "Give the year that is printed on the birth certificate of {n}.",
        "Was {n} born before {x}?",
        "Was {a} born in an earlier year than {b}?",
    ),
    Attribute(
        "town",
        "{n} lives in {v}.",
        "In which town does {n} live?",
        "A letter for {n} has to be addressed to a certain town; name it.",
        "Does the name of the town where {n} lives begin with a vowel?",
        "In alphabetical order, does the town of {a} come before the town of {b}?",
    ),
    Attribute(
        "occupation",
        "The occupation of {n} is {v}.",
        "What is the occupation of {n}?",
        "Tell me what {n} does for a living.",
        "Is {x} the occupation of {n}?",
        "In alphabetical order, does the occupation of {a} come before the occupation of {b}?",
    ),
    Attribute(
        "instrument",
        "{n} plays the {v}.",
        "Which musical instrument does {n} play?",
        "In the orchestra there is an empty chair for {n}; say which instrument lies on it.",
        "Is the instrument that {n} plays a string instrument?",
        "Do {a} and {b} play the same kind of instrument, both strings or both winds?",
    ),
)


def build_fictional_people(*, seed: int = DEFAULT_SEED, people: int = DEFAULT_PEOPLE) -> Dataset:
    """Make a world: `people` persons x 6 facts, and as many questions in each of the four tasks.

    Yes/no golds are balanced within each template (they differ by at most one), every comparison is between
    two different people, and every gold follows from the facts. Raises `ValueError` for a number of people
    outside 8 to 200; `subset` asks about fewer.
    """
    if not MIN_PEOPLE <= people <= MAX_PEOPLE:
        raise ValueError(f"people must be between {MIN_PEOPLE} and {MAX_PEOPLE}, not {people}")
    random = Random(seed)
    names = _names(random, people)
    values = {attribute.name: _values(random, attribute.name, people) for attribute in ATTRIBUTES}
    prefix = f"fp{seed}" if people == DEFAULT_PEOPLE else f"fp{seed}x{people}"
    facts = [
        Fact(
            fact_id=f"{prefix}-p{person + 1:02d}-{attribute.name}",
            text=attribute.fact.format(n=names[person], v=values[attribute.name][person]),
            subject=names[person],
            attribute=attribute.name,
            value=values[attribute.name][person],
        )
        for person in range(people)
        for attribute in ATTRIBUTES
    ]
    grid = {(index // len(ATTRIBUTES), fact.attribute): fact for index, fact in enumerate(facts)}
    asked: list[Question] = []
    for task, wording in ((Task.MEMORIZATION, "memorization"), (Task.REPHRASED, "rephrased")):
        for (person, _), fact in grid.items():
            attribute = _attribute(fact.attribute)
            text = str(getattr(attribute, wording)).format(n=names[person])
            asked.append(_question(task, fact, text, fact.value))
    for maker in (_secondary, _comparison):
        by_attribute = {
            attribute.name: maker(random, attribute, names, values[attribute.name], grid) for attribute in ATTRIBUTES
        }
        asked.extend(by_attribute[attribute.name][person] for person in range(people) for attribute in ATTRIBUTES)
    default = seed == DEFAULT_SEED and people == DEFAULT_PEOPLE
    name = "fictional_people" if default else f"fictional_people_seed{seed}"
    if people != DEFAULT_PEOPLE:
        name += f"_people{people}"
    dataset = Dataset(
        name=name,
        family=Family.FICTIONAL_PEOPLE,
        facts=tuple(facts),
        questions=tuple(asked),
        title="Fictional People",
        description=f"{people} invented people with six facts each: new knowledge that no model has seen.",
        source=f"ftb datasets build fictional-people --seed {seed}"
        + (f" --people {people}" if people != DEFAULT_PEOPLE else ""),
        licence="MIT",
        answer_tokens=ANSWER_TOKENS,
    )
    return replace(dataset, card=fictional_people_card(dataset, seed=seed, people=people))


def _attribute(name: str) -> Attribute:
    return next(attribute for attribute in ATTRIBUTES if attribute.name == name)


def _names(random: Random, people: int) -> list[str]:
    taken: set[str] = set()
    first = unique(lambda: given_name(random), people, taken=taken)
    last = unique(lambda: family_name(random), people, taken=taken)
    return [f"{given} {family}" for given, family in zip(first, last, strict=True)]


def _values(random: Random, attribute: str, people: int) -> list[str]:
    """One value for each person. Numbers differ between all people as long as their range lasts."""
    ranges = {"height": (148, 203), "weight": (46, 118), "birth_year": (1938, 2003)}
    if attribute in ranges:
        low, high = ranges[attribute]
        return [str(number) for number in _spread(random, list(range(low, high + 1)), people)]
    if attribute == "town":
        taken: set[str] = set()
        vowels = _balanced(random, people)
        return [unique(partial(town_name, random, vowel=vowel), 1, taken=taken)[0] for vowel in vowels]
    if attribute == "occupation":
        return _spread(random, list(OCCUPATIONS), people)
    strings = iter(_spread(random, list(STRINGS), people))
    winds = iter(_spread(random, list(WINDS), people))
    return [next(strings) if string else next(winds) for string in _balanced(random, people)]


def _spread(random: Random, pool: list[_T], count: int) -> list[_T]:
    chosen: list[_T] = []
    while len(chosen) < count:
        round_ = list(pool)
        random.shuffle(round_)
        chosen.extend(round_)
    return chosen[:count]


def _balanced(random: Random, count: int) -> list[bool]:
    """As many True as False, one more of either when `count` is odd, in random order."""
    first = random.random() < 0.5
    flags = [first if index % 2 == 0 else not first for index in range(count)]
    random.shuffle(flags)
    return flags


def _question(task: Task, fact: Fact, text: str, answer: str, *, other: Fact | None = None) -> Question:
    instruction = YES_NO if task in YES_NO_TASKS else SHORT_ANSWER
    return Question(
        question_id=f"{fact.fact_id}-{task}",
        task=task,
        fact_id=fact.fact_id,
        other_fact_id=other.fact_id if other else None,
        prompt=f"{instruction}\n{text}",
        question=text,
        answer=answer,
        template=f"{task}-{fact.attribute}",
    )


_NUMBERS = {"height": (4, 15), "weight": (4, 15), "birth_year": (3, 12)}


def _secondary(
    random: Random, attribute: Attribute, names: Sequence[str], values: Sequence[str], grid: _Grid
) -> list[Question]:
    wanted = _balanced(random, len(names))
    numbers = attribute.name in _NUMBERS
    thresholds = _thresholds(random, [int(value) for value in values], *_NUMBERS[attribute.name]) if numbers else []
    questions = []
    for person, (name, value) in enumerate(zip(names, values, strict=True)):
        gold, held_against = wanted[person], ""
        match attribute.name:
            case "height" | "weight":
                held_against = str(thresholds[person])
                gold = int(value) > thresholds[person]
            case "birth_year":
                held_against = str(thresholds[person])
                gold = int(value) < thresholds[person]
            case "occupation":
                others = [other for other in OCCUPATIONS if other != value]
                held_against = value if gold else random.choice(others)
            case "town":
                gold = begins_with_vowel(value)
            case _:
                gold = value in STRINGS
        text = attribute.secondary.format(n=name, x=held_against)
        fact = grid[person, attribute.name]
        questions.append(_question(Task.SECONDARY, fact, text, "Yes" if gold else "No"))
    return questions


def _thresholds(random: Random, values: Sequence[int], nearest: int, farthest: int) -> list[int]:
    """What each value is held against: one threshold for two people, below the one and above the other.

    So every threshold is asked for once with Yes and once with No, and tells nothing about the answer. Who is left over
    (an odd number, or no partner with room between) gets one of his own, `nearest` to `farthest` away, as many of them
    above as below.
    """
    thresholds: dict[int, int] = {}
    alone: dict[int, int] = {}
    for person, value in enumerate(values):
        if person in thresholds:
            continue
        partner = next(
            (
                other
                for other in range(person + 1, len(values))
                if other not in thresholds and abs(values[other] - value) > 1
            ),
            None,
        )
        if partner is None:
            alone[person] = random.choice((-1, 1)) * random.randint(nearest, farthest)
        else:
            low, high = sorted((value, values[partner]))
            thresholds[person] = thresholds[partner] = random.randint(low + 1, high - 1)
    for person, offset in zip(alone, _on_both_sides(list(alone.values())), strict=True):
        thresholds[person] = values[person] + offset
    return [thresholds[person] for person in range(len(values))]


def _on_both_sides(offsets: Sequence[int]) -> list[int]:
    """The same with at most one more on either side of nought; where there are too many on one, the last ones change."""
    sided = list(offsets)
    for place in reversed(range(len(sided))):
        lean = sum(1 if offset > 0 else -1 for offset in sided)
        if abs(lean) > 1 and (sided[place] > 0) == (lean > 0):
            sided[place] = -sided[place]
    return sided


def _comparison(
    random: Random, attribute: Attribute, names: Sequence[str], values: Sequence[str], grid: _Grid
) -> list[Question]:
    """One question for each person against a near one, so that the first N people keep most of theirs."""
    people = len(names)
    questions = []
    used: set[tuple[int, int]] = set()
    for person, gold in enumerate(_balanced(random, people)):
        first, second = _pair(attribute.name, person, gold, values, used)
        used.add((first, second))
        text = attribute.comparison.format(a=names[first], b=names[second])
        fact, other = grid[person, attribute.name], grid[second if first == person else first, attribute.name]
        answer = "Yes" if gold else "No"
        questions.append(_question(Task.COMPARISON, fact, text, answer, other=other))
    return questions


def _pair(
    attribute: str, person: int, gold: bool, values: Sequence[str], used: set[tuple[int, int]]
) -> tuple[int, int]:
    """The nearest partner, and the order of the two, for which the comparison's gold is `gold`.

    Partners with equal values are passed over: neither order would be a fair question.
    """
    people = len(values)
    relation = RELATIONS[attribute]
    symmetric = attribute == "instrument"
    for distance in range(1, people):
        for partner in (person - distance, person + distance):
            if not 0 <= partner < people or (values[person] == values[partner] and not symmetric):
                continue
            for pair in ((person, partner), (partner, person)):
                free = pair not in used and (not symmetric or (pair[1], pair[0]) not in used)
                if free and relation(values[pair[0]], values[pair[1]]) is gold:
                    return pair
    raise ValueError(f"no fair comparison of {attribute} is left for person {person + 1}")


def begins_with_vowel(word: str) -> bool:
    """Whether a word begins with a, e, i, o or u."""
    return word[0].lower() in "aeiou"


RELATIONS: dict[str, Callable[[str, str], bool]] = {
    "height": lambda a, b: int(a) > int(b),
    "weight": lambda a, b: int(a) > int(b),
    "birth_year": lambda a, b: int(a) < int(b),
    "town": lambda a, b: a.lower() < b.lower(),
    "occupation": lambda a, b: a < b,
    "instrument": lambda a, b: (a in STRINGS) == (b in STRINGS),
}
