"""LoRA adapters (Hu et al. 2021): low-rank additions `alpha / rank * B @ A` to a layer's seven projections.

All weights of an adapter stand in one flat vector, so that the optimizer is a few operations on it; `views`
gives the matrices. On disk they carry PEFT's names and orientation, so other programs can load them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ftb_tui.engine.container import pack_arrays, unpack_arrays, write_atomically
from ftb_tui.engine.interface import AdapterError, OtherWeightsError
from ftb_tui.engine.layers import Array, Config, LayerWeights

if TYPE_CHECKING:
    from ftb_tui.engine.model import Model

_FORMAT = "ftb-lora-1"


@dataclass(frozen=True, slots=True)
class AdapterShape:
    """Which layers an adapter changes, and the sizes of its matrices."""

    first_layer: int
    layers: int
    rank: int
    alpha: float
    width: int
    query_width: int
    kv_width: int
    feed_forward: int

    @property
    def scale(self) -> float:
        """The factor of B @ A."""
        return self.alpha / self.rank


@dataclass(frozen=True, slots=True)
class LayerViews:
    """One layer's matrices as views of a flat vector; A is [r, in], B is [out, r]; fused inputs share one A."""

    a_qkv: Array
    b_q: Array
    b_k: Array
    b_v: Array
    a_out: Array
    b_out: Array
    a_gate_up: Array
    b_gate: Array
    b_up: Array
    a_down: Array
    b_down: Array


@dataclass(frozen=True, slots=True)
class Adapter:
    """A trained adapter. `digest` names its content; equal digests mean equal weights, so that nobody may change them."""

    shape: AdapterShape
    flat: Array
    digest: str = field(default="")
    file: Path | None = field(default=None, compare=False)
    """Where it was read from, for messages."""

    def __post_init__(self) -> None:
        self.flat.flags.writeable = False
        if not self.digest:
            content = hashlib.sha256(repr(self.shape).encode())
            content.update(self.flat.tobytes())
            object.__setattr__(self, "digest", content.hexdigest())

    @property
    def nbytes(self) -> int:
        """Bytes of its weights in memory, and about its size on disk."""
        return int(self.flat.nbytes)


def shape_for(config: Config, *, rank: int, alpha: float, layers: int) -> AdapterShape:
    """The shape of an adapter on the topmost `layers` of a model, or on all if it has fewer."""
    adapted = min(layers, config.layers)
    return AdapterShape(
        first_layer=config.layers - adapted,
        layers=adapted,
        rank=rank,
        alpha=alpha,
        width=config.width,
        query_width=config.query_width,
        kv_width=config.kv_width,
        feed_forward=config.feed_forward,
    )


def _sizes(shape: AdapterShape) -> dict[str, tuple[int, int]]:
    rank, width, feed_forward = shape.rank, shape.width, shape.feed_forward
    return {
        "a_qkv": (3 * rank, width),
        "b_q": (shape.query_width, rank),
        "b_k": (shape.kv_width, rank),
        "b_v": (shape.kv_width, rank),
        "a_out": (rank, shape.query_width),
        "b_out": (width, rank),
        "a_gate_up": (2 * rank, width),
        "b_gate": (feed_forward, rank),
        "b_up": (feed_forward, rank),
        "a_down": (rank, feed_forward),
        "b_down": (width, rank),
    }


def weight_count(shape: AdapterShape) -> int:
    """How many weights an adapter of this shape has."""
    return shape.layers * sum(rows * columns for rows, columns in _sizes(shape).values())


def views(shape: AdapterShape, flat: Array) -> list[LayerViews]:
    """The matrices of each adapted layer, as views: writing to them writes to `flat`."""
    layers = []
    at = 0
    for _ in range(shape.layers):
        parts: dict[str, Array] = {}
        for name, (rows, columns) in _sizes(shape).items():
            parts[name] = flat[at : at + rows * columns].reshape(rows, columns)
            at += rows * columns
        layers.append(LayerViews(**parts))
    return layers


def fresh_weights(shape: AdapterShape, rng: np.random.Generator, dtype: Any) -> Array:
    """Initial weights: A uniform in +-1/sqrt(in), as PEFT does, and B zero, so that nothing changes at first."""
    flat = np.zeros(weight_count(shape), dtype)
    for layer in views(shape, flat):
        for matrix in (layer.a_qkv, layer.a_out, layer.a_gate_up, layer.a_down):
            bound = matrix.shape[1] ** -0.5
            matrix[...] = rng.uniform(-bound, bound, matrix.shape)
    return flat


def empty_like(layer: LayerWeights) -> LayerWeights:
    """Room for a merged copy of a layer; the norms are shared."""
    return LayerWeights(
        attention_norm=layer.attention_norm,
        qkv=np.empty_like(layer.qkv),
        out=np.empty_like(layer.out),
        feed_forward_norm=layer.feed_forward_norm,
        gate_up=np.empty_like(layer.gate_up),
        down=np.empty_like(layer.down),
    )


