"""Giving memory back to the system that the C library keeps for later."""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Let go of what was freed, where the C library can be asked to (glibc); takes about a millisecond.

    What one thread has freed is kept for that thread alone, so a training and the answers beside it would each hold
    the most that they ever used.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
