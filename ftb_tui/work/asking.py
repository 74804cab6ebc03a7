"""What asking one by one and asking in batches have in common: progress, refusals, a question's request, its record."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import aiosqlite

from ftb_tui.benchmark.graders import PREFERENCE, grade_all
from ftb_tui.benchmark.graders.preference import WATCHED, grade_preference, preference
from ftb_tui.benchmark.model import YES_NO_TASKS, Question
from ftb_tui.providers.base import Answer, AskRequest, ErrorKind, Provider
from ftb_tui.providers.batches import BatchLine
from ftb_tui.store import evaluations as store
from ftb_tui.store.models import ModelRow, get_model
from ftb_tui.work.local_engine import EngineStartError, running_weights, weights_identity
from ftb_tui.work.token_counter import FORMAT_TOKENS, estimate

STOPPING = frozenset({ErrorKind.QUOTA, ErrorKind.AUTH, ErrorKind.NOT_FOUND})
"""After one of these every other question would be refused as well."""
_CUT = frozenset({"length", "max_output_tokens"})


class EvaluationBusyError(Exception):
    """Somebody else runs this evaluation now."""


class EvaluationStoppedError(Exception):
    """A run ended before its questions did, for a reason that asking on would not change; it can be resumed."""


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """How far a run is; `asked` counts what this run has settled, answers and failures."""

    evaluation_key: int
    total: int
    missing: int
    asked: int
    failed: int
    correct: int
    per_second: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """US dollars for the whole evaluation so far; None where no price is known."""
    tokens_estimated: bool = False
    """Whether the service left out the tokens of some answers, so that tokens and money are estimated."""
    batch: str = ""
    """What the service says of the batches under way; empty where there are none."""
    in_batches: int = 0
    """Questions in the batches under way. How long the service will take for them nobody knows."""
    answered_there: int = 0
    """Those of them that the service has settled; not among `asked` until the batch has ended and is read."""
    under_way: int = 0
    """Questions that the service is answering at this moment, outside batches."""

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until the last answer at the rate so far; None where it is not known."""
        return (self.missing - self.asked) / self.per_second if self.per_second > 0 else None


async def weights_for(model: ModelRow) -> str | None:
    """The identity of the weights that answer for a model of the embedded engine; None for others, or where it has none."""
    return await _told(weights_identity) if model.provider == "local" else None


async def require_same_weights(evaluation: store.EvaluationRow) -> None:
    """Raise `EvaluationStoppedError` if the engine has other weights now than those that the evaluation is of."""
    planned = evaluation.parameters.get("weights")
    now = None if planned is None else await _told(running_weights)
    if now not in (None, planned):
        raise EvaluationStoppedError(
            f"This evaluation is of the weights {planned}, and the embedded engine has others now ({now}). Nothing more is "
            "asked; what was answered is kept. Go on with FTB_WEIGHTS set to the file that it was begun on: "
            f"ftb evaluate --resume {evaluation.evaluation_key}"
        )


async def _told(ask: Callable[[], str | None]) -> str | None:
    try:
        return await asyncio.to_thread(ask)
    except EngineStartError as error:
        raise EvaluationStoppedError(str(error)) from error


async def asked_as(db: aiosqlite.Connection, provider: Provider, evaluation: store.EvaluationRow) -> str:
    """The name that the model answers by: its deployment's, where the service needs one."""
    model = await get_model(db, evaluation.model_key)
    if model.serving_name:
        return model.serving_name
    if provider.capabilities.deploy_step and model.kind != "base":
        raise EvaluationStoppedError(
            f"{model.name} answers only after it was deployed: ftb models deploy {shlex.quote(model.name)} --create "
            "(or, for a deployment that exists: --as NAME)."
        )
    return model.name


