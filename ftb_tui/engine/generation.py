"""Answering: many prompts at once, with the keys and values of what was read kept.

What all prompts of a batch begin with (chat markup, the same instruction) is read once. Rows that have ended leave
the batch. A request's answer does not depend on its neighbours, up to the rounding of floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ftb_tui.engine.adapter import Adapter
from ftb_tui.engine.interface import Generation, GenerationCancelled, GenerationRequest, RequestError, TokenLogprob
from ftb_tui.engine.layers import (
    MASKED,
    Array,
    Config,
    LayerWeights,
    attend,
    attend_reading,
    feed_forward,
    group_heads,
    pack,
    qkv_heads,
    rms_norm,
    rope_tables,
    ungroup_heads,
)
from ftb_tui.engine.model import Model
from ftb_tui.engine.tokenizer import Tokenizer

BATCH_ROWS = 64
CACHE_BYTES = 192 * 2**20
"""Bound of the kept keys and values; batches are cut so that they fit."""
READ_TOKENS = 2048
"""How many tokens of prompts are read at once, at least one prompt."""


@dataclass(slots=True)
class _Row:
    """One request while it is answered."""

    index: int
    request: GenerationRequest
    random: np.random.Generator | None
    ids: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    computed: int = 0
    said_something: bool = False
    text: bytearray = field(default_factory=bytearray)
    kept: int | None = None


@dataclass(slots=True)
class _Cache:
    """Keys and values of all layers, [layers, B, G, S, E]; `ends` is how many places of each row are filled."""

    keys: Array
    values: Array
    ends: Array

    def keep(self, rows: list[int]) -> None:
        """Keep these rows, in ascending order. They move up in place: a copy would need as much memory again."""
        for place, row in enumerate(rows):
            if place != row:
                self.keys[:, place], self.values[:, place] = self.keys[:, row], self.values[:, row]
        self.keys, self.values, self.ends = self.keys[:, : len(rows)], self.values[:, : len(rows)], self.ends[rows]


def generate(
    model: Model,
    adapter: Adapter | None,
    requests: Sequence[GenerationRequest],
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Generation]:
    """Answer the requests, in their order. An empty list gives an empty list.

    Raises `RequestError` for a prompt that is empty or too long, `AdapterError` for an adapter that does not fit,
    and `GenerationCancelled` within one step after `cancelled()` turns true.
    """
    for request in requests:
        _check(model, request)
    layers = model.layers_with(adapter)
    answers: list[Generation | None] = [None] * len(requests)
    # Neighbours of equal length waste least in the padded attention.
    order = sorted(range(len(requests)), key=lambda index: len(requests[index].prompt_ids))
    for batch in _batches(model, requests, order):
        rows = [_Row(index, requests[index], _random(requests[index])) for index in batch]
        for index, answer in _answer(model, layers, rows, cancelled):
            answers[index] = answer
    return [answer for answer in answers if answer is not None]


def _check(model: Model, request: GenerationRequest) -> None:
    length, limit = len(request.prompt_ids), model.config.context_length
    if length == 0 or request.max_tokens < 1:
        raise RequestError("A prompt and at least one token for the answer are needed.")
    if length + request.max_tokens > limit:
        raise RequestError(
            f"This model's maximum context length is {limit} tokens. The prompt has {length} tokens and "
            f"{request.max_tokens} are asked for the answer."
        )


def _random(request: GenerationRequest) -> np.random.Generator | None:
    return np.random.default_rng(request.seed % 2**63) if request.temperature > 0 else None


def _batches(model: Model, requests: Sequence[GenerationRequest], order: Sequence[int]) -> list[list[int]]:
    config = model.config
    per_place = 2 * config.layers * config.kv_width * np.dtype(model.dtype).itemsize
    batches: list[list[int]] = []
    longest = 0
    for index in order:
        request = requests[index]
        longest = max(longest, len(request.prompt_ids) + request.max_tokens)
        if not batches or len(batches[-1]) == BATCH_ROWS or (len(batches[-1]) + 1) * longest * per_place > CACHE_BYTES:
            batches.append([])
            longest = len(request.prompt_ids) + request.max_tokens
        batches[-1].append(index)
    return batches


def _answer(
    model: Model, layers: Sequence[LayerWeights], rows: list[_Row], cancelled: Callable[[], bool]
) -> list[tuple[int, Generation]]:
    finished: list[tuple[int, Generation]] = []
    x, cache = _read(model, layers, [row.request for row in rows], cancelled)
    while True:
        normed, _, _ = rms_norm(x, model.norm, model.config.epsilon)
        scores = normed @ model.embedding.T
        alive = []
        next_ids = []
        for place, row in enumerate(rows):
            token_id = _choose(row, scores[place])
            reason = _take(model, row, token_id)
            if reason is None:
                alive.append(place)
                next_ids.append(token_id)
            else:
                logprobs = tuple(row.logprobs) if row.request.top_logprobs is not None else None
                finished.append((row.index, Generation(tuple(row.ids), reason, row.computed, logprobs, row.kept)))
        if not alive:
            return finished
        if cancelled():
            raise GenerationCancelled("The request was cancelled.")
        if len(alive) < len(rows):
            rows = [rows[place] for place in alive]
            cache.keep(alive)
        x = _step(model, layers, np.array(next_ids), cache)


def _choose(row: _Row, scores: Array) -> int:
    request = row.request
    if row.random is not None:
        weights = scores.astype(np.float64) / request.temperature
        weights = np.exp(weights - weights.max())
        if request.top_p < 1:
            _keep_nucleus(weights, request.top_p)
        token_id = int(row.random.choice(len(weights), p=weights / weights.sum()))
    else:
        token_id = int(scores.argmax())
    if request.top_logprobs is not None:
        shifted = scores.astype(np.float64) - float(scores.max())
        shifted -= np.log(np.exp(shifted).sum())
        best = _likeliest(shifted, request.top_logprobs)
        best += [watched for watched in request.watched if watched not in best]
        top = tuple((rival, float(shifted[rival])) for rival in best)
        row.logprobs.append(TokenLogprob(token_id, float(shifted[token_id]), top))
    return token_id


def _keep_nucleus(weights: Array, top_p: float) -> None:
    """Set all but the likeliest tokens, the fewest that have the share `top_p`, to 0 (Holtzman et al. 2020)."""
    order = np.argsort(-weights, kind="stable")
    kept = int(np.searchsorted(np.cumsum(weights[order]), top_p * weights.sum())) + 1
    weights[order[kept:]] = 0


def _likeliest(values: Array, count: int) -> list[int]:
    """The places of the `count` largest values, the largest first."""
    count = min(count, len(values))
    if count == 0:
        return []
    # Sorting all of the vocabulary would take longer than the step of a small model.
    largest = np.argpartition(values, len(values) - count)[len(values) - count :]
    return [int(place) for place in largest[np.argsort(-values[largest], kind="stable")]]


def _take(model: Model, row: _Row, token_id: int) -> str | None:
    """Add a token to the answer; the reason to stop, if there is one."""
    tokenizer = model.tokenizer
    row.computed += 1
    ends = token_id in tokenizer.control_ids
    if row.request.stop_at_newline and row.said_something and tokenizer.has_newline(token_id):
        ends = True
    if ends:
        if row.request.top_logprobs is not None:
            row.logprobs.pop()
        return "stop"
    row.ids.append(token_id)
    row.said_something = row.said_something or not tokenizer.is_blank(token_id)
    if row.request.stop and _stopped(row, tokenizer):
        return "stop"
    return "length" if row.computed >= row.request.max_tokens else None


def _stopped(row: _Row, tokenizer: Tokenizer) -> bool:
    """Whether a stop has come with the newest token; the tokens that begin at or behind it are taken back."""
    before = len(row.text)
    row.text += tokenizer.token_bytes(row.ids[-1])
    stops = [stop.encode("utf-8", "surrogatepass") for stop in row.request.stop]
    found = [row.text.find(stop, max(0, before - len(stop) + 1)) for stop in stops]
    row.kept = min((place for place in found if place >= 0), default=None)
    if row.kept is None:
        return False
    end = len(row.text)
    while row.ids and (end := end - len(tokenizer.token_bytes(row.ids[-1]))) >= row.kept:
        row.ids.pop()
        if row.logprobs:
            row.logprobs.pop()
    return True


def _read(
    model: Model, layers: Sequence[LayerWeights], requests: Sequence[GenerationRequest], cancelled: Callable[[], bool]
) -> tuple[Array, _Cache]:
    """Read the prompts: the last layer's output for each one's last token [B, D], and the filled cache."""
    config, dtype = model.config, model.dtype
    prompts = [request.prompt_ids for request in requests]
    shared = _shared(prompts)
    room = max(len(request.prompt_ids) + request.max_tokens for request in requests)
    shape = (config.layers, len(requests), config.kv_heads, room, config.head_size)
    # A short row never fills some of the places that its masked attention multiplies by 0: they must be finite.
    cache = _Cache(np.zeros(shape, dtype), np.zeros(shape, dtype), np.array([len(prompt) for prompt in prompts]))
    if shared:
        alone = _Cache(cache.keys[:, :1], cache.values[:, :1], cache.ends[:1])
        _run(model, layers, [prompts[0][:shared]], 0, alone, cancelled)
        cache.keys[:, 1:, :, :shared] = cache.keys[:, :1, :, :shared]
        cache.values[:, 1:, :, :shared] = cache.values[:, :1, :, :shared]
    parts = [prompt[shared:] for prompt in prompts]
    lasts = []
    for rows in _readings(parts):
        some = _Cache(cache.keys[:, rows], cache.values[:, rows], cache.ends[rows])
        lasts.append(_run(model, layers, parts[rows], shared, some, cancelled))
    return np.concatenate(lasts), cache


def _readings(parts: Sequence[tuple[int, ...]]) -> list[slice]:
    """Neighbouring rows that are read together, each as long as the longest of them."""
    found: list[slice] = []
    first = longest = 0
    for row, part in enumerate(parts):
        longest = max(longest, len(part))
        if row > first and (row + 1 - first) * longest > READ_TOKENS:
            found.append(slice(first, row))
            first, longest = row, len(part)
    return [*found, slice(first, len(parts))]


def _shared(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all prompts begin with, each keeping at least one of its own; 0 for a single prompt."""
    if len(prompts) == 1:
        return 0
    first, limit = prompts[0], min(map(len, prompts)) - 1
    return next((i for i in range(limit) if any(prompt[i] != first[i] for prompt in prompts)), limit)


