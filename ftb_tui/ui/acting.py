"""What takes a while in the app: what goes wrong with it is told, and what a key began is not begun a second time."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Concatenate, ParamSpec, TypeVar

from textual.dom import DOMNode
from textual.worker import Worker

_Node = TypeVar("_Node", bound=DOMNode)
_Given = ParamSpec("_Given")
ERROR_SECONDS = 12.0
"""How long an error is shown."""


def expected(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """The errors that say to a person what is wrong, with configuration, catalogue, store, files, weights or a service.

    And `more`, for dialogs in which what was typed may be wrong.
    """
    from ftb_tui.benchmark.load import DatasetError
    from ftb_tui.providers.base import ProviderError
    from ftb_tui.providers.catalogue import CatalogueError
    from ftb_tui.providers.config import ConfigError
    from ftb_tui.store.database import StoreError
    from ftb_tui.store.evaluations import EvaluationNotFoundError
    from ftb_tui.store.grading import ResponseNotFoundError
    from ftb_tui.store.jobs import JobNotFoundError
    from ftb_tui.store.models import AmbiguousModelError, ModelNotFoundError
    from ftb_tui.weights import WeightsError
    from ftb_tui.work.asking import EvaluationBusyError, EvaluationStoppedError
    from ftb_tui.work.local_engine import EngineStartError
    from ftb_tui.work.quoting import LaunchRefusedError

    return (
        ProviderError, ConfigError, CatalogueError, StoreError, DatasetError, WeightsError, EngineStartError,
        EvaluationStoppedError, EvaluationBusyError, LaunchRefusedError, ModelNotFoundError, AmbiguousModelError,
        JobNotFoundError, EvaluationNotFoundError, ResponseNotFoundError, sqlite3.Error, OSError,
        *more,
    )  # fmt: skip


def sentence(error: Exception) -> str:
    """What an expected error says; the store's own ones name its file and what to do."""
    from ftb_tui.store.database import StoreError, sentences

    if isinstance(error, sqlite3.Error):
        try:
            with sentences(None):
                raise error
        except StoreError as told:
            return str(told)
    return str(error) or type(error).__name__


def telling(
    method: Callable[Concatenate[_Node, _Given], Coroutine[None, None, None]],
) -> Callable[Concatenate[_Node, _Given], Coroutine[None, None, None]]:
    """A method whose expected errors end it with a notice, for workers: an error of theirs would end the app."""

    @functools.wraps(method)
    async def told(node: _Node, /, *args: _Given.args, **named: _Given.kwargs) -> None:
        try:
            await method(node, *args, **named)
        except expected() as error:
            node.app.notify(sentence(error), severity="error", timeout=ERROR_SECONDS, markup=False)

    return told


def acting(
    action: Callable[Concatenate[_Node, _Given], Coroutine[None, None, None]],
) -> Callable[Concatenate[_Node, _Given], None]:
    """An action as a worker whose errors are told, and which does nothing while the same one is under way.

    Its dialog comes after what it has to read, so that a second key would open a second dialog, and whoever agreed to
    both would pay twice.
    """
    work, name = telling(action), action.__name__

    @functools.wraps(action)
    def begin(node: _Node, /, *args: _Given.args, **named: _Given.kwargs) -> None:
        if not any(one.node is node and one.name == name and not one.is_finished for one in node.workers):
            _: Worker[None] = node.run_worker(functools.partial(work, node, *args, **named), name=name, group=name)

    return begin
