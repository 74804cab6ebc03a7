"""Which model of a provider is asked which questions, and what that will cost at most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from ftb_tui.providers.base import Capabilities
from ftb_tui.report.plain import one_line, visible
from ftb_tui.ui.acting import expected, sentence
from ftb_tui.work.asking_plan import AskingPlan, asking_quote, plan_evaluation
from ftb_tui.work.asking_quote import AskingQuote, consent_words, quote_lines, require_money

_FIELDS = {
    "model": ("Model", "its name at the service"),
    "dataset": ("Dataset", ""),
    "limit": ("Of each task", "all questions"),
    "batch": ("As a batch", "no; yes: at half the price, answered within a day"),
    "serving": ("Deployed as", "the name recorded here, if there is one"),
}
"""For each field its label and what it says when it is empty."""


class EvaluateScreen(ModalScreen[int | None]):
    """Closes with the key of the planned evaluation, or with None. Nothing is asked before."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave it", id="evaluate.leave")]
    DEFAULT_CSS = """
    EvaluateScreen #evaluate-quote, EvaluateScreen #evaluate-said { height: auto; margin-top: 1; }
    EvaluateScreen #evaluate-said { display: none; }
    EvaluateScreen #evaluate-fields {
        layout: grid; grid-size: 2; grid-columns: 14 1fr; grid-rows: 1; height: auto; margin-top: 1;
    }
    EvaluateScreen Label { color: $text-muted; }
    """

    def __init__(
        self, provider: str, able: Capabilities, *, names: Sequence[str] = (), dataset: str = "fictional_people"
    ) -> None:
        """`names` complete what is typed as the model's name."""
        super().__init__()
        self._provider, self._names = provider, tuple(names)
        first = self._names[0] if len(self._names) == 1 else ""
        self._values = {"model": first, "dataset": dataset, "limit": ""}
        self._values |= {"batch": ""} if able.batches else {}
        self._values |= {"serving": ""} if able.deploy_step else {}
        self._busy = False
        self._quoted: AskingPlan | None = None
        """What the price that is shown is for."""

    def compose(self) -> ComposeResult:
        """The fields, the cost, the keys."""
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(Content(visible(f"Ask a model of {self._provider}")))
            with Container(id="evaluate-fields"):
                for name, value in self._values.items():
                    label, empty = _FIELDS[name]
                    known = SuggestFromList(self._names, case_sensitive=False) if name == "model" else None
                    hint = one_line(", ".join(self._names), 90) if name == "model" else ""
                    yield Label(label)
                    yield Input(value, compact=True, id=f"evaluate-{name}", suggester=known, placeholder=hint or empty)
            yield Static("", id="evaluate-quote", markup=False)
            yield Static("", id="evaluate-said", markup=False)
            yield Static(_keys("ask"), id="evaluate-keys")

    def on_mount(self) -> None:
        """Show what it would cost."""
        self._requote()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        name = (event.input.id or "").removeprefix("evaluate-")
        if self._values.get(name, event.value) != event.value:
            self._values[name] = event.value
            self._requote()

    def _plan(self) -> AskingPlan:
        given = {name: value.strip() for name, value in self._values.items()}
        if given["limit"] and (not given["limit"].isdecimal() or not int(given["limit"])):
            raise ValueError("Questions of each task: a whole number, or nothing.")
        if given.get("batch", "").lower() not in ("", "n", "no", "y", "yes"):
            raise ValueError("As a batch: yes or no.")
        if not given["model"]:
            raise ValueError("Give the name of a model.")
        return AskingPlan(
            provider=self._provider,
            model=given["model"],
            dataset=given["dataset"],
            limit=int(given["limit"]) if given["limit"] else None,
            serving_name=given.get("serving") or None,
            batch=given.get("batch", "").lower() in ("y", "yes"),
        )

    @work(exclusive=True, group="quote")
    async def _requote(self) -> None:
        await self._show_quote()

    async def _show_quote(self) -> AskingQuote | None:
        """Say what the plan would cost, or why that cannot be said; the key to ask says it too."""
        import asyncio

        self._quoted, quote, does = None, None, "ask"
        try:
            plan = self._plan()
            quote = await asyncio.to_thread(lambda: asyncio.run(asking_quote(plan)))
            require_money(quote)
            text, does, self._quoted = "\n".join(quote_lines(quote)), consent_words(quote), plan
        except expected(ValueError) as error:
            text = sentence(error)
        self.query_one("#evaluate-quote", Static).update(Content(visible(text)))
        self.query_one("#evaluate-keys", Static).update(_keys(does))
        return quote

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if not self._busy:
            self._busy = True
            self._keep()

    @work
    async def _keep(self) -> None:
        import asyncio

        try:
            plan = self._plan()
            # Enter may come before the price, or where there is none; nobody agrees to what was not shown.
            if self._quoted != plan:
                quote = await self._show_quote()
                if quote is None or quote.costs_money or self._quoted != plan:
                    self._busy = False
                    return
            key = await asyncio.to_thread(lambda: asyncio.run(plan_evaluation(plan)))
        except expected(ValueError) as error:
            self._busy = False
            said = self.query_one("#evaluate-said", Static)
            said.update(Content(visible(f"✗ {sentence(error)}")))
            said.display = True
        else:
            self.dismiss(key)

    def action_leave(self) -> None:
        """Close, with nothing planned."""
        if not self._busy:
            self.dismiss(None)


def _keys(does: str) -> Content:
    return Content(f"\nenter  {does}    tab  next field    →  complete a name    escape  leave it")
