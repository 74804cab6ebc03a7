"""The training file that a recipe makes of a dataset: every line, its counts and tokens, before it is sent anywhere."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset
from ftb_tui.benchmark.training import REVIEWED
from ftb_tui.report.plain import one_line, shortened, visible
from ftb_tui.store.datasets import load_dataset
from ftb_tui.store.paraphrases import kept_wordings
from ftb_tui.ui.acting import acting, telling
from ftb_tui.ui.away import away, kept
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.recipe_form import RecipeForm, recipe_of, whole
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table
from ftb_tui.work.files import file_name, new_file
from ftb_tui.work.training_file import (
    TrainingFile,
    keep_training_file,
    kinds_sentence,
    training_file,
    validation_path,
)

if TYPE_CHECKING:
    import aiosqlite

PAGE = 200
_WAIT = 0.15
"""Seconds without a key before the file is made anew."""


class TrainingScreen(OpenedScreen):
    """Opened from a dataset; a row is a line of the file, below it stands as it is sent."""

    NAME = "Training file"
    PURPOSE = (
        "What a model would be trained on: every line that the recipe makes of this dataset, with its tokens. Change the "
        "options and see it change (tab and o go to them, escape comes back); w writes it, t trains on it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "options", "Options", id="training.options", tooltip="Go to the recipe's options"),
        Binding("w", "write", "Write", id="training.write", tooltip="Write the file, and keep it in the store"),
        Binding("t", "train", "Train", id="training.train", tooltip="Launch a job with this recipe"),
        Binding("space", "whole", "Whole line", id="training.whole", tooltip="The line as it is sent"),
        Binding("y", "copy", "Copy", show=False, id="training.copy", tooltip="Copy the line as it is sent"),
    ]
    DEFAULT_CSS = """
    TrainingScreen #recipe { width: 46; padding: 0 2; }
    TrainingScreen #left { width: 1fr; }
    TrainingScreen #counts { height: auto; max-height: 5; padding: 0 1; color: $text-muted; }
    TrainingScreen #detail { height: 8; padding: 0 1; }
    TrainingScreen #line { height: auto; }
    TrainingScreen.-wide RecipeForm { grid-size: 2; grid-columns: 14 1fr; }
    TrainingScreen.-narrow #panes { layout: vertical; }
    TrainingScreen.-narrow #left { width: 1fr; height: 1fr; }
    TrainingScreen.-narrow #recipe { width: 1fr; padding: 0 1; dock: top; background: $panel; }
    TrainingScreen.-narrow #beside-recipe { height: 0; }
    TrainingScreen.-narrow #detail { height: 5; }
    """

    def __init__(self, dataset_id: str, name: str) -> None:
        super().__init__()
        self._dataset_id, self._named = dataset_id, name
        self._dataset: Dataset | None = None
        self._file: TrainingFile | None = None
        self._shown = PAGE

    def body(self) -> Iterable[Widget]:
        """Counts, lines, the chosen line; the recipe beside or above them."""
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Static("", id="counts", markup=False)
                yield Table(id="lines")
                yield Splitter(id="above-detail", pane="lines")
                with Detail(id="detail"):
                    yield Static("", id="line", markup=False)
            yield Splitter(id="beside-recipe", pane="left")
            yield RecipeForm(for_file=True, id="recipe")

    def on_mount(self) -> None:
        """Make the paper's file."""
        self.head(f"Training file of {one_line(self._named, 50)}")
        self.query_one("#lines").focus()
        self._make()

    @on(RecipeForm.Changed)
    def _changed(self) -> None:
        self._make()

    @work(exclusive=True)
    @telling
    async def _make(self) -> None:
        await asyncio.sleep(_WAIT if self._file is not None else 0)
        values = self.query_one(RecipeForm).values
        try:
            recipe = recipe_of(values)
            facts = whole(values["facts"], "First facts", least=1)
            if self._dataset is None:
                self._dataset = await away(functools.partial(_loaded, self._dataset_id))
            wordings: Mapping[str, tuple[str, ...]] = {}
            if recipe.paraphrases_from == REVIEWED:
                wordings = await away(functools.partial(_reviewed, self._dataset_id))
            make = functools.partial(
                training_file, self._dataset, recipe, file_format=values["format"], facts=facts, wordings=wordings
            )
            self._file = await asyncio.to_thread(make)
        except (DatasetError, ValueError) as error:
            self._file = None
            self._say(visible(str(error)))
        else:
            self._say(_counts(self._file))
        self._shown = PAGE
        self._fill()

    def _say(self, text: str) -> None:
        self.query_one("#counts", Static).update(Content(text))

    def _fill(self) -> None:
        file, wide = self._file, self.has_class("-wide")
        rows = []
        skipped = _common([example.prompt for example in file.split.training[:PAGE]]) if file is not None else 0
        for place, example in enumerate(file.split.training[: self._shown] if file is not None else ()):
            assert file is not None
            asked = f"{'…' if skipped else ''}{example.prompt[skipped:]}"
            taught = (one_line(asked, 60 if wide else 40), one_line(example.completion, 60))
            rows.append((str(place), (str(place + 1), example.kind, str(file.tokens[place]), *taught)))
        columns = ("line", "kind", "tokens", "asked", "answered")
        self.query_one("#lines", Table).show(columns, rows, right=frozenset({"line", "tokens"}))
        self._fill_line()

    def _place(self) -> int | None:
        chosen = self.query_one("#lines", Table).chosen
        return None if chosen is None or self._file is None else int(chosen)

    def _fill_line(self) -> None:
        place, file = self._place(), self._file
        text = "" if place is None or file is None else shortened(file.lines[place], 3000)
        self.query_one("#line", Static).update(Content(text))

    @on(Table.RowHighlighted)
    def _other_line(self, event: Table.RowHighlighted) -> None:
        if self._file is not None and event.cursor_row >= self._shown - 1 and len(self._file.lines) > self._shown:
            self._shown += PAGE
            self._fill()
        self._fill_line()

    def action_options(self) -> None:
        """Go to the recipe's options."""
        self.query_one("#recipe-name").focus()

    def action_back(self) -> None:
        """Back from the options to the lines, or close."""
        if self.query_one(RecipeForm).has_focus_within:
            self.query_one("#lines").focus()
        else:
            self.dismiss()

    def action_write(self) -> None:
        """Write the file under a name that a person gives."""
        from ftb_tui.ui.screens.ask import Asked, AskScreen

        file = self._file
        if file is None:
            self.notify("There is no file to write; mend the options first.", markup=False)
            return

        def write(said: Mapping[str, str]) -> str:
            targets = [new_file(said["path"])]
            if file.aside:
                targets.append(new_file(str(validation_path(targets[0]))))
            kept(functools.partial(_kept, file, targets))
            return f"{len(file.lines)} lines are in {' and '.join(map(str, targets))}."

        text = f"Write {len(file.lines)} lines ({file.n_tokens:,} tokens)"
        if file.aside:
            text += f", and beside them {len(file.aside)} put aside for validation"
        asked = [Asked("path", "File", f"{file_name(file.dataset_id.rpartition('@')[0])}.{file.recipe.name}.jsonl")]
        self.app.push_screen(AskScreen(f"{text}. It is kept in the store as well.", asked, write))

    @acting
    async def action_train(self) -> None:
        """Launch a job with this recipe."""
        if self._dataset is None or self._file is None:
            self.notify("There is no file to train on; mend the options first.", markup=False)
            return
        from ftb_tui.ui.screens.launch import launched

        facts = self.query_one(RecipeForm).values["facts"]
        await launched(self.ftb, self._dataset, recipe=self._file.recipe, facts=facts)

    def action_whole(self) -> None:
        """The line as it is sent."""
        from ftb_tui.ui.screens.text import TextScreen

        if (place := self._place()) is not None and self._file is not None:
            self.app.push_screen(TextScreen(f"Line {place + 1}", self._file.lines[place]))

    def action_copy(self) -> None:
        """Copy the line as it is sent."""
        if (place := self._place()) is not None and self._file is not None:
            self.app.copy_to_clipboard(self._file.lines[place])
            self.notify("Copied.", markup=False)


