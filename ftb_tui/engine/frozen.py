"""The output of the layers that a training leaves alone, computed once for every example and kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ftb_tui.engine.interface import TrainingItem
from ftb_tui.engine.layers import (
    Array,
    attend_reading,
    feed_forward,
    pack,
    qkv_heads,
    rms_norm,
    rope_tables,
)
from ftb_tui.engine.model import Model

IN_MEMORY_BYTES = 128 * 2**20
"""Beyond this the outputs go to an unnamed temporary file that is mapped into memory."""

_CHUNK_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class FrozenOutputs:
    """Outputs of all examples, row after row. The last answer token predicts nothing and is left out."""

    lengths: list[int]
    _starts: list[int]
    _values: Array

    def rows(self, index: int) -> Array:
        """The outputs of one example, [length, D]."""
        start = self._starts[index]
        return self._values[start : start + self.lengths[index]]


@contextmanager
def frozen_outputs(
    model: Model, items: Sequence[TrainingItem], layers: int, on_progress: Callable[[int, int], None]
) -> Iterator[FrozenOutputs]:
    """Run every example's tokens through the lowest `layers` layers. `on_progress` gets done and total examples."""
    tokens = [(*item.prompt_ids, *item.completion_ids[:-1]) for item in items]
    lengths = [len(part) for part in tokens]
    starts = [0, *np.cumsum(lengths)[:-1].tolist()]
    shape = (sum(lengths), model.config.width)
    size = shape[0] * shape[1] * np.dtype(model.dtype).itemsize
    with tempfile.TemporaryFile(prefix="ftb-frozen-") as spill:
        values: Array
        values = (
            np.memmap(spill, model.dtype, "w+", shape=shape) if size > IN_MEMORY_BYTES else np.empty(shape, model.dtype)
        )
        # Neighbours of equal length waste nothing in attention, which alone is padded.
        order = sorted(range(len(items)), key=lambda index: lengths[index])
        done = 0
        on_progress(0, len(items))
        while done < len(order):
            chunk = [order[done]]
            room = _CHUNK_TOKENS - lengths[chunk[0]]
            while done + len(chunk) < len(order) and lengths[order[done + len(chunk)]] <= room:
                chunk.append(order[done + len(chunk)])
                room -= lengths[chunk[-1]]
            output = _run(model, [tokens[index] for index in chunk], layers)
            at = 0
            for index in chunk:
                values[starts[index] : starts[index] + lengths[index]] = output[at : at + lengths[index]]
                at += lengths[index]
            done += len(chunk)
            on_progress(done, len(order))
        yield FrozenOutputs(lengths, starts, values)


def _run(model: Model, sequences: Sequence[Sequence[int]], layers: int) -> Array:
    config = model.config
    packing = pack(np.array([len(part) for part in sequences]))
    cos, sin = rope_tables(config, packing.positions, model.dtype)
    n_heads, groups = config.heads, config.kv_heads
    x = model.embedding[np.concatenate([np.asarray(part) for part in sequences])]
    for weights in model.layers[:layers]:
        normed, _, _ = rms_norm(x, weights.attention_norm, config.epsilon)
        padded = qkv_heads(config, weights, normed, cos, sin)[packing.padded]
        k = padded[:, :, n_heads : n_heads + groups].transpose(0, 2, 1, 3)
        v = padded[:, :, n_heads + groups :].transpose(0, 2, 1, 3)
        mixed = attend_reading(padded[:, :, :n_heads], k, v, 0)
        x += mixed.reshape(-1, config.query_width)[packing.flat] @ weights.out.T
        feed_forward(config, weights, x)
    return x
