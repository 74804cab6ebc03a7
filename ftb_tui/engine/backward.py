"""Loss and gradient of an adapter: the layers' forward pass with what the backward pass needs, and that pass.

The adapted layers run with the adapter merged into their weights W' = W + s B A. For y = x W'^T the gradients
are dx = dy W', dB = s dy^T (x A^T) and dA = s (dy B)^T x (Hu et al. 2021), so W' itself never needs one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ftb_tui.engine.adapter import AdapterShape, LayerViews
from ftb_tui.engine.layers import (
    Array,
    Config,
    LayerWeights,
    Packing,
    attend,
    attend_backward,
    causal_mask,
    group_heads,
    pack,
    qkv_heads,
    rms_norm,
    rms_norm_backward,
    rope_tables,
    rotate,
    sigmoid,
    ungroup_heads,
)

RECOMPUTE_BEYOND = 768
"""With more packed tokens than this, a layer's intermediate values are computed again for the backward pass."""

HEAD_ROWS = 256
"""How many answer tokens are compared with the whole vocabulary at once."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Packed sequences of equal standing. Of each only the last `answers[b]` tokens predict answer tokens."""

    packing: Packing
    kept: Array
    """Packed rows that predict an answer token, [N]."""
    targets: Array
    """The token that each kept row is to predict, [N]."""
    cos: Array
    sin: Array
    mask: Array


def make_batch(config: Config, lengths: Sequence[int], targets: Sequence[Sequence[int]], dtype: object) -> Batch:
    """The batch of sequences with these lengths, whose last `len(targets[b])` tokens predict `targets[b]`."""
    sizes = np.asarray(lengths, np.int64)
    ends = np.cumsum(sizes)
    answers = [np.arange(end - len(part), end) for end, part in zip(ends, targets, strict=True)]
    packing = pack(sizes)
    cos, sin = rope_tables(config, packing.positions, dtype)
    wanted = np.concatenate([np.asarray(part, np.int64) for part in targets])
    return Batch(packing, np.concatenate(answers), wanted, cos, sin, causal_mask(int(sizes.max()), dtype))


@dataclass(slots=True)
class _Kept:
    """What the backward pass of one layer needs from its forward pass, but for what a product of two of these gives."""

    unit: Array
    inverse: Array
    q: Array
    k: Array
    v: Array
    probabilities: Array
    mixed: Array
    middle_unit: Array
    middle_inverse: Array
    gate_up: Array
    gate_sigmoid: Array


def layer_forward(
    config: Config, weights: LayerWeights, x: Array, batch: Batch, rows: Array | None = None
) -> tuple[Array, _Kept]:
    """One layer over packed tokens [T, D]. With `rows`, only these tokens' output is computed, [len(rows), D]."""
    normed, unit, inverse = rms_norm(x, weights.attention_norm, config.epsilon)
    heads = qkv_heads(config, weights, normed, batch.cos, batch.sin)
    padded = heads[batch.packing.padded]
    length = padded.shape[1]
    n_heads, groups = config.heads, config.kv_heads
    q = group_heads(padded[:, :, :n_heads], groups)
    k = padded[:, :, n_heads : n_heads + groups].transpose(0, 2, 1, 3)
    v = padded[:, :, n_heads + groups :].transpose(0, 2, 1, 3)
    mixed, probabilities = attend(q, k, v, batch.mask, length)
    flat = batch.packing.flat if rows is None else batch.packing.flat[rows]
    mixed = ungroup_heads(mixed, length).reshape(-1, config.query_width)[flat]
    middle = mixed @ weights.out.T
    middle += x if rows is None else x[rows]
    middle_normed, middle_unit, middle_inverse = rms_norm(middle, weights.feed_forward_norm, config.epsilon)
    gate_up = middle_normed @ weights.gate_up.T
    gate, up = gate_up[:, : config.feed_forward], gate_up[:, config.feed_forward :]
    gate_sigmoid = sigmoid(gate)
    hidden = gate_sigmoid * gate
    hidden *= up
    result = hidden @ weights.down.T
    result += middle
    kept = _Kept(
        unit, inverse, q, k, v, probabilities, mixed, middle_unit, middle_inverse, gate_up, gate_sigmoid,
    )  # fmt: skip
    return result, kept


def _pair(dy: Array, x: Array, a: Array, b: Array, scale: float, into: tuple[Array, Array]) -> None:
    """Add the gradients of one projection's A and B to `into`."""
    low = x @ a.T
    low *= scale
    into[1][...] += dy.T @ low
    back = dy @ b
    back *= scale
    into[0][...] += back.T @ x


