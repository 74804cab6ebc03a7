"""How fast a thousand questions are asked, graded and stored, beside a loop of the openai SDK that does none of that.

Run: python benchmarks/evaluate.py [--questions N]. A server of its own process answers after 200 and after 50 ms; each
client is a fresh process. Bars: at 200 ms at most 1.10 x the limit (questions x latency / concurrency) in the loop and
6 s for the whole process; at 50 ms at most 1.9 x; less CPU for a question than the bare loop; under 120 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONCURRENCY = 64
MODEL = "bench-model"


def serve(latency: float) -> None:
    """Answer every question after `latency` seconds; the port is the first line written."""
    import socket

    from aiohttp import web

    body = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It is 149."}}],
        "usage": {"prompt_tokens": 31, "completion_tokens": 6, "total_tokens": 37},
    }  # fmt: skip

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(latency)
        return web.json_response(body)

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", models)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    web.run_app(app, sock=listener, print=lambda *_: None, access_log=None)


def dataset_of(n: int) -> None:
    """Keep a dataset of n questions in the home's store."""
    from ftb_tui.benchmark.model import Dataset, Fact, Family, Question, Task
    from ftb_tui.store.database import open_store
    from ftb_tui.store.datasets import save_dataset

    facts = tuple(
        Fact(fact_id=f"f{i}", text=f"Person {i} keeps {i} bees.", subject=f"Person {i}", attribute="bees", value=str(i))
        for i in range(n)
    )
    questions = tuple(
        Question(
            question_id=f"q{i}", task=Task.MEMORIZATION, fact_id=f"f{i}", question=f"How many bees does Person {i} keep?",
            prompt=f"How many bees does Person {i} keep? Answer with the number alone.", answer=str(i), template="bees",
        )
        for i in range(n)
    )  # fmt: skip
    made = Dataset(name="bees", family=Family.FICTIONAL_PEOPLE, facts=facts, questions=questions, answer_tokens=20)

    async def keep() -> None:
        db = await open_store()
        await save_dataset(db, made)
        await db.close()

    asyncio.run(keep())


async def ask_bare(url: str, n: int) -> dict[str, float]:
    """The loop that people write: typed calls side by side, nothing graded, nothing stored."""
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="none")
    slots = asyncio.Semaphore(CONCURRENCY)

    async def ask(i: int) -> str:
        async with slots:
            reply = await client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": f"How many bees does Person {i} keep?"}],
                max_tokens=20,
                temperature=0,
                seed=42,
            )
            return str(reply.choices[0].message.content)

    await ask(0)
    begin, cpu = time.perf_counter(), time.process_time()
    said = await asyncio.gather(*(ask(i) for i in range(n)))
    assert len(said) == n
    return {"loop": time.perf_counter() - begin, "loop_cpu": time.process_time() - cpu}


async def ask_ftb(concurrency: int | None) -> dict[str, float]:
    """What `ftb evaluate` runs, with the time from the first claim to the last commit."""
    from ftb_tui.providers.base import AskRequest
    from ftb_tui.providers.registry import open_provider
    from ftb_tui.store.database import open_store, transaction
    from ftb_tui.store.datasets import list_datasets
    from ftb_tui.store.models import ensure_model
    from ftb_tui.work import evaluate

    db, provider = await open_store(), open_provider("bench")
    [dataset] = await list_datasets(db)
    async with transaction(db):
        model = await ensure_model(db, provider="bench", name=MODEL, kind="base", base_model=MODEL)
    key = await evaluate.create(db, model_key=model, dataset_id=dataset.dataset_id, answer_tokens=20)
    # As the bare loop does: one question beforehand, so that neither's clock counts imports and certificates.
    await provider.ask(AskRequest(model=MODEL, prompt="How many bees?", max_tokens=20, temperature=0.0, seed=42))
    begin, cpu = time.perf_counter(), time.process_time()
    row = await evaluate.run(db, provider, key, concurrency=concurrency)
    measured = {"loop": time.perf_counter() - begin, "loop_cpu": time.process_time() - cpu}
    await provider.close()
    await db.close()
    assert row.n_answered == dataset.n_questions, row
    return measured


