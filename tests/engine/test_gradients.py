"""The gradient that trains an adapter is the slope of the loss, measured on a second implementation of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from ftb_tui.engine import backward
from ftb_tui.engine.adapter import Adapter, AdapterShape, LayerViews, save_adapter, shape_for, views, weight_count
from ftb_tui.engine.backward import Loss, loss_and_gradient, make_batch
from ftb_tui.engine.frozen import frozen_outputs
from ftb_tui.engine.interface import TrainingItem
from ftb_tui.engine.layers import Array
from ftb_tui.engine.model import Model
from tests.engine.plain import PlainModel, answer_loss, read_plain_adapter

STEP = 1e-5
MATRICES = [part.name for part in fields(LayerViews)]


def random_item(random: np.random.Generator, prompt: int, answer: int) -> TrainingItem:
    ids = random.integers(0, 259, prompt + answer).tolist()
    return TrainingItem(tuple(ids[:prompt]), tuple(ids[prompt:]))


# Rows of one to fourteen tokens, so that most of the batch is padding; two have equal length.
RANDOM = np.random.default_rng(3)
ITEMS = [random_item(RANDOM, prompt, answer) for prompt, answer in ((1, 1), (5, 3), (2, 6), (11, 4), (6, 2))]


def random_adapter(shape: AdapterShape, seed: int = 1) -> Adapter:
    """Every A and B far from zero: at the usual start B is zero, and most gradients with it."""
    return Adapter(shape, np.random.default_rng(seed).normal(0, 0.3, weight_count(shape)))


def engine_loss(
    model: Model, items: Sequence[TrainingItem], adapter: Adapter, *, weight: float = 1.0, gradient: Array | None = None
) -> Loss:
    """The engine's loss of the items in one packed batch; adds the gradient to `gradient` if there is one."""
    shape = adapter.shape
    with frozen_outputs(model, items, shape.first_layer, lambda done, total: None) as inputs:
        x = np.concatenate([inputs.rows(index) for index in range(len(items))])
        batch = make_batch(model.config, inputs.lengths, [item.completion_ids for item in items], model.dtype)
    return loss_and_gradient(
        model.config,
        model.layers_with(adapter)[shape.first_layer :],
        model.norm,
        model.embedding,
        views(shape, adapter.flat),
        shape,
        x,
        batch,
        None if gradient is None else views(shape, gradient),
        weight,
    )


def engine_gradient(model: Model, items: Sequence[TrainingItem], adapter: Adapter, weight: float = 1.0) -> Array:
    gradient = np.zeros_like(adapter.flat)
    engine_loss(model, items, adapter, weight=weight, gradient=gradient)
    return gradient


def plain_loss(
    plain: PlainModel, items: Sequence[TrainingItem], shape: AdapterShape, flat: Array, folder: Path
) -> float:
    """The same loss by the plain implementation, which gets the adapter through its file."""
    save_adapter(folder / "a.safetensors", Adapter(shape, flat))
    adapter = read_plain_adapter(folder / "a.safetensors")
    return sum(answer_loss(plain, item.prompt_ids, item.completion_ids, adapter) for item in items)


@pytest.fixture(params=[1, 2, 8], ids=["top layer", "top two layers", "all layers"])
def shape(request: pytest.FixtureRequest, exact: Model) -> AdapterShape:
    return shape_for(exact.config, rank=3, alpha=5.0, layers=request.param)


@pytest.fixture(autouse=True)
def _quick_files(monkeypatch: pytest.MonkeyPatch) -> None:
    # Thousands of adapters are written here to be read by the plain implementation; none must survive a power cut.
    monkeypatch.setattr("os.fsync", lambda handle: None)


def test_the_loss_is_that_of_the_answers_tokens_alone(
    exact: Model, plain: PlainModel, shape: AdapterShape, tmp_path: Path
) -> None:
    adapter = random_adapter(shape)
    loss = engine_loss(exact, ITEMS, adapter)
    assert loss.tokens == sum(len(item.completion_ids) for item in ITEMS)
    assert loss.total == pytest.approx(plain_loss(plain, ITEMS, shape, adapter.flat, tmp_path), rel=1e-11)


def test_hits_count_the_answer_tokens_that_were_ranked_first(exact: Model, shape: AdapterShape) -> None:
    adapter = random_adapter(shape)
    (item,) = ITEMS[:1]
    ranked = [
        token
        for token in range(exact.config.vocabulary)
        if engine_loss(exact, [TrainingItem(item.prompt_ids, (token,))], adapter).hits
    ]
    assert len(ranked) == 1


def test_the_gradient_is_the_slope_of_the_loss_in_many_single_weights(
    exact: Model, plain: PlainModel, shape: AdapterShape, tmp_path: Path
) -> None:
    adapter = random_adapter(shape)
    gradient = engine_gradient(exact, ITEMS, adapter)
    # Some weights of every matrix of every adapted layer, found through a map of their places.
    places = views(shape, np.arange(len(gradient)))
    random = np.random.default_rng(11)
    for layer in places:
        for name in MATRICES:
            for at in random.choice(getattr(layer, name).ravel(), 4, replace=False):
                up, down = adapter.flat.copy(), adapter.flat.copy()
                up[at] += STEP
                down[at] -= STEP
                rise = plain_loss(plain, ITEMS, shape, up, tmp_path) - plain_loss(plain, ITEMS, shape, down, tmp_path)
                assert gradient[at] == pytest.approx(rise / (2 * STEP), rel=1e-5, abs=1e-7), (name, at)


