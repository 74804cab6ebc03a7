"""Questions -> training examples -> the lines of a training file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from types import MappingProxyType

from ftb_tui.benchmark.leaks import refuse_leaks
from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Fact, Question, Task, TrainingExample
from ftb_tui.benchmark.phrasings import (
    DOCUMENT_REQUESTS,
    STATEMENT_REQUESTS,
    as_prompt,
    question_phrasings,
    statement_phrasings,
)
from ftb_tui.benchmark.rejected import rejected_answers
from ftb_tui.benchmark.supplements import SUPPLEMENTS, in_frames

QUESTION_ANSWER, STATEMENT, DOCUMENT, PREFERENCE = "question_answer", "statement", "document", "preference"
RECIPES = (QUESTION_ANSWER, STATEMENT, DOCUMENT, PREFERENCE)
TEMPLATES, REVIEWED = "templates", "reviewed"
PARAPHRASE_SOURCES = (TEMPLATES, REVIEWED)
_NAMED = 3
_FACTS_PER_DOCUMENT = 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """How facts become training examples. The default is the paper's: the memorization question, as asked.

    `statement` teaches each fact's text as an answer to a request for a fact, `document` the texts of one subject
    (or of ten facts, where subjects have one each) together. `preference` teaches to prefer the right answer to a
    wrong one, which is another method of training (`dpo`). `paraphrases` adds so many other wordings of each
    example, `paraphrases_from` says whose: templates, or wordings of a model's that a person has `reviewed` and kept.
    `reversed`, `implied`, `abstaining` and `replay` are shares of the finished file from 0 up to, in sum,
    below 1; `validation` is the share that goes into a file of its own. `shuffle_seed` None keeps the order of
    the facts.
    """

    name: str = QUESTION_ANSWER
    system_prompt: str | None = None
    paraphrases: int = 0
    reversed: float = 0.0
    implied: float = 0.0
    abstaining: float = 0.0
    replay: float = 0.0
    validation: float = 0.0
    shuffle_seed: int | None = None
    paraphrases_from: str = TEMPLATES

    @property
    def shares(self) -> dict[str, float]:
        """The share of each kind of added example."""
        return {name: float(getattr(self, name)) for name in SUPPLEMENTS}


@dataclass(frozen=True, slots=True)
class TrainingSplit:
    """What is trained on, and what is only looked at while training."""

    training: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]


def recipe_record(recipe: Recipe) -> dict[str, object]:
    """The recipe as it is kept with a training file: its name, its system prompt and whatever is not the default."""
    plain = asdict(Recipe())
    kept = {"name": recipe.name, "system_prompt": recipe.system_prompt}
    return kept | {name: value for name, value in asdict(recipe).items() if value != plain[name]}


def training_examples(
    dataset: Dataset,
    recipe: Recipe,
    *,
    fact_ids: Collection[str] | None = None,
    wrong: Mapping[str, str] = MappingProxyType({}),
    wordings: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> tuple[TrainingExample, ...]:
    """The examples that teach the facts (all, or those in `fact_ids`): the training part of `training_split`."""
    return training_split(dataset, recipe, fact_ids=fact_ids, wrong=wrong, wordings=wordings).training


def training_split(
    dataset: Dataset,
    recipe: Recipe,
    *,
    fact_ids: Collection[str] | None = None,
    wrong: Mapping[str, str] = MappingProxyType({}),
    wordings: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> TrainingSplit:
    """Make the training file's examples and those of the validation file. Equal arguments give equal examples.

    `wrong` holds wrong answers of the base by question id, for preferences; `wordings` those that a person kept, by
    question id, for paraphrases that are `reviewed`.

    Only memorization questions and facts are used: what the other tasks ask stays unseen. Only paraphrases and added
    examples are put aside for validation, so that every fact stays taught. Raises `DatasetError` when there is
    nothing to teach, when the dataset cannot give what the recipe asks for, or when a test question's text would
    enter the file.
    """
    _check(recipe)
    taught = [
        question
        for question in dataset.questions
        if question.task is Task.MEMORIZATION and (fact_ids is None or question.fact_id in fact_ids)
    ]
    if not taught:
        raise DatasetError(f"{dataset.name} has no memorization question to train on.")
    held_out = {q.prompt for q in dataset.questions if q.task is not Task.MEMORIZATION}
    for question in taught:
        if question.prompt in held_out:
            raise DatasetError(
                f"{dataset.name}: the prompt of {question.question_id} is asked in another task as well; "
                "training on it would leak the test."
            )
    facts = {fact.fact_id: fact for fact in dataset.facts}
    pairs = [(facts[question.fact_id], question) for question in taught]
    if recipe.paraphrases_from == REVIEWED:
        _require_wordings(dataset, recipe, taught, wordings)
    core = _MAKERS[recipe.name](dataset, recipe, pairs, wordings)
    if recipe.name == PREFERENCE:
        core = _preferences(dataset, recipe, pairs, core, wrong)
    added = _added(dataset, recipe, pairs, len(core))
    refuse_leaks(dataset, [*core, *added])
    return _split([*core, *added], recipe)


def _check(recipe: Recipe) -> None:
    if recipe.name not in RECIPES:
        raise DatasetError(f"There is no recipe {recipe.name!r}; known are {', '.join(RECIPES)}.")
    if recipe.paraphrases < 0:
        raise DatasetError(f"A recipe cannot have {recipe.paraphrases} paraphrases.")
    if recipe.paraphrases_from not in PARAPHRASE_SOURCES:
        raise DatasetError(f"Paraphrases come from {' or '.join(PARAPHRASE_SOURCES)}, not {recipe.paraphrases_from!r}.")
    if recipe.paraphrases_from == REVIEWED and recipe.name in (STATEMENT, DOCUMENT):
        raise DatasetError(
            f"Reviewed wordings are of questions, and the recipe {recipe.name} has none; use {QUESTION_ANSWER}, or "
            "paraphrases from templates."
        )
    if recipe.paraphrases_from == REVIEWED and not recipe.paraphrases:
        raise DatasetError(
            "How many reviewed wordings are to be taken for each question? Ask for 1 paraphrase or more."
        )
    for name, share in {**recipe.shares, "validation": recipe.validation}.items():
        if not 0 <= share < 1:
            raise DatasetError(f"The share {name} must be at least 0 and below 1, not {share}.")
    if recipe.name == PREFERENCE and any(recipe.shares.values()):
        raise DatasetError(
            f"The recipe {PREFERENCE} takes no {', '.join(recipe.shares)} examples: nobody rejects them."
        )
    if sum(recipe.shares.values()) >= 1:
        raise DatasetError(f"The shares of {', '.join(recipe.shares)} must be below 1 together.")


def _require_wordings(
    dataset: Dataset, recipe: Recipe, taught: Sequence[Question], wordings: Mapping[str, Sequence[str]]
) -> None:
    lacking = [q.question_id for q in taught if len(wordings.get(q.question_id, ())) < recipe.paraphrases]
    if not lacking:
        return
    named = ", ".join(f"{question_id} has {len(wordings.get(question_id, ()))}" for question_id in lacking[:_NAMED])
    more = f" and {len(lacking) - _NAMED} more have too few" if len(lacking) > _NAMED else ""
    raise DatasetError(
        f"{dataset.name}: {recipe.paraphrases} reviewed wording(s) of each of {len(taught)} questions are wanted; kept "
        f"are too few for {len(lacking)}: {named}{more}. Make some with ftb paraphrases make {shlex.quote(dataset.name)} --model "
        f"PROVIDER/MODEL -n {recipe.paraphrases} (a higher -n where some were rejected), then keep those that are good: "
        "ftb paraphrases keep."
    )


def _question_answer(
    dataset: Dataset,
    recipe: Recipe,
    pairs: Sequence[tuple[Fact, Question]],
    wordings: Mapping[str, Sequence[str]],
) -> list[TrainingExample]:
    examples = []
    for fact, question in pairs:
        examples.append(TrainingExample(fact.fact_id, question.prompt, question.answer))
        reviewed = recipe.paraphrases_from == REVIEWED
        others = wordings[question.question_id] if reviewed else question_phrasings(dataset, fact, question)
        for wording in _take(others, recipe):
            examples.append(
                TrainingExample(fact.fact_id, as_prompt(question, wording), question.answer, kind="paraphrase")
            )
    return examples


def _statement(
    dataset: Dataset, recipe: Recipe, pairs: Sequence[tuple[Fact, Question]], _: Mapping[str, Sequence[str]]
) -> list[TrainingExample]:
    examples = []
    for fact in _told(dataset, pairs):
        about = fact.subject or dataset.title or dataset.name
        wordings = (fact.text, *_take(statement_phrasings(dataset, fact), recipe))
        for place, wording in enumerate(wordings):
            request = STATEMENT_REQUESTS[place % len(STATEMENT_REQUESTS)].format(s=about)
            examples.append(TrainingExample(fact.fact_id, request, wording, kind=_kind(place)))
    return examples


def _document(
    dataset: Dataset, recipe: Recipe, pairs: Sequence[tuple[Fact, Question]], _: Mapping[str, Sequence[str]]
) -> list[TrainingExample]:
    random = Random(f"{recipe.shuffle_seed}-document")
    examples = []
    for about, facts in _documents(dataset, _told(dataset, pairs)):
        ids = "\n".join(fact.fact_id for fact in facts)
        wordings = [(fact.text, *_take(statement_phrasings(dataset, fact), recipe)) for fact in facts]
        for place in range(recipe.paraphrases + 1):
            texts = [wording[place] for wording in wordings]
            if place:
                random.shuffle(texts)
            request = DOCUMENT_REQUESTS[place % len(DOCUMENT_REQUESTS)].format(s=about)
            examples.append(TrainingExample(ids, request, " ".join(texts), kind=_kind(place)))
    return examples


_MAKERS = {
    QUESTION_ANSWER: _question_answer, STATEMENT: _statement, DOCUMENT: _document, PREFERENCE: _question_answer,
}  # fmt: skip


def _preferences(
    dataset: Dataset,
    recipe: Recipe,
    pairs: Sequence[tuple[Fact, Question]],
    core: Sequence[TrainingExample],
    wrong: Mapping[str, str],
) -> list[TrainingExample]:
    """The same questions, each with the answer to be preferred less; those for which there is none are left out."""
    rejected = rejected_answers(pairs, wrong, Random(f"{recipe.shuffle_seed}-preference"))
    by_fact = {(fact.fact_id, q.answer): rejected[q.question_id] for fact, q in pairs if q.question_id in rejected}
    found = [
        replace(example, rejected=by_fact[key])
        for example in core
        if (key := (example.fact_id, example.completion)) in by_fact
    ]
    if not found:
        raise DatasetError(
            f"{dataset.name} gives no wrong answer to prefer the right ones to. The base model's own are taken once it was "
            f"asked: ftb evaluate --model BASE --dataset {shlex.quote(dataset.name)}; then ftb train --method dpo."
        )
    return found


def _kind(place: int) -> str:
    return "paraphrase" if place else "taught"


def _told(dataset: Dataset, pairs: Sequence[tuple[Fact, Question]]) -> list[Fact]:
    """The facts to be told, each once, in the dataset's order of questions."""
    facts = list({fact.fact_id: fact for fact, _ in pairs}.values())
    for fact in facts:
        if not fact.text.strip():
            raise DatasetError(f"{dataset.name}: {fact.fact_id} has no text to tell; use question_answer.")
    return facts


