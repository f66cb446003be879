"""Restoring many photographs in several processes, of which each has the model and some of the processor's threads."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from spikefill import inpainting, places
from spikefill.batch.jobs import Job
from spikefill.batch.outcome import Outcome, Status
from spikefill.batch.restoring import ModelChoice, RestoreSettings, failed, restore_one
from spikefill.processes import prepare_child

_AHEAD = 2
"""Photographs handed to the processes, for each of them: one in work, one waiting."""


def restore_all(
    jobs: Iterable[Job],
    model: ModelChoice,
    settings: RestoreSettings | None = None,
    *,
    processes: int,
    threads: int,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """Restores photographs, each by itself: one that fails does not stop the others.

    Each file appears whole or not at all. Where a process ends of itself, such as for want of memory, what it had in
    work is tried once more, one photograph at a time; one that ends its process again has failed. A file that was
    written by then, but not told of, stays.

    Args:
        jobs: The photographs.
        model: What restores them.
        settings: What is to become of each; None for what `RestoreSettings` has by default.
        processes: How many of them at a time.
        threads: Of each process.
        stop: Asked between photographs; once it returns True, no further one is begun, and those in work are finished.

    Yields:
        The outcomes, in the order in which photographs are done.
    """
    waiting, settings = deque(map(_Begun, jobs)), settings or RestoreSettings()
    while waiting and not stop():
        with _Processes(model, settings, processes, threads) as pool:
            broken = yield from pool.restore(waiting, stop)
        for begun in broken:
            with _Processes(model, settings, 1, threads) as pool:
                lost = yield from pool.restore(deque([begun]), stop)
            for one in lost:
                if one.ours and _is_there(one.job):  # and nothing but its size is not known
                    yield Outcome(one.job.photo, one.job.mask, one.job.output, Status.RESTORED)
                else:
                    yield failed(one.job, "the process that restored it was ended: is there too little memory?")


class _Begun(NamedTuple):
    """A photograph that is handed to a process.

    Attributes:
        job: The photograph.
        ours: Whether a file that is there now is what an earlier process wrote.
    """

    job: Job
    ours: bool = False


class _Processes:
    """Processes that restore until one of them ends of itself."""

    def __init__(self, model: ModelChoice, settings: RestoreSettings, processes: int, threads: int) -> None:
        self._settings, self._count = settings, processes
        # Started afresh: a forked process inherits threads' locks, and what CUDA holds.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(model, threads))

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def restore(self, waiting: deque[_Begun], stop: Callable[[], bool]) -> Generator[Outcome, None, list[_Begun]]:
        """Takes photographs from the left of ``waiting``; returns those in work when a process ended."""
        running: dict[Future[Outcome], _Begun] = {}
        lost: list[_Begun] = []
        while (waiting and not stop() and not lost) or running:
            while waiting and len(running) < _AHEAD * self._count and not stop() and not lost:
                begun = waiting.popleft()
                after = _Begun(begun.job, ours=begun.ours or not _is_there(begun.job))
                try:
                    running[self._pool.submit(_restore, begun, self._settings)] = after
                except BrokenProcessPool:
                    lost.append(begun)
            if stop():  # what waits in the pool is not begun
                running = {future: begun for future, begun in running.items() if not future.cancel()}
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                begun = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    lost.append(begun)
        return lost


def _is_there(job: Job) -> bool:
    """Whether the output is there; also if nobody can say, as the process will that is to write it."""
    try:
        return places.is_file(job.output)
    except Exception:
        return True


def _begin(model: ModelChoice, threads: int) -> None:
    prepare_child(threads)
    _CHOICE.append(model)


_CHOICE: list[ModelChoice] = []
"""In a process of a pool: the model that it restores with."""


@lru_cache(maxsize=1)
def _inpainter() -> inpainting.Inpainter:
    return _CHOICE[-1].load()


def _restore(begun: _Begun, settings: RestoreSettings) -> Outcome:
    """Restores one photograph, in a process of a pool."""
    job = begun.job
    if not (begun.ours and places.is_file(job.output)):
        return restore_one(job, _inpainter, settings)
    with tempfile.TemporaryDirectory() as folder:  # once more, for its outcome alone
        aside = replace(job, output=str(Path(folder, PurePosixPath(job.output).name)))
        return replace(restore_one(aside, _inpainter, settings), output=job.output)