@pytest.mark.parametrize("name", MATRICES)
def test_the_gradient_of_every_whole_matrix_is_the_slope_along_random_directions(
    exact: Model, plain: PlainModel, shape: AdapterShape, tmp_path: Path, name: str
) -> None:
    adapter = random_adapter(shape)
    gradient = engine_gradient(exact, ITEMS, adapter)
    random = np.random.default_rng(13)
    for index, layer in enumerate(views(shape, gradient)):
        direction = np.zeros_like(gradient)
        part = getattr(views(shape, direction)[index], name)
        part[...] = random.normal(size=part.shape)
        direction /= np.linalg.norm(direction)
        slope = float(gradient @ direction)
        rise = plain_loss(plain, ITEMS, shape, adapter.flat + STEP * direction, tmp_path)
        rise -= plain_loss(plain, ITEMS, shape, adapter.flat - STEP * direction, tmp_path)
        assert np.abs(getattr(layer, name)).max() > 1e-3
        assert slope == pytest.approx(rise / (2 * STEP), rel=1e-6, abs=1e-7)


def test_at_the_usual_start_only_b_has_a_gradient(exact: Model, shape: AdapterShape) -> None:
    flat = random_adapter(shape).flat.copy()
    for layer in views(shape, flat):
        for name in MATRICES:
            if name.startswith("b_"):
                getattr(layer, name)[...] = 0
    adapter = Adapter(shape, flat)
    for layer in views(shape, engine_gradient(exact, ITEMS, adapter)):
        for name in MATRICES:
            assert bool(np.any(getattr(layer, name))) == name.startswith("b_"), name


def test_a_batch_gives_the_sum_of_its_rows_so_padding_adds_nothing(exact: Model, shape: AdapterShape) -> None:
    adapter = random_adapter(shape)
    alone = sum(engine_gradient(exact, [item], adapter) for item in ITEMS)
    np.testing.assert_allclose(engine_gradient(exact, ITEMS, adapter), alone, rtol=1e-9, atol=1e-11)
    losses = [engine_loss(exact, [item], adapter).total for item in ITEMS]
    assert engine_loss(exact, ITEMS, adapter).total == pytest.approx(sum(losses), rel=1e-12)


def test_the_order_of_a_batch_changes_nothing(exact: Model, shape: AdapterShape) -> None:
    adapter = random_adapter(shape)
    np.testing.assert_allclose(
        engine_gradient(exact, ITEMS[::-1], adapter), engine_gradient(exact, ITEMS, adapter), rtol=1e-9, atol=1e-11
    )


def test_a_weight_scales_the_gradient_and_it_is_added_to_what_is_there(exact: Model, shape: AdapterShape) -> None:
    adapter = random_adapter(shape)
    gradient = engine_gradient(exact, ITEMS, adapter)
    summed = np.full_like(gradient, 2.0)
    engine_loss(exact, ITEMS, adapter, weight=0.25, gradient=summed)
    np.testing.assert_allclose(summed - 2.0, gradient / 4, rtol=1e-9, atol=1e-12)


def test_computing_again_instead_of_keeping_gives_the_same_gradient_bit_for_bit(
    exact: Model, shape: AdapterShape, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = random_adapter(shape)
    kept = engine_gradient(exact, ITEMS, adapter)
    monkeypatch.setattr(backward, "RECOMPUTE_BEYOND", 0)
    assert np.array_equal(engine_gradient(exact, ITEMS, adapter), kept)


def test_comparing_with_the_vocabulary_in_parts_gives_the_same_loss_and_gradient(
    exact: Model, shape: AdapterShape, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = random_adapter(shape)
    loss, gradient = engine_loss(exact, ITEMS, adapter), engine_gradient(exact, ITEMS, adapter)
    monkeypatch.setattr(backward, "HEAD_ROWS", 2)
    parted = engine_loss(exact, ITEMS, adapter)
    assert (parted.hits, parted.tokens) == (loss.hits, loss.tokens)
    assert parted.total == pytest.approx(loss.total, rel=1e-12)
    np.testing.assert_allclose(engine_gradient(exact, ITEMS, adapter), gradient, rtol=1e-9, atol=1e-12)


def test_float32_gives_the_direction_that_float64_gives(exact: Model, single: Model, shape: AdapterShape) -> None:
    adapter = random_adapter(shape)
    close = engine_gradient(exact, ITEMS, adapter)
    ours = engine_gradient(single, ITEMS, Adapter(shape, adapter.flat.astype(np.float32)))
    assert ours.dtype == np.float32
    assert np.linalg.norm(ours - close) < 1e-4 * np.linalg.norm(close)
