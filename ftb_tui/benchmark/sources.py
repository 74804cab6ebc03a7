"""What a dataset is taken from: a folder, a checkout, an archive or one file, read into memory with its hashes.

Nothing is ever unpacked to disk, so a name inside an archive can reach nowhere.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Provenance, SourceFile

MAX_FILE = 1 << 28
MAX_TOTAL = 1 << 30
"""Bytes of one file and of all files that are read; a benchmark is a hundredth of that, a zip bomb is more."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar", ".tar.xz", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class RawFile:
    """One file of a source. `name` is its path inside the source with forward slashes."""

    name: str
    content: bytes

    @property
    def described(self) -> SourceFile:
        """Name, hash and size, without the content."""
        return SourceFile(self.name, hashlib.sha256(self.content).hexdigest(), len(self.content))


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a source, sorted by name, and what is known of the whole.

    `revision` is the commit of a checkout or of an archive made by git, else empty. `sha256` is the hash of the file
    or archive; for a folder that of the lines `hash  name` of its files, as sha256sum prints them.
    """

    origin: str
    kind: str
    """`file`, `archive` or `folder`."""
    sha256: str
    revision: str
    files: tuple[RawFile, ...]

    def provenance(self, used: Iterable[SourceFile], *, licence_note: str = "") -> Provenance:
        """The provenance of a dataset made from some of the files, taken now."""
        return Provenance(
            origin=self.origin,
            sha256=self.sha256,
            taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=self.revision,
            licence_note=licence_note,
            files=tuple(used),
        )


def is_archive(path: Path) -> bool:
    """Whether a path is named as an archive that `open_source` reads."""
    return path.name.lower().endswith(_ARCHIVES)


def open_source(path: Path, wanted: Callable[[str], bool], *, origin: str = "") -> Source:
    """Read the wanted files of a path. `wanted` is asked with each file's name inside the source.

    A single file is always wanted. Raises `DatasetError` for what is missing, damaged or too large.
    """
    origin = origin or str(path.absolute())
    try:
        if path.is_dir():
            return _folder(path, wanted, origin)
        if not path.exists():
            raise DatasetError(f"There is no file or directory {path}.")
        if is_archive(path):
            read = _zipped if path.name.lower().endswith(".zip") else _tarred
            revision, files = read(path, wanted)
            return Source(origin, "archive", _digest(path), revision, _sorted(files))
        if path.stat().st_size > MAX_FILE:
            raise DatasetError(f"{path} is larger than {MAX_FILE >> 20} MB; give a smaller part of it.")
        raw = RawFile(path.name, path.read_bytes())
        return Source(origin, "file", raw.described.sha256, _revision(path.parent), (raw,))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, RuntimeError) as error:
        raise DatasetError(f"{path} is not a readable archive: {error}. Fetch it again.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error


def described(raw: RawFile, rows: int) -> SourceFile:
    """A file as provenance keeps it, with how many rows were taken from it."""
    return replace(raw.described, n_rows=rows)


def _folder(path: Path, wanted: Callable[[str], bool], origin: str) -> Source:
    files, total = [], 0
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if _hidden(name) or not wanted(name) or not file.is_file():
            continue
        size = file.stat().st_size
        total = _counted(f"{path}/{name}", size, total)
        files.append(RawFile(name, file.read_bytes()))
    listing = "".join(f"{file.described.sha256}  {file.name}\n" for file in _sorted(files))
    digest = hashlib.sha256(listing.encode()).hexdigest()
    return Source(origin, "folder", digest, _revision(path), _sorted(files))


def _zipped(path: Path, wanted: Callable[[str], bool]) -> tuple[str, list[RawFile]]:
    with zipfile.ZipFile(path) as archive:
        comment = archive.comment.decode("ascii", "replace")
        files, total = [], 0
        for entry in archive.infolist():
            if entry.is_dir() or _hidden(entry.filename) or not wanted(entry.filename):
                continue
            total = _counted(f"{path}: {entry.filename}", entry.file_size, total)
            with archive.open(entry) as stream:
                files.append(RawFile(entry.filename, _read(stream, f"{path}: {entry.filename}")))
    return (comment if _COMMIT.fullmatch(comment) else ""), files


def _tarred(path: Path, wanted: Callable[[str], bool]) -> tuple[str, list[RawFile]]:
    with tarfile.open(path) as archive:
        files, total = [], 0
        for entry in archive:
            if not entry.isfile() or _hidden(entry.name) or not wanted(entry.name):
                continue
            total = _counted(f"{path}: {entry.name}", entry.size, total)
            stream = archive.extractfile(entry)
            if stream is not None:
                files.append(RawFile(entry.name, _read(stream, f"{path}: {entry.name}")))
        comment = archive.pax_headers.get("comment", "")
    return (comment if _COMMIT.fullmatch(comment) else ""), files


def _read(stream: io.BufferedIOBase | object, where: str) -> bytes:
    read = getattr(stream, "read")  # noqa: B009 - zip and tar give different kinds of streams
    content: bytes = read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise DatasetError(f"{where} is larger than {MAX_FILE >> 20} MB, more than its entry says.")
    return content


def _counted(where: str, size: int, total: int) -> int:
    if size > MAX_FILE or total + size > MAX_TOTAL:
        raise DatasetError(
            f"{where}: more than {MAX_FILE >> 20} MB in a file or {MAX_TOTAL >> 20} MB in all are not read."
        )
    return total + size


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _sorted(files: Iterable[RawFile]) -> tuple[RawFile, ...]:
    return tuple(sorted(files, key=lambda file: file.name))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _revision(folder: Path) -> str:
    """The commit of the checkout that the folder lies in, read from git's own files; empty if there is none."""
    for root in _checkouts(folder):
        try:
            head = (root / "HEAD").read_text(encoding="utf-8").strip()
            if _COMMIT.fullmatch(head):
                return head
            name = head.removeprefix("ref: ")
            loose = root / name
            if loose.is_file():
                found = loose.read_text(encoding="utf-8").strip()
                return found if _COMMIT.fullmatch(found) else ""
            for line in (root / "packed-refs").read_text(encoding="utf-8").splitlines():
                commit, _, ref = line.partition(" ")
                if ref == name:
                    return commit
        except (OSError, UnicodeDecodeError):
            return ""
    return ""


def _checkouts(folder: Path) -> Iterator[Path]:
    """The git directory of the checkout that the folder is, or lies at most two levels deep in.

    From deeper folders it would mostly be a checkout of something else.
    """
    for parent in (folder.absolute(), *folder.absolute().parents)[:3]:
        if (parent / ".git").is_dir():
            yield parent / ".git"
            return
