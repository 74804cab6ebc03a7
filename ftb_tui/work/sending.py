"""What is being sent to services at this moment: whoever ends the program would cut it short."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Sending:
    """The launches under way, and what came of the last one."""

    def __init__(self) -> None:
        self._places: list[str] = []
        self.error = ""
        """Why the last launch came to nothing, or is unclear."""

    @property
    def places(self) -> list[str]:
        """The providers to which something is being sent."""
        return self._places.copy()

    @contextlib.contextmanager
    def to(self, provider: str) -> Iterator[None]:
        """For as long as a launch is being sent there."""
        self._places.append(provider)
        try:
            yield
            self.error = ""
        except Exception as error:
            self.error = str(error)
            raise
        finally:
            self._places.remove(provider)
