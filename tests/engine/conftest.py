"""The tiny model, as the engine loads it and as the plain second implementation does; SmolLM2 where it is at hand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from ftb_tui.engine.adapter import Adapter
from ftb_tui.engine.interface import Hyperparameters
from ftb_tui.engine.model import Model, load_model
from ftb_tui.engine.tiny import write_tiny_model
from ftb_tui.engine.training import train
from ftb_tui.weights import SHA256
from tests.engine.plain import PlainModel, read_plain_model
from tests.weights import real_weights


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def exact(tiny_file: Path) -> Model:
    """The tiny model in float64, where rounding hides nothing. Nobody changes it."""
    return load_model(tiny_file, dtype=np.float64)


@pytest.fixture(scope="session")
def single(tiny_file: Path) -> Model:
    """The tiny model in float32, as the engine runs it."""
    return load_model(tiny_file)


@pytest.fixture(scope="session")
def plain(tiny_file: Path) -> PlainModel:
    return read_plain_model(tiny_file)


@pytest.fixture(scope="session")
def smollm2_file() -> Path:
    path = real_weights()
    if path is None:
        pytest.skip("the SmolLM2 weights are not here (make test fetches them)")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        pytest.skip(f"{path} is not the file whose values were recorded")
    return path


@pytest.fixture(scope="module")
def taught(exact: Model) -> Adapter:
    """An adapter that knows three answers by heart: one word, two lines, and one that begins with a blank line."""
    tokenizer = exact.tokenizer
    items = []
    for question, answer in (("one", "yes"), ("two", "ab\ncd"), ("three", "\n\nok\nno")):
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        items += tokenizer.training_items(messages)
    hyper = Hyperparameters(n_epochs=60, batch_size=3, learning_rate=0.01, rank=8, layers=3)
    return train(exact, items, hyper)
