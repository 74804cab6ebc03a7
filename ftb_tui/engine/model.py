"""A loaded model: base weights in memory, tokenizer, and copies of its top layers with an adapter merged in."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ftb_tui.engine.gguf_file import GgufFile, open_gguf
from ftb_tui.engine.interface import ModelFileError
from ftb_tui.engine.layers import Array, Config, LayerWeights
from ftb_tui.engine.tokenizer import Tokenizer
from ftb_tui.weights import identity

if TYPE_CHECKING:
    from ftb_tui.engine.adapter import Adapter

MERGED_BYTES = 128 * 2**20
"""How much memory merged layers may keep; at least the one last used stays, whatever its size."""


class Model:
    """Base weights, which never change, and what is derived from them. Safe to use from several threads."""

    def __init__(
        self,
        config: Config,
        tokenizer: Tokenizer,
        embedding: Array,
        layers: list[LayerWeights],
        norm: Array,
        name: str = "",
        weights: str = "",
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.embedding = embedding
        """[vocabulary, D]; the output projection is the same matrix."""
        self.layers = layers
        self.norm = norm
        self.name = name
        self.weights = weights
        """The identity of the weights' file, which what is trained on it bears."""
        self.dtype: Any = embedding.dtype
        self._merged: OrderedDict[str, list[LayerWeights]] = OrderedDict()
        self._lock = threading.Lock()

    def layers_with(self, adapter: Adapter | None) -> list[LayerWeights]:
        """All layers, the adapted ones merged with the adapter. Recently used merges are kept."""
        if adapter is None:
            return self.layers
        from ftb_tui.engine.adapter import merge

        key = adapter.digest
        with self._lock:
            top = self._merged.get(key)
            if top is None:
                size = sum(layer.nbytes for layer in self.layers[len(self.layers) - adapter.shape.layers :])
                # Before the new one is made, or both would be there at once.
                while self._merged and size + self._merged_bytes() > MERGED_BYTES:
                    self._merged.popitem(last=False)
                top = merge(self, adapter)
                self._merged[key] = top
            self._merged.move_to_end(key)
        return [*self.layers[: len(self.layers) - len(top)], *top]

    def _merged_bytes(self) -> int:
        return sum(layer.nbytes for layers in self._merged.values() for layer in layers)


def load_model(path: Path, *, dtype: Any = np.float32) -> Model:
    """Read a Llama model of a GGUF file into memory as `dtype` (float32; float64 for checking gradients).

    Raises `ModelFileError` for a file that is missing, cut off, or of another architecture.
    """
    file, config, tokenizer = _opened(Path(path))
    embedding = file.read("token_embd.weight", (tokenizer.size, config.width), dtype)
    layers = [_layer(file, config, index, dtype) for index in range(config.layers)]
    norm = file.read("output_norm.weight", (config.width,), dtype)
    name = str(file.metadata.get("general.name", ""))
    return Model(config, tokenizer, embedding, layers, norm, name=name, weights=identity(Path(path)))


def check_weights(path: Path) -> None:
    """Raises `ModelFileError` for a file that is cut off or of another kind, without reading all of it."""
    _opened(path)


def _opened(path: Path) -> tuple[GgufFile, Config, Tokenizer]:
    file = open_gguf(path)
    try:
        tokenizer = Tokenizer(file.metadata["tokenizer.ggml.tokens"], file.metadata["tokenizer.ggml.token_type"])
        return file, _config(file), tokenizer
    except KeyError as error:
        raise ModelFileError(f"{path} lacks {error.args[0]}, which the engine needs.") from error
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ModelFileError(f"{path} is damaged or of an unknown kind: {error}.") from error


def _config(file: GgufFile) -> Config:
    values = file.metadata
    architecture = values["general.architecture"]
    if architecture != "llama":
        raise ModelFileError(f"{file.path} holds a {architecture} model; the engine runs the Llama architecture.")
    if "output.weight" in file.tensors:
        raise ModelFileError(f"{file.path} has a separate output matrix; the engine runs models with a tied one.")
    heads, width = int(values["llama.attention.head_count"]), int(values["llama.embedding_length"])
    config = Config(
        layers=int(values["llama.block_count"]),
        width=width,
        heads=heads,
        kv_heads=int(values.get("llama.attention.head_count_kv", heads)),
        head_size=int(values.get("llama.rope.dimension_count", width // max(1, heads))),
        feed_forward=int(values["llama.feed_forward_length"]),
        vocabulary=len(values["tokenizer.ggml.tokens"]),
        context_length=int(values["llama.context_length"]),
        rope_base=float(values.get("llama.rope.freq_base", 10_000.0)),
        # Stored as float32; the shortest decimal is the number that was meant.
        epsilon=float(str(np.float32(values["llama.attention.layer_norm_rms_epsilon"]))),
    )
    for size in fields(config):
        if not 0 < getattr(config, size.name) < math.inf:
            raise ValueError(f"its {size.name} is {getattr(config, size.name)}")
    if config.heads % config.kv_heads or config.head_size % 2:
        raise ValueError(f"{heads} heads of {config.head_size} do not share {config.kv_heads} keys")
    return config


def _layer(file: GgufFile, config: Config, index: int, dtype: Any) -> LayerWeights:
    width, feed_forward = config.width, config.feed_forward
    query, key = (config.query_width, width), (config.kv_width, width)

    def read(name: str, *shape: int) -> Array:
        return file.read(f"blk.{index}.{name}.weight", shape, dtype)

    return LayerWeights(
        attention_norm=read("attn_norm", width),
        qkv=np.concatenate(
            [
                _half_split(read("attn_q", *query), config.heads),
                _half_split(read("attn_k", *key), config.kv_heads),
                read("attn_v", *key),
            ]
        ),
        out=read("attn_output", *reversed(query)),
        feed_forward_norm=read("ffn_norm", width),
        gate_up=np.concatenate([read("ffn_gate", feed_forward, width), read("ffn_up", feed_forward, width)]),
        down=read("ffn_down", width, feed_forward),
    )


def _half_split(rows: Array, heads: int) -> Array:
    """Put rows stored for interleaved rotary pairs (2i, 2i+1) in the order of pairs (i, i + E/2).

    The half-split order is the one of the published weights, so adapters fit other programs, and its rotation
    works on contiguous halves.
    """
    out, width = rows.shape
    return rows.reshape(heads, out // heads // 2, 2, width).swapaxes(1, 2).reshape(out, width)
