"""`ftb` and `python -m ftb_tui`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    from ftb_tui.cli.main import run

    sys.exit(run())


if __name__ == "__main__":
    main()
