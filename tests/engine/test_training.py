"""Training learns what it is given, the same way every time, and can be left and taken up again at any epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ftb_tui.engine import frozen, training
from ftb_tui.engine.adapter import Adapter, fresh_weights, views
from ftb_tui.engine.container import pack_arrays, unpack_arrays
from ftb_tui.engine.frozen import frozen_outputs
from ftb_tui.engine.generation import generate
from ftb_tui.engine.interface import (
    AdapterError,
    GenerationRequest,
    Hyperparameters,
    OtherWeightsError,
    RequestError,
    StepReport,
    TrainingItem,
    TrainingStopped,
)
from ftb_tui.engine.layers import Array
from ftb_tui.engine.model import Model, load_model
from ftb_tui.engine.tiny import write_tiny_model
from ftb_tui.engine.training import train
from tests.engine.plain import PlainModel, answer_loss, hidden_states
from tests.engine.test_gradients import engine_gradient

FACTS = {"Mira": "178", "Tolan": "64", "Esk": "blue", "Brandt": "Oster", "Ilse": "1951", "Quon": "tin", "Aru": "9"}
HYPER = Hyperparameters(n_epochs=5, batch_size=3, learning_rate=0.01, rank=4, alpha=8.0, layers=2, seed=3)
STEPS_PER_EPOCH = 3


def question(name: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Fact of {name}?"}]


@pytest.fixture(scope="module")
def items(exact: Model) -> list[TrainingItem]:
    return [
        item
        for name, answer in FACTS.items()
        for item in exact.tokenizer.training_items([*question(name), {"role": "assistant", "content": answer}])
    ]


class Run:
    """One training with all that it reports."""

    def __init__(
        self, model: Model, items: Sequence[TrainingItem], hyper: Hyperparameters = HYPER, **more: object
    ) -> None:
        self.reports: list[StepReport] = []
        self.epochs: list[tuple[int, Adapter, bytes]] = []
        self.adapter = train(
            model,
            items,
            hyper,
            on_step=self.reports.append,
            on_epoch=lambda *epoch: self.epochs.append(epoch),
            **more,  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def whole(single: Model, items: list[TrainingItem]) -> Run:
    return Run(single, items)


def test_a_small_set_is_learned_by_heart(single: Model, items: list[TrainingItem]) -> None:
    run = Run(single, items, Hyperparameters(n_epochs=60, batch_size=3, learning_rate=0.01, rank=8, layers=3))
    losses = [report.train_loss for report in run.reports]
    assert losses[0] > 2
    assert losses[-1] < 0.05
    assert run.reports[-1].train_mean_token_accuracy == 1
    requests = [GenerationRequest(tuple(single.tokenizer.chat_prompt(question(name)))) for name in FACTS]
    answers = generate(single, run.adapter, requests)
    assert [single.tokenizer.decode(answer.token_ids) for answer in answers] == list(FACTS.values())
    assert {answer.finish_reason for answer in answers} == {"stop"}


def test_the_loss_falls_from_epoch_to_epoch(whole: Run) -> None:
    by_epoch = [
        float(np.mean([report.train_loss for report in whole.reports if report.epoch == epoch]))
        for epoch in range(1, HYPER.n_epochs + 1)
    ]
    assert by_epoch[1] < by_epoch[0]
    assert max(by_epoch[2:]) < by_epoch[0] / 2


def test_every_step_is_reported_once_and_in_order(whole: Run, items: list[TrainingItem]) -> None:
    steps = HYPER.n_epochs * STEPS_PER_EPOCH
    assert [report.step for report in whole.reports] == list(range(1, steps + 1))
    assert {report.total_steps for report in whole.reports} == {steps}
    assert [report.epoch for report in whole.reports] == [1 + n // STEPS_PER_EPOCH for n in range(steps)]
    seen = [report.trained_tokens for report in whole.reports]
    assert seen == sorted(set(seen))
    tokens = sum(len(item.prompt_ids) + len(item.completion_ids) for item in items)
    assert seen[STEPS_PER_EPOCH - 1 :: STEPS_PER_EPOCH] == [tokens * epoch for epoch in range(1, HYPER.n_epochs + 1)]


def test_the_loss_of_the_first_step_is_the_base_models_per_answer_token(
    exact: Model, plain: PlainModel, items: list[TrainingItem]
) -> None:
    hyper = replace(HYPER, n_epochs=1, batch_size=len(items))
    (report,) = Run(exact, items, hyper).reports
    total = sum(answer_loss(plain, item.prompt_ids, item.completion_ids) for item in items)
    tokens = sum(len(item.completion_ids) for item in items)
    assert report.train_loss == pytest.approx(total / tokens, rel=1e-10)


def test_an_epoch_is_a_checkpoint_that_later_epochs_do_not_change(whole: Run) -> None:
    assert [epoch for epoch, _, _ in whole.epochs] == [1, 2, 3, 4, 5]
    digests = [adapter.digest for _, adapter, _ in whole.epochs]
    assert len(set(digests)) == 5
    assert digests[-1] == whole.adapter.digest
    for _, adapter, _ in whole.epochs:
        assert Adapter(adapter.shape, adapter.flat).digest == adapter.digest


def test_equal_trainings_give_equal_adapters_bit_for_bit(single: Model, items: list[TrainingItem], whole: Run) -> None:
    again = Run(single, items)
    assert again.adapter.flat.tobytes() == whole.adapter.flat.tobytes()
    assert again.reports == whole.reports
    assert Run(single, items, replace(HYPER, seed=4)).adapter.digest != whole.adapter.digest


@pytest.mark.parametrize("epoch", [1, 2, 3, 4, 5])
def test_a_training_taken_up_after_any_epoch_ends_bit_for_bit_the_same(
    single: Model, items: list[TrainingItem], whole: Run, epoch: int
) -> None:
    resumed = Run(single, items, resume=whole.epochs[epoch - 1][2])
    assert resumed.adapter.flat.tobytes() == whole.adapter.flat.tobytes()
    assert resumed.reports == whole.reports[epoch * STEPS_PER_EPOCH :]
    assert [(n, adapter.digest, state) for n, adapter, state in resumed.epochs] == [
        (n, adapter.digest, state) for n, adapter, state in whole.epochs[epoch:]
    ]


@pytest.mark.parametrize("step", range(HYPER.n_epochs * STEPS_PER_EPOCH))
def test_a_training_stopped_after_any_step_stops_there_and_goes_on_bit_for_bit(
    single: Model, items: list[TrainingItem], whole: Run, step: int
) -> None:
    done: list[StepReport] = []
    with pytest.raises(TrainingStopped) as stopped:
        train(single, items, HYPER, on_step=done.append, should_stop=lambda: len(done) >= step)
    assert stopped.value.step == step == len(done)
    resumed = Run(single, items, resume=stopped.value.resume_state)
    assert done + resumed.reports == whole.reports
    assert resumed.adapter.flat.tobytes() == whole.adapter.flat.tobytes()


def test_a_stop_that_comes_with_the_last_step_is_too_late(single: Model, items: list[TrainingItem], whole: Run) -> None:
    done: list[StepReport] = []
    adapter = train(single, items, HYPER, on_step=done.append, should_stop=lambda: len(done) == len(whole.reports))
    assert adapter.digest == whole.adapter.digest


def test_a_stop_while_the_frozen_layers_are_computed_is_heeded_at_once(
    single: Model, items: list[TrainingItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "_CHUNK_TOKENS", 1)
    seen: list[tuple[int, int]] = []
    with pytest.raises(TrainingStopped) as stopped:
        train(
            single,
            items,
            HYPER,
            on_prepare=lambda done, total: seen.append((done, total)),
            should_stop=lambda: bool(seen) and seen[-1][0] == 3,
        )
    assert stopped.value.step == 0
    assert seen == [(n, len(items)) for n in range(4)]


@pytest.mark.parametrize("change", ["examples", "seed", "rank", "n_epochs", "learning_rate"])
def test_the_state_of_another_training_is_refused(
    single: Model, items: list[TrainingItem], whole: Run, change: str
) -> None:
    state = whole.epochs[0][2]
    others = items[::-1] if change == "examples" else items
    hyper = HYPER if change == "examples" else replace(HYPER, **{change: getattr(HYPER, change) + 1})
    with pytest.raises(AdapterError, match="other examples or hyperparameters"):
        train(single, others, hyper, resume=state)


def test_a_training_goes_on_on_the_weights_it_was_begun_on_alone(
    single: Model, items: list[TrainingItem], whole: Run, tmp_path: Path
) -> None:
    other = load_model(write_tiny_model(tmp_path / "other.gguf", seed=2))
    with pytest.raises(OtherWeightsError, match=rf"other weights \({single.weights}\) than .* \({other.weights}\)"):
        train(other, items, HYPER, resume=whole.epochs[0][2])
    arrays, metadata = unpack_arrays(whole.epochs[0][2], "")
    assert metadata.pop("weights") == single.weights
    # As it was saved before weights were told apart.
    older = Run(single, items, resume=pack_arrays(arrays, metadata))
    assert older.adapter.digest == whole.adapter.digest


def test_a_damaged_state_is_refused(single: Model, items: list[TrainingItem], whole: Run) -> None:
    state = whole.epochs[0][2]
    turned = bytearray(state)
    turned[len(state) // 2] ^= 4
    for damaged in (b"", state[:-1], state[: len(state) // 3], bytes(turned), b"x" * 100):
        with pytest.raises(AdapterError, match="saved state of the training is damaged"):
            train(single, items, HYPER, resume=damaged)


def test_a_state_holds_no_more_than_weights_and_moments(whole: Run) -> None:
    arrays, metadata = unpack_arrays(whole.epochs[1][2], "")
    assert {name: array.shape for name, array in arrays.items()} == dict.fromkeys(
        ("flat", "first", "second"), whole.adapter.flat.shape
    )
    assert metadata["step"] == str(2 * STEPS_PER_EPOCH)
    assert pack_arrays(arrays, metadata) == whole.epochs[1][2]


def textbook_adamw(model: Model, items: Sequence[TrainingItem], hyper: Hyperparameters, start: Adapter) -> Array:
    """AdamW as Loshchilov and Hutter 2019 (algorithm 2, no decay), weight by weight, on whole batches."""
    tokens = sum(len(item.completion_ids) for item in items)
    theta, m, v = start.flat.copy(), np.zeros_like(start.flat), np.zeros_like(start.flat)
    warmup = max(1, round(0.05 * hyper.n_epochs))
    for t in range(1, hyper.n_epochs + 1):
        gradient = engine_gradient(model, items, Adapter(start.shape, theta.copy())) / tokens
        gradient = gradient * min(1.0, 1.0 / float(np.linalg.norm(gradient)))
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        if t <= warmup:
            factor = t / warmup
        else:
            through = (t - 1 - warmup) / (hyper.n_epochs - warmup)
            factor = 0.1 + 0.9 * (1 + math.cos(math.pi * through)) / 2
        rate = hyper.learning_rate * factor
        theta = theta - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return theta


def test_the_optimizer_is_adamw_with_warm_up_and_cosine(exact: Model, items: list[TrainingItem]) -> None:
    hyper = replace(HYPER, n_epochs=30, batch_size=len(items))
    run = Run(exact, items, hyper)
    start = fresh_weights(run.adapter.shape, np.random.default_rng([hyper.seed, 0]), exact.dtype)
    expected = textbook_adamw(exact, items, hyper, Adapter(run.adapter.shape, start))
    np.testing.assert_allclose(run.adapter.flat, expected, atol=1e-8)
    assert np.abs(run.adapter.flat - start).max() > 0.01


def test_a_training_begins_at_the_base_model(single: Model, whole: Run) -> None:
    start = fresh_weights(whole.adapter.shape, np.random.default_rng([HYPER.seed, 0]), single.dtype)
    for layer in views(whole.adapter.shape, start):
        assert not layer.b_q.any()
        assert not layer.b_down.any()
        assert np.abs(layer.a_qkv).max() <= single.config.width**-0.5
        assert layer.a_qkv.std() > 0.05


def test_every_example_is_seen_once_an_epoch_in_a_new_order(
    single: Model, items: list[TrainingItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[list[int]] = []
    gradient = training._Trainer.gradient

    def looking(self: training._Trainer, flat: Array, chosen: Array) -> object:
        orders.append(chosen.tolist())
        return gradient(self, flat, chosen)

    monkeypatch.setattr(training._Trainer, "gradient", looking)
    train(single, items, HYPER)
    seen = [index for chosen in orders for index in chosen]
    epochs = [tuple(seen[n : n + len(items)]) for n in range(0, len(seen), len(items))]
    assert [sorted(epoch) for epoch in epochs] == [list(range(len(items)))] * HYPER.n_epochs
    assert len(set(epochs)) == HYPER.n_epochs


@pytest.mark.parametrize("name", ["MICRO_BATCH_TOKENS", "MICRO_BATCH_PAIRS"])
def test_a_batch_gone_through_in_parts_gives_the_same_training(
    exact: Model, items: list[TrainingItem], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    at_once = Run(exact, items).adapter.flat
    monkeypatch.setattr(training, name, 1)
    np.testing.assert_allclose(Run(exact, items).adapter.flat, at_once, atol=1e-7)


def test_the_frozen_layers_kept_outputs_are_those_of_the_whole_computation(
    exact: Model, plain: PlainModel, items: list[TrainingItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    for chunk in (1, 60, 10_000):
        monkeypatch.setattr(frozen, "_CHUNK_TOKENS", chunk)
        for layers in (0, 1, 2):
            with frozen_outputs(exact, items, layers, lambda done, total: None) as outputs:
                for index, item in enumerate(items):
                    ids = [*item.prompt_ids, *item.completion_ids[:-1]]
                    np.testing.assert_allclose(outputs.rows(index), hidden_states(plain, ids)[layers], atol=1e-10)


def test_kept_outputs_that_go_to_disk_train_bit_for_bit_the_same(
    single: Model, items: list[TrainingItem], whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "IN_MEMORY_BYTES", 0)
    assert Run(single, items).adapter.digest == whole.adapter.digest


def test_the_layers_below_the_adapter_and_the_base_stay_as_they_were(single: Model, items: list[TrainingItem]) -> None:
    before = [(layer.qkv.copy(), layer.out.copy(), layer.gate_up.copy(), layer.down.copy()) for layer in single.layers]
    embedding = single.embedding.copy()
    run = Run(single, items)
    assert run.adapter.shape.first_layer == 1
    for layer, (qkv, out, gate_up, down) in zip(single.layers, before, strict=True):
        assert np.array_equal(layer.qkv, qkv)
        assert np.array_equal(layer.out, out)
        assert np.array_equal(layer.gate_up, gate_up)
        assert np.array_equal(layer.down, down)
    assert np.array_equal(single.embedding, embedding)


def test_validation_is_measured_after_each_epoch_and_changes_nothing(
    exact: Model, plain: PlainModel, items: list[TrainingItem]
) -> None:
    without = Run(exact, items[:5])
    run = Run(exact, items[:5], validation=items[5:])
    np.testing.assert_allclose(run.adapter.flat, without.adapter.flat, atol=1e-9)
    assert [report.valid_loss is not None for report in run.reports] == [False, True] * HYPER.n_epochs
    # With a rate of nothing the model stays the base, whose loss the plain implementation knows.
    still = Run(exact, items[:5], replace(HYPER, learning_rate=0.0), validation=items[5:])
    total = sum(answer_loss(plain, item.prompt_ids, item.completion_ids) for item in items[5:])
    expected = total / sum(len(item.completion_ids) for item in items[5:])
    assert still.reports[-1].valid_loss == pytest.approx(expected, rel=1e-10)


def test_nothing_to_learn_is_an_error(single: Model) -> None:
    with pytest.raises(RequestError, match="no training example"):
        train(single, [], HYPER)


@pytest.mark.parametrize("which", ["training", "validation"])
def test_an_example_beyond_the_context_is_named_with_its_length(
    single: Model, items: list[TrainingItem], which: str
) -> None:
    limit = single.config.context_length
    fits = TrainingItem((5,) * (limit - 2), (6, 7))
    long = TrainingItem((5,) * (limit - 1), (6, 7))
    once = replace(HYPER, n_epochs=1)
    assert Run(single, [fits], once).reports
    examples, validation = ([items[0], long], []) if which == "training" else ([items[0]], [fits, long])
    with pytest.raises(RequestError, match=f"{which} example 2 has 513 tokens.*at most 512"):
        train(single, examples, once, validation=validation)


@pytest.mark.parametrize("item", [TrainingItem((), (4,)), TrainingItem((4,), ())], ids=["prompt", "answer"])
def test_an_example_without_a_prompt_or_an_answer_is_named(single: Model, item: TrainingItem) -> None:
    with pytest.raises(RequestError, match="training example 1 has no prompt or no answer"):
        train(single, [item], HYPER)


def test_more_layers_than_the_model_has_means_all_of_them(single: Model, items: list[TrainingItem]) -> None:
    adapter = train(single, items, replace(HYPER, n_epochs=1, layers=99))
    assert (adapter.shape.first_layer, adapter.shape.layers) == (0, 3)
