"""Mode 5: who trains and answers, whether a key is there, whether they can be reached, and what they can do."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.providers.catalogue import Catalogue, CatalogueError, load_catalogue
from ftb_tui.providers.config import BUILT_IN_NAMES, Config, ConfigError, load_config
from ftb_tui.providers.discovery import LocalServer
from ftb_tui.providers.registry import CheckResult, ProviderInfo, launches, provider_info, provider_infos, service_name
from ftb_tui.report.numbers import counted
from ftb_tui.report.plain import one_line, visible
from ftb_tui.store.deployments import DeploymentRow, list_deployments
from ftb_tui.store.jobs import JobRow, list_jobs
from ftb_tui.store.models import list_models
from ftb_tui.ui.acting import acting, telling
from ftb_tui.ui.screens.mode import ModeScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table
from ftb_tui.work.deployed import deployment_sentences
from ftb_tui.work.provider_facts import ProviderFacts, dying_models, provider_lines, unfinished_jobs


class ProvidersScreen(ModeScreen):
    """One line for each provider above, everything that is known of the chosen one below; a key is never shown."""

    MODE = "providers"
    PURPOSE = (
        "The services that can train and answer, the embedded engine first, and servers found on this machine. A key is "
        "the name of an environment variable or of a keyring entry; only its last four characters are ever shown."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "check", "Check", id="providers.check", tooltip="Ask the chosen provider what it has and may do"),
        Binding(
            "C", "check_all", "Check all", show=False, id="providers.check_all", tooltip="Ask every provider with a key"
        ),
        Binding("v", "evaluate", "Ask a model", id="providers.evaluate", tooltip="Evaluate one of its models by name"),
        Binding("a", "add", "Add", id="providers.add", tooltip="Add a server that speaks the OpenAI wire"),
        Binding("e", "edit", "Edit", id="providers.edit", tooltip="Change the chosen provider's settings"),
        Binding("f", "find", "Find servers", id="providers.find", tooltip="Look for servers on this machine's ports"),
        Binding("o", "engine", "Engine", id="providers.engine", tooltip="Start or stop the embedded engine"),
    ]
    DEFAULT_CSS = """
    ProvidersScreen #providers { height: auto; max-height: 50%; min-height: 4; }
    ProvidersScreen #banner {
        height: auto; max-height: 5; padding: 0 1; color: $warning; display: none;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    ProvidersScreen #about { height: 1fr; }
    ProvidersScreen #known { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._config = Config()
        self._catalogue = Catalogue(datetime.date.min)
        self._infos: dict[str, ProviderInfo] = {}
        self._jobs: list[JobRow] = []
        self._deployments: list[DeploymentRow] = []
        self._checks: dict[str, CheckResult] = {}
        self._asked: set[str] = set()
        self._found: dict[str, LocalServer] = {}
        self._looked = False

    def body(self) -> Iterable[Widget]:
        """The banner, the table, the chosen provider's facts."""
        yield Static("", id="banner", markup=False)
        yield Table(id="providers", tools=True)
        yield Splitter(id="above-about", pane="providers")
        with Detail(id="about"):
            yield Static("", id="known", markup=False)

    async def fill(self) -> None:
        """Read configuration, environment and store; nobody is asked, but for ports of this machine, once."""
        try:
            # A keyring may take its time to open.
            self._config, self._catalogue, infos = await asyncio.to_thread(_read, tuple(self._found))
        except (ConfigError, CatalogueError) as error:
            self.query_one("#known", Static).update(Content(visible(f"The configuration cannot be used:\n{error}")))
            return
        self._infos = {info.name: info for info in infos}
        self._jobs = [] if self.ftb.db is None else await list_jobs(self.ftb.db)
        self._deployments = [] if self.ftb.db is None else await list_deployments(self.ftb.db)
        rows = [(name, self._line(info)) for name, info in self._infos.items()]
        columns = ("provider", "host", "key", "does", "jobs", "check")
        self.query_one("#providers", Table).show(columns, rows, right=frozenset({"jobs"}))
        if self.focused is None:
            self.query_one("#providers").focus()
        await self._fill_banner()
        self._fill_facts()
        if not self._looked and self.ftb.has_background:
            self._looked = True
            self.action_find(quiet=True)

    def _line(self, info: ProviderInfo) -> tuple[str, ...]:
        host = urlsplit(info.host).netloc or info.host
        does = "trains" if launches(info.capabilities) else "answers"
        running = len(unfinished_jobs(self._jobs, info.name))
        room = 60 if self.size.width >= 140 else 28
        return (
            one_line(info.name, 16), one_line(host, room), _key_word(info), does, str(running or ""),
            one_line(self._check_word(info.name), 40),
        )  # fmt: skip

    def _check_word(self, name: str) -> str:
        if name in self._asked:
            return "asking ..."
        check = self._checks.get(name)
        if check is not None:
            return f"✓ {counted(check.models, 'model')}" if check.reachable else f"✗ {check.message}"
        if (server := self._found.get(name)) is not None:
            return f"found, {counted(len(server.models), 'model')}"
        return "not checked"

    async def _fill_banner(self) -> None:
        """Models of services that can be used here, or were, and that will stop soon."""
        used = set() if self.ftb.db is None else {model.provider for model in await list_models(self.ftb.db)}
        services = {
            service_name(name, self._config)
            for name, info in self._infos.items()
            if name in used or (info.ready and info.capabilities.cost_basis != "free")
        }
        lines = dying_models(self._catalogue, services, self._today())
        banner = self.query_one("#banner", Static)
        banner.update(Content(visible("\n".join(f"! {line}" for line in lines))))
        banner.display = bool(lines)

    def _today(self) -> datetime.date:
        return datetime.datetime.fromtimestamp(self.ftb.now()).date()

    @on(Table.RowHighlighted, "#providers")
    def _other_provider(self) -> None:
        self._fill_facts()

    def _chosen(self) -> ProviderInfo | None:
        return self._infos.get(self.query_one("#providers", Table).chosen or "")

    def _fill_facts(self) -> None:
        info = self._chosen()
        if info is None:
            return
        server = self._found.get(info.name)
        deployments = [one for one in self._deployments if one.provider == info.name]
        facts = ProviderFacts(
            info,
            service_name(info.name, self._config),
            running=unfinished_jobs(self._jobs, info.name),
            check=self._checks.get(info.name),
            checking=info.name in self._asked,
            found_models=() if server is None else server.models,
            deployed=tuple(deployment_sentences(deployments, self._catalogue, self._config)),
        )
        lines = provider_lines(facts, self._catalogue, self._today())
        self.query_one("#known", Static).update(
            Content("\n".join(visible(line, keep_newlines=False) for line in lines))
        )

    def action_check(self) -> None:
        """Ask the chosen provider for its models, in the background."""
        if (info := self._chosen()) is not None:
            self._check(info.name)

    def action_check_all(self) -> None:
        """Ask every provider that could be used."""
        for name, info in self._infos.items():
            if info.ready:
                self._check(name)

    @work
    @telling
    async def _check(self, name: str) -> None:
        from ftb_tui.providers.registry import check_provider

        if name in self._asked:
            return
        self._asked.add(name)
        await self.fill()
        try:
            self._checks[name] = await asyncio.to_thread(lambda: asyncio.run(check_provider(name)))
        finally:
            self._asked.discard(name)
            await self.fill()

    @work(exclusive=True, group="find")
    @telling
    async def action_find(self, quiet: bool = False) -> None:
        """Look for servers on the usual ports of this machine, a second at most, in a thread."""
        from ftb_tui.providers.discovery import find_local_servers

        servers = await asyncio.to_thread(lambda: asyncio.run(find_local_servers()))
        self._found = {server.name: server for server in servers}
        if servers:
            titles = ", ".join(f"{server.title} ({server.name})" for server in servers)
            self.notify(visible(f"Found on this machine: {titles}. v asks one of their models."), markup=False)
        elif not quiet:
            self.notify("No server answers on the usual ports of this machine.", markup=False)
        await self.fill()

    @acting
    async def action_add(self) -> None:
        """Write a new provider into the configuration."""
        from ftb_tui.ui.screens.provider_edit import ProviderScreen

        if await self.app.push_screen_wait(ProviderScreen()):
            await self.fill()

    @acting
    async def action_edit(self) -> None:
        """Change the chosen provider's table in the configuration."""
        from ftb_tui.ui.screens.provider_edit import ProviderScreen

        info = self._chosen()
        if info is None:
            return
        own = self._config.providers.get(info.name)
        if info.name == "local" or info.name in self._config.google or info.name in ("google", "gemini"):
            self.notify(
                "The embedded engine has no settings." if info.name == "local" else
                "Google's settings are project, region and bucket in config.toml; docs/google.md has an example.",
                markup=False,
            )  # fmt: skip
            return
        if own is None and info.name not in BUILT_IN_NAMES:
            self.notify(f"{info.name} was found on this machine and needs no settings. a adds others.", markup=False)
            return
        if await self.app.push_screen_wait(ProviderScreen(info.name, own)):
            self._checks.pop(info.name, None)
            await self.fill()

    @acting
    async def action_evaluate(self) -> None:
        """Ask one of the provider's models, by its name, a dataset's questions."""
        from ftb_tui.ui.screens.evaluate import EvaluateScreen

        info = self._chosen()
        if info is None or self.ftb.db is None:
            return
        check, server = self._checks.get(info.name), self._found.get(info.name)
        listed = server.models if server is not None else () if check is None else check.names
        made = [model.name for model in await list_models(self.ftb.db) if model.provider == info.name]
        names = tuple(dict.fromkeys((*made, *listed)))
        if info.name == "local" and not await self.ftb.weights_are_here():
            return
        key = await self.app.push_screen_wait(EvaluateScreen(info.name, info.capabilities, names=names))
        if key is not None:
            self.ftb.supervisor.run_evaluation(key)
            self.ftb.switch_mode("evaluations")

    @acting
    async def action_engine(self) -> None:
        """Start the embedded engine, or stop it."""
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


def _read(found: tuple[str, ...]) -> tuple[Config, Catalogue, list[ProviderInfo]]:
    """Configuration, catalogue, and every provider with those of the found servers that have no settings."""
    config = load_config()
    infos = provider_infos(config)
    return config, load_catalogue(), infos + [provider_info(n, config) for n in found if n not in config.providers]


def _key_word(info: ProviderInfo) -> str:
    """Whether there is a key, in a few characters; its place stands with the facts."""
    if info.key.startswith(("missing", "none found")):
        return "✗ missing"
    if "…" in info.key:
        return f"✓ …{info.key.rpartition('…')[2]}"
    return "✓" if info.ready else "✗"
