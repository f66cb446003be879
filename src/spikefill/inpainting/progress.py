"""How far restoring is, and stopping it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
Cancel = Callable[[], bool]


class Cancelled(Exception):  # noqa: N818 - it is no error of the call
    """The ``cancel`` callable said to stop."""


def report(done: int, total: int, progress: Progress | None, cancel: Cancel | None) -> None:
    """Says how many regions of all are done.

    Raises:
        Cancelled: It is to be stopped.
    """
    if cancel is not None and cancel():
        raise Cancelled("cancelled before all regions were restored")
    if progress is not None:
        progress(done, total)
