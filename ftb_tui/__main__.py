"""`ftb` and `python -m ftb_tui`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    if len(sys.argv) == 1 and sys.stdin.isatty() and sys.stdout.isatty():
        # The app opens without reading the command line's definitions.
        from ftb_tui.ui.app import run_app

        run_app()
        return
    from ftb_tui.cli.main import run

    sys.exit(run())


if __name__ == "__main__":
    main()
