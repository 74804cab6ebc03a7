"""A client of the engine, by the openai SDK and by plain HTTP."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx2
import openai

from ftb_tui.engine_state import read_engine_state
from tests.engine.process import EngineProcess

LINES = [
    {"messages": [{"role": "user", "content": f"What is {n}?"}, {"role": "assistant", "content": f"word{n}"}]}
    for n in range(12)
]
TRAINING = "\n".join(json.dumps(line) for line in LINES).encode()


def upload(client: openai.OpenAI, content: bytes = TRAINING) -> str:
    return client.files.create(file=("train.jsonl", io.BytesIO(content)), purpose="fine-tune").id


def create(client: openai.OpenAI, epochs: int = 3, **more: Any) -> str:
    method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs, "batch_size": 4}}}
    file = more.pop("training_file", None) or upload(client)
    return client.fine_tuning.jobs.create(model="smollm2-135m", training_file=file, method=method, seed=5, **more).id


def ask(client: openai.OpenAI, model: str, text: str = "What is 3?", **more: Any) -> Any:
    options: dict[str, Any] = {"max_tokens": 12, "temperature": 0, **more}
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **options)


def get(engine: EngineProcess, path: str, method: str = "GET", **more: Any) -> httpx2.Response:
    state = read_engine_state(engine.state_file)
    assert state is not None
    headers = {"Authorization": f"Bearer {state.token}"}
    return httpx2.request(method, state.url + path, headers=more.pop("headers", headers), **more)
