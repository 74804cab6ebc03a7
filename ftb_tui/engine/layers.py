"""The arithmetic of one Llama layer, forward and backward, on packed tokens.

"Packed" means that the tokens of all sequences stand one after the other in the rows of one matrix, so that
matrix products see no padding; only attention looks at single sequences. Shapes use T tokens, D model width,
H query heads, G key-value heads, E head size, F feed-forward width. Formulas: Touvron et al. 2023 (Llama),
Zhang and Sennrich 2019 (RMS normalization), Su et al. 2021 (rotary positions, in the half-split form),
Shazeer 2020 (SwiGLU), Ainslie et al. 2023 (grouped queries).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

MASKED = -1e30
ATTENTION_BYTES = 32 * 2**20
"""Bound of the scores that reading attends with at once; longer texts are gone through in blocks of queries."""
FEED_FORWARD_ROWS = 1024
"""How many tokens go through a feed-forward block at once when nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes of one model."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    feed_forward: int
    vocabulary: int
    context_length: int
    rope_base: float
    epsilon: float

    @property
    def query_width(self) -> int:
        """Columns of the fused projection that are queries."""
        return self.heads * self.head_size

    @property
    def kv_width(self) -> int:
        """Columns of the fused projection that are keys; as many are values."""
        return self.kv_heads * self.head_size


@dataclass(slots=True)
class LayerWeights:
    """One layer's matrices, each [out, in]. Queries, keys and values are fused, and so are gate and up."""

    attention_norm: Array
    qkv: Array
    out: Array
    feed_forward_norm: Array
    gate_up: Array
    down: Array

    @property
    def nbytes(self) -> int:
        """Bytes of the four large matrices."""
        return self.qkv.nbytes + self.out.nbytes + self.gate_up.nbytes + self.down.nbytes


@dataclass(frozen=True, slots=True)
class Packing:
    """Which packed rows belong to which sequence. Made by `pack`."""

    lengths: Array
    """Tokens of each sequence, [B]."""
    positions: Array
    """Each packed token's position in its own sequence, [T]."""
    padded: Array
    """Packed row of each padded place, [B, L]; places beyond a sequence's end point to its row 0."""
    flat: Array
    """Padded place b * L + i of each packed token, [T]."""


def pack(lengths: Array) -> Packing:
    """The packing of sequences of these lengths."""
    starts = np.cumsum(lengths) - lengths
    places = np.arange(int(lengths.max()))
    real = places[None, :] < lengths[:, None]
    padded = np.where(real, starts[:, None] + places[None, :], starts[:, None])
    return Packing(lengths, np.broadcast_to(places, real.shape)[real], padded, np.flatnonzero(real))


def rms_norm(x: Array, gain: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """`x / rms(x) * gain` of each row; also `x / rms(x)` and `1 / rms(x)`, which the gradient needs."""
    inverse = np.einsum("td,td->t", x, x)
    inverse /= x.shape[1]
    inverse += epsilon
    np.sqrt(inverse, out=inverse)
    np.reciprocal(inverse, out=inverse)
    unit = x * inverse[:, None]
    return unit * gain, unit, inverse


def rms_norm_backward(dy: Array, gain: Array, unit: Array, inverse: Array) -> Array:
    """Gradient with respect to x of `rms_norm`. Overwrites dy."""
    dy *= gain
    inner = np.einsum("td,td->t", dy, unit)
    inner /= dy.shape[1]
    dy -= unit * inner[:, None]
    dy *= inverse[:, None]
    return dy


def rope_tables(config: Config, positions: Array, dtype: Any) -> tuple[Array, Array]:
    """Cosine and sine of every position's angles, each [T, 1, E / 2]."""
    half = config.head_size // 2
    frequency = config.rope_base ** (-np.arange(half, dtype=np.float64) / half)
    angle = positions[:, None].astype(np.float64) * frequency
    return np.cos(angle).astype(dtype)[:, None, :], np.sin(angle).astype(dtype)[:, None, :]


def rotate(x: Array, cos: Array, sin: Array) -> None:
    """Turn heads [T, H, E] in place by their positions' angles; with -sin it turns them back."""
    half = x.shape[2] // 2
    first, second = x[:, :, :half], x[:, :, half:]
    turned = first * cos
    turned -= second * sin
    second *= cos
    second += first * sin
    first[...] = turned


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)). Overflow of exp to infinity gives the right 0."""
    result = np.negative(x)
    np.exp(result, out=result)
    result += 1
    np.reciprocal(result, out=result)
    return result


def softmax(scores: Array) -> None:
    """Normalized exponentials over the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)


