"""Numba's compiler as the kernels use it: without the GIL, kept on disk, and saying what it waits for.

Nothing is compiled on import: a kernel is, for the types of its arguments, when it is first called, and from then on
its machine code is read from disk. Where no folder can be written, it is compiled anew in every process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import event
from numba.core.caching import NullCache

logger = logging.getLogger(__name__)

helper: Any = numba.njit(nogil=True, error_model="numpy")
"""Decorates what kernels call, which is compiled into each of them."""

_SETTINGS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


class Kernel:
    """A Numba function that also works where its machine code cannot be kept."""

    def __init__(self, function: Callable[..., Any]) -> None:
        try:
            self.dispatcher = numba.njit(cache=True, **_SETTINGS)(function)
            # Numba looks at the file of the function alone; what is compiled into it comes from the others.
            self.dispatcher._cache._cache_file._source_stamp = _sources(function.__code__.co_filename)
        except RuntimeError:  # "no locator available": neither the package's folder nor the user's cache can be written
            _say_not_kept()
            self.dispatcher = numba.njit(**_SETTINGS)(function)

    @property
    def folder(self) -> Path | None:
        """Where machine code is kept; None if it is not."""
        kept = self.dispatcher.stats.cache_path
        return Path(kept) if kept else None

    def __call__(self, *arguments: Any) -> Any:
        """Runs the function; any thread may call it."""
        _announce_compiling()
        try:
            return self.dispatcher(*arguments)
        except OSError:  # the disk is full, or the folder is no longer there
            _say_not_kept()
            self.dispatcher._cache = NullCache()
            return self.dispatcher(*arguments)


@lru_cache(maxsize=16)
def _sources(file: str) -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every file that goes into the kernels of a file."""
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), here.parent / "noise.py", Path(file)]
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


@lru_cache(maxsize=1)
def _say_not_kept() -> None:
    logger.warning("Spiking kernels cannot be kept on disk; each process compiles them again (set NUMBA_CACHE_DIR)")


@lru_cache(maxsize=1)
def _announce_compiling() -> None:
    event.register("numba:compile", _Announcement())  # type: ignore[no-untyped-call]


class _Announcement(event.Listener):
    """Says once in a process that a kernel is being compiled."""

    def __init__(self) -> None:
        self._said = False

    def on_start(self, event: Any) -> None:
        """Called by Numba when it compiles, not when it reads machine code from disk."""
        if not self._said and __package__ in event.data["dispatcher"].py_func.__module__:
            self._said = True
            logger.warning("Compiling spiking kernels for this processor; it takes some seconds, the first time only")

    def on_end(self, event: Any) -> None:
        """Nothing to say."""