def run(command: list[str], env: dict[str, str]) -> dict[str, float]:
    """Wall seconds, CPU seconds and most megabytes of a process, with what it says itself."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {said.decode(errors='replace')}")
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "whole": time.perf_counter() - begin,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": peak,
        **({} if "--json" in command else json.loads(said)),
    }


def measure(latency: float, n: int, passes: int, home: Path) -> None:
    """Every client against a server of this latency, one line each."""
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(latency)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(f'[providers.bench]\nbase_url = "{url}"\n')
    env = {**os.environ, "FTB_HOME": str(home), "FTB_BENCH_KEY": "none"}
    command = [
        sys.executable,
        "-m",
        "ftb_tui",
        "evaluate",
        "--model",
        MODEL,
        "--provider",
        "bench",
        "--dataset",
        "bees",
    ]
    given = ["--concurrency", str(CONCURRENCY), "--answer-tokens", "20", "--json"]
    clients = {
        "bare SDK loop": [sys.executable, __file__, "--client", "bare", "--url", url, "--questions", str(n)],
        "ftb, in the loop": [sys.executable, __file__, "--client", "ftb"],
        "ftb, from 8 at once up": [sys.executable, __file__, "--client", "ftb-growing"],
        "ftb evaluate": [*command, *given],
    }
    limit = n * latency / CONCURRENCY
    try:
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in clients}
        for _ in range(passes):
            for name, client in clients.items():
                taken[name].append(run(client, env))
        for name, runs in taken.items():
            # The least of each: what other programs of the machine add is no property of these.
            took = {what: min(one[what] for one in runs) for what in runs[0]}
            loop = took.get("loop")
            loop_cells = f"{'':>7} {'':>8} {'':>9}"
            if loop is not None:
                loop_cells = f"{loop:>7.2f} {loop / limit:>8.2f} {took['loop_cpu'] / n * 1000:>9.2f}"
            whole = f"{took['whole']:>7.2f} {took['cpu'] / n * 1000:>9.2f} {took['peak']:>7.0f}"
            print(f"{latency * 1000:>4.0f} ms  {name:<23} {loop_cells} {whole}", flush=True)
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--passes", type=int, default=2, help="the least of so many is shown")
    parser.add_argument("--latency", type=float, action="append", help="seconds; 0.2 and 0.05 by default")
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--client", choices=("bare", "ftb", "ftb-growing"), help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return
    if given.client is not None:
        asked = ask_bare(given.url, given.questions) if given.client == "bare" else None
        growing = given.client == "ftb-growing"
        print(json.dumps(asyncio.run(asked or ask_ftb(None if growing else CONCURRENCY))))
        return
    print(f"{given.questions} questions, {CONCURRENCY} at once; limit = questions x latency / {CONCURRENCY}")
    print(f"the least of {given.passes} passes")
    print(f"{'':<31} {'loop s':>7} {'x limit':>8} {'CPU ms/q':>9} {'whole s':>7} {'CPU ms/q':>9} {'peak MB':>7}")
    for latency in given.latency or (0.2, 0.05):
        with tempfile.TemporaryDirectory() as directory:
            os.environ["FTB_HOME"] = directory
            dataset_of(given.questions)
            measure(latency, given.questions, given.passes, Path(directory))
            check_stored(Path(directory), given.questions, given.passes)


def check_stored(home: Path, n: int, passes: int) -> None:
    """Every evaluation must hold every answer with its grades, or the figures are worth nothing."""
    [file] = home.rglob("*.db")
    db = sqlite3.connect(file)
    graded = db.execute(
        "SELECT count(*) FROM responses JOIN grades USING (response_key) WHERE grader = 'choice' GROUP BY evaluation_key"
    ).fetchall()
    db.close()
    if graded != [(n,)] * 3 * passes:
        sys.exit(f"not every answer was graded and stored: {graded}")


if __name__ == "__main__":
    main()
