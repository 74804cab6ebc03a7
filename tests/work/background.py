"""What runs behind the app's screens, as a program: with `begin` it starts a benchmark, else it goes on with what it finds."""

from __future__ import annotations

import sys
import threading

from ftb_tui.work.bench_plan import BenchPlan
from ftb_tui.work.supervisor import Supervisor


def main() -> None:
    done = threading.Event()

    def tell(severity: str, sentence: str) -> None:
        print(severity, sentence, file=sys.stderr, flush=True)
        if severity == "error" or "benchmark is finished" in sentence:
            done.set()

    supervisor = Supervisor(tell)
    supervisor.start()
    if "begin" in sys.argv:
        supervisor.run_bench(BenchPlan(people=6, epochs=4, answer_tokens=24))
    done.wait(90)
    supervisor.close()


if __name__ == "__main__":
    main()
