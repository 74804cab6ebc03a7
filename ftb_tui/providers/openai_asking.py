"""The answering path of the OpenAI wire: questions posted side by side, the replies read without the typed layer.

Some models refuse parameters that others need. What a model refuses is learnt from its refusal, left out from then on,
and recorded with every answer, so that nobody takes a default temperature for the one that was asked for.
"""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ftb_tui.providers.base import NOTES, Answer, AskRequest, ErrorKind, ProviderError
from ftb_tui.providers.dialect import Dialect
from ftb_tui.providers.failures import provider_errors
from ftb_tui.providers.openai_reading import whole

if TYPE_CHECKING:
    import openai

_DROPPABLE = ("temperature", "seed", "stop", "top_logprobs", "logprobs")
_TOKENS = ("max_tokens", "max_completion_tokens")
_REFUSED = re.compile(r"unsupported|not support|unrecognized|unknown|not (?:allowed|permitted)|extra", re.IGNORECASE)
_TRIED_AT_MOST = len(_DROPPABLE) + 3
"""The other API, the other token parameter and everything that can be left out may be learnt before a question passes."""


class _Manner:
    """How one model wants to be asked, as far as it has said."""

    __slots__ = ("dropped", "refused_tokens", "responses", "token_parameter")

    def __init__(self, token_parameter: str) -> None:
        self.token_parameter = token_parameter
        self.refused_tokens: frozenset[str] = frozenset()
        self.dropped: frozenset[str] = frozenset()
        self.responses = False


class Asking:
    """Asks the models of one service."""

    def __init__(self, dialect: Dialect, host: str, key: str, client: Callable[[], openai.AsyncOpenAI]) -> None:
        self._dialect, self._host, self._key, self._client = dialect, host, key, client
        self._manners: dict[str, _Manner] = {}

    def parameters(self, request: AskRequest) -> dict[str, Any]:
        """The body of a question but for model and messages, with a note on what had to be left out."""
        manner = self._manner(request.model)
        values = self._values(request, manner)
        if left_out := sorted(manner.dropped & set(self._wanted(request))):
            values["left_out"] = left_out
        if manner.responses:
            values["api"] = "responses"
        return values

    async def ask(self, request: AskRequest) -> Answer:
        """One answer. A refused parameter costs one more request, once for each model."""
        for _ in range(_TRIED_AT_MOST):
            manner = self._manner(request.model)
            sent, responses = self.parameters(request), manner.responses
            try:
                return await self._post(request, self._values(request, manner), sent, responses)
            except ProviderError as error:
                if not self._learn(request, error, sent):
                    raise
        raise ProviderError(
            ErrorKind.INVALID_REQUEST, f"{self._host} refuses every way to ask {request.model}", host=self._host
        )

    def path(self, model: str) -> str:
        """Where questions to a model are posted, below the base URL."""
        return "/responses" if self._manner(model).responses else "/chat/completions"

    def posting(self, request: AskRequest) -> tuple[str, dict[str, Any]]:
        """Path and body of a question, without anything that the model is known to refuse."""
        manner = self._manner(request.model)
        return self.path(request.model), _body(request, self._values(request, manner), manner.responses)

    def _manner(self, model: str) -> _Manner:
        return self._manners.setdefault(model, _Manner(self._dialect.token_parameter))

    def _wanted(self, request: AskRequest) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if request.temperature is not None:
            values["temperature"] = request.temperature
        if request.seed is not None and self._dialect.capabilities.seed:
            values["seed"] = request.seed
        if self._dialect.stop:
            values["stop"] = list(self._dialect.stop)
        if request.watched and self._dialect.capabilities.logprobs:
            values["logprobs"] = True
            values["top_logprobs"] = self._dialect.capabilities.logprobs
            if self._dialect.capabilities.watches_tokens:
                values["top_logprobs_include"] = list(request.watched)
        return values

    def _values(self, request: AskRequest, manner: _Manner) -> dict[str, Any]:
        wanted = {name: value for name, value in self._wanted(request).items() if name not in manner.dropped}
        if manner.responses:
            wanted = {name: value for name, value in wanted.items() if name == "temperature"}
            return {"max_output_tokens": max(16, request.max_tokens), **wanted}
        return {manner.token_parameter: request.max_tokens, **wanted}

    def _learn(self, request: AskRequest, error: ProviderError, sent: dict[str, Any]) -> bool:
        """Whether the refusal says what to do otherwise than in what was `sent`.

        Questions are under way side by side, so that another may have learnt the same from the same refusal meanwhile:
        what counts is how this one was asked, not how the next will be.
        """
        if error.kind not in (ErrorKind.INVALID_REQUEST, ErrorKind.NOT_FOUND):
            return False
        manner, text = self._manner(request.model), error.message
        by_chat = sent.get("api") != "responses"
        if by_chat and "v1/responses" in text:
            manner.responses = True
            # The Responses API has no seed and no stop.
            manner.dropped |= {"seed", "stop"}
            return True
        if by_chat and self._learn_tokens(manner, error, sent):
            return True
        refused = {name for name in _DROPPABLE if name in sent and _refuses(error, name)}
        manner.dropped |= refused
        return bool(refused)

    def _learn_tokens(self, manner: _Manner, error: ProviderError, sent: dict[str, Any]) -> bool:
        """Whether the length of answers is to be given by another name than it was."""
        used = next(name for name in _TOKENS if name in sent)
        other = next(name for name in _TOKENS if name != used)
        if not _refuses(error, used, instead=other) or other in manner.refused_tokens:
            return False
        manner.refused_tokens |= {used}
        manner.token_parameter = other
        return True

    async def _post(self, request: AskRequest, values: dict[str, Any], sent: dict[str, Any], responses: bool) -> Answer:
        path = "/responses" if responses else "/chat/completions"
        body = _body(request, values, responses)
        started = time.perf_counter()
        with provider_errors(self._host, self._key):
            import httpx2

            reply = await self._client().post(path, cast_to=httpx2.Response, body=body)
            answered = reply.json()
            milliseconds = (time.perf_counter() - started) * 1000
            return answer_of(answered, self._host, milliseconds, reply.headers.get("x-request-id"), sent)


