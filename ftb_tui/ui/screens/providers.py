"""Mode 5: who trains and answers, whether a key is there, and whether they can be reached."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.providers.config import ConfigError
from ftb_tui.providers.registry import ProviderInfo, provider_infos
from ftb_tui.report.plain import one_line
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.table import Table


class ProvidersScreen(ModeScreen):
    """One line for each provider; the key itself is never shown."""

    MODE = "providers"
    PURPOSE = (
        "The services that can train and answer, the embedded engine first. A key is a name of an environment variable; "
        "only its last four characters are ever shown."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "check", "Check", id="providers.check", tooltip="Ask the chosen provider for its models"),
        Binding("o", "engine", "Start/stop engine", id="providers.engine", tooltip="Start or stop the embedded engine"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._infos: dict[str, ProviderInfo] = {}
        self._checked: dict[str, str] = {}

    def body(self) -> Iterable[Widget]:
        """The table and the chosen provider's abilities."""
        yield Table(id="providers")
        yield Static("", id="facts", markup=False)

    async def fill(self) -> None:
        """Read the configuration and the environment; nobody is asked."""
        try:
            self._infos = {info.name: info for info in provider_infos()}
        except ConfigError as error:
            self.query_one("#facts", Static).update(Content(f"The configuration cannot be used:\n{error}"))
            return
        rows = [
            (
                name,
                (
                    name,
                    info.title,
                    one_line(info.host, 44),
                    info.key,
                    one_line(self._checked.get(name, "not checked"), 60),
                ),
            )
            for name, info in self._infos.items()
        ]
        self.query_one("#providers", Table).show(("name", "title", "host", "key", "check"), rows, right=frozenset())
        if self.focused is None:
            self.query_one("#providers").focus()
        self._fill_facts()

    def on_data_table_row_highlighted(self) -> None:
        """Another provider was chosen."""
        self._fill_facts()

    def _fill_facts(self) -> None:
        info = self._infos.get(self.query_one("#providers", Table).chosen or "")
        if info is None:
            return
        able = info.capabilities
        yes = [
            name
            for name, can in (
                ("trains", able.trains), ("events", able.events), ("checkpoints", able.checkpoints), ("pause", able.pause),
                ("validation file", able.validation_file), ("seed", able.seed),
            )
            if can
        ]  # fmt: skip
        cost = "free, nothing leaves this machine" if able.cost_basis == "free" else f"billed by {able.cost_basis}"
        text = f"{info.title}: {', '.join(yes)}. {cost}. At least {able.min_examples} examples."
        self.query_one("#facts", Static).update(Content(text))

    @work(exclusive=True)
    async def action_check(self) -> None:
        """Ask the chosen provider for its models, in the background."""
        import asyncio

        from ftb_tui.providers.registry import check_provider

        name = self.query_one("#providers", Table).chosen
        if name is None:
            return
        self._checked[name] = "asking ..."
        await self.fill()
        found = await asyncio.to_thread(lambda: asyncio.run(check_provider(name)))
        self._checked[name] = f"{'✓' if found.reachable else '✗'} {found.message}"
        await self.fill()

    @work(exclusive=True)
    async def action_engine(self) -> None:
        """Start the embedded engine, or stop it."""
        import asyncio

        from ftb_tui.weights import WeightsError
        from ftb_tui.work.local_engine import EngineStartError, running_engine, start_engine, stop_engine

        if await asyncio.to_thread(running_engine) is not None:
            await asyncio.to_thread(stop_engine)
            self.notify("The engine was stopped; a job in training stays resumable.", markup=False)
        else:
            try:
                await asyncio.to_thread(start_engine)
            except (WeightsError, EngineStartError) as error:
                self.notify(str(error), severity="error", markup=False)
        await self.fill()
