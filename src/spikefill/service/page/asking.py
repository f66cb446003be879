"""Asking the service's processes for the page, through the queue and within the limits that REST has, too."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from spikefill.errors import InputError
from spikefill.service.page.panel import refusal
from spikefill.service.work import Task
from spikefill.service.workers import Busy, Stopping, TookTooLong, Workers, WorkFailed

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_TICK = 0.5
"""Seconds after which a person hears that work goes on, and Gradio notices that they have left."""


async def ask(workers: Workers, task: Task[Result], progress: Callable[[float], None] | None = None) -> Result:
    """Has a task done.

    Args:
        workers: Who does it.
        task: What to do.
        progress: Called with the share that is done, 0 to 1.

    Raises:
        gradio.Error: It was not done; the message is for the person.
    """
    try:
        return await workers.run(task, progress=progress)
    except Busy as busy:
        raise refusal(f"many photographs are waiting; try again in {busy.retry_after} s") from busy
    except (InputError, TookTooLong, Stopping) as error:
        raise refusal(str(error)) from error
    except WorkFailed as error:
        logger.error("Work for the page failed: %s", error)  # noqa: TRY400 - the error holds the traceback
        raise refusal("that failed, for a reason that is not in the photograph; the server's log says more") from error


@dataclass(frozen=True)
class Moment(Generic[Result]):
    """How far a task is.

    Attributes:
        share: That is done, 0 to 1.
        seconds: Since it was asked for.
        result: Its result at the last moment; None before.
    """

    share: float
    seconds: float
    result: Result | None = None

    def underway(self, doing: str) -> dict[str, Any]:
        """What panels show of it; before there is a share to show, the bar only says that work goes on."""
        return {"share": self.share or None, "text": f"{doing} … {self.seconds:.0f} s"}


async def moments(workers: Workers, task: Task[Result]) -> AsyncGenerator[Moment[Result], None]:
    """Has a task done and tells how far it is; who does not iterate to the end, stops it.

    Yields:
        A moment at once and every half a second, and the last one with the result.

    Raises:
        gradio.Error: As `ask`.
    """
    start, shares = time.monotonic(), [0.0]
    work = asyncio.ensure_future(ask(workers, task, shares.append))
    try:
        while not work.done():
            yield Moment(shares[-1], time.monotonic() - start)
            await asyncio.wait([work], timeout=_TICK)
        yield Moment(1, time.monotonic() - start, await work)
    finally:
        work.cancel()
