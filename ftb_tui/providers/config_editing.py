"""Writing settings into the configuration file, with everything else in it left as it was.

The text is edited line by line, so that comments and order stay. Whatever the lines look like, the result is read back
and must mean exactly what was meant, and nothing else may have changed; otherwise nothing is written.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ftb_tui.paths import paths
from ftb_tui.providers.config import ConfigError, config_problems

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|true|false|[+-]?(?:inf|nan|[0-9][0-9_.eE+-]*))"""
Value = str | bool | int | float
Problems = Callable[[Path], list[str]]
"""What is wrong with a file, a line each."""
_NO_FORM = "is written in a form that ftb does not edit. Nothing was changed; edit the file by hand."


def write_provider(name: str, values: Mapping[str, Value | None], path: Path | None = None) -> Path:
    """Set the keys of `[providers.NAME]`, adding the table if it is not there; None takes a key out. Gives the file.

    Raises `ConfigError`, with the file untouched, when the name or a value cannot be, when the file is broken already,
    or when the table is written in a form that cannot be edited safely.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be a provider's name: letters, digits, - and _ only, for example my-server."
        )
    return _write(("providers", name), values, path, config_problems, frozenset())


def write_setting(
    table: tuple[str, ...],
    name: str,
    value: Value | None,
    path: Path | None = None,
    problems: Problems = config_problems,
) -> Path:
    """Set one key of a table, for example `epochs` of `("defaults",)`; None takes it out. Gives the file.

    `problems` says what is wrong with a file, a line each. What was wrong already keeps nobody from mending one thing;
    what is wrong only with the new value raises `ConfigError`, and the file is untouched, as with `write_provider`.
    """
    file = (path or paths().config_file).resolve()
    known = frozenset(problems(file))
    return _write(table, {name: value}, file, problems, known)


def remove_provider(name: str, path: Path | None = None, problems: Problems = config_problems) -> Path:
    """Take the table `[providers.NAME]` and the tables in it out of the file. Gives the file.

    Raises `ConfigError`, with the file untouched, when it is not there, is written in a form that cannot be edited
    safely, or when something else in the file needs it.
    """
    file = (path or paths().config_file).resolve()
    old = _text(file)
    before = _parsed(old, file)
    own = before.get("providers")
    if not isinstance(own, dict) or name not in own:
        raise ConfigError(f"{file}: there is no table providers.{name}.")
    meant = copy.deepcopy(before)
    del meant["providers"][name]
    lines = old.splitlines(keepends=True)
    header = re.compile(rf"""\s*\[\s*providers\s*\.\s*{_named(name)}\s*(?:\..*)?\]\s*(?:#.*)?""")
    kept: list[str] = []
    inside = False
    for line in lines:
        if line.lstrip().startswith("["):
            inside = header.fullmatch(line.rstrip("\r\n")) is not None
        if not inside:
            kept.append(line)
    new = "".join(kept)
    if not meant["providers"]:
        del meant["providers"]
    try:
        read = tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        read = {}
    if not read.get("providers", True):
        del read["providers"]
    if read != meant:
        raise ConfigError(f"{file}: the table providers.{name} {_NO_FORM}")
    _replace(file, old, new, problems, frozenset(problems(file)))
    return file


def _write(
    table: tuple[str, ...],
    values: Mapping[str, Value | None],
    path: Path | None,
    problems: Problems,
    known: frozenset[str],
) -> Path:
    file = (path or paths().config_file).resolve()
    old = _text(file)
    before = _parsed(old, file)
    meant = _meant(before, table, values, file)
    if meant == before:
        return file
    new = _edited(old, table, values)
    try:
        as_meant = tomllib.loads(new) == meant
    except tomllib.TOMLDecodeError:
        as_meant = False
    if not as_meant:
        raise ConfigError(f"{file}: the table {'.'.join(table)} {_NO_FORM}")
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, old, new, problems, known)
    return file


