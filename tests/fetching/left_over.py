"""What a download leaves in the cache."""

from __future__ import annotations

from pathlib import Path


def left_over(home: Path) -> list[str]:
    kept = (".lock", ".json")
    return sorted(file.name for file in (home / "cache" / "weights").iterdir() if file.suffix not in kept)
