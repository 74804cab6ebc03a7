"""Where the content of a screen is to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from textual.app import App

from ftb_tui.report.numbers import counted
from ftb_tui.report.sheets import Sheet, sheet_bytes
from ftb_tui.ui.screens.ask import Asked, AskScreen
from ftb_tui.work.files import file_name, may_write, write_whole

_FORMATS = """.csv   {rows}, figures in full, for a spreadsheet
.json  the same for scripts
.md    for reading
.tex   its tables, as LaTeX (booktabs)"""


def ask_for_file(app: App[None], what: str, rows: str, name: str, make: Callable[[], Sheet]) -> None:
    """Ask for a file and write a sheet to it, whole or not at all.

    `what` is written: `the paper's figures`; `rows` is what is counted in it: `figure`; `name` is of any text and becomes
    the file's. `make` is called in a thread.
    """
    told: set[Path] = set()

    def write(said: Mapping[str, str]) -> str:
        path = may_write(said["path"], told)
        sheet = make()
        write_whole(path, sheet_bytes(path, sheet))
        count = len(sheet.rows) if sheet.count is None else sheet.count
        return f"{counted(count, rows)} written: {path.absolute()}"

    app.push_screen(
        AskScreen(
            f"Write {what}\n\n{_FORMATS.format(rows=f'a line for every {rows}')}",
            [Asked("path", "File", f"{file_name(name).lower()}.csv")],
            write,
        )
    )
