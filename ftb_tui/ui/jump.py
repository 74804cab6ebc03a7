"""Jump mode without a screen: which letters stand for which places, and where the letters stand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from textual.geometry import Offset, Region, Size

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""The home row first, then the row above it, then the one below."""

MARGIN = 2
"""The brackets around a label, which tell it from what it covers without any colour."""


def labels(count: int) -> list[str]:
    """So many labels, the easiest first. All are of the same length, so that none is the beginning of another."""
    length = 1
    while len(LETTERS) ** length < count:
        length += 1
    return ["".join(letters) for letters, _ in zip(product(LETTERS, repeat=length), range(count), strict=False)]


def label_places(regions: Sequence[Region], width: int, screen: Size) -> list[Offset]:
    """Where the labels (of `width` cells) of these regions begin: at their top left corner.

    A label that would cover one before it stands to its right, or below where there is no room for that. None reaches
    beyond the screen.
    """
    taken: list[Region] = []
    for region in regions:
        label = _inside(Region(region.x, region.y, width, 1), screen)
        while label.y < screen.height - 1 and (covered := [one for one in taken if one.overlaps(label)]):
            beside = label.at_offset(Offset(covered[0].right, label.y))
            label = beside if beside.right <= screen.width else label.at_offset(Offset(label.x, label.y + 1))
        taken.append(label)
    return [label.offset for label in taken]


def _inside(label: Region, screen: Size) -> Region:
    return label.at_offset(Offset(max(0, min(label.x, screen.width - label.width)), label.y))