def ask_request(
    evaluation: store.EvaluationRow, model: str, question: Question, repeat: int, provider: Provider
) -> AskRequest:
    """One question, as the evaluation was planned."""
    asked = evaluation.parameters
    temperature, seed = asked.get("temperature"), asked.get("seed")
    return AskRequest(
        model=model,
        prompt=question.prompt,
        max_tokens=int(str(asked["max_tokens"])),
        temperature=None if temperature is None else float(str(temperature)),
        # Another seed each time, or a service that honours it would say the same again.
        seed=None if seed is None else int(str(seed)) + repeat,
        watched=WATCHED if question.task in YES_NO_TASKS and provider.capabilities.logprobs else (),
    )


def with_tokens(answer: Answer, request: AskRequest) -> tuple[Answer, bool]:
    """The answer with its tokens, and whether they are an estimate of what the service left out: a cap needs some count.

    Nothing at all for a question, or for an answer that has words, is no count. An answer that was cut has as many
    tokens as it might have, whatever of it was thinking.
    """
    asked, answered = answer.prompt_tokens, answer.completion_tokens
    if asked is None or asked <= 0:
        asked = estimate(request.prompt) + FORMAT_TOKENS
    if answered is None or answered < 0 or (answered == 0 and answer.text):
        answered = request.max_tokens if answer.finish_reason in _CUT else estimate(answer.text)
    if (asked, answered) == (answer.prompt_tokens, answer.completion_tokens):
        return answer, False
    return replace(answer, prompt_tokens=asked, completion_tokens=answered), True


def kept_parameters(provider: Provider, request: AskRequest) -> dict[str, object]:
    """What is kept with an answer of how it was asked for: what is sent, and the name that the model had there then."""
    return {**provider.parameters(request), "asked_as": request.model}


def answer_record(
    place: tuple[int, int],
    parameters: Mapping[str, object],
    question: Question,
    request: AskRequest,
    reply: Answer,
    attempts: int = 1,
) -> store.ResponseRecord:
    """A reply with its grades, in its `place` of question key and repeat.

    `parameters` are what was sent (`kept_parameters`), where the reply does not say so itself.
    """
    answer, estimated = with_tokens(reply, request)
    notes = {name: parameters[name] for name in ("asked_as",) if name in parameters}
    sent = {**(answer.parameters or parameters), **notes, **({"tokens": "estimated"} if estimated else {})}
    found = None if answer.first_word is None else preference(answer.first_word)
    grades = grade_all(question, answer.text)
    if found is not None and (preferred := grade_preference(question, found)) is not None:
        grades[PREFERENCE] = preferred
    return store.ResponseRecord(
        question_key=place[0],
        repeat=place[1],
        parameters=sent,
        answer=answer.text,
        grades=grades,
        preference=found,
        attempts=attempts,
        model_reported=answer.model_reported,
        finish_reason=answer.finish_reason,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        latency_ms=answer.latency_ms,
        request_id=answer.request_id,
        tokens_estimated=estimated,
    )


def batch_records(
    lines: Iterable[BatchLine],
    known: Mapping[str, tuple[int, int]],
    parameters: Mapping[str, object],
    questions: Mapping[int, Question],
    request: Callable[[int, int], AskRequest],
) -> dict[str, store.ResponseRecord]:
    """What came of a batch's questions, by custom id; `known` gives the (question key, repeat) behind each.

    Of a question that stands there twice the first line counts; strangers are not ours; what was never asked has none.
    """
    records: dict[str, store.ResponseRecord] = {}
    for line in lines:
        if line.custom_id not in known or line.custom_id in records:
            continue
        key, repeat = known[line.custom_id]
        asked = request(key, repeat)
        sent = {**parameters, "seed": asked.seed} if "seed" in parameters else parameters
        if line.answer is not None:
            record = answer_record((key, repeat), sent, questions[key], asked, line.answer)
            # How long a batch took says nothing about one answer.
            records[line.custom_id] = replace(record, latency_ms=None)
        elif line.error is not None:
            records[line.custom_id] = store.ResponseRecord(
                key, sent, error_kind=str(line.error.kind), error=line.error.message, repeat=repeat
            )
    return records
