"""A few values are asked for, and something is done with them: a sentence says how it went, in the dialog itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from ftb_tui.report.plain import shortened, visible
from ftb_tui.ui.acting import expected, sentence
from ftb_tui.ui.widgets.path_suggester import PathSuggester


@dataclass(frozen=True, slots=True)
class Asked:
    """One value: its name, what stands at the field, and what is in it at first. `path` completes file names.

    `hint` is what the field says while it is empty.
    """

    name: str
    label: str
    value: str = ""
    path: bool = True
    hint: str = ""


class AskScreen(ModalScreen[str | None]):
    """Closes with what the work said once it is done, or with None. An error stays in the dialog until it is mended."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave it", id="ask.leave")]
    DEFAULT_CSS = """
    AskScreen Label { margin-top: 1; }
    AskScreen #ask-fields {
        layout: grid; grid-size: 2; grid-columns: auto 1fr; grid-rows: 1; grid-gutter: 0 2; height: auto; margin: 1 0;
    }
    AskScreen #ask-fields Label { margin-top: 0; color: $text-muted; }
    AskScreen #ask-said { height: auto; margin: 1 0; }
    AskScreen.-short #ask-fields, AskScreen.-short #ask-said { margin: 0; }
    """

    def __init__(self, text: str, asked: Sequence[Asked], act: Callable[[Mapping[str, str]], str]) -> None:
        """`act` is called in a thread with the values by name; it gives a sentence, or raises one."""
        super().__init__()
        self._text, self._asked, self._act = text, asked, act
        self._busy = False

    def compose(self) -> ComposeResult:
        """What is done, the fields, what went wrong, the keys."""
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(Content(visible(self._text)))
            if len(self._asked) > 1:
                with Container(id="ask-fields"):
                    yield from self._fields(compact=True)
            else:
                yield from self._fields(compact=False)
            yield Static("", id="ask-said", markup=False)
            path = any(one.path for one in self._asked)
            keys = ["enter  do it", *(["tab  next field"] if len(self._asked) > 1 else []), "escape  leave it"]
            yield Static(Content("      ".join([*keys, *(["→  complete a name"] if path else [])])))

    def _fields(self, *, compact: bool) -> Iterable[Widget]:
        for one in self._asked:
            yield Label(Content(one.label))
            yield Input(
                one.value, placeholder=one.hint, compact=compact, id=f"ask-{one.name}",
                suggester=PathSuggester() if one.path else None,
            )  # fmt: skip

    def on_mount(self) -> None:
        """Begin at the first field."""
        self.query_one("#ask-said").display = False

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if not self._busy:
            self._busy = True
            self._do({one.name: self.query_one(f"#ask-{one.name}", Input).value.strip() for one in self._asked})

    @work
    async def _do(self, values: Mapping[str, str]) -> None:
        try:
            said = await asyncio.to_thread(self._act, values)
        except expected(ValueError) as error:
            field = self.query_one("#ask-said", Static)
            field.update(Content(shortened(sentence(error), 800)))
            field.display = True
            self._busy = False
        else:
            self.notify(shortened(said, 400), markup=False)
            self.dismiss(said)

    def action_leave(self) -> None:
        """Close, with nothing done."""
        if not self._busy:
            self.dismiss(None)
