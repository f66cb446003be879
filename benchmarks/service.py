"""``spikefill serve`` under load: what is refused, how much it does, and what memory it takes, then and after."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx
import numpy as np

from benchmarks import processes
from benchmarks.restoring import scratched
from benchmarks.results import Claim, Result, Table, digits
from spikefill.batch import ModelChoice
from spikefill.images import encode
from spikefill.models import DEFAULT
from spikefill.service.settings import ServiceSettings
from spikefill.service.work import Work
from spikefill.service.workers import Workers

CLIENTS, SECONDS = 64, 120
MEGAPIXELS = (0.3, 1.0, 2.0, 4.0, 8.0, 12.0)
"""Of the photographs, which come in turn."""
HOLES = 0.005
NOTE = (
    f"{CLIENTS} clients send photographs (JPEG) of {MEGAPIXELS[0]:g} to {MEGAPIXELS[-1]:g} MP in turn, with strokes "
    f"over {HOLES:.1%}, each as soon as its last one is answered, or when a 429 says so. Without HTTP, the same "
    "processes restore the same photographs. Memory is that of all processes, shared memory once (PSS). The clients "
    "use the same cores."
)

_PATH = "/api/v1/inpaint"
_EVERY = 0.5
"""Seconds between two looks at the service."""
_PAUSE = 5.0
"""Seconds after which memory is looked at again."""


@dataclass
class Load:
    """What happened while clients asked.

    Attributes:
        statuses: Answers, by status; 0 for none.
        done: Megapixels that were restored within the time.
        memory: Bytes, at every look.
        busy: Tasks in work, at every look.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    done: float = 0.0
    memory: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)


def run(*, quick: bool) -> Result:
    """Answers, throughput beside the same work without HTTP, and memory."""
    return measure(8, 15, (0.05, 0.3)) if quick else measure(CLIENTS, SECONDS, MEGAPIXELS)


def measure(clients: int, seconds: float, megapixels: Sequence[float]) -> Result:
    """The answer for so many clients, for so long."""
    title = "The service under load"
    if not processes.AVAILABLE:
        return Result(title, tables=[], data={}, notes=["Not measured: it needs /proc, which Linux has."])
    cores = len(os.sched_getaffinity(0))
    settings = ServiceSettings(processes=cores, threads=1)
    works = [_work(each, number) for number, each in enumerate(megapixels)]
    print("without HTTP", flush=True)
    alone = asyncio.run(_without_http(works, megapixels, settings, seconds))
    print("with HTTP", flush=True)
    with _service(settings) as (url, process):
        first = httpx.post(url + _PATH, files=_files(works[0]), timeout=600)
        before = _memory(process)
        load = asyncio.run(_load(url, process, works, megapixels, clients, seconds))
        time.sleep(_PAUSE)
        after = _memory(process)
        same = httpx.post(url + _PATH, files=_files(works[0]), timeout=600).content == first.content
    rates = {"with HTTP": load.done / seconds, "without": alone}
    errors = sum(count for status, count in load.statuses.items() if status not in (200, 429))
    return Result(
        title=title,
        tables=[
            Table("throughput", ["", "MP/s"], [[name, digits(rate)] for name, rate in rates.items()]),
            Table("answers", ["", *map(str, sorted(load.statuses))], [
                ["count", *(str(load.statuses[status]) for status in sorted(load.statuses))]
            ]),
            Table("memory, MB", ["", "before", "at most", "after"], [
                ["", *(digits(value / 1e6) for value in (before, max(load.memory), after))]
            ]),
        ],
        claims=[
            Claim("answers other than 200 and 429", errors, 0, "at most"),
            Claim("throughput over that without HTTP", rates["with HTTP"] / alone, 0.9),
            Claim("share of looks at which every process works", float(np.mean(np.array(load.busy) >= cores)), 0.95),
            Claim("memory at most, GB", max(load.memory) / 1e9, 3, "at most"),
            Claim("memory after over that before", after / before, 1.25, "at most"),
            Claim("answers afterwards as before", float(same), 1),
        ],
        notes=[NOTE],
        data={"memory": load.memory, "busy": load.busy, "statuses": dict(load.statuses), "rates": rates},
    )  # fmt: skip


