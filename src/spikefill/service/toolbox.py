"""What a task finds in the process that does it: models, a way to say how far it is, and whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from spikefill.batch import ModelChoice
from spikefill.inpainting import Cancelled, Inpainter
from spikefill.service.classical import CLASSICAL, classical

_MODELS_KEPT = 3
"""The service's own, and two that are compared with it."""


def warm_up(inpainter: Inpainter) -> None:
    """Restores a little: what is called for the first time compiles kernels that are not on disk yet."""
    grey, hole = np.full((64, 64, 3), 128, np.uint8), np.zeros((64, 64), bool)
    hole[24:40, 24:40] = True
    inpainter.restore(grey, hole)


class Toolbox:
    """For one process, and for all of its tasks.

    Args:
        model: The service's own model.
        largest_megapixels: As for `images.decode`: million pixels up to which a file is decoded.
        tell: Called with the share that is done, 0 to 1.
        stopped: Whether the present task is to stop.
    """

    def __init__(
        self,
        model: ModelChoice,
        largest_megapixels: float,
        tell: Callable[[float], None],
        stopped: Callable[[], bool],
    ) -> None:
        self.largest_megapixels = largest_megapixels
        self._model = model
        self._tell = tell
        self._stopped = stopped
        self._loaded = lru_cache(_MODELS_KEPT)(self._load)

    def inpainter(self, method: str | None = None) -> Inpainter:
        """What restores; read once.

        Args:
            method: None for the service's own model, the name of a bundled one, or one of `CLASSICAL`.

        Raises:
            InputError: There is no such model.
        """
        return self._loaded(method)

    def progress(self, done: int, total: int) -> None:
        """Says that so many parts of all are done; to be called often, since this is where a task is stopped.

        Raises:
            Cancelled: The task is to stop.
        """
        if self._stopped():
            raise Cancelled("cancelled before all of it was done")
        self._tell(done / total if total else 1.0)

    def _load(self, method: str | None) -> Inpainter:
        if method in CLASSICAL:
            return classical(method)
        return (self._model if method is None else replace(self._model, name=method)).load()
