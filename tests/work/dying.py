"""`ftb` that is killed with SIGKILL right before or after it calls one of its functions; or its engine is, once, before.

Run: python dying.py MODULE:NAME before|after|engine ARGUMENTS...
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from typing import Any

from ftb_tui.engine_state import read_engine_state


def main() -> None:
    target, when, *arguments = sys.argv[1:]
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    real = getattr(owner, name)

    @functools.wraps(real)
    async def dying(*positional: Any, **named: Any) -> Any:
        if when == "engine":
            setattr(owner, name, real)
            state = read_engine_state()
            assert state is not None
            os.kill(state.pid, signal.SIGKILL)
            return await real(*positional, **named)
        if when == "after":
            await real(*positional, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(owner, name, dying)
    from ftb_tui.cli.main import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
