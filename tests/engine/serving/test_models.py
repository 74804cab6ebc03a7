"""What was tuned stays what it is until it is deleted itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import openai
import pytest

from ftb_tui.engine.records import _SCHEMAS, Records
from tests.engine.process import EngineProcess, wait_for
from tests.engine.serving.client import ask, create


def test_a_tuned_model_stays_as_it_is_when_its_checkpoints_are_deleted(engine: EngineProcess) -> None:
    client = engine.client()
    job = wait_for(client, create(client, 3), "succeeded")
    model = str(job.fine_tuned_model)

    def answered() -> object:
        return ask(client, model, logprobs=True, top_logprobs=2).choices

    expected = answered()
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    names = [checkpoint.fine_tuned_model_checkpoint for checkpoint in checkpoints]
    assert answered() == ask(client, names[0], logprobs=True, top_logprobs=2).choices
    for name in names:
        assert client.models.delete(name).deleted
        assert answered() == expected
    assert [listed.id for listed in client.models.list()] == ["smollm2-135m", model]
    assert client.models.delete(model).deleted
    assert [listed.id for listed in client.models.list()] == ["smollm2-135m"]
    with pytest.raises(openai.NotFoundError):
        ask(client, model)


def test_a_tuned_model_of_an_earlier_version_keeps_the_adapter_that_it_had(tmp_path: Path) -> None:
    file = tmp_path / "engine.db"
    old = sqlite3.connect(file)
    old.executescript(_SCHEMAS[0] + "PRAGMA user_version = 1;")
    for number, model in ((1, "ft:one"), (2, None)):
        old.execute(
            "INSERT INTO jobs (number, id, created_at, model, training_file, seed, metadata, hyperparameters, status,"
            " fine_tuned_model) VALUES (?, ?, 1, 'base', 'file', 1, '{}', '{}', 'succeeded', ?)",
            (number, f"job-{number}", model),
        )
        for step in (12, 3):
            name = f"{number}-{step}"
            old.execute(
                "INSERT INTO checkpoints (id, job_id, created_at, model, step, metrics, file)"
                " VALUES (?, ?, 1, ?, ?, '{}', ?)",
                (name, f"job-{number}", f"ft:{name}", step, f"{name}.safetensors"),
            )
    old.commit()
    old.close()
    records = Records(file)
    assert records.adapter_file("ft:one") == "1-12.safetensors"
    assert [job.adapter for job in records.jobs()] == [None, "1-12.safetensors"]
    assert records.delete_model("ft:1-12")
    assert records.adapter_file("ft:one") == "1-12.safetensors"
    records.close()