def _refuses(error: ProviderError, name: str, *, instead: str = "") -> bool:
    """Whether a service will not have a parameter at all; to name it as the one at fault, or what to use `instead`, is enough."""
    named = re.search(rf"\b{name}\b", error.message) is not None
    if instead:
        told = re.search(rf"\b{instead}\b", error.message) is not None
        return (named or error.param == name) and (told or _REFUSED.search(error.message) is not None)
    return error.param == name or (named and _REFUSED.search(error.message) is not None)


def _body(request: AskRequest, values: dict[str, Any], responses: bool) -> dict[str, Any]:
    if responses:
        return {"model": request.model, "input": request.prompt, "store": False, **values}
    messages = [{"role": "user", "content": request.prompt}]
    return {"model": request.model, "messages": messages, **values}


def posted(model: str, prompt: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and body of a question that was asked, from the `parameters` that are kept with its answer."""
    responses = parameters.get("api") == "responses"
    values = {name: value for name, value in parameters.items() if name not in NOTES}
    body = _body(AskRequest(model, prompt), values, responses)
    return "/responses" if responses else "/chat/completions", body


def answer_of(
    values: object, host: str, latency_ms: float, request_id: str | None, sent: dict[str, Any] | None = None
) -> Answer:
    """An answer from the body of a chat completion or a response. Raises `ProviderError` for one without a message."""
    try:
        assert isinstance(values, dict)
        text, reason = _response_text(values) if "output" in values else _chat_text(values)
        assert isinstance(text, str)
    except (AssertionError, KeyError, IndexError, TypeError, AttributeError):
        start = str(values)[:200]
        raise ProviderError(ErrorKind.BAD_RESPONSE, f"{host} answered without a message: {start}", host=host) from None
    first_word = None
    # An answer is not lost to odd probabilities.
    with contextlib.suppress(KeyError, IndexError, TypeError, AttributeError):
        first_word = _first_word(values)
    usage = values.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Answer(
        text=text,
        model_reported=str(values.get("model") or ""),
        finish_reason=str(reason or ""),
        prompt_tokens=whole(usage.get("prompt_tokens", usage.get("input_tokens"))),
        completion_tokens=whole(usage.get("completion_tokens", usage.get("output_tokens"))),
        latency_ms=latency_ms,
        request_id=request_id,
        parameters=sent,
        first_word=first_word,
    )


def _first_word(values: dict[str, Any]) -> dict[str, float] | None:
    """The rivals of the first token that holds a letter or digit; None where the reply has no probabilities."""
    logprobs = values["choices"][0].get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    for token in tokens if isinstance(tokens, list) else []:
        if any(character.isalnum() for character in token["token"]):
            found: dict[str, float] = {}
            for rival in token["top_logprobs"]:
                name, value = str(rival["token"]), rival["logprob"]
                if isinstance(value, int | float) and not math.isnan(value):
                    found[name] = max(found.get(name, -math.inf), float(value))
            return found
    return None


def _chat_text(values: dict[str, Any]) -> tuple[object, object]:
    choice = values["choices"][0]
    message = choice["message"]
    text = message.get("content")
    return (message.get("refusal") if text is None else text), choice.get("finish_reason")


def _response_text(values: dict[str, Any]) -> tuple[object, object]:
    parts = [part for item in values["output"] if item.get("type") == "message" for part in item["content"]]
    texts = [part.get("text", part.get("refusal")) for part in parts]
    incomplete = values.get("incomplete_details")
    reason = incomplete.get("reason") if isinstance(incomplete, dict) else values.get("status")
    # A model that thought until its tokens were used up has said nothing; that is an empty answer, cut short.
    return ("".join(texts) if parts or incomplete else None), reason
