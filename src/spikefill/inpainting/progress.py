"""How far restoring is, and stopping it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
Cancel = Callable[[], bool]


class Cancelled(Exception):  # noqa: N818 - it is no error of the call
    """The ``cancel`` callable said to stop."""


class Count:
    """Counts the regions that are begun.

    Args:
        total: How many there are.
        progress: Called with the number of those that are done and of all.
        cancel: Whether to stop.
    """

    def __init__(self, total: int, progress: Progress | None, cancel: Cancel | None = None) -> None:
        self._done, self._total = 0, total
        self._progress, self._cancel = progress, cancel

    def __call__(self) -> None:
        """Another one is to be begun.

        Raises:
            Cancelled: It is not.
        """
        if self._cancel is not None and self._cancel():
            raise Cancelled("cancelled before all regions were restored")
        self._tell(self._done)
        self._done += 1

    def ended(self) -> None:
        """All are done."""
        self._tell(self._total)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, self._total)
