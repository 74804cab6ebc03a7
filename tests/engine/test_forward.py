"""The forward pass gives what other implementations of the same model give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftb_tui.engine.frozen import frozen_outputs
from ftb_tui.engine.generation import generate
from ftb_tui.engine.interface import GenerationRequest, TrainingItem
from ftb_tui.engine.layers import Array, rms_norm
from ftb_tui.engine.model import Model, load_model
from ftb_tui.weights import SHA256
from tests.engine.plain import PlainModel, hidden_states, logits

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "reference" / "logits.json").read_text())
PROMPTS: list[dict[str, Any]] = RECORDED["prompts"]
RANDOM = np.random.default_rng(7)
TINY_PROMPTS = [tuple(RANDOM.integers(0, 259, length).tolist()) for length in (1, 2, 7, 7, 31, 90)]


def layer_outputs(model: Model, sequences: Sequence[Sequence[int]], layers: int) -> list[Array]:
    """Each sequence's output of the lowest layers, from one packed batch."""
    items = [TrainingItem(tuple(sequence), (0,)) for sequence in sequences]
    with frozen_outputs(model, items, layers, lambda done, total: None) as outputs:
        return [outputs.rows(index).copy() for index in range(len(items))]


def all_logits(model: Model, sequences: Sequence[Sequence[int]]) -> list[Array]:
    outputs = layer_outputs(model, sequences, model.config.layers)
    return [rms_norm(x, model.norm, model.config.epsilon)[0] @ model.embedding.T for x in outputs]


@pytest.fixture(scope="module")
def smollm2(smollm2_file: Path) -> Model:
    return load_model(smollm2_file)


def test_the_recorded_values_are_those_of_the_file_that_the_engine_runs() -> None:
    assert RECORDED["sha256"] == SHA256


@pytest.mark.weights
def test_smollm2s_logits_are_those_of_transformers(smollm2: Model) -> None:
    for prompt, logits_of_prompt in zip(PROMPTS, all_logits(smollm2, [p["ids"] for p in PROMPTS]), strict=True):
        for position in prompt["positions"]:
            ours = logits_of_prompt[position["at"]].astype(np.float64)
            expected = np.array(position["logits"])
            where = f"{prompt['name']}, position {position['at']}"
            np.testing.assert_allclose(ours[position["ids"]], expected, atol=0.005, err_msg=where)
            total = np.log(np.exp(ours - ours.max()).sum()) + ours.max()
            assert total == pytest.approx(position["logsumexp"], abs=0.005), where
            # Nothing outside the recorded best is better than the worst of them.
            assert np.sort(ours)[-len(expected)] == pytest.approx(expected[-1], abs=0.005), where


@pytest.mark.weights
def test_smollm2s_answers_are_those_of_transformers(smollm2: Model) -> None:
    # The longest is left out, which the test of the logits reads anyway: this takes seconds.
    prompts = [prompt for prompt in PROMPTS if len(prompt["ids"]) < 100]
    requests = [
        GenerationRequest(tuple(p["ids"]), max_tokens=len(p["greedy"]), stop_at_newline=False, top_logprobs=20)
        for p in prompts
    ]
    for prompt, answer in zip(prompts, generate(smollm2, None, requests), strict=True):
        ended = [n for n, token in enumerate(prompt["greedy"]) if token in smollm2.tokenizer.control_ids]
        assert list(answer.token_ids) == prompt["greedy"][: ended[0] if ended else None]
        last = prompt["positions"][-1]
        assert answer.logprobs is not None
        expected = {token: value - last["logsumexp"] for token, value in zip(last["ids"], last["logits"], strict=True)}
        for token, logprob in answer.logprobs[0].top:
            if token in expected:
                assert logprob == pytest.approx(expected.pop(token), abs=0.01)
        # Neighbours in rank may change places within rounding, not more.
        assert len(expected) <= 1


def test_every_layers_output_is_that_of_a_plain_implementation(exact: Model, plain: PlainModel) -> None:
    states = [hidden_states(plain, prompt) for prompt in TINY_PROMPTS]
    for layers in range(exact.config.layers + 1):
        for ours, state in zip(layer_outputs(exact, TINY_PROMPTS, layers), states, strict=True):
            np.testing.assert_allclose(ours, state[layers], rtol=1e-10, atol=1e-10)


def test_logits_are_those_of_a_plain_implementation(exact: Model, plain: PlainModel) -> None:
    for ours, prompt in zip(all_logits(exact, TINY_PROMPTS), TINY_PROMPTS, strict=True):
        np.testing.assert_allclose(ours, logits(plain, prompt), rtol=1e-10, atol=1e-9)


def test_float32_stays_close_to_float64(exact: Model, single: Model) -> None:
    assert single.dtype == np.float32
    for ours, close in zip(all_logits(single, TINY_PROMPTS), all_logits(exact, TINY_PROMPTS), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, close, atol=2e-4)


def test_a_token_sees_nothing_of_what_comes_after_it(exact: Model) -> None:
    prompt = TINY_PROMPTS[-1]
    other = (*prompt[:40], *reversed(prompt[40:]))
    first, second = all_logits(exact, [prompt, other])
    np.testing.assert_allclose(first[:40], second[:40], rtol=0, atol=1e-12)
    assert np.abs(first[40:] - second[40:]).max() > 0.1
