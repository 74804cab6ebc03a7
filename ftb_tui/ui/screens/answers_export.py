"""Where the listed answers are to be written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textual.app import App

from ftb_tui.report.answers_file import write_answers
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line
from ftb_tui.report.tables import model_label
from ftb_tui.store.chosen import Chosen
from ftb_tui.store.results import ResultRow
from ftb_tui.ui.away import kept
from ftb_tui.ui.screens.ask import Asked, AskScreen
from ftb_tui.work.files import file_name, may_write

_FORMATS = """.jsonl  every answer to the byte, with all that stands beside it
.csv    the same for a spreadsheet: controls shown, formulas as text
.md     for reading"""


def ask_for_file(app: App[None], result: ResultRow, chosen: Chosen | None, show: str, search: str) -> None:
    """Ask for a file, and write to it all answers of a score that are listed so, those of the chosen evaluation."""
    told: set[Path] = set()

    def write(said: Mapping[str, str]) -> str:
        path = may_write(said["path"], told)
        n = kept(lambda db: write_answers(db, path, result, show=show, search=search, chosen=chosen))
        return f"{counted(n, 'answer')} written: {path.absolute()}"

    searched = f" that fit {one_line(search, 60)}" if search.strip() else ""
    name = file_name(f"{model_label(result)} {result.task} {show}").lower()
    app.push_screen(
        AskScreen(
            f"Write the answers that are listed ({show}{searched})\n\n{_FORMATS}",
            [Asked("path", "File", f"{name}.jsonl")],
            write,
        )
    )
