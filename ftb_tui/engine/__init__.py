"""The embedded engine: a local server that speaks the OpenAI wire and really fine-tunes SmolLM2.

It runs as its own process (`python -m ftb_tui.engine serve`); nothing else in the package imports it.
"""

from __future__ import annotations

import os

# Two BLAS threads on a busy two-core machine made training two to four times slower than one, and a library
# reads these only once, when numpy is first imported. Who sets them explicitly keeps what they set.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_variable, "1")
