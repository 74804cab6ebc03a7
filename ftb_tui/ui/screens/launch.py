"""The launch of a job: what, where, at what price, until when; and a typed word before money is spent."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Collapsible, Input, Label, Static

from ftb_tui.benchmark.model import Dataset
from ftb_tui.benchmark.subset import first_facts
from ftb_tui.benchmark.training import Recipe, recipe_record
from ftb_tui.providers.config import ConfigError, Defaults, load_config
from ftb_tui.report.plain import one_line, visible
from ftb_tui.store.database import open_store
from ftb_tui.store.paraphrases import wordings_for
from ftb_tui.store.wrong_answers import wrong_answers
from ftb_tui.ui.acting import expected, sentence
from ftb_tui.ui.screens.spend import is_agreed, spending
from ftb_tui.ui.widgets.recipe_form import RecipeForm, number, recipe_of, whole
from ftb_tui.work.cost import Quote, quote_lines
from ftb_tui.work.launch_plan import DPO, LaunchPlan
from ftb_tui.work.quoting import quote_launch

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp

_FIELDS = {
    "provider": ("Provider", "mode 5 lists them", "Who trains; mode 5 lists them"),
    "base": ("Base model", "", "The model to tune"),
    "epochs": ("Epochs", "1 to 50", "Times through the training file, 1 to 50"),
    "batch": ("Batch size", "the service's", "Examples a step"),
    "rate": ("Rate x", "the service's", "Learning-rate multiplier"),
    "seed": ("Seed", "none", "Of the training"),
    "people": ("First people", "all", "Teach only the first so many people"),
    "facts": ("First facts", "all", "Teach only the first so many facts"),
    "suffix": ("Name", "none", "Part of the tuned model's name"),
}
"""For each field its label, what it says when it is empty, and what it is for."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a person has decided on, having seen this quote."""

    plan: LaunchPlan
    provider: str
    quote: Quote


