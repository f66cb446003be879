"""Processes that look at one case after another, under limits of time and of memory."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Self

from spikefill.peak_memory import peak, reset_peak

Look = Callable[[int], str]
"""Looks at the case of a number and says in a word what became of it; whatever it raises is a failure."""

_SPARE = 2 << 30
"""Bytes of addresses that a process may take beside those it has when it starts: no case may use up the machine."""


@dataclass(frozen=True)
class Verdict:
    """What became of a case.

    Attributes:
        number: Of the case.
        said: What was said of it; empty if it failed.
        failure: Why it failed, on one line or on several; otherwise empty.
        growth: Bytes by which memory grew at the most; 0 where the system does not say.
        seconds: That it took.
    """

    number: int
    said: str = ""
    failure: str = ""
    growth: int = 0
    seconds: float = 0.0


def verdicts(look: Look, numbers: Iterable[int], *, processes: int, seconds: float) -> Iterator[Verdict]:
    """Looks at cases in several processes, each of which serves for many.

    A case has failed if it raises, if anything is written to standard error, if its process ends, or if it takes too
    long; then its process is ended, and another one takes its place.

    Args:
        look: A function of a module, which the processes import.
        numbers: Of the cases.
        processes: How many at a time.
        seconds: That a case may take.

    Yields:
        The verdicts, in the order in which cases are done.
    """
    waiting = iter(numbers)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = [stack.enter_context(_Worker(look, folder / str(number))) for number in range(processes)]
        busy = [worker for worker in workers if worker.take(next(waiting, None))]
        while busy:
            ready = wait([worker.connection for worker in busy], timeout=1)
            for worker in tuple(busy):
                if worker.connection in ready:
                    yield worker.verdict()
                elif worker.since() > seconds:
                    yield worker.ended(f"took more than {seconds:g} s")
                else:
                    continue
                if not worker.take(next(waiting, None)):
                    busy.remove(worker)


class _Worker:
    """A process, and the case that it looks at; a context manager."""

    def __init__(self, look: Look, errors: Path) -> None:
        self._look, self._errors = look, errors
        self._number = -1
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a forked process would have what this one has
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._look, self._errors), daemon=True)
        self._process.start()
        theirs.close()
        self.connection.recv()  # it is ready: what it took to start does not count

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def take(self, number: int | None) -> bool:
        """Begins with a case, if there is one."""
        if number is None:
            return False
        self._number, self._began = number, time.monotonic()
        self.connection.send(number)
        return True

    def since(self) -> float:
        """Seconds for which it has been looking."""
        return time.monotonic() - self._began

    def verdict(self) -> Verdict:
        """Of the case that it is done with, or that ended it."""
        try:
            verdict: Verdict = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return self.ended(f"ended its process with {self._process.exitcode}")
        return verdict

    def ended(self, failure: str) -> Verdict:
        """Of a case that did not let its process go on."""
        self._end()
        said = self._errors.read_text("utf-8", "replace")
        number, took = self._number, self.since()
        self._start()
        return Verdict(number, failure=f"{failure}\n{said}".strip(), seconds=took)


def _serve(connection: Connection, look: Look, errors: Path) -> None:
    """What a process does until it is ended, or the one that started it is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    errors.unlink(missing_ok=True)
    with errors.open("a") as file:
        os.dup2(file.fileno(), 2)  # of the C libraries, too
    _limit_addresses()
    gc.freeze()  # or each collection would take longer than most cases
    connection.send(None)
    while True:
        try:
            number = connection.recv()
        except EOFError:
            return
        connection.send(_judged(number, look, errors))


def _judged(number: int, look: Look, errors: Path) -> Verdict:
    reset_peak()
    before, start = peak(), time.perf_counter()
    said, failure = "", ""
    try:
        said = look(number)
    except Exception:
        failure = traceback.format_exc()
    took, growth = time.perf_counter() - start, peak() - before
    gc.collect()  # what warns when it is collected belongs to this case
    sys.stderr.flush()
    written = errors.read_text("utf-8", "replace")
    if written:
        failure = f"{failure}\nwritten to standard error: {written}".strip()
        os.truncate(errors, 0)
    return Verdict(number, "" if failure else said, failure, growth, took)


def _limit_addresses() -> None:
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _SPARE, hard))
