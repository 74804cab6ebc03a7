"""A real engine process on the tiny model, for tests of the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import openai

from ftb_tui.engine_state import EngineState, read_engine_state


@dataclass
class EngineProcess:
    """Starts, kills and restarts `python -m ftb_tui.engine serve` in one home."""

    home: Path
    weights: Path | None
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def state_file(self) -> Path:
        return self.home / "state" / "engine.json"

    @property
    def log(self) -> str:
        return (self.home / "engine.log").read_text()

    def start(self) -> EngineState:
        self.home.mkdir(parents=True, exist_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith("FTB_")}
        env["FTB_HOME"] = str(self.home)
        command = [sys.executable, "-m", "ftb_tui.engine", "serve", *self.arguments]
        if self.weights:
            command += ["--weights", str(self.weights)]
        with (self.home / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=env, stderr=log, stdout=log)
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            state = read_engine_state(self.state_file)
            if state is not None and state.pid == self.process.pid:
                return state
            time.sleep(0.02)
        raise AssertionError(f"the engine did not come up:\n{self.log}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(30)

    def client(self) -> openai.OpenAI:
        state = read_engine_state(self.state_file)
        assert state is not None
        return openai.OpenAI(base_url=state.url, api_key=state.token, max_retries=0, timeout=60)


def wait_for(client: openai.OpenAI, job_id: str, *states: str) -> openai.types.fine_tuning.FineTuningJob:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        job = client.fine_tuning.jobs.retrieve(job_id)
        if job.status in states:
            return job
        time.sleep(0.05)
    raise AssertionError(f"{job_id} is {job.status}, not one of {states}")
