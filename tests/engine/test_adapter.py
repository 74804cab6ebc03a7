"""An adapter's file brings back exactly what was trained, fits other programs, and is refused when it is not whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftb_tui.engine import model as model_module
from ftb_tui.engine.adapter import Adapter, AdapterShape, load_adapter, save_adapter, shape_for, views, weight_count
from ftb_tui.engine.container import pack_arrays, unpack_arrays, write_atomically
from ftb_tui.engine.generation import generate
from ftb_tui.engine.interface import AdapterError, GenerationRequest, OtherWeightsError
from ftb_tui.engine.layers import Array, LayerWeights
from ftb_tui.engine.model import Model
from tests.engine.plain import PlainModel, log_probabilities, read_plain_adapter

PROMPT = (1, 80, 90, 100, 41, 7)


def random_adapter(model: Model, *, layers: int = 2, rank: int = 3, seed: int = 0) -> Adapter:
    shape = shape_for(model.config, rank=rank, alpha=6.0, layers=layers)
    flat = np.random.default_rng(seed).normal(0, 0.3, weight_count(shape))
    return Adapter(shape, flat.astype(model.dtype))


@pytest.fixture
def adapter(single: Model) -> Adapter:
    return random_adapter(single)


@pytest.fixture
def file(adapter: Adapter, tmp_path: Path) -> Path:
    save_adapter(tmp_path / "adapter.safetensors", adapter)
    return tmp_path / "adapter.safetensors"


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a very small adapter, so that much of it is header."""
    shape = AdapterShape(first_layer=1, layers=1, rank=1, alpha=2.0, width=4, query_width=4, kv_width=2, feed_forward=6)
    path = tmp_path_factory.mktemp("small") / "a"
    save_adapter(path, Adapter(shape, np.random.default_rng(0).normal(size=weight_count(shape)).astype(np.float32)))
    return path.read_bytes()


