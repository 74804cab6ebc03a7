"""A tiny model with random weights in the real file format, so that the mechanics can be tried in milliseconds.

It knows nothing and generalizes by chance; no figure of any worth comes from it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from ftb_tui.engine.tokenizer import BYTE_OF, END_OF_TURN, START_OF_TURN

_LAYERS, _WIDTH, _HEADS, _KV_HEADS, _FEED_FORWARD, _CONTEXT = 3, 32, 4, 2, 64, 512
_NORMAL, _CONTROL = 1, 3


def write_tiny_model(path: Path, *, seed: int = 0) -> Path:
    """Write a three-layer Llama of width 32 with a vocabulary of bytes; equal seeds give equal files."""
    random = np.random.default_rng(seed)
    writer = GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_block_count(_LAYERS)
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_KV_HEADS)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    letters = sorted(BYTE_OF, key=lambda letter: BYTE_OF[letter])
    tokens = ["<|endoftext|>", START_OF_TURN, END_OF_TURN, *letters]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([_CONTROL] * 3 + [_NORMAL] * len(letters))

    def matrix(name: str, rows: int, columns: int, spread: float) -> None:
        writer.add_tensor(name, random.normal(0, spread, (rows, columns)).astype(np.float32))

    kv_width = _WIDTH // _HEADS * _KV_HEADS
    matrix("token_embd.weight", len(tokens), _WIDTH, 1.0)
    for layer in range(_LAYERS):
        stem = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{stem}.{norm}.weight", np.ones(_WIDTH, np.float32))
        for name, rows, columns in (
            ("attn_q", _WIDTH, _WIDTH),
            ("attn_k", kv_width, _WIDTH),
            ("attn_v", kv_width, _WIDTH),
            ("attn_output", _WIDTH, _WIDTH),
            ("ffn_gate", _FEED_FORWARD, _WIDTH),
            ("ffn_up", _FEED_FORWARD, _WIDTH),
            ("ffn_down", _WIDTH, _FEED_FORWARD),
        ):
            matrix(f"{stem}.{name}.weight", rows, columns, columns**-0.5)
    writer.add_tensor("output_norm.weight", np.ones(_WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
