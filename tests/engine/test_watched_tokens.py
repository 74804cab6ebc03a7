"""The engine tells the probability of tokens that are asked for by name, however unlikely."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftb_tui.engine.tiny import write_tiny_model
from tests.engine.process import EngineProcess
from tests.engine.serving.client import ask


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "engine-home", write_tiny_model(tmp_path / "tiny.gguf"))
    engine.start()
    yield engine
    if engine.process is not None and engine.process.poll() is None:
        engine.end(signal.SIGKILL)


def test_named_tokens_stand_behind_the_likeliest_with_the_same_probabilities(engine: EngineProcess) -> None:
    client = engine.client()
    everything = ask(client, "smollm2-135m", logprobs=True, top_logprobs=20, max_tokens=1)
    listed = {rival.token: rival.logprob for rival in everything.choices[0].logprobs.content[0].top_logprobs}
    best = list(listed)
    named = ["Y", "N", best[0], best[5], "no such token, since it is a sentence"]
    some = ask(
        client, "smollm2-135m", logprobs=True, top_logprobs=2, max_tokens=1, extra_body={"top_logprobs_include": named}
    )
    found = {rival.token: rival.logprob for rival in some.choices[0].logprobs.content[0].top_logprobs}
    assert list(found)[:2] == best[:2]
    assert {"Y", "N", best[5]} <= set(found)
    assert len(found) == 5 if best[1] not in named else 4
    assert found[best[5]] == pytest.approx(listed[best[5]], abs=1e-9)
    assert sum(map(math.exp, found.values())) <= 1.0
    alone = ask(client, "smollm2-135m", logprobs=True, max_tokens=1)
    assert alone.choices[0].logprobs.content[0].top_logprobs == []