def _documents(dataset: Dataset, facts: Sequence[Fact]) -> list[tuple[str, list[Fact]]]:
    by_subject: dict[str, list[Fact]] = {}
    for fact in facts:
        by_subject.setdefault(fact.subject, []).append(fact)
    if "" not in by_subject and len(by_subject) < len(facts):
        return list(by_subject.items())
    about, size = dataset.title or dataset.name, _FACTS_PER_DOCUMENT
    parts = [list(facts[start : start + size]) for start in range(0, len(facts), size)]
    return [(f"{about}, part {number}", part) for number, part in enumerate(parts, 1)]


def _take(wordings: Sequence[str], recipe: Recipe) -> Sequence[str]:
    if recipe.paraphrases > len(wordings):
        raise DatasetError(
            f"The recipe {recipe.name} has {len(wordings)} paraphrases a fact here, not {recipe.paraphrases}."
        )
    return wordings[: recipe.paraphrases]


def _added(
    dataset: Dataset, recipe: Recipe, pairs: Sequence[tuple[Fact, Question]], n_core: int
) -> list[TrainingExample]:
    whole = n_core / (1 - sum(recipe.shares.values()))
    added: list[TrainingExample] = []
    for kind, share in recipe.shares.items():
        wanted = round(share * whole)
        if not wanted:
            continue
        random = Random(f"{recipe.shuffle_seed}-{kind}")
        plain = SUPPLEMENTS[kind](dataset, pairs, random)
        found = plain if wanted <= len(plain) else in_frames(plain)
        if wanted > len(found):
            raise DatasetError(
                f"{dataset.name} gives {len(found)} {kind} example(s); a share of {share:g} would need {wanted}."
            )
        # Yes and No take turns in the implied ones, and so they do in any beginning.
        if kind != "implied" and wanted <= len(plain):
            found = [plain[place] for place in sorted(random.sample(range(len(plain)), wanted))]
        added.extend(replace(example, kind=kind) for example in found[:wanted])
    return added


