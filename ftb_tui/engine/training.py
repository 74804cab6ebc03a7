"""Fine-tuning: LoRA on the topmost layers with AdamW (Loshchilov and Hutter 2019), loss on answer tokens only.

The layers below the adapted ones never change, so their output for every example is computed once. Every random
choice follows from the seed and the position in the training, never from what happened before; a resumed
training therefore gives bit for bit what an uninterrupted one gives on the same machine.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ftb_tui.engine.adapter import (
    Adapter,
    AdapterShape,
    empty_like,
    fresh_weights,
    merge_layer,
    shape_for,
    views,
    weight_count,
)
from ftb_tui.engine.backward import Loss, loss_and_gradient, make_batch
from ftb_tui.engine.container import pack_arrays, unpack_arrays
from ftb_tui.engine.frozen import FrozenOutputs, frozen_outputs
from ftb_tui.engine.interface import (
    AdapterError,
    Hyperparameters,
    OtherWeightsError,
    RequestError,
    StepReport,
    TrainingItem,
    TrainingStopped,
)
from ftb_tui.engine.layers import Array
from ftb_tui.engine.model import Model

MAX_EXAMPLE_TOKENS = 2048
MICRO_BATCH_TOKENS = 2048
MICRO_BATCH_PAIRS = 2**21
"""A batch with more tokens, or with more pairs of places (each sequence as long as the longest), is gone through in
parts whose gradients are added up, to bound memory."""

_FORMAT = "ftb-training-1"
_BETA1, _BETA2, _EPSILON, _WEIGHT_DECAY = 0.9, 0.999, 1e-8, 0.0
_CLIP = 1.0
_WARMUP = 0.05
_FINAL_RATE = 0.1


@dataclass(slots=True)
class _State:
    """All that changes in a training: the weights, AdamW's moments, and how many steps are done."""

    flat: Array
    first: Array
    second: Array
    step: int


