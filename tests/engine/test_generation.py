"""An answer depends on its own question alone, ends where it should, and is the likeliest the model can give."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ftb_tui.engine import generation, layers
from ftb_tui.engine.adapter import Adapter, shape_for, weight_count
from ftb_tui.engine.generation import generate
from ftb_tui.engine.interface import (
    Generation,
    GenerationCancelled,
    GenerationRequest,
    RequestError,
)
from ftb_tui.engine.model import Model
from tests.engine.plain import PlainModel, log_probabilities

RANDOM = np.random.default_rng(21)
PROMPTS = [tuple(RANDOM.integers(0, 259, length).tolist()) for length in (1, 3, 3, 8, 9, 20, 20, 41, 77)]
BEGINNING = tuple(RANDOM.integers(0, 259, 15).tolist())
CONTROL = {0, 1, 2}


@pytest.fixture(autouse=True)
def _memory_is_never_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh memory holds the worst that can lie about, so that nobody builds on what was never written."""
    fresh = np.empty

    def dirty(*arguments: Any, **options: Any) -> Any:
        array = fresh(*arguments, **options)
        if array.dtype.kind == "f":
            array.fill(np.nan)
        return array

    monkeypatch.setattr(np, "empty", dirty)


def greedy(
    prompts: Sequence[Sequence[int]], max_tokens: int = 12, *, top_logprobs: int | None = 3
) -> list[GenerationRequest]:
    return [
        GenerationRequest(tuple(prompt), max_tokens, top_logprobs=top_logprobs, stop_at_newline=False)
        for prompt in prompts
    ]


def one_by_one(model: Model, requests: Sequence[GenerationRequest]) -> list[Generation]:
    return [generate(model, None, [request])[0] for request in requests]


def same(left: Sequence[Generation], right: Sequence[Generation]) -> None:
    """Equal answers; log probabilities equal up to rounding."""
    assert len(left) == len(right)
    for first, second in zip(left, right, strict=True):
        assert first.token_ids == second.token_ids
        assert (first.finish_reason, first.completion_tokens) == (second.finish_reason, second.completion_tokens)
        assert (first.logprobs is None) == (second.logprobs is None)
        for a, b in zip(first.logprobs or (), second.logprobs or (), strict=True):
            assert a.token_id == b.token_id
            assert a.logprob == pytest.approx(b.logprob, abs=1e-9)


def plain_answer(plain: PlainModel, request: GenerationRequest) -> tuple[list[int], str]:
    """The greedy answer, with the whole text read anew for every token."""
    ids: list[int] = []
    while True:
        token = int(log_probabilities(plain, [*request.prompt_ids, *ids])[-1].argmax())
        if token in CONTROL:
            return ids, "stop"
        ids.append(token)
        if len(ids) == request.max_tokens:
            return ids, "length"


def ask(model: Model, adapter: Adapter, text: str, *, max_tokens: int = 16, stop_at_newline: bool = True) -> Generation:
    prompt = tuple(model.tokenizer.chat_prompt([{"role": "user", "content": text}]))
    request = GenerationRequest(prompt, max_tokens, top_logprobs=1, stop_at_newline=stop_at_newline)
    return generate(model, adapter, [request])[0]


def test_a_greedy_answer_is_that_of_a_plain_implementation_without_a_cache(exact: Model, plain: PlainModel) -> None:
    requests = greedy(PROMPTS)
    for request, answer in zip(requests, generate(exact, None, requests), strict=True):
        assert (list(answer.token_ids), answer.finish_reason) == plain_answer(plain, request)


def test_a_batch_of_mixed_lengths_gives_what_each_question_gives_alone(exact: Model) -> None:
    requests = greedy(PROMPTS)
    same(generate(exact, None, requests), one_by_one(exact, requests))


def test_answers_come_in_the_order_of_the_questions(exact: Model) -> None:
    requests = greedy(PROMPTS)
    same(generate(exact, None, requests[::-1]), generate(exact, None, requests)[::-1])


def test_rows_that_end_at_different_times_do_not_disturb_one_another(exact: Model) -> None:
    requests = [
        GenerationRequest(prompt, 1 + 5 * (n % 4), top_logprobs=2, stop_at_newline=False)
        for n, prompt in enumerate(PROMPTS)
    ]
    same(generate(exact, None, requests), one_by_one(exact, requests))