class LaunchScreen(ModalScreen[Launch | None]):
    """A decision to launch, or None. What is free begins on enter; what costs money needs the word `launch`."""

    AUTO_FOCUS = "#launch-provider"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave it", id="launch.leave"),
        Binding("pagedown", "page(1)", "Down", id="launch.down", tooltip="The rest of the quote"),
        Binding("pageup", "page(-1)", "Up", id="launch.up", tooltip="Back up to the fields"),
    ]
    CSS = "LaunchScreen.-short .dialog { max-height: 100%; padding: 0 2; }"
    DEFAULT_CSS = """
    LaunchScreen #launch-fields {
        layout: grid; grid-size: 4; grid-columns: 14 1fr 14 1fr; grid-rows: 1; height: auto; margin-top: 1;
    }
    LaunchScreen #launch-fields Label { color: $text-muted; }
    LaunchScreen #launch-recipe { padding: 0; border: none; background: $panel; }
    LaunchScreen #launch-recipe Contents { padding: 0; }
    LaunchScreen .dialog { max-height: 100%; padding: 0 2; }
    LaunchScreen #launch-quote { margin-bottom: 1; }
    LaunchScreen.-spends #launch-quote { margin-bottom: 4; }
    LaunchScreen #launch-end { dock: bottom; height: auto; background: $panel; }
    LaunchScreen #launch-word, LaunchScreen #launch-spend { display: none; }
    LaunchScreen.-spends #launch-word, LaunchScreen.-spends #launch-spend { display: block; }
    LaunchScreen #launch-spend { color: $text-warning; max-height: 2; }
    """

    def __init__(
        self, dataset: Dataset, *, provider: str = "local", base: str = "smollm2-135m", epochs: int = 12,
        recipe: Recipe | None = None, facts: str = "", today: datetime.date | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._dataset, self._recipe = dataset, recipe
        given = {"provider": provider, "base": base, "epochs": str(epochs), "seed": "42", "facts": facts}
        self._values = {name: given.get(name, "") for name in _FIELDS}
        self._today = today
        self._quote: Quote | None = None
        self._plan: LaunchPlan | None = None
        self._quoted: dict[str, str] = {}
        """What was filled in when what is shown of it was asked for; empty while that is reckoned anew."""
        self._entered: Widget | None = None
        """Where enter was pressed before the quote was there."""

    def compose(self) -> ComposeResult:
        """The fields, the quote, and the field for the word."""
        with VerticalScroll(classes="dialog"):
            yield Static(Content(f"Fine-tune on {one_line(self._dataset.name, 60)}"))
            with Container(id="launch-fields"):
                for name, value in self._values.items():
                    label, empty, what = _FIELDS[name]
                    yield Label(label)
                    field = Input(value, placeholder=empty, compact=True, id=f"launch-{name}")
                    field.tooltip = what
                    yield field
            with Collapsible(title="Recipe", id="launch-recipe"):
                yield RecipeForm(self._recipe, id="recipe")
            yield Static("", id="launch-quote", markup=False)
            with Vertical(id="launch-end"):
                yield Static("", id="launch-spend", markup=False)
                yield Input(placeholder="the word", compact=True, id="launch-word")
                yield Static("", id="launch-keys", markup=False)

    def on_mount(self) -> None:
        """Show the quote of what is filled in."""
        self._ask_quote()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        name = (event.input.id or "").removeprefix("launch-")
        if name in self._values and event.value != self._values[name]:
            self._values[name] = event.value
            self._other_recipe()

    @on(RecipeForm.Changed)
    def _other_recipe(self) -> None:
        self._quote, self._quoted = None, {}
        self._ask_quote()

    @work(exclusive=True)
    async def _ask_quote(self) -> None:
        """The quote for the fields as they are; nothing is sent to anybody."""
        filled = self._filled()
        try:
            plan = self._planned()
            provider = self._values["provider"].strip()
            db = await open_store()
            try:
                if plan.method == DPO:
                    said = await wrong_answers(
                        db, provider=provider, model=plan.base_model, dataset_id=plan.dataset.dataset_id
                    )
                    plan = replace(plan, wrong_answers=said)
                plan = replace(plan, wordings=await wordings_for(db, plan.dataset.dataset_id, plan.recipe))
                quote = await quote_launch(db, plan, provider, self._today or datetime.date.today())
            finally:
                await db.close()
        except expected(ValueError) as error:
            self._quoted = filled
            self._confirm("")
            self._show([sentence(error)], "escape  leave it")
            return
        self._plan, self._quote, self._quoted = plan, quote, filled
        self.query_one(Collapsible).title = _summary(plan.recipe)
        stops = quote.stops()
        self._confirm(
            ""
            if quote.free or stops
            else spending(quote.training_cost, quote.base_model, quote.epochs, quote.provider, quote.host)
        )
        if stops:
            keys = "It cannot be launched so.   escape  leave it"
        else:
            keys = f"{'enter  launch      ' * quote.free}escape  leave it      pgdn  more"
        self._show(quote_lines(quote), keys)

    def _confirm(self, spending: str) -> None:
        """Ask for the word for what is spent; where nothing is, go back to where enter was pressed."""
        self.set_class(bool(spending), "-spends")
        self.query_one("#launch-spend", Static).update(Content(spending))
        entered, self._entered = self._entered, None
        if entered is not None and not spending:
            self.query_one("#launch-word", Input).value = ""
            entered.focus()

    def _filled(self) -> dict[str, str]:
        """What stands in all fields now."""
        own = {name: self.query_one(f"#launch-{name}", Input).value for name in self._values}
        return own | {f"recipe {name}": value for name, value in self.query_one(RecipeForm).values.items()}

    def _planned(self) -> LaunchPlan:
        said = self._values
        epochs = whole(said["epochs"], "Epochs", least=1, most=50)
        if epochs is None:
            raise ValueError("Epochs: a whole number from 1 to 50.")
        if not said["base"].strip():
            raise ValueError("Base model: the name of the model to tune.")
        people, facts = (whole(said[name], _FIELDS[name][0], least=1) for name in ("people", "facts"))
        return LaunchPlan(
            dataset=self._dataset,
            base_model=said["base"].strip(),
            n_epochs=epochs,
            batch_size=whole(said["batch"], "Batch size", least=1, most=256),
            learning_rate_multiplier=number(said["rate"], "Rate x"),
            seed=whole(said["seed"], "Seed", least=0, most=2**31 - 1),
            suffix=said["suffix"].strip() or None,
            fact_ids=first_facts(self._dataset, people=people, facts=facts),
            recipe=recipe_of(self.query_one(RecipeForm).values),
        )

    def _show(self, lines: list[str], keys: str) -> None:
        self.query_one("#launch-quote", Static).update(Content("\n" + visible("\n".join(lines)) + "\n"))
        self.query_one("#launch-keys", Static).update(Content(keys))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        quote, plan, word = self._quote, self._plan, self.query_one("#launch-word", Input)
        if self._quoted != self._filled():
            # Enter may come before a change is heard of. Nobody agrees to what was not shown, but what is typed next is
            # the word, and no part of a field.
            self._entered = self._entered or event.input
            self.set_class(True, "-spends")
            self.query_one("#launch-spend", Static).update("what it costs is being reckoned ...")
            word.focus()
            return
        if quote is None or plan is None or quote.stops():
            return
        if not quote.free and not is_agreed(word.value):
            word.focus()
            return
        self.dismiss(Launch(plan, quote.provider, quote))

    def action_page(self, way: int) -> None:
        """Scroll, whatever field is written in."""
        body = self.query_one(VerticalScroll)
        body.scroll_relative(y=way * max(1, body.size.height - 4), animate=False)

    def action_leave(self) -> None:
        """Close, with nothing launched."""
        self.dismiss(None)


def _summary(recipe: Recipe) -> str:
    """The recipe on one line, without a word that a person wrote: titles are markup."""
    parts = [
        f"{name} {value}" for name, value in recipe_record(recipe).items() if name not in ("name", "system_prompt")
    ]
    parts += ["with a system prompt"] if recipe.system_prompt else []
    return f"Recipe: {', '.join((recipe.name, *parts))}".replace("_", " ")


def _defaults() -> Defaults:
    """What a person has configured; a configuration that cannot be used is told by the dialog's quote."""
    try:
        return load_config().defaults
    except ConfigError:
        return Defaults()


async def launched(app: FtbApp, dataset: Dataset, *, recipe: Recipe | None = None, facts: str = "") -> None:
    """Show what a job would be and cost; once a person has decided to, launch it and go to the jobs."""
    defaults = await asyncio.to_thread(_defaults)
    base = "smollm2-135m" if defaults.provider == "local" else ""
    dialog = LaunchScreen(
        dataset, provider=defaults.provider, base=base, epochs=defaults.epochs, recipe=recipe, facts=facts
    )
    launch = await app.push_screen_wait(dialog)
    if launch is None or (launch.provider == "local" and not await app.weights_are_here()):
        return
    from ftb_tui.ui.screens.job_actions import show_job

    await show_job(app, app.supervisor.launch(launch.plan, launch.provider, launch.quote))