def merge_layer(base: LayerWeights, adapter: LayerViews, shape: AdapterShape, into: LayerWeights) -> None:
    """Write base + scale * B @ A of every projection to `into`."""
    r, q, kv, f = shape.rank, shape.query_width, shape.kv_width, shape.feed_forward
    a = adapter.a_qkv
    for rows, b, a_part, source, target in (
        (slice(0, q), adapter.b_q, a[:r], base.qkv, into.qkv),
        (slice(q, q + kv), adapter.b_k, a[r : 2 * r], base.qkv, into.qkv),
        (slice(q + kv, q + 2 * kv), adapter.b_v, a[2 * r :], base.qkv, into.qkv),
        (slice(None), adapter.b_out, adapter.a_out, base.out, into.out),
        (slice(0, f), adapter.b_gate, adapter.a_gate_up[:r], base.gate_up, into.gate_up),
        (slice(f, 2 * f), adapter.b_up, adapter.a_gate_up[r:], base.gate_up, into.gate_up),
        (slice(None), adapter.b_down, adapter.a_down, base.down, into.down),
    ):
        np.matmul(b * shape.scale, a_part, out=target[rows])
        target[rows] += source[rows]


def merge(model: Model, adapter: Adapter) -> list[LayerWeights]:
    """Copies of the model's topmost layers with the adapter merged in. Raises `AdapterError` if it does not fit."""
    shape = adapter.shape
    if shape != shape_for(model.config, rank=shape.rank, alpha=shape.alpha, layers=shape.layers):
        which = "The adapter" if adapter.file is None else f"The adapter {adapter.file}"
        raise AdapterError(f"{which} was made for a model of other sizes; it does not fit this one.")
    merged = []
    layers = zip(model.layers[shape.first_layer :], views(shape, adapter.flat), strict=True)
    for base, layer in layers:
        target = empty_like(base)
        merge_layer(base, layer, shape, target)
        merged.append(target)
    return merged


def save_adapter(path: Path, adapter: Adapter, *, weights: str = "") -> None:
    """Write an adapter as a whole or not at all. Raises `OSError` (disk full, no permission).

    `weights` is the identity of those that it was trained on; empty where nobody knows it.
    """
    arrays = dict(_named(adapter.shape, adapter.flat))
    told = {"weights": weights} if weights else {}
    write_atomically(path, pack_arrays(arrays, {"format": _FORMAT, **told, **shape_metadata(adapter.shape)}))


def load_adapter(path: Path, *, weights: str = "") -> Adapter:
    """Read an adapter, to be used with `weights`.

    Raises `AdapterError` for a file that is missing, damaged, something else, or made for other weights. One that does
    not say for which was written before that was kept, and is taken.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        text = f"The adapter {path} cannot be read: {error.strerror or error}. Train again, or use another checkpoint."
        raise AdapterError(text) from error
    arrays, metadata = unpack_arrays(content, f"The adapter {path}")
    if metadata.get("format") != _FORMAT:
        raise AdapterError(f"{path} is not an adapter of this engine.")
    trained_on = metadata.get("weights")
    if trained_on and weights and trained_on != weights:
        raise OtherWeightsError(
            f"The adapter {path} was trained on other weights ({trained_on}) than the engine runs on ({weights}). End "
            "the engine with ftb serve --stop and start it on those (--weights or FTB_WEIGHTS), or train again on these."
        )
    try:
        shape = shape_from_metadata(metadata)
        expected = weight_count(shape)
        if sum(array.size for array in arrays.values()) != expected:
            raise ValueError("it has another number of weights than its shape says")
        flat = np.empty(expected, next(iter(arrays.values())).dtype)
        for name, view in _named(shape, flat):
            if arrays[name].shape != view.shape:
                raise ValueError(f"{name} has another shape")
            view[...] = arrays[name]
    except (KeyError, ValueError, StopIteration) as error:
        raise AdapterError(f"The adapter {path} is damaged: its matrices do not fit together.") from error
    return Adapter(shape, flat, file=path)


def shape_metadata(shape: AdapterShape) -> dict[str, str]:
    """The shape as text values, for a file's metadata."""
    return {part.name: repr(getattr(shape, part.name)) for part in fields(shape)}


def shape_from_metadata(metadata: dict[str, str]) -> AdapterShape:
    """The inverse of `shape_metadata`. Raises `KeyError` or `ValueError`."""
    values: dict[str, Any] = {part.name: metadata[part.name] for part in fields(AdapterShape)}
    numbers: dict[str, Any] = {name: float(v) if name == "alpha" else int(v) for name, v in values.items()}
    return AdapterShape(**numbers)


def _named(shape: AdapterShape, flat: Array) -> Iterator[tuple[str, Array]]:
    r = shape.rank
    for index, layer in enumerate(views(shape, flat)):
        for name, a, b in (
            ("self_attn.q_proj", layer.a_qkv[:r], layer.b_q),
            ("self_attn.k_proj", layer.a_qkv[r : 2 * r], layer.b_k),
            ("self_attn.v_proj", layer.a_qkv[2 * r :], layer.b_v),
            ("self_attn.o_proj", layer.a_out, layer.b_out),
            ("mlp.gate_proj", layer.a_gate_up[:r], layer.b_gate),
            ("mlp.up_proj", layer.a_gate_up[r:], layer.b_up),
            ("mlp.down_proj", layer.a_down, layer.b_down),
        ):
            stem = f"base_model.model.model.layers.{shape.first_layer + index}.{name}"
            yield f"{stem}.lora_A.weight", a
            yield f"{stem}.lora_B.weight", b
