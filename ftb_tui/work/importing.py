"""What lies at a path or an address, looked at before anything is stored: datasets, somebody's table, or answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ftb_tui.benchmark.audit import audit, tally
from ftb_tui.benchmark.importing import Imported, ImportOptions, read_columns, read_path
from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.responses import ResponseFile, read_response_file
from ftb_tui.benchmark.rows import Table
from ftb_tui.work.download import Downloaded, Progress, download

_ENDINGS = (".tar.gz", ".tgz", ".tar", ".tar.xz", ".tar.bz2", ".zip")


@dataclass(frozen=True, slots=True)
class Look:
    """What was found. Answers have `responses` alone; a table of one's own has `table`, even where it is an `error`.

    `tallies` are how many findings of each severity the audit of each dataset has, by the dataset's id.
    """

    imported: Imported | None = None
    table: Table | None = None
    responses: ResponseFile | None = None
    error: str = ""
    tallies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def look(path: Path, options: ImportOptions, *, origin: str = "", as_dataset: bool = False) -> Look:
    """Read what a path holds. Errors are part of what was found; nothing is stored.

    A CSV file with columns `<model>_response` is taken for answers, unless it is wanted `as_dataset`.
    """
    if not as_dataset and path.is_file() and path.suffix.lower() == ".csv":
        try:
            return Look(responses=read_response_file(path))
        except DatasetError:
            pass
    try:
        imported = read_path(path, options, origin=origin)
    except DatasetError as error:
        return Look(table=_columns(path, options, origin), error=str(error))
    table = _columns(path, options, origin) if imported.mapping is not None else None
    tallies = {dataset.dataset_id: tally(audit(dataset)) for dataset in imported.datasets}
    return Look(imported=imported, table=table, tallies=tallies)


def _columns(path: Path, options: ImportOptions, origin: str) -> Table | None:
    try:
        return read_columns(path, options, origin=origin)
    except DatasetError:
        return None


def is_address(text: str) -> bool:
    """Whether something that was typed is to be fetched."""
    return urlsplit(text).scheme in ("http", "https")


def fetch(address: str, progress: Progress) -> Downloaded:
    """Fetch a file of datasets into the cache, under a name with its own ending. Raises `DownloadError`."""
    name = unquote(urlsplit(address).path).rsplit("/", 1)[-1].lower()
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), "")
    stem = re.sub(r"[^\w.-]+", "_", name.removesuffix(ending)).strip("._")[:80]
    return download(address, f"{stem or 'dataset'}{ending}", progress)
