"""A second, slow and simple Llama in float64, written from the formulas, to hold the engine against.

It shares nothing with the engine: it reads the file through the `gguf` package's own reader, keeps the interleaved
rotary order of the file, goes through one sequence at a time with loops over heads, keeps no cache, and adds an
adapter beside the weights (`W x + s B (A x)`) instead of merging it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

Matrix = np.ndarray[Any, np.dtype[np.float64]]
_PROJECTIONS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@dataclass(frozen=True)
class PlainModel:
    tensors: Mapping[str, Matrix]
    layers: int
    heads: int
    kv_heads: int
    base: float
    epsilon: float


@dataclass(frozen=True)
class PlainAdapter:
    """Matrices by PEFT's names, and the factor of B A."""

    matrices: Mapping[str, Matrix]
    scale: float


def read_plain_model(path: Path) -> PlainModel:
    reader = GGUFReader(str(path))

    def value(name: str) -> Any:
        return reader.fields[f"llama.{name}"].contents()

    return PlainModel(
        {t.name: np.asarray(dequantize(t.data, t.tensor_type), np.float64) for t in reader.tensors},
        int(value("block_count")),
        int(value("attention.head_count")),
        int(value("attention.head_count_kv")),
        float(value("rope.freq_base")),
        # The nearest decimal, as in the published configuration.
        float(f"{value('attention.layer_norm_rms_epsilon'):.6g}"),
    )


def read_plain_adapter(path: Path) -> PlainAdapter:
    """Read the safetensors layout by hand: length of the header, header, data."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__")
    data = content[8 + length :]
    matrices = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        kind = {"F32": "<f4", "F64": "<f8"}[entry["dtype"]]
        values = np.frombuffer(data[start:end], kind).astype(np.float64)
        matrices[name] = values.reshape(entry["shape"])
    return PlainAdapter(matrices, float(metadata["alpha"]) / int(metadata["rank"]))


def hidden_states(model: PlainModel, ids: Sequence[int], adapter: PlainAdapter | None = None) -> list[Matrix]:
    """The embedding and every layer's output, each [T, D]."""
    x = model.tensors["token_embd.weight"][list(ids)]
    states = [x]
    for layer in range(model.layers):
        x = x + _attention(model, layer, _norm(model, f"blk.{layer}.attn_norm", x), adapter)
        normed = _norm(model, f"blk.{layer}.ffn_norm", x)
        gate = _project(model, layer, "ffn_gate", normed, adapter)
        up = _project(model, layer, "ffn_up", normed, adapter)
        x = x + _project(model, layer, "ffn_down", gate / (1 + np.exp(-gate)) * up, adapter)
        states.append(x)
    return states


def logits(model: PlainModel, ids: Sequence[int], adapter: PlainAdapter | None = None) -> Matrix:
    """Scores of every next token at every position, [T, vocabulary]."""
    last = _norm(model, "output_norm", hidden_states(model, ids, adapter)[-1])
    scores: Matrix = last @ model.tensors["token_embd.weight"].T
    return scores


def log_probabilities(model: PlainModel, ids: Sequence[int], adapter: PlainAdapter | None = None) -> Matrix:
    """Natural-log probabilities of every next token at every position, [T, vocabulary]."""
    scores = logits(model, ids, adapter)
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return scores


def answer_loss(
    model: PlainModel, prompt: Sequence[int], answer: Sequence[int], adapter: PlainAdapter | None = None
) -> float:
    """Cross-entropy in nats, summed over the answer's tokens alone."""
    table = log_probabilities(model, [*prompt, *answer], adapter)
    return -sum(float(table[len(prompt) - 1 + n, token]) for n, token in enumerate(answer))


def _norm(model: PlainModel, name: str, x: Matrix) -> Matrix:
    rms: Matrix = np.sqrt((x**2).mean(axis=1, keepdims=True) + model.epsilon)
    normed: Matrix = x / rms * model.tensors[f"{name}.weight"]
    return normed


def _project(model: PlainModel, layer: int, name: str, x: Matrix, adapter: PlainAdapter | None) -> Matrix:
    y: Matrix = x @ model.tensors[f"blk.{layer}.{name}.weight"].T
    stem = f"base_model.model.model.layers.{layer}.{_PROJECTIONS[name]}"
    if adapter is None or f"{stem}.lora_A.weight" not in adapter.matrices:
        return y
    low = x @ adapter.matrices[f"{stem}.lora_A.weight"].T
    added: Matrix = adapter.scale * low @ adapter.matrices[f"{stem}.lora_B.weight"].T
    if name in {"attn_q", "attn_k"}:
        # An adapter's rows pair i with i + E/2, the file's 2i with 2i + 1.
        heads = model.heads if name == "attn_q" else model.kv_heads
        halves = added.reshape(len(x), heads, 2, -1)
        added = np.stack([halves[:, :, 0], halves[:, :, 1]], axis=-1).reshape(len(x), -1)
    y += added
    return y


def _attention(model: PlainModel, layer: int, x: Matrix, adapter: PlainAdapter | None) -> Matrix:
    q, k, v = (_project(model, layer, name, x, adapter) for name in ("attn_q", "attn_k", "attn_v"))
    size = q.shape[1] // model.heads
    outputs = []
    for head in range(model.heads):
        shared = head // (model.heads // model.kv_heads)
        query = _turned(model, q[:, head * size : (head + 1) * size])
        key = _turned(model, k[:, shared * size : (shared + 1) * size])
        rows = []
        for at in range(len(x)):
            scores = key[: at + 1] @ query[at] / np.sqrt(size)
            weights = np.exp(scores - scores.max())
            rows.append(weights / weights.sum() @ v[: at + 1, shared * size : (shared + 1) * size])
        outputs.append(np.stack(rows))
    return _project(model, layer, "attn_output", np.concatenate(outputs, axis=1), adapter)


def _turned(model: PlainModel, x: Matrix) -> Matrix:
    length, size = x.shape
    frequency = model.base ** (-2.0 * np.arange(size // 2) / size)
    pairs = x[:, 0::2] + 1j * x[:, 1::2]
    turned = pairs * np.exp(1j * np.arange(length)[:, None] * frequency)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(length, size)
