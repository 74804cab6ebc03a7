"""Weights that are cut off, damaged or foreign are refused with the file's name and what to do, and never half used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

from ftb_tui.engine.generation import generate
from ftb_tui.engine.gguf_file import open_gguf
from ftb_tui.engine.interface import GenerationRequest, ModelFileError
from ftb_tui.engine.model import load_model
from ftb_tui.engine.tiny import write_tiny_model

REQUEST = GenerationRequest((1, 70, 71), max_tokens=2)


@pytest.fixture(scope="module")
def header_bytes(tiny_file: Path) -> int:
    return min(int(tensor.data_offset) for tensor in GGUFReader(str(tiny_file)).tensors)


def refused(path: Path, *words: str) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    message = str(caught.value)
    assert str(path) in message
    for word in words:
        assert word in message
    return message


def with_value(path: Path, key: str, change: Callable[[Any], None]) -> Path:
    """Change a value in the file's metadata in place."""
    reader = GGUFReader(str(path), "r+")
    field = reader.fields[key]
    change(field.parts[field.data[0]])
    reader.data.flush()
    return path


@pytest.fixture
def copy(tiny_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(tiny_file, tmp_path / "copy.gguf"))


def test_the_metadata_and_every_tensor_are_what_the_formats_own_reader_finds(tiny_file: Path) -> None:
    ours, theirs = open_gguf(tiny_file), GGUFReader(str(tiny_file))
    for key, value in ours.metadata.items():
        assert value == theirs.fields[key].contents(), key
    assert set(ours.tensors) == {tensor.name for tensor in theirs.tensors}
    for tensor in theirs.tensors:
        assert np.array_equal(ours.read(tensor.name, ours.tensors[tensor.name].shape), tensor.data), tensor.name


@pytest.mark.weights
def test_smollm2s_metadata_and_tensors_are_what_the_formats_own_reader_finds(smollm2_file: Path) -> None:
    ours, theirs = open_gguf(smollm2_file), GGUFReader(str(smollm2_file))
    for key in ("general.architecture", "llama.rope.freq_base", "llama.block_count", "tokenizer.ggml.pre"):
        assert ours.metadata[key] == theirs.fields[key].contents()
    assert {name: info.offset for name, info in ours.tensors.items()} == {t.name: t.data_offset for t in theirs.tensors}
    for name in ("blk.0.attn_q.weight", "blk.29.ffn_down.weight", "output_norm.weight"):
        (tensor,) = [tensor for tensor in theirs.tensors if tensor.name == name]
        assert np.array_equal(ours.read(name, ours.tensors[name].shape), dequantize(tensor.data, tensor.tensor_type))


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_every_common_coding_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "coded.gguf"
    values = np.random.default_rng(0).normal(size=(6, 64)).astype(np.float32)
    coding = GGMLQuantizationType[kind]
    writer = GGUFWriter(str(path), "llama")
    writer.add_tensor("x", quantize(values, coding), raw_dtype=coding)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    read = open_gguf(path).read("x", (6, 64))
    assert np.array_equal(read, dequantize(quantize(values, coding), coding))
    assert np.abs(read - values).max() < 0.5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.gguf", "There is no")


def test_a_folder_is_no_weights(tmp_path: Path) -> None:
    refused(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"G", b"GGUF", b"GGUF\x03\0\0\0", b"\0" * 4096, b"<!DOCTYPE html><html>404</html>", b"PK\x03\x04" + b"x" * 100],
    ids=["empty", "one byte", "mark alone", "half a header", "zeros", "a web page", "a zip"],
)  # fmt: skip
def test_what_is_not_gguf_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "not.gguf"
    path.write_bytes(content)
    refused(path, "ftb models pull")


def test_a_file_cut_off_anywhere_is_refused(tiny_file: Path, header_bytes: int, tmp_path: Path) -> None:
    content = tiny_file.read_bytes()
    lengths = {*range(0, header_bytes, 97), header_bytes, len(content) // 2, len(content) - 1}
    for length in sorted(lengths):
        path = tmp_path / f"cut-{length}.gguf"
        path.write_bytes(content[:length])
        refused(path, "ftb models pull")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_damaged_header_is_refused_or_leaves_a_model_that_works(
    tiny_file: Path, header_bytes: int, tmp_path: Path
) -> None:
    content = tiny_file.read_bytes()
    random = np.random.default_rng(5)
    path = tmp_path / "damaged.gguf"
    refusals = 0
    places = [*range(24), *random.integers(0, header_bytes, 600).tolist()]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        try:
            model = load_model(path)
        except ModelFileError as error:
            assert str(path) in str(error)
            refusals += 1
        else:
            assert len(generate(model, None, [REQUEST])) == 1
    assert refusals > 50


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("llama.attention.head_count", 0, "heads"),
        ("llama.attention.head_count", 3, "heads"),
        ("llama.attention.head_count_kv", 3, "keys"),
        ("llama.rope.dimension_count", 4, "attn_q"),
        ("llama.embedding_length", 16, "token_embd.weight"),
        ("llama.feed_forward_length", 65, "ffn_gate"),
        ("llama.block_count", 4, "blk.3"),
        ("llama.context_length", 0, "context_length"),
        ("llama.rope.freq_base", float("nan"), "rope_base"),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(copy: Path, key: str, value: float, words: str) -> None:
    def change(part: Any) -> None:
        part[0] = value

    refused(with_value(copy, key, change), words)


def test_a_model_of_another_architecture_is_refused_by_name(copy: Path) -> None:
    def change(part: Any) -> None:
        part[:] = np.frombuffer(b"mamba", np.uint8)

    refused(with_value(copy, "general.architecture", change), "mamba", "Llama")


def test_a_file_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.gguf"
    writer = GGUFWriter(str(path), "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    refused(path, "lacks")


def test_equal_seeds_make_equal_tiny_models_and_others_do_not(tmp_path: Path) -> None:
    first, again = (write_tiny_model(tmp_path / name, seed=4).read_bytes() for name in ("a.gguf", "b.gguf"))
    assert first == again
    assert write_tiny_model(tmp_path / "c.gguf", seed=5).read_bytes() != first