def train(
    model: Model,
    examples: Sequence[TrainingItem],
    hyper: Hyperparameters,
    *,
    validation: Sequence[TrainingItem] = (),
    resume: bytes | None = None,
    on_step: Callable[[StepReport], None] = lambda report: None,
    on_epoch: Callable[[int, Adapter, bytes], None] = lambda epoch, adapter, state: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_prepare: Callable[[int, int], None] = lambda done, total: None,
) -> Adapter:
    """Train an adapter on the examples.

    `on_epoch` gets the epoch (from 1), the adapter as it is then, and the state to resume from (some 16 MB for
    SmolLM2); `on_prepare` gets how many examples of all have gone through the frozen layers. Raises
    `TrainingStopped` with a state to resume from when `should_stop()`, `RequestError` for examples that cannot
    be trained on, and `AdapterError` for a resume state of another training (`OtherWeightsError` for one on other weights).
    """
    check_examples(model, examples, "training")
    check_examples(model, validation, "validation")
    shape = shape_for(model.config, rank=hyper.rank, alpha=hyper.alpha, layers=hyper.layers)
    identity = _identity(examples, hyper, shape)
    state = _fresh(model, shape, hyper) if resume is None else _restore(resume, identity, model.weights)

    steps_per_epoch = -(-len(examples) // hyper.batch_size)
    total = steps_per_epoch * hyper.n_epochs

    def stopped() -> None:
        if should_stop():
            raise TrainingStopped(state.step, _saved(state, identity, model.weights))

    stopped()
    everything = [*examples, *validation]
    n_examples = len(examples)

    def prepared(done: int, of: int) -> None:
        on_prepare(done, of)
        stopped()

    with frozen_outputs(model, everything, shape.first_layer, prepared) as inputs:
        trainer = _Trainer(model, everything, inputs, shape)
        tokens = [len(item.prompt_ids) + len(item.completion_ids) for item in everything]
        while state.step < total:
            epoch, within = divmod(state.step, steps_per_epoch)
            order = np.random.default_rng([hyper.seed, 1, epoch]).permutation(n_examples)
            chosen = order[within * hyper.batch_size : (within + 1) * hyper.batch_size]
            trainer.merge(state.flat)
            loss, gradient = trainer.gradient(state.flat, chosen)
            _update(state, gradient, hyper.learning_rate * _rate(state.step, total))
            last = within == steps_per_epoch - 1
            seen = epoch * sum(tokens[:n_examples])
            seen += sum(tokens[i] for i in order[: (within + 1) * hyper.batch_size])
            valid = None
            if last and validation:
                trainer.merge(state.flat)
                valid = trainer.loss(range(n_examples, len(everything)))
            on_step(
                StepReport(
                    step=state.step,
                    total_steps=total,
                    epoch=epoch + 1,
                    train_loss=loss.total / loss.tokens,
                    train_mean_token_accuracy=loss.hits / loss.tokens,
                    trained_tokens=seen,
                    valid_loss=None if valid is None else valid.total / valid.tokens,
                    valid_mean_token_accuracy=None if valid is None else valid.hits / valid.tokens,
                )
            )
            if last:
                on_epoch(epoch + 1, Adapter(shape, state.flat.copy()), _saved(state, identity, model.weights))
            if state.step < total:
                stopped()
    return Adapter(shape, state.flat.copy())


class _Trainer:
    """Merged copies of the adapted layers and the gradient's memory, reused by every step."""

    def __init__(self, model: Model, items: Sequence[TrainingItem], inputs: FrozenOutputs, shape: AdapterShape) -> None:
        self._model = model
        self._items = items
        self._inputs = inputs
        self._shape = shape
        self._base = model.layers[shape.first_layer :]
        self._merged = [empty_like(layer) for layer in self._base]
        self._gradient = np.zeros(weight_count(shape), model.dtype)

    def merge(self, flat: Array) -> None:
        for base, layer, target in zip(self._base, views(self._shape, flat), self._merged, strict=True):
            merge_layer(base, layer, self._shape, target)

    def gradient(self, flat: Array, chosen: Array) -> tuple[Loss, Array]:
        """Loss and mean gradient over the answer tokens of the chosen examples."""
        self._gradient[...] = 0
        weight = 1 / sum(len(self._items[index].completion_ids) for index in chosen)
        parts = [self._run(part, flat, weight) for part in self._parts(chosen)]
        return _sum(parts), self._gradient

    def loss(self, chosen: Sequence[int]) -> Loss:
        """Loss alone, over the chosen examples."""
        return _sum([self._run(part, None, 0.0) for part in self._parts(chosen)])

    def _parts(self, chosen: Sequence[int] | Array) -> list[list[int]]:
        lengths = self._inputs.lengths
        parts: list[list[int]] = []
        tokens = longest = 0
        for index in chosen:
            tokens, longest = tokens + lengths[index], max(longest, lengths[index])
            pairs = (len(parts[-1]) + 1) * longest**2 if parts else 0
            if not parts or tokens > MICRO_BATCH_TOKENS or pairs > MICRO_BATCH_PAIRS:
                parts.append([])
                tokens = longest = lengths[index]
            parts[-1].append(int(index))
        return parts

    def _run(self, part: list[int], flat: Array | None, weight: float) -> Loss:
        model, shape = self._model, self._shape
        lengths = [self._inputs.lengths[index] for index in part]
        targets = [self._items[index].completion_ids for index in part]
        batch = make_batch(model.config, lengths, targets, model.dtype)
        x = np.concatenate([self._inputs.rows(index) for index in part])
        return loss_and_gradient(
            model.config,
            self._merged,
            model.norm,
            model.embedding,
            [] if flat is None else views(shape, flat),
            shape,
            x,
            batch,
            None if flat is None else views(shape, self._gradient),
            weight,
        )


def _sum(losses: Sequence[Loss]) -> Loss:
    return Loss(
        sum(loss.total for loss in losses),
        sum(loss.hits for loss in losses),
        sum(loss.tokens for loss in losses),
    )


def _rate(step: int, total: int) -> float:
    """The factor of the learning rate at a step (from 0): linear warm-up, then a cosine down to a tenth."""
    warmup = max(1, round(total * _WARMUP))
    if step < warmup:
        return (step + 1) / warmup
    through = (step - warmup) / max(1, total - warmup)
    return _FINAL_RATE + (1 - _FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * through))


