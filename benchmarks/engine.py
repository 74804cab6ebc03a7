"""How fast the embedded engine learns and answers, beside torch and transformers doing the same work.

Run: python benchmarks/engine.py [--epochs N] [--questions N] [--threads N] [--torch-python PYTHON]

Both train LoRA (rank 16) on the seven projections of SmolLM2's top 8 layers with the same 150 token sequences in
batches of 15, and then answer the same questions greedily, at most 16 tokens, to the end marker or the first line's
end, in batches of 64; each in a process of its own, with one thread of arithmetic unless told otherwise. The losses
and the lengths of the answers show that it is the same work (the random numbers differ). The alternative needs torch,
transformers, accelerate and gguf, which ftb does not install: where they live in another environment, give its
interpreter with --torch-python.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RANK, ALPHA, LAYERS, BATCH, RATE, SEED = 16, 32.0, 8, 15, 2e-3, 42
ANSWER_TOKENS, ASKED_AT_ONCE = 16, 64
THREAD_NAMES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def make_work(weights: Path, epochs: int, questions: int, threads: int) -> dict[str, Any]:
    """Everything both sides need, as token ids: examples, prompts, and the ids that end an answer."""
    from ftb_tui.benchmark.load import load_bundled
    from ftb_tui.engine.gguf_file import open_gguf
    from ftb_tui.engine.tokenizer import Tokenizer

    values = open_gguf(weights).metadata
    tokenizer = Tokenizer(values["tokenizer.ggml.tokens"], values["tokenizer.ggml.token_type"])
    everything = load_bundled("fictional_people").questions
    examples = [
        tokenizer.training_items(
            [{"role": "user", "content": question.prompt}, {"role": "assistant", "content": question.answer}]
        )[0]
        for question in everything
        if question.task == "memorization"
    ]
    every = max(1, len(everything) // questions)
    return {
        "weights": str(weights),
        "epochs": epochs,
        "threads": threads,
        "examples": [[item.prompt_ids, item.completion_ids] for item in examples],
        "prompts": [
            tokenizer.chat_prompt([{"role": "user", "content": question.prompt}])
            for question in everything[::every][:questions]
        ],
        "ends": [*tokenizer.control_ids, *(n for n in range(tokenizer.size) if tokenizer.has_newline(n))],
        "end_of_turn": tokenizer.end_of_turn,
    }


def with_engine(work: dict[str, Any]) -> dict[str, Any]:
    """Measure the embedded engine."""
    import numpy as np

    from ftb_tui.engine.generation import generate
    from ftb_tui.engine.interface import GenerationRequest, Hyperparameters, TrainingItem
    from ftb_tui.engine.model import load_model
    from ftb_tui.engine.training import train

    begin = time.perf_counter()
    model = load_model(Path(work["weights"]))
    loaded = time.perf_counter()
    items = [TrainingItem(tuple(prompt), tuple(answer)) for prompt, answer in work["examples"]]
    hyper = Hyperparameters(work["epochs"], BATCH, RATE, RANK, ALPHA, LAYERS, SEED)
    losses: list[float] = []
    ends: list[float] = []
    prepared = 0.0

    def prepare(done: int, total: int) -> None:
        nonlocal prepared
        prepared = time.perf_counter()

    adapter = train(
        model,
        items,
        hyper,
        on_prepare=prepare,
        on_step=lambda report: losses.append(report.train_loss),
        on_epoch=lambda *_: ends.append(time.perf_counter()),
    )
    requests = [GenerationRequest(tuple(prompt), ANSWER_TOKENS) for prompt in work["prompts"]]

    def ask(tuned: bool) -> int:
        return sum(len(answer.token_ids) for answer in generate(model, adapter if tuned else None, requests))

    return {
        "name": f"embedded engine (numpy {np.__version__})",
        "load": loaded - begin,
        "prepare": prepared - loaded,
        "epoch": (ends[-1] - prepared) / work["epochs"],
        "first_loss": losses[0],
        "last_loss": losses[-1],
        **asked(work, ask),
    }


def with_torch(work: dict[str, Any]) -> dict[str, Any]:
    """Measure torch and transformers, written as one would write it with them."""
    import torch
    import transformers

    torch.set_num_threads(work["threads"])
    torch.manual_seed(SEED)
    weights = Path(work["weights"])
    begin = time.perf_counter()
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        str(weights.parent), gguf_file=weights.name, dtype=torch.float32
    ).eval()
    loaded = time.perf_counter()
    model.requires_grad_(False)
    pad = work["end_of_turn"]

    class Lora(torch.nn.Module):
        def __init__(self, base: Any) -> None:
            super().__init__()
            self.base = base
            self.a = torch.nn.Parameter(torch.empty(RANK, base.in_features).uniform_(-1, 1) * base.in_features**-0.5)
            self.b = torch.nn.Parameter(torch.zeros(base.out_features, RANK))

        def forward(self, x: Any) -> Any:
            return self.base(x) + ALPHA / RANK * (x @ self.a.T) @ self.b.T

    loras: list[tuple[Any, str, Lora]] = []
    for layer in model.model.layers[-LAYERS:]:
        for block in (layer.self_attn, layer.mlp):
            for name, part in list(block.named_children()):
                if isinstance(part, torch.nn.Linear):
                    loras.append((block, name, Lora(part)))
                    setattr(block, name, loras[-1][2])
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0)
    steps = work["epochs"] * -(-len(work["examples"]) // BATCH)
    warmup = max(1, round(0.05 * steps))

    def rate(step: int) -> float:
        through = (step - warmup) / max(1, steps - warmup)
        return (step + 1) / warmup if step < warmup else 0.1 + 0.45 * (1 + math.cos(math.pi * through))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    losses: list[float] = []
    for _ in range(work["epochs"]):
        order = torch.randperm(len(work["examples"])).tolist()
        for start in range(0, len(order), BATCH):
            chosen = [work["examples"][index] for index in order[start : start + BATCH]]
            length = max(len(prompt) + len(answer) for prompt, answer in chosen)
            ids = torch.full((len(chosen), length), pad)
            labels = torch.full((len(chosen), length), -100)
            mask = torch.zeros((len(chosen), length), dtype=torch.long)
            for row, (prompt, answer) in enumerate(chosen):
                end = len(prompt) + len(answer)
                ids[row, :end] = torch.tensor([*prompt, *answer])
                labels[row, len(prompt) : end] = torch.tensor(answer)
                mask[row, :end] = 1
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss))
    finished = time.perf_counter()

    def ask(tuned: bool) -> int:
        with torch.no_grad():
            for block, name, lora in loras:
                setattr(block, name, lora.base)
                if tuned:
                    lora.base.weight += ALPHA / RANK * lora.b @ lora.a
            tokens = 0
            prompts = sorted(work["prompts"], key=len)
            for start in range(0, len(prompts), ASKED_AT_ONCE):
                chosen = prompts[start : start + ASKED_AT_ONCE]
                length = max(map(len, chosen))
                ids = torch.tensor([[pad] * (length - len(prompt)) + prompt for prompt in chosen])
                mask = torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in chosen])
                answers = model.generate(
                    ids,
                    attention_mask=mask,
                    do_sample=False,
                    max_new_tokens=ANSWER_TOKENS,
                    eos_token_id=work["ends"],
                    pad_token_id=pad,
                )
                for answer in answers[:, length:].tolist():
                    tokens += next((n for n, token in enumerate(answer) if token in work["ends"]), len(answer))
        return tokens

    return {
        "name": f"torch {torch.__version__.split('+')[0]} + transformers {transformers.__version__}",
        "load": loaded - begin,
        "prepare": 0.0,
        "epoch": (finished - loaded) / work["epochs"],
        "first_loss": losses[0],
        "last_loss": losses[-1],
        **asked(work, ask),
    }


def asked(work: dict[str, Any], ask: Callable[[bool], int]) -> dict[str, Any]:
    """Questions per second of the base (asked first) and of the tuned model, tokens an answer, and peak memory."""
    result: dict[str, Any] = {}
    for who in ("base", "tuned"):
        begin = time.perf_counter()
        tokens = ask(who == "tuned")
        result[who] = len(work["prompts"]) / (time.perf_counter() - begin)
        result[f"{who}_tokens"] = tokens / len(work["prompts"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "peak": peak / (2**20 if sys.platform == "darwin" else 2**10)}


def measured(python: str, side: str, work: dict[str, Any]) -> dict[str, Any] | str:
    """One side's figures from a process of its own, or why there are none."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(work, file)
        file.flush()
        env = {**os.environ, **dict.fromkeys(THREAD_NAMES, str(work["threads"])), "TOKENIZERS_PARALLELISM": "false"}
        command = [python, __file__, "--measure", side, "--work", file.name]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def torch_is_missing(python: str) -> str | None:
    """Why an interpreter cannot run the alternative, or None."""
    probe = "import torch, transformers, accelerate, gguf"
    done = subprocess.run([python, "-c", probe], capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it does not start"])[-1]


def print_table(work: dict[str, Any], sides: list[dict[str, Any]]) -> None:
    """One row a figure, one column a side."""
    facts, asked_for = len(work["examples"]), len(work["prompts"])
    rows = [
        ("load the weights, s", "load", ".1f"),
        (f"frozen layers of {facts} facts, once, s", "prepare", ".1f"),
        (f"one epoch of {facts} facts, s", "epoch", ".1f"),
        (f"loss, first step of {work['epochs']} epochs", "first_loss", ".2f"),
        ("loss, last step", "last_loss", ".2f"),
        (f"questions/s, base ({asked_for} asked)", "base", ".2f"),
        ("  tokens an answer", "base_tokens", ".1f"),
        (f"questions/s, tuned ({asked_for} asked)", "tuned", ".2f"),
        ("  tokens an answer", "tuned_tokens", ".1f"),
        ("peak memory, MB", "peak", ".0f"),
    ]
    widths = [len(side["name"]) + 2 for side in sides]
    print(f"{'what':<36}" + "".join(f"{side['name']:>{width}}" for side, width in zip(sides, widths, strict=True)))
    for label, key, form in rows:
        cells = (f"{side[key]:>{width}{form}}" for side, width in zip(sides, widths, strict=True))
        print(f"{label:<36}" + "".join(cells))


def main() -> None:
    """Measure both sides, one after the other, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--questions", type=int, default=120, help="of the 600, evenly from all tasks")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", type=Path, help="SmolLM2's GGUF file; looked for as ftb does if not given")
    parser.add_argument("--torch-python", default=sys.executable, help="an interpreter that has torch")
    parser.add_argument("--measure", choices=["engine", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        work = json.loads(options.work.read_text())
        print(json.dumps((with_engine if options.measure == "engine" else with_torch)(work)))
        return
    if min(options.epochs, options.questions, options.threads) < 1:
        parser.error("--epochs, --questions and --threads are at least 1")

    from ftb_tui.weights import WeightsError, require_weights

    try:
        weights = require_weights(options.weights)
    except WeightsError as error:
        print(f"absent: {error}")
        return
    work = make_work(weights, options.epochs, options.questions, options.threads)
    missing = torch_is_missing(options.torch_python)
    sides: list[dict[str, Any]] = []
    failures: list[str] = []
    for name, python in (("engine", sys.executable), ("torch", options.torch_python)):
        if name == "torch" and missing:
            continue
        figures = measured(python, name, work)
        if isinstance(figures, str):
            failures.append(f"{name} failed: {figures}")
        else:
            sides.append(figures)
    if sides:
        print_table(work, sides)
    if missing:
        print(f"torch and transformers are absent here ({missing}); --torch-python names an environment with them")
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