def refused(path: Path, *words: str) -> None:
    with pytest.raises(AdapterError) as caught:
        load_adapter(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("kind", ["single", "exact"])
def test_what_is_read_back_is_what_was_saved_bit_for_bit(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    adapter = random_adapter(request.getfixturevalue(kind))
    save_adapter(tmp_path / "sub" / "folder" / "a", adapter)
    again = load_adapter(tmp_path / "sub" / "folder" / "a")
    assert again.shape == adapter.shape
    assert again.digest == adapter.digest
    assert again.flat.dtype == adapter.flat.dtype
    assert again.flat.tobytes() == adapter.flat.tobytes()


def test_the_digest_tells_other_weights_and_other_shapes_apart(adapter: Adapter) -> None:
    nudged = adapter.flat.copy()
    nudged[17] = np.nextafter(nudged[17], np.float32(9))
    assert Adapter(adapter.shape, nudged).digest != adapter.digest
    assert Adapter(replace(adapter.shape, alpha=7.0), adapter.flat).digest != adapter.digest
    assert Adapter(adapter.shape, adapter.flat.copy()).digest == adapter.digest
    with pytest.raises(ValueError, match="read-only"):
        adapter.flat[0] = 1


def test_the_file_carries_pefts_names_and_orientation(exact: Model, file: Path) -> None:
    matrices = read_plain_adapter(file).matrices
    config = exact.config
    sizes = {
        "self_attn.q_proj": (config.query_width, config.width),
        "self_attn.k_proj": (config.kv_width, config.width),
        "self_attn.v_proj": (config.kv_width, config.width),
        "self_attn.o_proj": (config.width, config.query_width),
        "mlp.gate_proj": (config.feed_forward, config.width),
        "mlp.up_proj": (config.feed_forward, config.width),
        "mlp.down_proj": (config.width, config.feed_forward),
    }
    expected = {}
    for layer in (1, 2):
        for name, (rows, columns) in sizes.items():
            expected[f"base_model.model.model.layers.{layer}.{name}.lora_A.weight"] = (3, columns)
            expected[f"base_model.model.model.layers.{layer}.{name}.lora_B.weight"] = (rows, 3)
    assert {name: matrix.shape for name, matrix in matrices.items()} == expected


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_adapted_model_says_what_its_file_says_in_a_plain_implementation(
    exact: Model, plain: PlainModel, tmp_path: Path, layers: int
) -> None:
    adapter = random_adapter(exact, layers=layers)
    save_adapter(tmp_path / "a", adapter)
    (answer,) = generate(exact, adapter, [GenerationRequest(PROMPT, max_tokens=1, top_logprobs=259)])
    assert answer.logprobs is not None
    ours = dict(answer.logprobs[0].top)
    expected = log_probabilities(plain, PROMPT, read_plain_adapter(tmp_path / "a"))[-1]
    np.testing.assert_allclose([ours[token] for token in range(len(expected))], expected, atol=1e-9)
    base = log_probabilities(plain, PROMPT)[-1]
    assert np.abs(expected - base).max() > 0.1


def test_the_base_answers_the_same_before_and_after_an_adapter_was_used(exact: Model) -> None:
    request = GenerationRequest(PROMPT, max_tokens=6, top_logprobs=2, stop_at_newline=False)
    before = generate(exact, None, [request])
    tuned = generate(exact, random_adapter(exact, layers=3), [request])
    assert generate(exact, None, [request]) == before
    assert tuned != before


def test_adapters_take_turns_without_mixing_even_when_few_merges_are_kept(
    exact: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "MERGED_BYTES", 1)
    adapters = [random_adapter(exact, seed=seed) for seed in range(3)]
    request = GenerationRequest(PROMPT, max_tokens=3, top_logprobs=1, stop_at_newline=False)
    first = [generate(exact, adapter, [request]) for adapter in adapters]
    assert [generate(exact, adapter, [request]) for adapter in adapters] == first
    assert len({repr(answer) for answer in first}) == 3


def test_the_merge_used_last_is_kept_however_little_room_there_is(
    exact: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "MERGED_BYTES", 1)
    exact.layers_with(random_adapter(exact, seed=8))
    last = random_adapter(exact, seed=9)
    assert exact.layers_with(last)[-1] is exact.layers_with(last)[-1]


def test_an_adapter_that_adds_nothing_changes_nothing(exact: Model) -> None:
    adapter = random_adapter(exact)
    flat = adapter.flat.copy()
    for layer in views(adapter.shape, flat):
        for b in (layer.b_q, layer.b_k, layer.b_v, layer.b_out, layer.b_gate, layer.b_up, layer.b_down):
            b[...] = 0
    for base, merged in zip(exact.layers, exact.layers_with(Adapter(adapter.shape, flat)), strict=True):
        assert np.array_equal(base.qkv, merged.qkv)
        assert np.array_equal(base.down, merged.down)


def test_a_file_cut_off_at_any_length_is_refused(small_file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    for length in range(0, len(small_file), 7):
        path.write_bytes(small_file[:length])
        refused(path, "damaged")
    path.write_bytes(small_file + b"\0")
    refused(path, "damaged")


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_single_turned_bit_is_noticed_wherever_it_is(small_file: bytes, place: int, bit: int) -> None:
    damaged = bytearray(small_file)
    damaged[place % len(damaged)] ^= 1 << bit
    with pytest.raises(AdapterError, match="the file X is damaged"):
        unpack_arrays(bytes(damaged), "the file X")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 64,
        b"hello, I am a text",
        b"\xff" * 200,
        b"PK\x03\x04" + b"x" * 60,
        b"\x02\0\0\0\0\0\0\0{}",
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x10\0\0\0\0\0\0\0" + b'{"__metadata__":1',
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
    ],
    ids=["empty", "zeros", "text", "ones", "zip", "empty header", "list", "number", "deep"],
)
def test_what_is_no_adapter_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "not-an-adapter"
    path.write_bytes(content)
    refused(path, "damaged")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "cannot be read")
    refused(tmp_path, "cannot be read")


def test_a_whole_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(pack_arrays({"flat": np.zeros(3, np.float32)}, {"format": "something-else"}))
    refused(path, "not an adapter")


