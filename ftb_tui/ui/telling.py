"""What is said in a corner: the same of many jobs once, many faults of the configuration as one, names left whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ftb_tui.report.plain import one_line, shortened

WAIT = 0.5
"""Seconds for which a sentence from the background waits for others like it."""
LETTERS, LINES = 600, 8
"""At most so much is said in a corner."""
NAMED = 6
"""So many jobs are named by their numbers."""
FIRST_LETTERS = 120
"""So much of the first of many faults is said."""
_OF_JOB = re.compile(r"^Job (\d+)(?: (is|was|has|could) |(?=:))")
"""The beginning of a sentence that can be said of several jobs."""
_MANY = {"is": "are", "was": "were", "has": "have", "could": "could"}


class Gathered:
    """Sentences that come one after the other, told together: those that differ only in their job's number as one."""

    def __init__(self, tell: Callable[[str, str], None], later: Callable[[float, Callable[[], None]], object]) -> None:
        self._tell, self._later = tell, later
        self._waiting: dict[tuple[str, str], list[str]] = {}

    @property
    def waits(self) -> bool:
        """Whether a sentence was not told yet."""
        return bool(self._waiting)

    def add(self, severity: str, sentence: str) -> None:
        """Tell this soon, by its severity."""
        if not self._waiting:
            self._later(WAIT, self._tell_all)
        found = _OF_JOB.match(sentence)
        alike = sentence[found.end(1) :] if found else sentence
        self._waiting.setdefault((severity, alike), []).append(sentence)

    def _tell_all(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for (severity, _), sentences in waiting.items():
            self._tell(severity, as_one(sentences))


def as_one(sentences: Sequence[str]) -> str:
    """Sentences that differ only in their job's number as one about all of these jobs."""
    found = _OF_JOB.match(sentences[0])
    numbers = sorted({int(one[1]) for sentence in sentences if (one := _OF_JOB.match(sentence))})
    if found is None or len(numbers) < 2:
        return sentences[0]
    named = ", ".join(map(str, numbers[:NAMED])) + (", …" if len(numbers) > NAMED else "")
    verb = f" {_MANY[found[2]]} " if found[2] else ""
    return f"{len(numbers)} jobs ({named}){verb}{sentences[0][found.end() :]}"


def faults_told(problems: Sequence[str], file: str, key: str) -> str:
    """What is wrong with the configuration in one notice: how much, the first of it, and which key shows it all."""
    first = one_line(problems[0].removeprefix(f"{file}: "), FIRST_LETTERS)
    if len(problems) == 1:
        return problems[0]
    name = re.split(r"[/\\]", file)[-1]
    return f"{len(problems)} faults in {name}; {key} shows them. The first: {first}"


def fitted(text: str, width: int) -> str:
    """As much of a text as is said in a corner of a window so wide, plain, with no name broken that need not be."""
    # A notice takes 60 columns, or half of the window, three of them for its edges.
    return unbroken(shortened(text, LETTERS, LINES), min(60, width // 2) - 3)


def unbroken(text: str, width: int) -> str:
    """The text with what is longer than a line, such as a path, broken after one of its separators, not within a name."""
    return "\n".join(_broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    if width < 8 or not any(len(word) > width for word in line.split(" ")):
        return line
    shown = ""
    for word in line.split(" "):
        room = width - len(shown.rpartition("\n")[2]) - (1 if shown else 0)
        if len(word) <= width or len(parts := re.findall(r"[^/\\_-]*[/\\_-]?", word)) < 3:
            shown += (" " if shown and room >= len(word) else "\n" if shown else "") + word
            continue
        shown += " " if shown else ""
        for part in parts:
            here = len(shown.rpartition("\n")[2])
            shown += part if here + len(part) <= width or not here else f"\n{part}"
    return shown