def _run(
    model: Model,
    layers: Sequence[LayerWeights],
    parts: Sequence[tuple[int, ...]],
    start: int,
    cache: _Cache,
    cancelled: Callable[[], bool],
) -> Array:
    """Read packed parts that begin at place `start` of their rows, whose earlier places are in the cache."""
    config = model.config
    packing = pack(np.array([len(part) for part in parts]))
    batch, length = packing.padded.shape
    flat = packing.flat
    cos, sin = rope_tables(config, packing.positions + start, model.dtype)
    last = np.cumsum(packing.lengths) - 1
    x = model.embedding[np.concatenate([np.asarray(part) for part in parts])]
    n_heads, groups, end = config.heads, config.kv_heads, start + length
    for index, weights in enumerate(layers):
        if cancelled():
            raise GenerationCancelled("The request was cancelled.")
        normed, _, _ = rms_norm(x, weights.attention_norm, config.epsilon)
        padded = qkv_heads(config, weights, normed, cos, sin)[packing.padded]
        cache.keys[index, :batch, :, start:end] = padded[:, :, n_heads : n_heads + groups].transpose(0, 2, 1, 3)
        cache.values[index, :batch, :, start:end] = padded[:, :, n_heads + groups :].transpose(0, 2, 1, 3)
        mixed = attend_reading(padded[:, :, :n_heads], cache.keys[index], cache.values[index], start)
        if index == len(layers) - 1:
            # Of the last layer only the last token's output is ever used.
            flat, x = flat[last], x[last]
        x += mixed.reshape(-1, config.query_width)[flat] @ weights.out.T
        feed_forward(config, weights, x)
    return x


