"""Where the real weights are for the tests that train SmolLM2, found before any home is isolated."""

from __future__ import annotations

import os
from pathlib import Path

from ftb_tui.weights import find_weights

_GIVEN = os.environ.get("FTB_TEST_WEIGHTS", "")


def real_weights() -> Path | None:
    """The file that `make test` fetched, or one that this machine has anyway; None to skip."""
    return Path(_GIVEN) if _GIVEN else _FOUND


_FOUND = None if _GIVEN else find_weights()
