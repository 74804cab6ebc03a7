"""The base weights, read once when they are first needed, by whichever thread needs them."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ftb_tui.engine.interface import EngineError, ModelFileError
from ftb_tui.engine.memory import give_back
from ftb_tui.weights import WeightsError, identity, require_weights

if TYPE_CHECKING:
    from ftb_tui.engine.adapter import Adapter
    from ftb_tui.engine.model import Model


class WeightsMissingError(EngineError):
    """There are no weights to load; the message says how to get them."""


class ModelLoader:
    """Loads the model at most once, and adapters by file. Safe to use from several threads."""

    def __init__(self, weights: Path | None) -> None:
        self._weights = weights
        self._model: Model | None = None
        self._trouble: str | None = None
        self._lock = threading.Lock()
        self._adapters: dict[Path, Adapter] = {}

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    @property
    def trouble(self) -> str | None:
        """Why the weights could not be loaded when it was last tried; None where they could, or were not needed yet."""
        return self._trouble

    def model(self) -> Model:
        """The model, loading it if need be (some seconds). A failure is not remembered: files can be mended."""
        with self._lock:
            if self._model is None:
                from ftb_tui.engine.model import load_model

                try:
                    path = require_weights(self._weights)
                except WeightsError as error:
                    self._trouble = str(error)
                    raise WeightsMissingError(self._trouble) from error
                try:
                    self._model = load_model(path)
                except ModelFileError as error:
                    self._trouble = str(error)
                    raise WeightsMissingError(self._trouble) from error
                finally:
                    give_back()
                self._trouble = None
            return self._model

    @property
    def identity(self) -> str | None:
        """Which weights these are: those in memory, or else those that would be loaded now; None where there are none."""
        if self._model is not None:
            return self._model.weights
        with suppress(WeightsError, OSError):
            return identity(require_weights(self._weights))
        return None

    def adapter(self, path: Path) -> Adapter:
        """An adapter from its file; the last few are kept. Raises `AdapterError` for one that is damaged or not ours."""
        from ftb_tui.engine.adapter import load_adapter

        model = self.model()
        with self._lock:
            known = self._adapters.get(path)
            if known is None:
                known = load_adapter(path, weights=model.weights)
                while len(self._adapters) >= 4:
                    self._adapters.pop(next(iter(self._adapters)))
                self._adapters[path] = known
            return known