def _text(file: Path) -> str:
    try:
        # Line ends as they are: the rest of the file is not ours to change.
        with file.open(encoding="utf-8", newline="") as opened:
            return opened.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error


def _parsed(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}. Mend it first; nothing was changed.") from error


def _meant(
    before: Mapping[str, Any], table: tuple[str, ...], values: Mapping[str, Value | None], file: Path
) -> dict[str, Any]:
    after: dict[str, Any] = copy.deepcopy(dict(before))
    place = after
    for part in table:
        if all(value is None for value in values.values()) and part not in place:
            return after
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise ConfigError(f"{file}: {'.'.join(table)} {_NO_FORM}")
    for key, value in values.items():
        _set(place, key, value)
    return after


def _set(table: dict[str, Any], key: str, value: Value | None) -> None:
    """Set a key where it stands: `"jobs.cancel"` may be written `jobs.cancel`, for TOML a table in a table."""
    first, dot, rest = key.partition(".")
    if key not in table and dot and isinstance(table.get(first), dict):
        _set(table[first], rest, value)
        if not table[first]:
            del table[first]
    elif value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _edited(text: str, table: tuple[str, ...], values: Mapping[str, Value | None]) -> str:
    lines = text.splitlines(keepends=True)
    dotted = r"\s*\.\s*".join(_named(part) for part in table)
    header = re.compile(rf"""\s*\[\s*{dotted}\s*\]\s*(?:#.*)?""")
    start = next((place for place, line in enumerate(lines) if header.fullmatch(line.rstrip("\r\n"))), None)
    if start is None:
        given = "".join(f"{_key(key)} = {_toml(value)}\n" for key, value in values.items() if value is not None)
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}[{'.'.join(_key(part) for part in table)}]\n{given}"
    end = next((p for p in range(start + 1, len(lines)) if lines[p].lstrip().startswith("[")), len(lines))
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    body = lines[start + 1 : end]
    for key, value in values.items():
        body = _with_key(body, key, value)
    return "".join([*lines[: start + 1], *body, *lines[end:]])


def _with_key(body: list[str], key: str, value: Value | None) -> list[str]:
    """The lines of a table with one key set or taken out; a comment behind the value stays."""
    apart = r"\s*\.\s*".join(_named(part) for part in key.split("."))
    line = re.compile(rf"(\s*(?:{_named(key)}|{apart})\s*=\s*){_VALUE}(\s*(?:#.*)?)", re.DOTALL)
    for place, text in enumerate(body):
        if found := line.fullmatch(text):
            kept = [] if value is None else [f"{found[1]}{_toml(value)}{found[2]}"]
            return [*body[:place], *kept, *body[place + 1 :]]
    if value is None:
        return body
    # Behind the last setting, before blank lines and comments that belong to what follows.
    last = max((place for place, text in enumerate(body) if re.match(r"\s*[\w\"'.-]+\s*=", text)), default=-1)
    return [*body[: last + 1], f"{_key(key)} = {_toml(value)}\n", *body[last + 1 :]]


def _named(name: str) -> str:
    """What finds a name in the text, quoted or not."""
    exact = re.escape(name)
    return rf"""(?:{exact}|"{exact}"|'{exact}')""" if _NAME.fullmatch(name) else rf"""(?:"{exact}"|'{exact}')"""


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else _toml(name)


def _toml(value: Value) -> str:
    # A JSON string is a TOML string, but for the delete character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(file: Path, old: str, new: str, problems: Problems, known: frozenset[str]) -> None:
    """Put the new text in the old one's place at once, if it can be used and nobody changed the file meanwhile."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(new)
            out.flush()
            os.fsync(out.fileno())
        told = [problem.replace(str(made), str(file)) for problem in problems(made)]
        if wrong := [problem for problem in told if problem not in known]:
            raise ConfigError("\n".join(wrong))
        if file.exists():
            made.chmod(file.stat().st_mode & 0o777)
        if _text(file) != old:
            raise ConfigError(f"{file} was changed by somebody else meanwhile; nothing was written. Try again.")
        made.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            made.unlink()