def _update(state: _State, gradient: Array, rate: float) -> None:
    """One step of AdamW on the gradient, whose norm is cut to `_CLIP` first. Overwrites the gradient."""
    norm = math.sqrt(float(np.dot(gradient, gradient)))
    if norm > _CLIP:
        gradient *= _CLIP / norm
    state.step += 1
    state.first *= _BETA1
    state.first += (1 - _BETA1) * gradient
    gradient *= gradient
    gradient *= 1 - _BETA2
    state.second *= _BETA2
    state.second += gradient
    np.sqrt(state.second, out=gradient)
    gradient /= math.sqrt(1 - _BETA2**state.step)
    gradient += _EPSILON
    np.divide(state.first, gradient, out=gradient)
    if _WEIGHT_DECAY:
        state.flat *= 1 - rate * _WEIGHT_DECAY
    gradient *= rate / (1 - _BETA1**state.step)
    state.flat -= gradient


def _fresh(model: Model, shape: AdapterShape, hyper: Hyperparameters) -> _State:
    flat = fresh_weights(shape, np.random.default_rng([hyper.seed, 0]), model.dtype)
    return _State(flat, np.zeros_like(flat), np.zeros_like(flat), 0)


def _identity(examples: Sequence[TrainingItem], hyper: Hyperparameters, shape: AdapterShape) -> str:
    """A digest of all that a resumed training must have in common with the one it continues."""
    content = [asdict(hyper), asdict(shape), [[item.prompt_ids, item.completion_ids] for item in examples]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _saved(state: _State, identity: str, weights: str) -> bytes:
    arrays = {"flat": state.flat, "first": state.first, "second": state.second}
    told = {"format": _FORMAT, "identity": identity, "step": str(state.step)}
    return pack_arrays(arrays, told | ({"weights": weights} if weights else {}))


def _restore(content: bytes, identity: str, weights: str) -> _State:
    arrays, metadata = unpack_arrays(content, "The saved state of the training")
    if metadata.get("format") != _FORMAT or metadata.get("identity") != identity:
        raise AdapterError(
            "The saved state belongs to a training with other examples or hyperparameters; start this job anew."
        )
    # A state that was saved before weights were told apart does not say on which it was trained, and is taken.
    trained_on = metadata.get("weights", weights)
    if trained_on != weights:
        raise OtherWeightsError(
            f"The job was begun on other weights ({trained_on}) than the engine runs on ({weights}). End the engine with "
            "ftb serve --stop, start it on those (--weights or FTB_WEIGHTS) and resume the job; or cancel it."
        )
    flat, first, second = (arrays[name].copy() for name in ("flat", "first", "second"))
    return _State(flat, first, second, int(metadata["step"]))


def check_examples(model: Model, items: Sequence[TrainingItem], what: str) -> None:
    """Raise `RequestError` for examples, of `training` or `validation`, that cannot be trained on."""
    limit = min(MAX_EXAMPLE_TOKENS, model.config.context_length)
    if not items and what == "training":
        raise RequestError("There is no training example with an answer of the assistant to learn from.")
    for number, item in enumerate(items, 1):
        if not item.prompt_ids or not item.completion_ids:
            raise RequestError(f"The {what} example {number} has no prompt or no answer.")
        length = len(item.prompt_ids) + len(item.completion_ids)
        if length > limit:
            raise RequestError(
                f"The {what} example {number} has {length} tokens; this engine trains on at most {limit}."
            )
