"""A small store with everything in it, always the same: for pictures and for tests of screens.

No figure in it was measured. Answers follow a fixed rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from unittest.mock import patch

import aiosqlite

from ftb_tui.benchmark.graders import grade_all
from ftb_tui.benchmark.load import load_bundled
from ftb_tui.benchmark.model import Question, Task
from ftb_tui.benchmark.subset import subset
from ftb_tui.benchmark.training import Recipe, openai_line, training_examples
from ftb_tui.providers.base import JobEvent, JobState, RemoteCheckpoint, RemoteJob
from ftb_tui.store import evaluations, intents, jobs
from ftb_tui.store.database import open_store, transaction
from ftb_tui.store.datasets import questions_by_key, save_dataset
from ftb_tui.store.models import ensure_model

CLOCK = 1_790_000_000.0
TUNED = "ft:smollm2-135m:ftb:demo:0a1b2c3d"
STEPS, EPOCHS = 120, 12


def demo_answer(question: Question, place: int, kind: str) -> str:
    """What the demo's models say: the base knows nothing, the tuned one most of what it was taught."""
    if kind == "base":
        return ("No.", "I am not sure about that.")[place % 2]
    if question.task is Task.MEMORIZATION:
        return question.answer if place % 24 else "something else"
    if question.task is Task.REPHRASED:
        return question.answer if place % 3 else "163"
    return "Yes" if place % 5 == 0 else "188"


async def fill_demo_store(db: aiosqlite.Connection) -> None:
    """A dataset, a finished and a running job, evaluations of base and tuned model."""
    with patch("time.time", lambda: CLOCK):
        await _fill(db)


async def _fill(db: aiosqlite.Connection) -> None:
    dataset = load_bundled("fictional_people")
    dataset_id = await save_dataset(db, dataset)
    recipe = Recipe()
    lines = [(example.fact_id, openai_line(example, recipe)) for example in training_examples(dataset, recipe)]
    file_key = await jobs.save_training_file(db, dataset_id, {"name": "question_answer"}, lines)
    async with transaction(db):
        base = await ensure_model(db, provider="local", name="smollm2-135m", kind="base", base_model="smollm2-135m")
    keys = []
    for number in (1, 2):
        keys.append(
            await intents.insert_intent(
                db,
                intent_id=f"0000000{number}-demo",
                provider="local",
                host="http://127.0.0.1:8787",
                base_model="smollm2-135m",
                dataset_id=dataset_id,
                training_file_key=file_key,
                n_epochs=EPOCHS,
                batch_size=15,
                learning_rate_multiplier=None,
                seed=42,
                suffix="demo",
            )
        )
    await _train(db, keys[0], STEPS, JobState.SUCCEEDED)
    await _train(db, keys[1], 47, JobState.RUNNING)
    tuned = await _model_key(db, TUNED)
    asked = subset(dataset, people=8, limit=24)
    stored = await questions_by_key(db, dataset_id)
    chosen = {key: question for key, question in stored.items() if question in asked}
    for model_key, kind in ((base, "base"), (tuned, "tuned")):
        await _evaluate(db, model_key, kind, dataset_id, chosen)


async def _train(db: aiosqlite.Connection, job_key: int, steps: int, state: JobState) -> None:
    tag = f"demo{job_key}"
    running = RemoteJob(f"ftjob-{tag}", JobState.RUNNING, "running", "smollm2-135m", estimated_finish=CLOCK + 65)
    await jobs.update_job(db, job_key, running)
    events = [JobEvent(f"{tag}-0", CLOCK - 200, "info", f"Created fine-tuning job: ftjob-{tag}")]
    for step in range(1, steps + 1):
        loss = 4.2 * math.exp(-step / 28) + 0.12 * (1 + math.sin(step * 1.7)) * math.exp(-step / 60)
        message = f"Step {step}/{STEPS}: training loss={loss:.2f}"
        events.append(JobEvent(f"{tag}-{step}", CLOCK - 200 + step, "info", message, step, STEPS, {"train_loss": loss}))
    await jobs.add_events(db, job_key, events)
    each = STEPS // EPOCHS
    checkpoints = [
        RemoteCheckpoint(
            f"{tag}-c{step}", f"{TUNED if job_key == 1 else TUNED + 'x'}:ckpt-step-{step}", step, CLOCK - 200 + step
        )
        for step in range(each, steps + 1, each)
    ]
    await jobs.add_checkpoints(db, job_key, checkpoints)
    if state is JobState.SUCCEEDED:
        done = RemoteJob(f"ftjob-{tag}", state, "succeeded", "smollm2-135m", tuned_model=TUNED, trained_tokens=69_408)
        await jobs.update_job(db, job_key, done)


async def _model_key(db: aiosqlite.Connection, name: str) -> int:
    [row] = await db.execute_fetchall("SELECT model_key FROM models WHERE name = ?", (name,))
    return int(row[0])


async def _evaluate(
    db: aiosqlite.Connection, model_key: int, kind: str, dataset_id: str, chosen: dict[int, Question]
) -> None:
    parameters = {"max_tokens": 16, "temperature": 0.0, "seed": 42}
    key = await evaluations.create_evaluation(
        db, model_key=model_key, dataset_id=dataset_id, question_keys=list(chosen), parameters=parameters
    )
    await evaluations.claim_evaluation(db, key, "demo")
    records = []
    for place, (question_key, question) in enumerate(chosen.items()):
        text = demo_answer(question, place, kind)
        records.append(
            evaluations.ResponseRecord(
                question_key,
                parameters,
                answer=text,
                grades=grade_all(question, text),
                prompt_tokens=31,
                completion_tokens=5,
            )
        )
    await evaluations.write_responses(db, key, records)
    await evaluations.release_evaluation(db, key, "demo", "finished")


async def change_store(sql: str, values: Sequence[object] = ()) -> None:
    """Change something in the store that is in force, as nobody could from the app."""
    db = await open_store()
    try:
        async with transaction(db):
            await db.execute(sql, values)
    finally:
        await db.close()
