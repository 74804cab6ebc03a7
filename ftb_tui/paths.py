"""Where everything that is kept lives: one place to ask, so that two homes never meet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import PlatformDirs

_NO_HOME = "Your home directory is not known. Set HOME, or FTB_HOME to where all is to be kept."


class HomeUnknownError(Exception):
    """There is no telling where anything is kept."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The directories of one home. None of them is created by asking for it."""

    data: Path
    cache: Path
    config: Path
    state: Path
    log: Path

    @property
    def store(self) -> Path:
        """The SQLite file with every dataset, job, response and grade."""
        return self.data / "ftb.db"

    @property
    def config_file(self) -> Path:
        """The user's configuration, TOML; it need not exist."""
        return self.config / "config.toml"

    @property
    def weights(self) -> Path:
        """The directory of downloaded model weights."""
        return self.cache / "weights"

    @property
    def engine_data(self) -> Path:
        """The embedded engine's own files, jobs and adapters."""
        return self.data / "engine"

    @property
    def engine_state(self) -> Path:
        """How to reach the running engine: address, token, process id (mode 0600)."""
        return self.state / "engine.json"


def paths() -> Paths:
    """The home in force: below `FTB_HOME` when set and not empty, else the system's usual directories.

    Raises `HomeUnknownError` where the person has no home directory, as some containers have it.
    """
    home = os.environ.get("FTB_HOME", "")
    if home:
        try:
            root = Path(home).expanduser().absolute()
        except RuntimeError as error:
            raise HomeUnknownError(
                f"FTB_HOME is {home}: whose home that is, is not known. Give a whole path."
            ) from error
        return Paths(*(root / name for name in ("data", "cache", "config", "state", "log")))
    dirs = PlatformDirs("ftb-tui", appauthor=False)
    try:
        found = Paths(
            data=Path(dirs.user_data_dir),
            cache=Path(dirs.user_cache_dir),
            config=Path(dirs.user_config_dir),
            state=Path(dirs.user_state_dir),
            log=Path(dirs.user_log_dir),
        )
    except RuntimeError as error:
        raise HomeUnknownError(_NO_HOME) from error
    if not found.data.is_absolute():
        # Older platformdirs leave `~` as it is, which would become a directory of that name wherever one stands.
        raise HomeUnknownError(_NO_HOME)
    return found
