"""The command palette: what can be done on the screen in view, the modes, looks, and recent jobs, datasets and results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode

from ftb_tui.report.plain import one_line
from ftb_tui.ui.themes import known_themes
from ftb_tui.ui.widgets.tabs import MODES

if TYPE_CHECKING:
    from ftb_tui.ui.app import FtbApp

RECENT = 12
FIRST_RECENT = 3
"""So many recent things stand above all else."""


@dataclass(frozen=True, slots=True)
class Command:
    """A line of the palette: what it says, what stands below it, what it does.

    `first`: shown before one types. `also`: other words by which it is found.
    """

    title: str
    help: str
    run: Callable[[], Any]
    first: bool = True
    also: str = ""


class Commands(Provider):
    """Everything of ours in the palette."""

    async def startup(self) -> None:
        """Read the recent things once for each time that the palette is opened."""
        self._recent = await _recent(self._ftb)

    @property
    def _ftb(self) -> FtbApp:
        from ftb_tui.ui.app import FtbApp

        assert isinstance(self.app, FtbApp)
        return self.app

    def _commands(self) -> Iterator[Command]:
        from ftb_tui.ui.screens.opened import OpenedScreen
        from ftb_tui.ui.screens.settings import SettingsScreen

        yield from self._recent[:FIRST_RECENT]
        yield from self._actions()
        for number, name in enumerate(MODES, 1):
            if name != self.app.current_mode:
                yield Command(f"Go to {name}", f"The screen on key {number}", partial(self.app.switch_mode, name))
        if isinstance(self.screen, OpenedScreen) and not isinstance(self.screen, SettingsScreen):
            # Over a mode it is one of the actions above.
            yield Command("See and change every setting", "Settings", partial(self.app.push_screen, SettingsScreen()))
        yield from self._recent[FIRST_RECENT:]
        for name in known_themes():
            if name != self.app.theme:
                yield Command(f"Theme: {name}", "How the app looks", partial(self._ftb.choose_theme, name), first=False)
        yield Command(
            "Save a picture of this screen", "As an SVG file in the working directory", self._ftb.save_picture, False
        )

    def _actions(self) -> Iterator[Command]:
        """The screen's own actions first, then those of what has the focus, then everybody's."""
        seen: dict[str, Command] = {}
        places: dict[str, int] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.id or not binding.description or not active.enabled or binding.id.startswith("mode."):
                continue
            if binding.action in seen or binding.system:
                continue
            key = self.app.get_key_display(binding)
            title = f"{binding.tooltip or binding.description}"
            run = partial(_run, self.app.run_action, binding.action, active.node)
            seen[binding.action] = Command(title, f"{binding.description}, key {key}", run)
            general = (
                binding.id in ("help", "settings.open") or binding.id.startswith("split.") or active.node is self.app
            )
            places[binding.action] = 2 if general else 0 if active.node is self.screen else 1
        for action in sorted(seen, key=lambda name: places[name]):
            yield seen[action]

    async def discover(self) -> Hits:
        """What is shown before one types."""
        for command in self._commands():
            if command.first:
                yield DiscoveryHit(Content(command.title), command.run, command.title, command.help)

    async def search(self, query: str) -> Hits:
        """What fits what was typed, by its title or by what stands below it."""
        matcher = self.matcher(query)
        for command in self._commands():
            less = max(matcher.match(command.help), matcher.match(command.also))
            score = max(matcher.match(command.title), 0.5 * less)
            if score > 0:
                yield Hit(score, matcher.highlight(command.title), command.run, command.title, command.help)


async def _run(run_action: Callable[..., Any], action: str, node: DOMNode) -> None:
    await run_action(action, node)


class _Model(NamedTuple):
    """A model that was asked, as its label needs it."""

    provider: str
    model: str
    kind: str
    base_model: str
    epoch: int | None


async def _recent(app: FtbApp) -> list[Command]:
    """The newest result, the newest job, then the next of each, and so on; and the datasets."""
    if app.db is None:
        return []
    from ftb_tui.report.tables import model_label, short_label
    from ftb_tui.store.datasets import list_datasets

    jobs_found, results_found, datasets_found = [], [], []
    jobs = await app.db.execute_fetchall(
        "SELECT j.job_key, j.state, j.base_model, d.name FROM jobs j JOIN datasets d USING (dataset_id)"
        " ORDER BY j.job_key DESC LIMIT ?",
        (RECENT,),
    )
    for key, state, base, dataset in jobs:
        about = f"{one_line(base, 40)} on {one_line(dataset, 40)}, {state}"
        jobs_found.append(Command(f"Job {key}: {about}", "Show it", partial(app.show_row, "jobs", "jobs", str(key))))
    scores = await app.db.execute_fetchall(
        "SELECT max(e.evaluation_key), e.dataset_id, e.model_key, d.name,"
        " m.provider, m.name, m.kind, m.base_model, m.epoch FROM evaluations e"
        " JOIN models m USING (model_key) JOIN datasets d ON d.dataset_id = e.dataset_id"
        " WHERE e.deleted_at IS NULL GROUP BY e.dataset_id, e.model_key ORDER BY 1 DESC LIMIT ?",
        (RECENT,),
    )
    for _, dataset_id, model_key, dataset, *named in scores:
        model = _Model(*named)
        results_found.append(
            Command(
                f"Results of {one_line(model_label(model), 60)} on {one_line(dataset, 40)}", "Show them",
                partial(app.show_row, "results", "results", f"{dataset_id}|{model_key}"),
                also=f"{short_label(model)} {model.model}",
            )
        )  # fmt: skip
    for row in await list_datasets(app.db):
        title = f"Dataset {one_line(row.name, 60)}"
        datasets_found.append(Command(title, "Show it", partial(app.show_row, "datasets", "datasets", row.dataset_id)))
    in_turn = (command for both in zip_longest(results_found, jobs_found) for command in both)
    return [*(command for command in in_turn if command is not None), *datasets_found]