async def _loaded(dataset_id: str, db: aiosqlite.Connection) -> Dataset:
    return await load_dataset(db, dataset_id)


async def _reviewed(dataset_id: str, db: aiosqlite.Connection) -> dict[str, tuple[str, ...]]:
    return await kept_wordings(db, dataset_id)


async def _kept(file: TrainingFile, targets: list[Path], db: aiosqlite.Connection) -> int:
    return await keep_training_file(db, file, targets)


def _common(prompts: list[str]) -> int:
    """How many characters all of several prompts begin with, up to a word's end: an instruction, which hides the rest."""
    if len(prompts) < 2:
        return 0
    # What the first and the last in order share, all share.
    pairs = zip(min(prompts), max(prompts), strict=False)
    shared = list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    return max((place + 1 for place, (letter, _) in enumerate(shared) if letter.isspace()), default=0)


def _counts(file: TrainingFile) -> str:
    lines = [
        f"{len(file.lines)} lines: {kinds_sentence(file.split.training)}",
        f"{file.n_tokens:,} tokens, {file.tokens_how} · SHA-256 {file.sha256[:16]}…",
    ]
    if file.aside:
        lines.append(f"{len(file.aside)} put aside for validation: {kinds_sentence(file.split.validation)}")
    if file.shared:
        lines.append(f"! {len(file.shared)} test questions are worded like trained ones, so they test nothing new.")
    return "\n".join(lines)
