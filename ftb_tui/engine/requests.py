"""Request bodies of the OpenAI wire, checked: every wrong value is named in the error."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftb_tui.engine.interface import GenerationRequest, RequestError
from ftb_tui.engine.tokenizer import text_of
from ftb_tui.engine.wire import ApiError, missing, unknown

_DEFAULT_ANSWER_TOKENS = 256
_HYPERPARAMETERS = {"n_epochs": (1, 50), "batch_size": (1, 256)}
_JOB = frozenset(
    {
        "model", "training_file", "validation_file", "suffix", "seed", "metadata", "hyperparameters", "method",
        "integrations",
    }
)  # fmt: skip
_CHAT = frozenset(
    {
        "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop", "logprobs",
        "top_logprobs", "top_logprobs_include",
    }
)  # fmt: skip
_IRRELEVANT = frozenset(
    {
        "user", "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "stream_options",
    }
)  # fmt: skip
"""Parameters of the wire that change nothing in an answer, so that any value of theirs will do."""
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "stream": (False,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": ("none",),
    "verbosity": ("medium",),
    "web_search_options": (),
    "moderation": (),
}
"""Parameters of the wire that this engine lacks, with the values that ask for nothing; null always does."""


@dataclass(frozen=True, slots=True)
class JobAsked:
    """What a job was asked to be."""

    model: str
    training_file: str
    validation_file: str | None
    suffix: str | None
    seed: int | None
    metadata: Mapping[str, str]
    hyperparameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatAsked:
    """What an answer was asked to be; `generation` has everything but the prompt's ids."""

    model: str
    messages: list[dict[str, Any]]
    generation: GenerationRequest
    max_tokens_given: bool
    watched: tuple[str, ...] = ()
    """Tokens, as text, whose probabilities are wanted too; this engine's own addition to the wire."""


def job_request(body: Mapping[str, Any]) -> JobAsked:
    """Check the body of a job's creation. Raises `ApiError` 400."""
    _only(body, _JOB)
    method = _object(body, "method")
    kind = method.get("type", "supervised")
    if kind != "supervised":
        raise _bad("method", f"This engine trains with the method 'supervised', not {kind!r}.")
    _only(method, frozenset({"type", "supervised"}), "method.")
    supervised = _object(method, "supervised", "method.")
    _only(supervised, frozenset({"hyperparameters"}), "method.supervised.")
    if body.get("integrations"):
        raise _bad("integrations", "This engine has no integrations.")
    values, old = _object(supervised, "hyperparameters", "method.supervised."), _object(body, "hyperparameters")
    if values and old:
        raise _bad("hyperparameters", "Give hyperparameters in 'method' or in 'hyperparameters', not in both.")
    metadata = _object(body, "metadata")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise _bad("metadata", "'metadata' must be an object of texts.")
    if len(metadata) > 16 or any(len(key) > 64 or len(value) > 512 for key, value in metadata.items()):
        raise _bad("metadata", "'metadata' may have 16 keys of 64 characters with values of 512.")
    suffix = _optional(body, "suffix", str)
    if suffix is not None and not 1 <= len(suffix) <= 64:
        raise _bad("suffix", "'suffix' must have 1 to 64 characters.")
    seed = _optional(body, "seed", int)
    if seed is not None and not 0 <= seed < 2**31:
        raise _bad("seed", "'seed' must be between 0 and 2147483647.")
    return JobAsked(
        model=_required(body, "model"),
        training_file=_required(body, "training_file"),
        validation_file=_optional(body, "validation_file", str),
        suffix=suffix,
        seed=seed,
        metadata=metadata,
        hyperparameters=_hyperparameters(values or old),
    )