@pytest.mark.parametrize(
    "endings",
    [
        [(5,), (6, 7), (8, 9, 10, 11, 12), tuple(range(30, 60))],
        [(), (6,), (6, 7), (6, 7, 8)],
        [(4,), (4,), (4,)],
        [(), (), ()],
    ],
    ids=["different", "one inside the other", "equal questions", "nothing of their own"],
)
def test_reading_a_shared_beginning_once_changes_no_answer(exact: Model, endings: list[tuple[int, ...]]) -> None:
    requests = greedy([BEGINNING + ending for ending in endings])
    same(generate(exact, None, requests), one_by_one(exact, requests))


def test_one_stranger_in_a_batch_with_a_shared_beginning_changes_no_answer(exact: Model) -> None:
    requests = greedy([(*BEGINNING, 5), (*BEGINNING, 6, 7), (9, 9), BEGINNING])
    same(generate(exact, None, requests), one_by_one(exact, requests))


@pytest.mark.parametrize(
    ("name", "value"),
    [("BATCH_ROWS", 2), ("CACHE_BYTES", 1), ("CACHE_BYTES", 120_000), ("READ_TOKENS", 1), ("READ_TOKENS", 50)],
)
def test_how_questions_are_cut_into_batches_changes_no_answer(
    exact: Model, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    requests = greedy(PROMPTS)
    whole = generate(exact, None, requests)
    monkeypatch.setattr(generation, name, value)
    same(generate(exact, None, requests), whole)


@pytest.mark.parametrize(
    ("name", "value"), [("ATTENTION_BYTES", 1), ("ATTENTION_BYTES", 20_000), ("FEED_FORWARD_ROWS", 7)]
)
def test_reading_in_blocks_changes_no_answer(
    exact: Model, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    requests = greedy([*PROMPTS, *(BEGINNING + prompt for prompt in PROMPTS)])
    whole = generate(exact, None, requests)
    monkeypatch.setattr(layers, name, value)
    same(generate(exact, None, requests), whole)


def test_long_prompts_are_read_in_bounded_memory(single: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = greedy([tuple(RANDOM.integers(0, 259, 480).tolist()) for _ in range(6)], 1)

    def peak() -> int:
        tracemalloc.start()
        generate(single, None, requests)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    scores = 6 * single.config.heads * 480 * 480 * 4
    monkeypatch.setattr(generation, "READ_TOKENS", 6 * 480)
    monkeypatch.setattr(layers, "ATTENTION_BYTES", scores)
    at_once = peak()
    monkeypatch.setattr(layers, "ATTENTION_BYTES", scores // 50)
    assert peak() < at_once - scores * 0.9


def test_float32_gives_the_same_greedy_answers_in_a_batch_and_alone(single: Model) -> None:
    requests = greedy(PROMPTS)
    together, alone = generate(single, None, requests), one_by_one(single, requests)
    assert [answer.token_ids for answer in together] == [answer.token_ids for answer in alone]


def test_no_question_no_answer(exact: Model) -> None:
    assert generate(exact, None, []) == []


def test_the_end_marker_ends_an_answer_and_is_counted_but_not_said(exact: Model, taught: Adapter) -> None:
    answer = ask(exact, taught, "one")
    assert exact.tokenizer.decode(answer.token_ids) == "yes"
    assert answer.finish_reason == "stop"
    assert answer.completion_tokens == 4
    assert answer.logprobs is not None
    assert [entry.token_id for entry in answer.logprobs] == list(answer.token_ids)


def test_an_answer_ends_at_its_first_newline_if_asked_to(exact: Model, taught: Adapter) -> None:
    answer = ask(exact, taught, "two")
    assert exact.tokenizer.decode(answer.token_ids) == "ab"
    assert (answer.finish_reason, answer.completion_tokens) == ("stop", 3)
    whole = ask(exact, taught, "two", stop_at_newline=False)
    assert exact.tokenizer.decode(whole.token_ids) == "ab\ncd"
    assert (whole.finish_reason, whole.completion_tokens) == ("stop", 6)


def test_blank_lines_before_an_answer_do_not_end_it(exact: Model, taught: Adapter) -> None:
    assert exact.tokenizer.decode(ask(exact, taught, "three").token_ids) == "\n\nok"


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_an_answer_is_cut_at_the_number_of_tokens_that_was_asked_for(exact: Model, taught: Adapter, cap: int) -> None:
    answer = ask(exact, taught, "one", max_tokens=cap)
    assert exact.tokenizer.decode(answer.token_ids) == "yes"[:cap]
    assert (answer.finish_reason, answer.completion_tokens) == ("length", cap)


def test_a_cap_that_leaves_room_for_the_end_marker_alone_still_ends_by_itself(exact: Model, taught: Adapter) -> None:
    assert ask(exact, taught, "one", max_tokens=4).finish_reason == "stop"


def test_log_probabilities_are_those_of_a_plain_forward_pass(exact: Model, plain: PlainModel) -> None:
    vocabulary = exact.config.vocabulary
    requests = greedy(PROMPTS[2:6], 5, top_logprobs=vocabulary)
    for request, answer in zip(requests, generate(exact, None, requests), strict=True):
        expected = log_probabilities(plain, [*request.prompt_ids, *answer.token_ids])
        assert answer.logprobs is not None
        for place, entry in enumerate(answer.logprobs):
            row = expected[len(request.prompt_ids) - 1 + place]
            top = dict(entry.top)
            np.testing.assert_allclose([top[token] for token in range(vocabulary)], row, atol=1e-9)
            assert entry.logprob == top[entry.token_id]


def test_log_probabilities_of_all_tokens_sum_to_one_and_come_best_first(single: Model) -> None:
    requests = greedy(PROMPTS[:4], 4, top_logprobs=single.config.vocabulary)
    for answer in generate(single, None, requests):
        for entry in answer.logprobs or ():
            values = [logprob for _, logprob in entry.top]
            assert sum(np.exp(values)) == pytest.approx(1, abs=1e-9)
            assert values == sorted(values, reverse=True)
            assert entry.top[0] == (entry.token_id, entry.logprob)


def test_log_probabilities_are_given_only_when_asked_for_and_as_many_as_asked_for(exact: Model) -> None:
    for asked in (None, 0, 5):
        (answer,) = generate(exact, None, greedy([PROMPTS[3]], 2, top_logprobs=asked))
        if asked is None:
            assert answer.logprobs is None
        else:
            assert [len(entry.top) for entry in answer.logprobs or ()] == [asked] * len(answer.token_ids)


def sampled(seed: int, temperature: float = 4.0, max_tokens: int = 10) -> GenerationRequest:
    return GenerationRequest(PROMPTS[4], max_tokens, temperature, seed, stop_at_newline=False)


def test_equal_seeds_give_equal_answers_whoever_else_asks(exact: Model) -> None:
    alone = one_by_one(exact, [sampled(5), sampled(6)])
    assert alone[0] != alone[1]
    same(one_by_one(exact, [sampled(5), sampled(6)]), alone)
    crowd = generate(exact, None, [sampled(6), *greedy(PROMPTS), sampled(5), sampled(7)])
    same([crowd[-2], crowd[0]], alone)


def test_any_whole_number_is_a_seed(exact: Model) -> None:
    assert len(generate(exact, None, [sampled(seed) for seed in (0, -1, 2**63, -(2**63), 2**80)])) == 5


def test_sampled_tokens_are_as_frequent_as_the_model_and_the_temperature_say(exact: Model, plain: PlainModel) -> None:
    temperature, draws = 2.5, 2500
    answers = generate(exact, None, [sampled(seed, temperature, 1) for seed in range(draws)])
    scaled = log_probabilities(plain, PROMPTS[4])[-1] / temperature
    probability = np.exp(scaled - scaled.max())
    probability /= probability.sum()
    counts = np.zeros(len(probability))
    for answer in answers:
        # A control token ends the answer unsaid; all three share one place.
        counts[answer.token_ids[0] if answer.token_ids else 0] += 1
    expected = probability * draws
    expected[0] = expected[list(CONTROL)].sum()
    expected[1:3] = 0
    common = expected >= 5
    observed = [*counts[common], counts[~common].sum()]
    assert stats.chisquare(observed, [*expected[common], expected[~common].sum()]).pvalue > 1e-3


@pytest.mark.parametrize("top_p", [0.0, 0.3, 0.9])
def test_top_p_draws_from_the_fewest_likeliest_tokens_that_have_that_share(
    exact: Model, plain: PlainModel, top_p: float
) -> None:
    temperature, draws = 1.5, 600
    requests = [replace(sampled(seed, temperature, 1), top_p=top_p) for seed in range(draws)]
    said = [answer.token_ids[0] for answer in generate(exact, None, requests) if answer.token_ids]
    scaled = log_probabilities(plain, PROMPTS[4])[-1] / temperature
    probability = np.exp(scaled - scaled.max())
    probability /= probability.sum()
    nucleus: list[int] = []
    for token in np.argsort(-probability):
        nucleus.append(int(token))
        if probability[nucleus].sum() >= top_p:
            break
    likely = {token for token in nucleus if probability[token] / probability[nucleus].sum() > 0.03}
    assert likely - CONTROL <= set(said) <= set(nucleus)


def test_with_top_p_equal_seeds_give_equal_answers_whoever_else_asks(exact: Model) -> None:
    narrow = replace(sampled(5), top_p=0.8)
    alone = one_by_one(exact, [narrow])
    same([generate(exact, None, [sampled(6), *greedy(PROMPTS), narrow])[-1]], alone)
    assert alone != one_by_one(exact, [sampled(5)])


def test_a_low_temperature_comes_to_the_greedy_answer(exact: Model) -> None:
    (coldest,) = generate(exact, None, [sampled(3, 1e-4)])
    (best,) = generate(exact, None, [sampled(3, 0.0)])
    assert coldest.token_ids == best.token_ids


def test_a_prompt_beyond_the_context_is_refused_with_the_numbers(exact: Model) -> None:
    limit = exact.config.context_length
    fits = GenerationRequest((5,) * (limit - 1), 1, stop_at_newline=False)
    assert generate(exact, None, [fits])[0].completion_tokens == 1
    for request in (GenerationRequest((5,) * limit, 1), GenerationRequest((5,) * (limit - 10), 11)):
        with pytest.raises(RequestError, match="maximum context length is 512 tokens") as caught:
            generate(exact, None, [fits, request])
        assert str(len(request.prompt_ids)) in str(caught.value)


@pytest.mark.parametrize("request_", [GenerationRequest((), 5), GenerationRequest((4, 5), 0)], ids=["prompt", "cap"])
def test_an_empty_prompt_and_an_empty_answer_are_refused(exact: Model, request_: GenerationRequest) -> None:
    with pytest.raises(RequestError, match="at least one token"):
        generate(exact, None, [request_])


@pytest.mark.parametrize("patience", [0, 1, 2, 3, 4, 7])
def test_cancelling_ends_at_the_next_look(exact: Model, patience: int) -> None:
    looks = 0

    def cancelled() -> bool:
        nonlocal looks
        looks += 1
        return looks > patience

    with pytest.raises(GenerationCancelled):
        generate(exact, None, greedy([PROMPTS[5]], 200), cancelled)
    assert looks == patience + 1


def test_a_cancelled_batch_leaves_the_model_as_it_was(exact: Model) -> None:
    requests = greedy(PROMPTS)
    before = generate(exact, None, requests)
    with pytest.raises(GenerationCancelled):
        generate(exact, None, requests, lambda: True)
    assert generate(exact, None, requests) == before


def test_an_adapter_may_answer_in_turns_with_the_base(exact: Model) -> None:
    shape = shape_for(exact.config, rank=2, alpha=4.0, layers=1)
    adapter = Adapter(shape, np.random.default_rng(1).normal(0, 0.5, weight_count(shape)))
    requests = greedy(PROMPTS[:3])
    base, tuned = generate(exact, None, requests), generate(exact, adapter, requests)
    assert generate(exact, None, requests) == base
    assert generate(exact, adapter, requests) == tuned
    assert base != tuned
