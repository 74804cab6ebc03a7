"""`ftb` and `python -m ftb_tui`."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    if len(sys.argv) == 1 and sys.stdin.isatty() and sys.stdout.isatty():
        # The app opens without reading the command line's definitions.
        from ftb_tui.paths import HomeUnknownError
        from ftb_tui.ui.app import run_app

        try:
            run_app()
        except HomeUnknownError as error:
            sys.exit(f"{error}")
        return
    from ftb_tui.cli.main import run

    signal.signal(signal.SIGTERM, _as_interrupt)
    sys.exit(run())


def _as_interrupt(number: int, frame: object) -> None:
    """Being told to end is ended like ctrl+c: in order, with a sentence, and nothing left running."""
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        # A shell makes what it starts in the background deaf to ctrl+c.
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