def _hyperparameters(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    for name, value in values.items():
        if name not in found:
            raise _bad(f"hyperparameters.{name}", f"Unknown hyperparameter '{name}'; known are {', '.join(found)}.")
        if value in ("auto", None):
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in _HYPERPARAMETERS:
            low, high = _HYPERPARAMETERS[name]
            if not number or not isinstance(value, int) or not low <= value <= high:
                raise _bad(
                    f"hyperparameters.{name}", f"'{name}' must be 'auto' or a whole number from {low} to {high}."
                )
        elif not number or not 0 < value <= 100:
            raise _bad(f"hyperparameters.{name}", f"'{name}' must be 'auto' or a number above 0, at most 100.")
        found[name] = value
    return found


def chat_request(body: Mapping[str, Any]) -> ChatAsked:
    """Check the body of a chat completion. Raises `ApiError` 400."""
    _only(body, _CHAT | _IRRELEVANT | _NEUTRAL.keys())
    for name, neutral in _NEUTRAL.items():
        _check_neutral(name, body.get(name), neutral)
    messages = body.get("messages")
    if messages is None:
        raise missing("messages")
    if not isinstance(messages, list) or not messages:
        raise _bad("messages", "'messages' must be a list with at least one message.")
    param = "max_tokens" if body.get("max_completion_tokens") is None else "max_completion_tokens"
    given = body.get(param)
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
        raise _bad(param, f"'{param}' must be a whole number above 0.")
    top_logprobs = None
    if body.get("logprobs"):
        top_logprobs = body.get("top_logprobs") or 0
        if not isinstance(top_logprobs, int) or not 0 <= top_logprobs <= 20:
            raise _bad("top_logprobs", "'top_logprobs' must be a whole number from 0 to 20.")
    elif body.get("top_logprobs"):
        raise _bad("top_logprobs", "'top_logprobs' needs 'logprobs': true.")
    watched = body.get("top_logprobs_include") or []
    if not isinstance(watched, list) or len(watched) > 20 or not all(isinstance(text, str) for text in watched):
        raise _bad("top_logprobs_include", "'top_logprobs_include' must be a list of at most 20 tokens as text.")
    stop = _stop(body.get("stop"))
    seed = _optional(body, "seed", int)
    return ChatAsked(
        model=_required(body, "model"),
        messages=[_message(place, message) for place, message in enumerate(messages)],
        generation=GenerationRequest(
            prompt_ids=(),
            max_tokens=_DEFAULT_ANSWER_TOKENS if given is None else given,
            temperature=_number(body, "temperature", 2),
            top_p=_number(body, "top_p", 1),
            seed=secrets.randbelow(2**31) if seed is None else seed,
            top_logprobs=top_logprobs,
            stop_at_newline="\n" in stop,
            stop=tuple(text for text in stop if text not in ("", "\n")),
        ),
        max_tokens_given=given is not None,
        watched=tuple(watched),
    )


def _message(place: int, message: object) -> dict[str, Any]:
    where = f"messages[{place}]"
    if not isinstance(message, dict):
        raise _bad(where, f"'{where}' must be an object with role and content.")
    try:
        content = text_of(message.get("content"))
    except RequestError as error:
        raise _bad(where, f"'{where}': {error}") from error
    if not isinstance(message.get("role"), str):
        raise _bad(where, f"'{where}.role' must be text.")
    return {"role": message["role"], "content": content}


def _only(body: Mapping[str, Any], known: frozenset[str], inside: str = "") -> None:
    for name in body:
        if name not in known:
            raise unknown(f"{inside}{name}")


def _check_neutral(name: str, value: object, neutral: tuple[object, ...]) -> None:
    if value is None or any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in neutral):
        return
    allowed = "".join(f", or give {json.dumps(other)}" for other in neutral)
    text = f"Unsupported parameter: '{name}' with this value is not supported by this engine. Leave it out{allowed}."
    raise ApiError(400, text, param=name, code="unsupported_parameter")


def _object(body: Mapping[str, Any], name: str, inside: str = "") -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad(f"{inside}{name}", f"'{inside}{name}' must be an object.")
    return value


def _number(body: Mapping[str, Any], name: str, most: int) -> float:
    """A number from 0 to `most`; 1 where none is given."""
    value = body.get(name)
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise _bad(name, f"'{name}' must be a number from 0 to {most}.")
    return float(value)


def _stop(value: object) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value or []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops) or len(stops) > 4:
        raise _bad("stop", "'stop' must be a text or a list of at most four.")
    return tuple(stops)


def _required(body: Mapping[str, Any], name: str) -> str:
    value: str | None = _optional(body, name, str)
    if not value:
        raise missing(name)
    return value


def _optional(body: Mapping[str, Any], name: str, kind: type) -> Any:
    value = body.get(name)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise _bad(name, f"'{name}' must be {'text' if kind is str else 'a whole number'}.")
    return value


def _bad(param: str, message: str) -> ApiError:
    return ApiError(400, message, param=param, code="invalid_value")
