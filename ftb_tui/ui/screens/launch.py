"""The launch of a job: what, where, at what price, until when; and a typed word before money is spent."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from ftb_tui.benchmark.model import Dataset
from ftb_tui.providers.base import ProviderError
from ftb_tui.providers.catalogue import CatalogueError
from ftb_tui.providers.config import ConfigError
from ftb_tui.report.plain import visible
from ftb_tui.store.database import open_store
from ftb_tui.work.cost import Quote, quote_lines
from ftb_tui.work.jobs import LaunchPlan
from ftb_tui.work.quoting import quote_launch

CONFIRMATION = "launch"
_LABELS = {
    "provider": "Provider (mode 5 lists them)",
    "base": "Base model",
    "epochs": "Epochs",
    "suffix": "Part of the tuned model's name (may stay empty)",
}


@dataclass(frozen=True, slots=True)
class Launch:
    """What a person has decided on, having seen this quote."""

    plan: LaunchPlan
    provider: str
    quote: Quote


class LaunchScreen(ModalScreen[Launch | None]):
    """A decision to launch, or None. What is free begins on enter; what costs money needs the word `launch`."""

    AUTO_FOCUS = "#launch-provider"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave it", id="launch.leave")]

    def __init__(
        self, dataset: Dataset, *, provider: str = "local", base: str = "smollm2-135m", epochs: int = 12,
        today: datetime.date | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._dataset = dataset
        self._values = {"provider": provider, "base": base, "epochs": str(epochs), "suffix": ""}
        self._today = today
        self._quote: Quote | None = None
        self._plan: LaunchPlan | None = None

    def compose(self) -> ComposeResult:
        """The fields, the quote, and the field for the word."""
        with VerticalScroll(classes="dialog"):
            yield Static(Content(f"Fine-tune on {self._dataset.name}"))
            for name, value in self._values.items():
                yield Label(_LABELS[name])
                yield Input(value, id=f"launch-{name}")
            yield Static("", id="launch-quote", markup=False)
            yield Input(placeholder=f"type {CONFIRMATION} to spend this money", id="launch-word")
            yield Static("", id="launch-keys", markup=False)

    def on_mount(self) -> None:
        """Show the quote of what is filled in."""
        self.query_one("#launch-word").display = False
        self._ask_quote()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        name = (event.input.id or "").removeprefix("launch-")
        if name in self._values and event.value != self._values[name]:
            self._values[name] = event.value
            self._quote = None
            self._ask_quote()

    @work(exclusive=True)
    async def _ask_quote(self) -> None:
        """The quote for the fields as they are; nothing is sent to anybody."""
        try:
            plan = self._planned()
            db = await open_store()
            try:
                quote = await quote_launch(
                    db, plan, self._values["provider"].strip(), self._today or datetime.date.today()
                )
            finally:
                await db.close()
        except (ProviderError, ConfigError, CatalogueError, ValueError) as error:
            self._show([str(error)], "escape  leave it")
            return
        self._plan, self._quote = plan, quote
        stops = quote.stops()
        word = self.query_one("#launch-word", Input)
        word.display = not quote.free and not stops
        if stops:
            keys = "It cannot be launched so.   escape  leave it"
        elif quote.free:
            keys = "enter  launch      escape  leave it"
        else:
            keys = f"type {CONFIRMATION} and press enter to launch      escape  leave it"
        self._show(quote_lines(quote), keys)

    def _planned(self) -> LaunchPlan:
        epochs = self._values["epochs"].strip()
        if not epochs.isdecimal() or not 1 <= int(epochs) <= 50:
            raise ValueError("Epochs: a whole number from 1 to 50.")
        if not self._values["base"].strip():
            raise ValueError("Base model: the name of the model to tune.")
        return LaunchPlan(
            dataset=self._dataset,
            base_model=self._values["base"].strip(),
            n_epochs=int(epochs),
            suffix=self._values["suffix"].strip() or None,
        )

    def _show(self, lines: list[str], keys: str) -> None:
        self.query_one("#launch-quote", Static).update(Content("\n" + visible("\n".join(lines)) + "\n"))
        self.query_one("#launch-keys", Static).update(Content(keys))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        quote, plan = self._quote, self._plan
        if quote is None or plan is None or quote.stops():
            return
        word = self.query_one("#launch-word", Input)
        if not quote.free and word.value.strip().lower() != CONFIRMATION:
            word.focus()
            return
        self.dismiss(Launch(plan, quote.provider, quote))

    def action_leave(self) -> None:
        """Close, with nothing launched."""
        self.dismiss(None)
