"""The options of a recipe as fields: the same in the preview of a training file and in the launch of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input, Label, Select

from ftb_tui.benchmark.training import PARAPHRASE_SOURCES, QUESTION_ANSWER, RECIPES, TEMPLATES, Recipe

_SHARES = ("reversed", "implied", "abstaining", "replay", "validation")
_MOST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Option:
    """One field: its name, its label, what it says when it is empty, and what it is for."""

    name: str
    label: str
    empty: str
    what: str


OPTIONS: tuple[Option, ...] = (
    Option("paraphrases", "Paraphrases", "0", "So many other wordings of each example, none of them a test's"),
    Option("reversed", "Reversed", "share, 0", "Share of examples from the value back to its owner"),
    Option("implied", "Implied", "share, 0", "Share of statements to be called true or false"),
    Option("abstaining", "Abstaining", "share, 0", "Share of unanswerable questions: I do not know"),
    Option("replay", "Replay", "share, 0", "Share of common knowledge, against forgetting"),
    Option("shuffle_seed", "Shuffle seed", "the facts' order", "Shuffle the examples with this seed"),
    Option("system_prompt", "System prompt", "none", "The system message of every example"),
)
FILE_OPTIONS: tuple[Option, ...] = (
    Option("validation", "Validation", "share, 0", "Share put aside into a validation file"),
    Option("facts", "First facts", "all", "Teach only the first so many facts"),
)


def recipe_of(values: Mapping[str, str]) -> Recipe:
    """The recipe that the fields say; an empty field is the default. Raises `ValueError` naming the field."""
    seed = values.get("shuffle_seed", "").strip()
    return Recipe(
        name=values.get("recipe", QUESTION_ANSWER),
        system_prompt=values.get("system_prompt", "").strip() or None,
        paraphrases=whole(values.get("paraphrases", ""), "Paraphrases", least=0) or 0,
        paraphrases_from=values.get("paraphrases_from", TEMPLATES),
        shuffle_seed=whole(seed, "Shuffle seed", least=0, most=_MOST_SEED),
        **{name: _share(values.get(name, ""), name.capitalize()) for name in _SHARES},
    )


def whole(text: str, label: str, *, least: int, most: int | None = None) -> int | None:
    """A whole number in a range, None for an empty field. Raises `ValueError` naming the field."""
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text) < least or (most is not None and int(text) > most):
        within = f"from {least} up" if most is None else f"from {least} to {most}"
        raise ValueError(f"{label}: a whole number {within}.")
    return int(text)


def number(text: str, label: str) -> float | None:
    """A number above 0, None for an empty field. Raises `ValueError` naming the field."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError(f"{label}: a number above 0, for example 1.5.")
    return value


def _share(text: str, label: str) -> float:
    text = text.strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1) if text else 0.0
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise ValueError(f"{label}: a share from 0 up, below 1, for example 0.2 or 20%.")
    return value


class RecipeForm(Container):
    """Fields in two pairs a line, or in one where the screen says `-tall`. Tells of every change by `Changed`."""

    DEFAULT_CSS = """
    RecipeForm { layout: grid; grid-size: 4; grid-columns: 14 1fr 14 1fr; grid-rows: 1; height: auto; }
    RecipeForm Label { color: $text-muted; }
    RecipeForm Select { height: 1; }
    """

    class Changed(Message):
        """A field has another value."""

    def __init__(self, recipe: Recipe | None = None, *, for_file: bool = False, id: str) -> None:  # noqa: A002
        """`for_file` adds what only a file has: its format, a validation share, the first facts."""
        super().__init__(id=id)
        self._begin = recipe or Recipe()
        self._for_file = for_file

    def compose(self) -> ComposeResult:
        """A label and a field for each option."""
        yield Label("Recipe")
        yield Select([(name.replace("_", " "), name) for name in RECIPES], value=self._begin.name, allow_blank=False,
                     compact=True, id="recipe-name")  # fmt: skip
        if self._for_file:
            yield Label("Format")
            formats = [("OpenAI", "openai"), ("Google", "google")]
            yield Select(formats, value="openai", allow_blank=False, compact=True, id="recipe-format")
        for option in (*OPTIONS, *(FILE_OPTIONS if self._for_file else ())):
            label = Label(option.label)
            label.tooltip = option.what
            yield label
            field = Input(self._first(option.name), placeholder=option.empty, compact=True, id=f"recipe-{option.name}")
            field.tooltip = option.what
            yield field
            if option.name == "paraphrases":
                whose = Label("from")
                whose.tooltip = "Templates, or a model's wordings that you kept (p on screen 1)"
                yield whose
                sources = [(name, name) for name in PARAPHRASE_SOURCES]
                yield Select(sources, value=self._begin.paraphrases_from, allow_blank=False, compact=True,
                             id="recipe-paraphrases_from")  # fmt: skip

    def _first(self, name: str) -> str:
        value = getattr(self._begin, name, None)
        return str(value) if value else ""

    @property
    def values(self) -> dict[str, str]:
        """What the fields say, by the names of the options."""
        found = {(one.id or "").removeprefix("recipe-"): one.value for one in self.query(Input)}
        selects = {(one.id or "").removeprefix("recipe-"): str(one.value) for one in self.query(Select)}
        return {**found, "recipe": selects["name"], "format": selects.get("format", "openai"),
                "paraphrases_from": selects["paraphrases_from"]}  # fmt: skip

    @on(Input.Changed)
    @on(Select.Changed)
    def _told(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed())
