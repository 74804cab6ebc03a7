"""Where keys come from. Only references are ever configured; the key itself stays where the person keeps it.

Order: what the configuration names for this provider, the environment, a `.env` file in the working directory (only
if `[keys] dotenv = true`), the system's keyring (only if `[keys] keyring = true`, or where the configuration names an
entry; needs the extra `keyring`).
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ftb_tui.providers.base import ErrorKind, ProviderError

KEYRING_SERVICE = "ftb-tui"


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Which places a key may be looked for in, beyond the environment."""

    dotenv: bool = False
    keyring: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found. Its value is in no repr."""

    value: str = field(repr=False)
    source: str
    problem: str = ""
    """Why what was found cannot be a key, in a sentence; it has no value then, so that none is shown or sent."""

    def shown(self) -> str:
        """Source and the last four characters, which tell one's keys apart and are worth nothing; or the problem."""
        if self.problem:
            return f"not usable: {self.problem}"
        return f"{self.source}, …{self.value[-4:]}" if len(self.value) > 12 else self.source


def find_key(
    provider: str, variables: Sequence[str], settings: KeySettings, *, keyring_entry: str | None = None
) -> Key | None:
    """The key of a provider: from the first of the variables that is set, else from the places allowed.

    `keyring_entry` is an entry that the configuration names; it goes before everything else.
    """
    if keyring_entry and (found := _from_keyring(keyring_entry)):
        return _key(found, f"keyring entry {keyring_entry}")
    for name in variables:
        if value := os.environ.get(name, "").strip():
            return _key(value, name)
    if settings.dotenv:
        values = read_dotenv(Path.cwd() / ".env")
        for name in variables:
            if value := values.get(name, ""):
                return _key(value, f".env ({name})")
    if settings.keyring and (found := _from_keyring(provider)):
        return _key(found, f"keyring entry {provider}")
    return None


def key_problem(value: str, source: str) -> str:
    """Why a value cannot be a key or a token, without a word of it; nothing where it can.

    It travels in a header, whose text is visible ASCII: anything else came along when the key was copied.
    """
    place = next((place for place, one in enumerate(value, 1) if not "!" <= one <= "~"), None)
    return "" if place is None else f"the key in {source} holds a character that no key has (position {place})"


def unusable_key(provider: str, problem: str, host: str) -> ProviderError:
    """The refusal to open a provider with such a key."""
    return ProviderError(ErrorKind.AUTH, f"{provider} cannot be asked: {problem}. Nothing was sent.", host=host)


def _key(value: str, source: str) -> Key:
    problem = key_problem(value, source)
    return Key("" if problem else value, source, problem)


def missing_key(variables: Sequence[str], settings: KeySettings, keyring_entry: str | None = None) -> str:
    """What to do about a key that was not found, in words."""
    ways = [f"set {' or '.join(variables)}"] if variables else []
    if settings.dotenv and variables:
        ways.append("or put it into .env")
    if keyring_entry or settings.keyring:
        entry = keyring_entry or "the provider's name"
        ways.append(f"keep it in the keyring (service {KEYRING_SERVICE}, entry {entry})")
        if not _keyring_installed():
            ways.append("for which the extra is needed: pip install 'ftb-tui[keyring]'")
    return "; ".join(ways) or "name a variable with api_key_env in the configuration"


def read_dotenv(file: Path) -> dict[str, str]:
    """NAME=value lines of a `.env` file: `export` allowed, quotes taken off, comments skipped; {} if there is none.

    In whatever encoding an editor wrote it: what cannot be read becomes a character that no key has.
    """
    try:
        content = file.read_bytes()
    except OSError:
        return {}
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if wide else "utf-8-sig", "replace")
    values = {}
    for line in text.splitlines():
        found = re.fullmatch(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*", line)
        if found is None:
            continue
        value = found[2]
        quoted = re.fullmatch(r"""(['"])(.*?)\1\s*(?:#.*)?""", value)
        values[found[1]] = quoted[2] if quoted else re.sub(r"\s+#.*$", "", value)
    return values


def _keyring_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("keyring") is not None


def _from_keyring(entry: str) -> str | None:
    """A password from the system's keyring; None when there is none, no keyring, or it does not open."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        value = keyring.get_password(KEYRING_SERVICE, entry)
    except (KeyringError, OSError, RuntimeError):
        return None
    return value or None
