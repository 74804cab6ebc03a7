"""How long a search takes in the answers of one model to one task, and what an index of their letters would cost.

Run: python benchmarks/search.py [--answers N] [--words N]. Every answer is of so many words out of five thousand that
mean nothing. The bar: 150 ms for any page. The index is SQLite's FTS5 by trigrams, the only kind that finds parts of
words; its cost is laid beside that of keeping the answers alone, in transactions of 64.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import statistics
import string
import sys
import tempfile
import time
from pathlib import Path

from ftb_tui.store.database import open_store
from ftb_tui.store.results import answers

BAR = 0.150
KEPT_TOGETHER = 64
SEARCHES = {
    "a word that is nowhere": "zyzzyva",
    "one of the answers": "needle",
    "two words, one of them everywhere": "much needle",
    "a letter outside ASCII": "Straße",
    "one letter that is nowhere": "#",
    "without a word that is everywhere": "-much",
    "a word that is everywhere": "much",
    "exactly the word of one answer": '"needle"',
    "exactly a part of a word everywhere": '"uch"',
    "without exactly a word everywhere": '-"much"',
    "nothing searched for": "",
}


def texts(count: int, words: int) -> list[str]:
    """Answers of random words; the last has a word that no other has."""
    rng = random.Random(1)
    letters = string.ascii_lowercase.replace("z", "")
    known = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(5_000)]
    made = [f"much {' '.join(rng.choices(known, k=words))}" for _ in range(count)]
    made[-1] += " needle"
    return made


def fill(file: Path, said: list[str]) -> None:
    """One base model that was asked as many questions, all answered wrongly."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("BEGIN")
    db.execute(
        "INSERT INTO datasets (dataset_id, name, version, family, answer_tokens, created_at)"
        " VALUES ('d', 'd', '1', 'fictional_people', 100, 0)"
    )
    db.execute("INSERT INTO request_parameters (parameters) VALUES ('{}')")
    db.execute(
        "INSERT INTO models (provider, name, kind, base_model, created_at) VALUES ('local', 'b', 'base', 'b', 0)"
    )
    db.execute(
        "INSERT INTO evaluations (model_key, dataset_id, grader, parameters_key, state, created_at)"
        " VALUES (1, 'd', 'choice', 1, 'finished', 0)"
    )
    db.executemany(
        "INSERT INTO questions (question_key, dataset_id, position, question_id, task, fact_id, prompt, question, answer,"
        " template) VALUES (?1, 'd', ?1, ?1, 'memorization', 'f', '', 'How many bees does Person ' || ?1 || ' keep?',"
        " ?1 * 7, '')",
        ((key,) for key in range(1, len(said) + 1)),
    )
    db.execute("INSERT INTO evaluation_questions SELECT 1, question_key FROM questions")
    db.executemany(
        "INSERT INTO responses (evaluation_key, question_key, answer, parameters_key, created_at) VALUES (1, ?, ?, 1, 0)",
        enumerate(said, 1),
    )
    db.execute("INSERT INTO grades SELECT response_key, 'choice', 1, 'wrong', 'other', 0, NULL, NULL FROM responses")
    db.execute("COMMIT")
    db.close()


async def search(file: Path, runs: int) -> None:
    """Print how long each search takes."""
    db = await open_store(file)
    where = {"model_key": 1, "dataset_id": "d", "task": "memorization"}
    try:
        await answers(db, **where)  # type: ignore[arg-type]
        for name, text in SEARCHES.items():
            taken = []
            for _ in range(runs):
                begin = time.perf_counter()
                found = await answers(db, **where, search=text)  # type: ignore[arg-type]
                taken.append(time.perf_counter() - begin)
            middle = statistics.median(taken)
            print(
                f"{name:<36} {len(found):>5} {min(taken) * 1000:>9.1f} {middle * 1000:>9.1f}"
                f"   {'met' if middle <= BAR else 'MISSED'}",
                flush=True,
            )
    finally:
        await db.close()


def keep(file: Path, said: list[str], *, index: bool) -> tuple[float, float, float]:
    """Microseconds of CPU for an answer, milliseconds of the longest transaction, megabytes in the end."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE answers (key INTEGER PRIMARY KEY, answer TEXT)")
    if index:
        db.execute(
            "CREATE VIRTUAL TABLE letters USING fts5 (answer, content='answers', content_rowid='key', tokenize='trigram')"
        )
        db.execute(
            "CREATE TRIGGER kept AFTER INSERT ON answers BEGIN"
            " INSERT INTO letters (rowid, answer) VALUES (NEW.key, NEW.answer); END"
        )
    longest, begin = 0.0, time.process_time()
    for start in range(0, len(said), KEPT_TOGETHER):
        began_at = time.process_time()
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT INTO answers (answer) VALUES (?)", ((text,) for text in said[start : start + KEPT_TOGETHER])
        )
        db.execute("COMMIT")
        longest = max(longest, time.process_time() - began_at)
    took = time.process_time() - begin
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return took / len(said) * 1e6, longest * 1000, file.stat().st_size / 2**20


def main() -> int:
    """Fill, search, keep with and without an index, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    said = texts(given.answers, given.words)
    letters = statistics.mean(map(len, said))
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "ftb.db"
        asyncio.run(made(file))
        fill(file, said)
        print(f"{len(said):,} answers of {letters:.0f} letters")
        print(f"{'search':<36} {'found':>5} {'least ms':>9} {'median ms':>9}   bar {BAR * 1000:.0f} ms")
        asyncio.run(search(file, given.runs))
        some = said[:20_000]
        print(f"{'keeping':<36} {'us an answer':>14} {'longest ms':>11} {'MB':>7}   ({len(some):,} answers)")
        for name, index in (("answers alone", False), ("with an index of their letters", True)):
            each, longest, size = keep(Path(directory) / f"{index}.db", some, index=index)
            print(f"{name:<36} {each:>14.0f} {longest:>11.1f} {size:>7.1f}")
    return 0


async def made(file: Path) -> None:
    """An empty store."""
    await (await open_store(file)).close()


if __name__ == "__main__":
    sys.exit(main())