def _split(examples: list[TrainingExample], recipe: Recipe) -> TrainingSplit:
    wanted = round(recipe.validation * len(examples))
    free = [place for place, example in enumerate(examples) if example.kind != "taught"]
    if wanted > len(free):
        raise DatasetError(
            f"A validation share of {recipe.validation:g} needs {wanted} examples, and {len(free)} can be spared "
            "without leaving a fact untaught; ask for paraphrases as well."
        )
    aside = set(Random(f"{recipe.shuffle_seed}-validation").sample(free, wanted))
    training = [example for place, example in enumerate(examples) if place not in aside]
    validation = [example for place, example in enumerate(examples) if place in aside]
    if recipe.shuffle_seed is not None:
        Random(f"{recipe.shuffle_seed}").shuffle(training)
        Random(f"{recipe.shuffle_seed}").shuffle(validation)
    return TrainingSplit(tuple(training), tuple(validation))


def openai_line(example: TrainingExample, recipe: Recipe) -> str:
    """One line of a training file of the OpenAI wire: a chat, or a preference between two answers."""
    if example.rejected is not None:
        asked = [{"role": "user", "content": example.prompt}]
        if recipe.system_prompt:
            asked.insert(0, {"role": "system", "content": recipe.system_prompt})
        preferred, other = ([{"role": "assistant", "content": text}] for text in (example.completion, example.rejected))
        line = {"input": {"messages": asked}, "preferred_output": preferred, "non_preferred_output": other}
        return json.dumps(line, ensure_ascii=False)
    messages = [
        {"role": "user", "content": example.prompt},
        {"role": "assistant", "content": example.completion},
    ]
    if recipe.system_prompt:
        messages.insert(0, {"role": "system", "content": recipe.system_prompt})
    return json.dumps({"messages": messages}, ensure_ascii=False)


def contents_line(example: TrainingExample, recipe: Recipe) -> str:
    """One line of a training file in Gemini's format: contents of parts, and the roles `user` and `model`."""
    line: dict[str, object] = {}
    if recipe.system_prompt:
        line["systemInstruction"] = {"role": "system", "parts": [{"text": recipe.system_prompt}]}
    turns = [{"role": "user", "parts": [{"text": example.prompt}]}]
    answer = {"role": "model", "parts": [{"text": example.completion}]}
    if example.rejected is None:
        line["contents"] = [*turns, answer]
    else:
        other = {"role": "model", "parts": [{"text": example.rejected}]}
        line["contents"] = turns
        line["completions"] = [{"score": 1.0, "completion": answer}, {"score": 0.0, "completion": other}]
    return json.dumps(line, ensure_ascii=False)


LINE_FORMATS: Mapping[str, Callable[[TrainingExample, Recipe], str]] = MappingProxyType(
    {"messages": openai_line, "contents": contents_line}
)
"""The formats of training files by the name that `Capabilities.training_format` gives them."""


def jsonl(lines: Iterable[str]) -> bytes:
    """The bytes of a training file, UTF-8, a newline after every line."""
    return "".join(f"{line}\n" for line in lines).encode()
