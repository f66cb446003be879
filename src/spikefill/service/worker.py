"""One of the service's processes, as the event loop sees it."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from spikefill.batch import ModelChoice
from spikefill.errors import InputError
from spikefill.service.process import Kind, run_process
from spikefill.service.work import Task

_GRACE = 2.0
"""Seconds that a task has to stop of itself, between two regions, before its process is ended."""

# Never forked from the service itself, whose threads' locks and sockets a process would inherit. On Linux a server that
# has imported everything forks them, so that one is there in a second, and shares that memory with the others.
_CONTEXT: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
if sys.platform == "linux":
    _CONTEXT.set_forkserver_preload([run_process.__module__])


class Worker:
    """A process that does one task at a time, and that can be started again.

    Args:
        model: What it restores with.
        threads: In one of these it is waited for.
        options: Further arguments of `run_process`.
    """

    def __init__(self, model: ModelChoice, threads: Executor, options: dict[str, Any]) -> None:
        self._model, self._options = model, options
        self._threads = threads
        self._stopped = _CONTEXT.Event()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._loaded = False

    @property
    def ready(self) -> bool:
        """Whether the process is there, and has the model."""
        return self._loaded and self._process is not None and self._process.is_alive()

    async def start(self) -> None:
        """Starts the process, anew where there was one, and waits until it has the model.

        Raises:
            InputError: The model cannot be read, or the process ended before it was.
        """
        self.end()
        self._stopped = _CONTEXT.Event()  # one that ended may have left it locked
        try:
            self._pipe, theirs = _CONTEXT.Pipe()
            process = _CONTEXT.Process(
                target=run_process, args=(theirs, self._stopped, self._model), kwargs=self._options, daemon=True
            )
            with theirs:  # closed, so that reading ends when the process does
                process.start()
            self._process = process
            kind, content = await self._in_thread(self._pipe.recv)
        except (EOFError, OSError) as error:
            raise InputError("a process ended while it was starting: is there too little memory?") from error
        if kind != Kind.READY:
            raise InputError(content)
        self._loaded = True

    async def perform(self, task: Task[Any], progress: Callable[[float], None] | None) -> tuple[Kind, Any]:
        """Has a task done.

        Args:
            task: What to do.
            progress: Called, in the event loop, with the share that is done, 0 to 1.

        Returns:
            How it ended; see `Kind`.

        Raises:
            EOFError: The process ended; so does `OSError` say.
        """
        assert self._pipe is not None, "start comes first"
        pipe, loop = self._pipe, asyncio.get_running_loop()

        def talk() -> tuple[Kind, Any]:
            pipe.send(task)
            while True:
                kind, content = pipe.recv()
                if kind != Kind.PROGRESS:
                    return kind, content
                if progress is not None:
                    loop.call_soon_threadsafe(progress, content)

        return await self._in_thread(talk)

    async def stop(self, talk: asyncio.Future[tuple[Kind, Any]]) -> bool:
        """Stops a task, and ends the process if it does not hear.

        Args:
            talk: What `perform` gave, or will give.

        Returns:
            Whether the process is fit for another task.
        """
        self._stopped.set()
        await asyncio.wait([talk], timeout=_GRACE)
        if not talk.done():
            self.end()
            await asyncio.wait([talk])
        self._stopped.clear()
        return talk.exception() is None

    def end(self) -> None:
        """Ends the process, whatever it is at."""
        self._loaded = False
        if self._process is not None:
            self._process.kill()
            self._process.join()

    async def _in_thread(self, call: Callable[[], tuple[Kind, Any]]) -> tuple[Kind, Any]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)
