"""A bounded queue before a few processes, of which each has the model: computing never holds up the event loop.

Whatever decodes what users send runs in these processes: one that a file ends is replaced, and the service goes on.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Self, TypeVar

from spikefill.batch import ModelChoice
from spikefill.errors import InputError
from spikefill.processes import give_memory_back
from spikefill.service.process import Kind
from spikefill.service.work import Answer, Task, Work
from spikefill.service.worker import Worker

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_ATTEMPTS = 2
"""How often a task is tried whose process ends: it may have been ended for want of memory that others took."""
_PAUSE = 5.0
"""Seconds between attempts to start a process that does not start."""
_REST = 2.0
"""Seconds after the last task of a burst until memory is given back."""
_MOST_PATIENCE = 60
"""Seconds after which at the latest a client is told to try again."""


class Busy(Exception):  # noqa: N818 - it is nobody's error
    """The queue is full.

    Attributes:
        retry_after: Whole seconds after which there should be a place, at least 1.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many photographs are waiting; try again in {retry_after} s")
        self.retry_after = retry_after


class Stopping(Exception):  # noqa: N818
    """The service is being stopped and takes no further work."""


class TookTooLong(Exception):  # noqa: N818
    """The work was not done in the time that it may take, and was stopped."""


class WorkFailed(Exception):  # noqa: N818
    """The work ended in a way that the input does not explain; the message is for the log, not for the user."""


class Workers:
    """Processes that do one task each at a time.

    An async context manager: it starts them, and ends them, whatever they are at; `drain` lets them finish first.

    Args:
        model: What they restore with.
        processes: How many there are.
        threads: Of each.
        queue: Tasks that may wait for a process.
        seconds: That a task may take, from when a process begins it.
        largest_megapixels: As for `images.decode`.

    Attributes:
        waiting: Tasks in the queue.
        busy: Tasks in work.
        restarts: Processes that had to be replaced.
    """

    def __init__(
        self,
        model: ModelChoice,
        *,
        processes: int,
        threads: int,
        queue: int,
        seconds: float,
        largest_megapixels: float,
    ) -> None:
        self.waiting = self.busy = self.restarts = 0
        self._queue, self._seconds = queue, seconds
        self._usual = 1.0
        """Seconds that a task takes, smoothed over the last ones."""
        self._stopping = self._ended = False
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._behind: set[asyncio.Task[None]] = set()
        """What goes on after its caller has gone: stopping and replacing processes."""
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="spikefill-worker")
        options = {"threads": threads, "largest_megapixels": largest_megapixels}
        self._workers = [Worker(model, self._threads, options) for _ in range(processes)]

    @property
    def ready(self) -> bool:
        """Whether there is a process that takes tasks, or has one."""
        return not self._stopping and any(worker.ready for worker in self._workers)

    async def __aenter__(self) -> Self:
        """Starts the processes.

        Raises:
            InputError: As `Worker.start`.
        """
        try:
            await asyncio.gather(*(worker.start() for worker in self._workers))
        except BaseException:
            self._end()
            raise
        for worker in self._workers:
            self._idle.put_nowait(worker)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()

    async def drain(self) -> None:
        """Takes no further tasks, and waits for those that there are; each has its limit of time."""
        self._stopping = True
        while self.busy or self.waiting:
            await asyncio.sleep(0.05)

    @property
    def full(self) -> bool:
        """Whether a task would find neither an idle process nor a place in the queue."""
        return self._idle.empty() and self.waiting >= self._queue

    def retry_after(self) -> int:
        """Seconds until there should be a place in the queue, 1 to 60, by how long tasks took of late."""
        usual = (self.waiting + 1) * self._usual / len(self._workers)
        return min(_MOST_PATIENCE, max(1, math.ceil(usual)))

    async def restore(self, work: Work, *, progress: Callable[[float], None] | None = None) -> Answer:
        """Restores a photograph; see `run`."""
        start = time.perf_counter()
        answer = await self.run(work, progress=progress)
        queued = time.perf_counter() - start - sum(answer.seconds.values())
        return replace(answer, seconds={"queue": max(0.0, queued), **answer.seconds})

    async def run(self, task: Task[Result], *, progress: Callable[[float], None] | None = None) -> Result:
        """Does a task in a process; to cancel the call stops the task, at once or, where it does not hear, with it.

        Args:
            task: What to do.
            progress: Called, in the event loop, with the share that is done, 0 to 1.

        Raises:
            Busy: The queue is full.
            Stopping: `drain` was called.
            InputError: What a user sent is of no use.
            TookTooLong: It did not end in its time.
            WorkFailed: It failed otherwise, or ended its process twice.
        """
        if self._stopping:
            raise Stopping("the service is being stopped")
        for _ in range(_ATTEMPTS):
            worker = await self._free_worker()
            self.busy += 1
            start = time.perf_counter()
            try:
                kind, content = await self._attempt(worker, task, progress)
            except (EOFError, OSError):
                logger.warning("A process ended while it was at work; it is replaced")
                continue
            finally:
                self.busy -= 1
                if not (self.busy or self.waiting):  # by then, what was sent and answered is free
                    asyncio.get_running_loop().call_later(_REST, give_memory_back)
            self._usual += (time.perf_counter() - start - self._usual) / 8
            if kind == Kind.REFUSED:
                raise InputError(content)
            if kind != Kind.RESULT:
                raise WorkFailed(content or kind)
            result: Result = content
            return result
        raise WorkFailed(f"{_ATTEMPTS} processes ended at the same work: is there too little memory?")

    async def _free_worker(self) -> Worker:
        if self.full:
            raise Busy(self.retry_after())
        self.waiting += 1
        try:
            while not (worker := await self._idle.get()).ready:
                self._go_on(self._replace(worker))
            return worker
        finally:
            self.waiting -= 1

    async def _attempt(
        self, worker: Worker, task: Task[Any], progress: Callable[[float], None] | None
    ) -> tuple[Kind, Any]:
        talk = asyncio.ensure_future(worker.perform(task, progress))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(talk)
        except TimeoutError:
            raise TookTooLong(f"it was not done in {self._seconds:g} s, and was stopped") from None
        finally:
            if talk.done() and not talk.exception():
                self._idle.put_nowait(worker)
            else:
                self._go_on(self._recover(worker, talk))

    async def _recover(self, worker: Worker, talk: asyncio.Future[tuple[Kind, Any]]) -> None:
        """Makes a worker fit for the next task."""
        if await worker.stop(talk):
            self._idle.put_nowait(worker)
        else:
            await self._replace(worker)

    async def _replace(self, worker: Worker) -> None:
        while not self._ended:
            self.restarts += 1
            try:
                await worker.start()
            except InputError as error:
                logger.error("No process can be started: %s", error)  # noqa: TRY400 - it is one line
                await asyncio.sleep(_PAUSE)
            else:
                self._idle.put_nowait(worker)
                return

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    def _end(self) -> None:
        """Ends what goes on in the background, and every process."""
        self._stopping = self._ended = True
        for task in self._behind:
            task.cancel()
        for worker in self._workers:
            worker.end()
        self._threads.shutdown()
