"""A curve in a table's cell: one block character a value, higher for greater ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"


def spark(values: Sequence[float | None], width: int = 0) -> str:
    """The values as blocks between their least and their greatest; what is missing or not finite is a dot.

    With a `width` the newest so many are drawn, filled with spaces at the right while there are fewer.
    """
    shown = list(values)[-width:] if width else list(values)
    finite = [value for value in shown if value is not None and math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    span = (high - low) or 1.0
    text = "".join(
        GAP
        if value is None or not math.isfinite(value)
        else _BLOCKS[min(len(_BLOCKS) - 1, int((value - low) / span * len(_BLOCKS)))]
        for value in shown
    )
    return f"{text:<{width}}"