def group_heads(x: Array, groups: int) -> Array:
    """Heads of padded sequences [B, L, H, E] as [B, G, H / G * L, E]: one product for all that share keys."""
    batch, length, heads, size = x.shape
    parted = x.reshape(batch, length, groups, heads // groups, size)
    return parted.transpose(0, 2, 3, 1, 4).reshape(batch, groups, heads // groups * length, size)


def ungroup_heads(x: Array, length: int) -> Array:
    """The inverse of `group_heads`."""
    batch, groups, rows, size = x.shape
    parted = x.reshape(batch, groups, rows // length, length, size)
    return parted.transpose(0, 3, 1, 2, 4).reshape(batch, length, groups * (rows // length), size)


def attend(q: Array, k: Array, v: Array, mask: Array | None, length: int) -> tuple[Array, Array]:
    """Grouped attention of padded sequences.

    q is [B, G, H / G * Lq, E] from `group_heads`, already scaled; k and v are [B, G, Lk, E]; mask is added to
    the scores and is [Lq, Lk] or [B, 1, 1, Lq, Lk]. `length` is Lq. Returns the mixed values, shaped as q, and
    the probabilities [B, G, H / G * Lq, Lk].
    """
    scores = np.matmul(q, k.swapaxes(-1, -2))
    if mask is not None:
        batch, groups, rows, keys = scores.shape
        by_head = scores.reshape(batch, groups, rows // length, length, keys)
        by_head += mask
    softmax(scores)
    return np.matmul(scores, v), scores


def attend_backward(d_mixed: Array, q: Array, k: Array, v: Array, probabilities: Array) -> tuple[Array, Array, Array]:
    """Gradients of `attend` with respect to q, k and v, shaped as they are."""
    d_v = np.matmul(probabilities.swapaxes(-1, -2), d_mixed)
    d_q, d_k = np.empty_like(q), np.empty_like(d_v)
    # One sequence after the other: the scores of all of them would take as much memory as the probabilities.
    for b in range(q.shape[0]):
        d_scores = np.matmul(d_mixed[b], v[b].swapaxes(-1, -2))
        d_scores -= np.einsum("gqk,gqk->gq", d_scores, probabilities[b])[..., None]
        d_scores *= probabilities[b]
        np.matmul(d_scores, k[b], out=d_q[b])
        np.matmul(d_scores.swapaxes(-1, -2), q[b], out=d_k[b])
    return d_q, d_k, d_v


def attend_reading(q: Array, k: Array, v: Array, start: int) -> Array:
    """Causal attention of padded queries [B, L, H, E] that stand at places `start` and after; the mixed values, so shaped.

    k and v are [B, G, S, E] with at least `start` + L places. The scores of `ATTENTION_BYTES` are there at once; what
    a block of queries may not see is not computed at all.
    """
    batch, length, heads, size = q.shape
    mixed = np.empty_like(q)
    per_row = heads * (start + length) * length * q.itemsize
    rows = max(1, ATTENTION_BYTES // per_row)
    block = max(1, min(length, ATTENTION_BYTES * length // per_row))
    for first in range(0, length, block):
        last = min(length, first + block)
        places = np.arange(start + last)
        hidden = places[None, :] > start + np.arange(first, last)[:, None]
        mask = np.where(hidden, np.asarray(MASKED, q.dtype), np.asarray(0, q.dtype))
        for b in range(0, batch, rows):
            part = slice(b, b + rows)
            grouped = group_heads(q[part, first:last], k.shape[1])
            seen = (part, slice(None), slice(start + last))
            found, _ = attend(grouped, k[seen], v[seen], mask, last - first)
            mixed[part, first:last] = ungroup_heads(found, last - first).reshape(-1, last - first, heads, size)
    return mixed


def causal_mask(length: int, dtype: Any) -> Array:
    """[length, length] with `MASKED` where a key lies after its query. Padding needs no mask of its own."""
    return np.triu(np.full((length, length), MASKED, dtype), 1)


def qkv_heads(config: Config, weights: LayerWeights, normed: Array, cos: Array, sin: Array) -> Array:
    """Queries, keys and values of packed tokens as heads [T, H + 2G, E], rotated, queries scaled by E^-1/2."""
    n_tokens = normed.shape[0]
    heads = (normed @ weights.qkv.T).reshape(n_tokens, config.heads + 2 * config.kv_heads, config.head_size)
    rotate(heads[:, : config.heads + config.kv_heads], cos, sin)
    heads[:, : config.heads] *= config.head_size**-0.5
    return heads


def feed_forward(config: Config, weights: LayerWeights, x: Array) -> None:
    """Add the feed-forward block's output to x [T, D] in place (the inference form, nothing is kept)."""
    for start in range(0, len(x), FEED_FORWARD_ROWS):
        part = x[start : start + FEED_FORWARD_ROWS]
        normed, _, _ = rms_norm(part, weights.feed_forward_norm, config.epsilon)
        gate_up = normed @ weights.gate_up.T
        gate, up = gate_up[:, : config.feed_forward], gate_up[:, config.feed_forward :]
        hidden = sigmoid(gate)
        hidden *= gate
        hidden *= up
        part += hidden @ weights.down.T
