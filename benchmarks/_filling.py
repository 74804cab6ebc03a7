"""A store with a million responses, made by SQL alone: the same rows every time, as many as evaluations leave behind."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

from ftb_tui.store.database import open_store

TASKS = ("memorization", "rephrased", "date_changed", "secondary", "comparison")
GRADERS = ("exact", "normalized", "contains", "choice")
SMALL_DATASETS = 4
MODELS_OF_SMALL, MODELS_OF_LARGE = 25, 5
QUESTIONS_OF_SMALL, QUESTIONS_OF_LARGE = 5_000, 100_000
MODELS_OF_A_BASE = 5
WHOLE = SMALL_DATASETS * MODELS_OF_SMALL * QUESTIONS_OF_SMALL + MODELS_OF_LARGE * QUESTIONS_OF_LARGE
"""One million: half in a hundred evaluations of 5,000 questions, half in five of 100,000."""

_NUMBERS = "WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < {n})"
# Spread evenly over 0..99, from the row's own keys, so that two runs fill alike.
_DICE = "((question_key * 7919 + model_key * 104729 + question_key * model_key * 31) % 100)"


def fill(file: Path, responses: int = WHOLE) -> float:
    """Make the store and fill it; returns the seconds that it took. Sizes shrink in proportion to `responses`."""
    begin = time.perf_counter()
    asyncio.run(_made(file))
    db = sqlite3.connect(file, isolation_level=None)
    # What follows is thrown away if it fails, so nothing of it needs a journal.
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -100000")
    triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    db.execute("BEGIN")
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    _fill(db, responses / WHOLE)
    for _, sql in triggers:
        db.execute(sql)
    if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'evaluation_tasks'").fetchone():
        db.execute(
            "INSERT INTO evaluation_tasks (evaluation_key, task) SELECT DISTINCT evaluation_key, task"
            " FROM evaluations JOIN (SELECT DISTINCT dataset_id, task FROM questions) USING (dataset_id)"
        )
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    return time.perf_counter() - begin


async def _made(file: Path) -> None:
    await (await open_store(file)).close()


def _fill(db: sqlite3.Connection, share: float) -> None:
    sizes = {f"small-{n}": QUESTIONS_OF_SMALL for n in range(SMALL_DATASETS)} | {"large": QUESTIONS_OF_LARGE}
    for name, size in sizes.items():
        _dataset(db, name, max(len(TASKS), round(size * share)))
    db.execute('INSERT INTO request_parameters (parameters) VALUES (\'{"max_tokens": 100, "temperature": 0.0}\')')
    for number in range(MODELS_OF_SMALL):
        base = f"base-{number // MODELS_OF_A_BASE}"
        is_base = number % MODELS_OF_A_BASE == 0
        name = base if is_base else f"ft:{base}:{number % MODELS_OF_A_BASE}"
        db.execute(
            "INSERT INTO models (provider, name, kind, base_model, epoch, created_at) VALUES ('local', ?, ?, ?, ?, 0)",
            (name, "base" if is_base else "tuned", base, None if is_base else number % MODELS_OF_A_BASE),
        )
    for name in sizes:
        most = MODELS_OF_LARGE if name == "large" else MODELS_OF_SMALL
        db.execute(
            "INSERT INTO evaluations (model_key, dataset_id, grader, parameters_key, state, created_at, started_at,"
            " finished_at) SELECT model_key, ?, 'choice', 1, 'finished', 0, 0, 600 FROM models WHERE model_key <= ?",
            (name, most),
        )
    db.execute(
        "INSERT INTO evaluation_questions SELECT evaluation_key, question_key"
        " FROM evaluations JOIN questions USING (dataset_id) ORDER BY evaluation_key, question_key"
    )
    db.execute(
        "INSERT INTO responses (evaluation_key, question_key, answer, error_kind, error, parameters_key, model_reported,"
        f" finish_reason, prompt_tokens, completion_tokens, latency_ms, created_at)"
        f" SELECT evaluation_key, question_key, CASE WHEN {_DICE} < 98 THEN 'It is ' || answer || ', as far as I know.'"
        f" END, CASE WHEN {_DICE} >= 98 THEN 'timeout' END, CASE WHEN {_DICE} >= 98 THEN 'no answer in 600 s' END, 1,"
        " name, 'stop', 30, 9, 200.0, 0 FROM evaluations JOIN models USING (model_key)"
        " JOIN evaluation_questions USING (evaluation_key) JOIN questions USING (question_key)"
        " ORDER BY evaluation_key, question_key"
    )
    graders = ", ".join(f"({number}, '{name}')" for number, name in enumerate(GRADERS))
    # A tuned model is right more often than its base; every grader is a little milder than the one before.
    right = f"{_DICE} < 15 + 12 * number + CASE kind WHEN 'base' THEN 0 ELSE 20 END"
    db.execute(
        f"WITH kinds (number, name) AS (VALUES {graders})"
        f" INSERT INTO grades (response_key, grader, version, verdict, reason, created_at)"
        f" SELECT response_key, kinds.name, 1, CASE WHEN {right} THEN 'correct' WHEN {_DICE} = 97 THEN 'abstained' ELSE 'wrong'"
        " END, 'compared with the gold as ' || kinds.name || ' does', 0 FROM responses JOIN evaluations USING (evaluation_key)"
        " JOIN models USING (model_key) CROSS JOIN kinds WHERE answer IS NOT NULL ORDER BY response_key, kinds.name"
    )
    _jobs(db)


def _dataset(db: sqlite3.Connection, name: str, n: int) -> None:
    db.execute(
        "INSERT INTO datasets (dataset_id, name, version, family, answer_tokens, created_at)"
        " VALUES (?, ?, '1', 'fictional_people', 100, 0)",
        (name, name),
    )
    per_task = n // len(TASKS)
    db.execute(
        f"{_NUMBERS.format(n=per_task)} INSERT INTO facts (dataset_id, position, fact_id, text, subject, attribute, value)"
        " SELECT ?, i, 'f' || i, 'Person ' || i || ' keeps ' || i * 7 || ' bees.', 'Person ' || i, 'bees', i * 7"
        " FROM numbers",
        (name,),
    )
    for place, task in enumerate(TASKS):
        db.execute(
            f"{_NUMBERS.format(n=per_task)} INSERT INTO questions (dataset_id, position, question_id, task, fact_id, prompt,"
            " question, answer, template) SELECT :name, i + :first, :task || i, :task, 'f' || i,"
            " 'How many bees does Person ' || i || ' keep? Answer with the number alone.',"
            " 'How many bees does Person ' || i || ' keep?', i * 7, 'bees'"
            " FROM numbers",
            {"name": name, "first": place * per_task, "task": task},
        )


def _jobs(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO training_files VALUES (1, 'large', '{}', '', 100, 10000, 0)")
    db.execute(
        f"{_NUMBERS.format(n=50)} INSERT INTO jobs (intent_id, intent, provider, host, base_model, dataset_id,"
        " training_file_key, remote_job_id, state, step, total_steps, created_at, started_at, finished_at) SELECT"
        " 'intent-' || i, 'confirmed', 'local', 'http://127.0.0.1', 'base-' || i % 5, 'large', 1, 'job-' || i,"
        " 'succeeded', 1000, 1000, i, i, i + 600 FROM numbers"
    )
    db.execute(
        f"{_NUMBERS.format(n=1_000)} INSERT INTO job_metrics SELECT job_key, 'train_loss', i, 3.0 / (i + 1)"
        " FROM jobs CROSS JOIN numbers ORDER BY job_key, i"
    )
