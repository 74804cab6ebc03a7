"""Where the details of an unexpected failure are kept: a log that names lines of code, never the values in them."""

from __future__ import annotations

import logging
import traceback
from logging.handlers import RotatingFileHandler

from ftb_tui.paths import paths


def told(error: BaseException) -> str:
    """What to say of an unexpected failure, its traceback kept in the log, or given here where none can be written."""
    return f"ftb failed unexpectedly: {type(error).__name__}: {error}\n{_kept(error)}"


def _kept(error: BaseException) -> str:
    file = paths().log / "ftb.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = RotatingFileHandler(file, maxBytes=1 << 20, backupCount=2)
    except OSError:
        return "".join(traceback.format_exception(error)).rstrip()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("ftb.crash")
    logger.addHandler(handler)
    logger.propagate = False
    logger.error("unexpected", exc_info=error)
    logger.removeHandler(handler)
    handler.close()
    return f"The details are in {file}."