def _work(megapixels: float, number: int) -> Work:
    pixels, holes = scratched(megapixels, HOLES, number)
    return Work(encode(pixels, "JPEG"), encode(holes.astype(np.uint8) * np.uint8(255), "PNG"))


def _files(work: Work) -> dict[str, bytes]:
    assert work.mask is not None
    return {"image": work.image, "mask": work.mask}


async def _without_http(
    works: Sequence[Work], megapixels: Sequence[float], settings: ServiceSettings, seconds: float
) -> float:
    """Megapixels a second of the processes alone."""
    workers = Workers(
        ModelChoice(DEFAULT), processes=settings.processes, threads=settings.threads, queue=1, seconds=600,
        largest_megapixels=settings.largest_megapixels,
    )  # fmt: skip
    done, turn = 0.0, _turns(len(works))

    async def one_after_the_other() -> None:
        nonlocal done
        while time.perf_counter() < end:
            number = next(turn)
            await workers.restore(works[number])
            done += megapixels[number]

    async with workers:
        for work in works:  # the first calls take longer
            await workers.restore(work)
        start = time.perf_counter()
        end = start + seconds
        await asyncio.gather(*(one_after_the_other() for _ in range(settings.processes)))
        return done / (time.perf_counter() - start)


@contextlib.contextmanager
def _service(settings: ServiceSettings) -> Iterator[tuple[str, int]]:
    """A service's address and its process."""
    command = [
        sys.executable, "-c", "from spikefill.cli.app import main; main()", "serve", "--port", "0",
        "--processes", str(settings.processes), "--threads", str(settings.threads),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while (found := re.search(r"serving at (\S+);", said)) is None:
            line = process.stderr.readline()
            if not line:
                raise RuntimeError(f"the service did not start: {said}")
            said += line
        try:
            yield found[1], process.pid
        finally:
            process.terminate()


async def _load(
    url: str, process: int, works: Sequence[Work], megapixels: Sequence[float], clients: int, seconds: float
) -> Load:
    """Clients that ask for so long."""
    load, turn = Load(), _turns(len(works))
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
        end = time.perf_counter() + seconds
        asking = (_ask(client, works, megapixels, turn, end, load) for _ in range(clients))
        await asyncio.gather(_watch(client, process, end, load), *asking)
    return load


async def _ask(
    client: httpx.AsyncClient,
    works: Sequence[Work],
    megapixels: Sequence[float],
    turn: Iterator[int],
    end: float,
    load: Load,
) -> None:
    """One client: sends a photograph, again where it is told to, until the time is up."""
    while time.perf_counter() < end:
        number, status = next(turn), 429
        while status == 429 and time.perf_counter() < end:
            try:
                answer = await client.post(_PATH, files=_files(works[number]))
                status, wait = answer.status_code, float(answer.headers.get("retry-after", 0))
            except httpx.HTTPError:
                status, wait = 0, 0.0
            load.statuses[status] += 1
            await asyncio.sleep(wait)
        if status == 200 and time.perf_counter() < end:
            load.done += megapixels[number]


async def _watch(client: httpx.AsyncClient, process: int, end: float, load: Load) -> None:
    """Looks at the service until the time is up."""
    while time.perf_counter() < end:
        await asyncio.sleep(_EVERY)
        figures = (await client.get("/metrics")).text
        load.busy.append(int(float(figures.partition("\nspikefill_tasks_busy ")[2].partition("\n")[0])))
        load.memory.append(_memory(process))


def _memory(process: int) -> int:
    return sum(map(processes.memory, processes.family(process)))


def _turns(count: int) -> Iterator[int]:
    while True:
        yield from range(count)
