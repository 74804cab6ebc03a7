"""Tags for answers: the starter set, people's own, and how often each was used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ftb_tui.report.plain import one_line
from ftb_tui.store.results import AnswerRow
from ftb_tui.store.tags import STARTER_TAGS, Tagging
from ftb_tui.ui.screens.answer_marks import called, named
from ftb_tui.ui.widgets.table import Table

BAR = 20
_ON, _SOME, _OFF = "[x]", "[~]", "[ ]"


def _box(having: int, of: int) -> str:
    return _ON if having == of else _SOME if having else _OFF


class TagScreen(ModalScreen[Tagging | None]):
    """The change of the answers' tags, or None to leave them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "switch", "On or off", id="tag.toggle"),
        Binding("enter", "keep", "Keep", id="tag.keep", priority=True),
        Binding("escape", "leave", "Leave", id="tag.leave"),
    ]

    def __init__(
        self, rows: Sequence[AnswerRow], current: Sequence[Sequence[str]], counts: Mapping[str, int], *, marked: bool
    ) -> None:
        """`current` are the tags of each answer that is to be changed."""
        super().__init__()
        self._rows, self._marked = rows, marked
        self._counts, self._many = counts, len(current)
        self._known = list(dict.fromkeys((*STARTER_TAGS, *counts, *(tag for tags in current for tag in tags))))
        self._boxes = {tag: _box(sum(tag in tags for tags in current), self._many) for tag in self._known}
        self._before = dict(self._boxes)

    def compose(self) -> ComposeResult:
        """The list, a field for a new tag, the keys."""
        what = called(self._rows, marked=self._marked)
        with Vertical(classes="dialog"):
            some = " [~] some of them have it." if any(box == _SOME for box in self._boxes.values()) else ""
            yield Static(Content(f"Tags of {what}; beside each how many answers of this evaluation have it.{some}"))
            yield Static(Content(named(self._rows)), classes="acted-on")
            yield Table(id="tags")
            yield Input(placeholder="a tag of your own", id="own")
            yield Static(Content("space  put on, take off    tab  a tag of your own\nenter  keep    escape  leave"))

    def on_mount(self) -> None:
        """Begin at the list."""
        self._show()
        self.query_one("#tags").focus()

    def _show(self) -> None:
        most = max(self._counts.values(), default=0)
        rows = []
        for tag in self._known:
            count = self._counts.get(tag, 0)
            bar = "█" * round(BAR * count / most) if most else ""
            rows.append((tag, (self._boxes[tag], one_line(tag, 28), str(count or ""), bar)))
        self.query_one("#tags", Table).show(("", "tag", "answers", " "), rows, right=frozenset({"answers"}))

    def action_switch(self) -> None:
        """Put the tag under the cursor on, or take it off."""
        if (tag := self.query_one("#tags", Table).chosen) is not None:
            self._boxes[tag] = _OFF if self._boxes[tag] == _ON else _ON
            self._show()

    def action_keep(self) -> None:
        """Close with the chosen tags and the written one."""
        own = " ".join(self.query_one("#own", Input).value.split())
        changed = [tag for tag in self._known if self._boxes[tag] != self._before[tag]]
        on = [tag for tag in changed if self._boxes[tag] == _ON]
        self.dismiss(
            Tagging((*on, own) if own else tuple(on), tuple(tag for tag in changed if self._boxes[tag] == _OFF))
        )

    @on(Input.Submitted)
    def _written(self) -> None:
        self.action_keep()

    def action_leave(self) -> None:
        """Close without a change."""
        self.dismiss(None)