def layer_backward(
    config: Config,
    weights: LayerWeights,
    adapter: LayerViews,
    shape: AdapterShape,
    kept: _Kept,
    dy: Array,
    batch: Batch,
    gradient: LayerViews,
    *,
    rows: Array | None,
    need_input: bool,
) -> Array | None:
    """Add the adapter's gradients to `gradient`; return the gradient of the layer's input unless not needed."""
    rank, scale, width = shape.rank, shape.scale, config.feed_forward
    d_hidden = dy @ weights.down
    gate, up = kept.gate_up[:, :width], kept.gate_up[:, width:]
    hidden = kept.gate_sigmoid * gate
    hidden *= up
    _pair(dy, hidden, adapter.a_down, adapter.b_down, scale, (gradient.a_down, gradient.b_down))
    del hidden
    d_gate_up = np.empty_like(kept.gate_up)
    d_gate, d_up = d_gate_up[:, :width], d_gate_up[:, width:]
    # silu'(g) = s (1 + g (1 - s)) with s = sigmoid(g)
    np.multiply(kept.gate_sigmoid, gate, out=d_up)
    np.subtract(gate, d_up, out=d_gate)
    d_gate += 1
    d_gate *= kept.gate_sigmoid
    d_gate *= up
    d_gate *= d_hidden
    d_up *= d_hidden
    x = kept.middle_unit * weights.feed_forward_norm
    a, g = adapter.a_gate_up, gradient.a_gate_up
    _pair(d_gate, x, a[:rank], adapter.b_gate, scale, (g[:rank], gradient.b_gate))
    _pair(d_up, x, a[rank:], adapter.b_up, scale, (g[rank:], gradient.b_up))
    d_middle = rms_norm_backward(
        d_gate_up @ weights.gate_up, weights.feed_forward_norm, kept.middle_unit, kept.middle_inverse
    )
    d_middle += dy

    _pair(d_middle, kept.mixed, adapter.a_out, adapter.b_out, scale, (gradient.a_out, gradient.b_out))
    batch_size, length = batch.packing.padded.shape
    d_padded = np.zeros((batch_size * length, config.query_width), dy.dtype)
    flat = batch.packing.flat
    d_padded[flat if rows is None else flat[rows]] = d_middle @ weights.out
    d_mixed = group_heads(d_padded.reshape(batch_size, length, config.heads, config.head_size), config.kv_heads)
    d_q, d_k, d_v = attend_backward(d_mixed, kept.q, kept.k, kept.v, kept.probabilities)
    d_heads = np.concatenate([ungroup_heads(d_q, length), d_k.transpose(0, 2, 1, 3), d_v.transpose(0, 2, 1, 3)], axis=2)
    d_heads = d_heads.reshape(batch_size * length, -1, config.head_size)[flat]
    d_heads[:, : config.heads] *= config.head_size**-0.5
    rotate(d_heads[:, : config.heads + config.kv_heads], batch.cos, -batch.sin)
    d_qkv = d_heads.reshape(len(flat), -1)
    x, a, g = kept.unit * weights.attention_norm, adapter.a_qkv, gradient.a_qkv
    q, kv = config.query_width, config.kv_width
    _pair(d_qkv[:, :q], x, a[:rank], adapter.b_q, scale, (g[:rank], gradient.b_q))
    _pair(d_qkv[:, q : q + kv], x, a[rank : 2 * rank], adapter.b_k, scale, (g[rank : 2 * rank], gradient.b_k))
    _pair(d_qkv[:, q + kv :], x, a[2 * rank :], adapter.b_v, scale, (g[2 * rank :], gradient.b_v))
    if not need_input:
        return None
    dx = rms_norm_backward(d_qkv @ weights.qkv, weights.attention_norm, kept.unit, kept.inverse)
    if rows is None:
        dx += d_middle
    else:
        dx[rows] += d_middle
    return dx


@dataclass(frozen=True, slots=True)
class Loss:
    """Cross-entropy over a batch's answer tokens: the sum in nats, how many were ranked first, how many in all."""

    total: float
    hits: int
    tokens: int


def _head(normed: Array, embedding: Array, targets: Array, weight: float | None) -> tuple[Loss, Array | None]:
    """Loss of the last layer's normed output [N, D]; with a `weight`, that times its gradient [N, D] too."""
    gradient = None if weight is None else np.empty_like(normed)
    total, hits = 0.0, 0
    for start in range(0, len(targets), HEAD_ROWS):
        part = slice(start, start + HEAD_ROWS)
        scores = normed[part] @ embedding.T
        scores -= scores.max(axis=1, keepdims=True)
        rows = np.arange(len(scores))
        chosen = scores[rows, targets[part]].copy()
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1)
        total += float((np.log(sums) - chosen).sum())
        hits += int((chosen == 0).sum())
        if gradient is not None:
            scores /= sums[:, None]
            scores[rows, targets[part]] -= 1
            scores *= weight
            np.matmul(scores, embedding, out=gradient[part])
    return Loss(total, hits, len(targets)), gradient


def loss_and_gradient(
    config: Config,
    layers: Sequence[LayerWeights],
    norm: Array,
    embedding: Array,
    adapter: Sequence[LayerViews],
    shape: AdapterShape,
    x: Array,
    batch: Batch,
    gradient: Sequence[LayerViews] | None,
    weight: float,
) -> Loss:
    """Loss of packed inputs x [T, D] to the adapted (merged) layers; adds `weight` times its gradient.

    `gradient` None computes the loss alone.
    """
    recompute = gradient is not None and x.shape[0] > RECOMPUTE_BEYOND
    inputs: list[Array] = []
    kept: list[_Kept | None] = []
    last = len(layers) - 1
    for index, weights in enumerate(layers):
        inputs.append(x)
        x, saved = layer_forward(config, weights, x, batch, batch.kept if index == last else None)
        kept.append(saved if gradient is not None and not recompute else None)
    normed, unit, inverse = rms_norm(x, norm, config.epsilon)
    loss, d_normed = _head(normed, embedding, batch.targets, None if gradient is None else weight)
    if gradient is None or d_normed is None:
        return loss
    dy: Array | None = rms_norm_backward(d_normed, norm, unit, inverse)
    for index in range(last, -1, -1):
        rows_kept = batch.kept if index == last else None
        saved_layer = kept[index]
        if saved_layer is None:
            saved_layer = layer_forward(config, layers[index], inputs[index], batch, rows_kept)[1]
        kept[index] = None
        assert dy is not None
        dy = layer_backward(
            config, layers[index], adapter[index], shape, saved_layer, dy, batch, gradient[index],
            rows=rows_kept, need_input=index > 0,
        )  # fmt: skip
    return loss