@pytest.mark.parametrize("change", ["rank", "layers", "width"])
def test_matrices_that_contradict_the_files_own_shape_are_refused(
    adapter: Adapter, file: Path, tmp_path: Path, change: str
) -> None:
    arrays, metadata = unpack_arrays(file.read_bytes(), "")
    metadata[change] = str(int(metadata[change]) * 2)
    other = tmp_path / "contradicting"
    other.write_bytes(pack_arrays(arrays, metadata))
    refused(other, "do not fit together")


def test_a_matrix_that_would_only_fit_by_being_repeated_is_refused(file: Path, tmp_path: Path) -> None:
    arrays, metadata = unpack_arrays(file.read_bytes(), "")
    first = next(iter(arrays))
    arrays[first] = arrays[first][:1]
    other = tmp_path / "repeating"
    other.write_bytes(pack_arrays(arrays, metadata))
    refused(other, "do not fit together")


def test_an_adapter_of_a_model_of_other_sizes_is_refused_by_name(exact: Model, tmp_path: Path) -> None:
    shape = replace(random_adapter(exact).shape, width=exact.config.width * 2)
    path = tmp_path / "of-another-model"
    save_adapter(path, Adapter(shape, np.zeros(weight_count(shape))))
    foreign = load_adapter(path)
    with pytest.raises(AdapterError, match="other sizes") as caught:
        generate(exact, foreign, [GenerationRequest(PROMPT)])
    assert str(path) in str(caught.value)


def test_an_adapter_of_other_weights_is_refused_by_name(exact: Model, tmp_path: Path) -> None:
    path, older = tmp_path / "of-other-weights", tmp_path / "from-before"
    save_adapter(path, random_adapter(exact), weights="abc")
    save_adapter(older, random_adapter(exact))
    with pytest.raises(OtherWeightsError, match=rf"{path} was trained on other weights \(abc\) than .* \(def\)"):
        load_adapter(path, weights="def")
    same = load_adapter(path, weights="abc")
    # One that does not say on which it was trained is taken.
    assert load_adapter(older, weights="def").digest == same.digest


def test_an_adapter_for_more_layers_than_the_model_has_is_refused(exact: Model) -> None:
    shape = replace(random_adapter(exact).shape, layers=5, first_layer=0)
    with pytest.raises(AdapterError, match="does not fit"):
        exact.layers_with(Adapter(shape, np.zeros(weight_count(shape))))


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync", no_space) if failing == "fsync" else (Path, "replace", no_space)))
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_reader_never_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"old" * 1000)
    seen = []
    flush: Callable[[int], None] = os.fsync

    def look(handle: int) -> None:
        seen.append(path.read_bytes())
        flush(handle)

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(path, b"new" * 1000)
    # Once before the new file takes the name, once after, when the folder is made safe.
    assert seen == [b"old" * 1000, b"new" * 1000]


def test_arrays_of_any_shape_come_back_and_the_bytes_are_the_safetensors_layout() -> None:
    arrays: dict[str, Array] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "empty": np.zeros((0, 4), np.float64),
        "turned": np.arange(12, dtype=np.float64).reshape(3, 4).T,
        "scalar": np.array(2.5, np.float32),
    }
    content = pack_arrays(arrays, {"note": "ø"})
    again, metadata = unpack_arrays(content, "")
    assert metadata == {"note": "ø"}
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype
        assert np.array_equal(again[name], array)
    assert (8 + int.from_bytes(content[:8], "little")) % 8 == 0


def test_merging_writes_w_plus_scale_times_b_a(exact: Model) -> None:
    adapter = random_adapter(exact, layers=1)
    (layer,) = views(adapter.shape, adapter.flat)
    base: LayerWeights = exact.layers[-1]
    merged: LayerWeights = exact.layers_with(adapter)[-1]
    np.testing.assert_allclose(merged.down, base.down + 2.0 * layer.b_down @ layer.a_down, atol=1e-12)
    q = exact.config.query_width
    np.testing.assert_allclose(merged.qkv[:q], base.qkv[:q] + 2.0 * layer.b_q @ layer.a_qkv[:3], atol=1e-12)