def _step(model: Model, layers: Sequence[LayerWeights], ids: Array, cache: _Cache) -> Array:
    """Read one more token of every row; the last layer's output [B, D]."""
    config = model.config
    rows = np.arange(len(ids))
    at = cache.ends.copy()
    cache.ends += 1
    end = int(cache.ends.max())
    cos, sin = rope_tables(config, at, model.dtype)
    mask = None
    if int(cache.ends.min()) < end:
        hidden = np.arange(end)[None, :] >= cache.ends[:, None]
        mask = np.where(hidden, np.asarray(MASKED, model.dtype), np.asarray(0, model.dtype))[:, None, None, None, :]
    x = model.embedding[ids]
    for index, weights in enumerate(layers):
        normed, _, _ = rms_norm(x, weights.attention_norm, config.epsilon)
        heads = qkv_heads(config, weights, normed, cos, sin)
        x += _attend_one(config, heads, cache, index, rows, at, end, mask) @ weights.out.T
        feed_forward(config, weights, x)
    return x


def _attend_one(
    config: Config, heads: Array, cache: _Cache, index: int, rows: Array, at: Array, end: int, mask: Array | None
) -> Array:
    n_heads, groups = config.heads, config.kv_heads
    cache.keys[index, rows, :, at] = heads[:, n_heads : n_heads + groups]
    cache.values[index, rows, :, at] = heads[:, n_heads + groups :]
    q = group_heads(heads[:, None, :n_heads], groups)
    mixed, _ = attend(q, cache.keys[index, :, :, :end], cache.values[index, :, :, :end], mask, 1)
    return ungroup_heads(mixed, 1).reshape(len(rows), config.query_width)
