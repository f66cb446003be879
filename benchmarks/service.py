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
from itertools import cycle
from typing import NamedTuple

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
    "processes restore the same photographs. Memory is that of all processes, shared memory once (PSS), the most of "
    "a look a second. The clients use the same cores."
)

_PATH = "/api/v1/inpaint"
_PARTS = 4
"""Of the time, of which each must see as many photographs restored as the queue holds."""
_EVERY = 1.0
"""Seconds between two looks at the service: each takes processor time that it would use."""
_PAUSE = 5.0
"""Seconds after which memory is looked at again."""


class Photograph(NamedTuple):
    """A request that is sent again and again.

    Attributes:
        megapixels: Of the photograph.
        work: The photograph and its mask.
        body: Both as a form.
        headers: Those of the form.
    """

    megapixels: float
    work: Work
    body: bytes
    headers: dict[str, str]


@dataclass
class Load:
    """What happened while clients asked.

    Attributes:
        statuses: Answers, by status; 0 for none.
        restored: For every photograph that was restored within the time, seconds from the start, and its megapixels.
        memory: Bytes, at every look.
        busy: Tasks in work, at every look.
        waiting: Tasks in the queue, at every look.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    restored: list[tuple[float, float]] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


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
    photographs = [_photograph(each, number) for number, each in enumerate(megapixels)]
    print("without HTTP", flush=True)
    alone = asyncio.run(_without_http(photographs, settings, seconds))
    print("with HTTP", flush=True)
    with _service(settings) as (url, process):
        first = _answers(url, photographs)  # they take longer, too
        before = _memory(process)
        load = asyncio.run(_load(url, process, photographs, clients, seconds))
        time.sleep(_PAUSE)
        after = _memory(process)
        same = _answers(url, photographs) == first
    with_http = sum(each for _, each in load.restored) / seconds
    errors = sum(count for status, count in load.statuses.items() if status not in (200, 429))
    ends = [end for end, _ in load.restored]
    parts, _ = np.histogram(ends, _PARTS, (0, seconds))
    taken = np.add(load.waiting, load.busy)
    return Result(
        title=title,
        tables=[
            Table("throughput", ["", "MP/s"], [["with HTTP", digits(with_http)], ["without", digits(alone)]]),
            Table("answers", ["", *map(str, sorted(load.statuses))], [
                ["count", *(str(load.statuses[status]) for status in sorted(load.statuses))]
            ]),
            Table("photographs taken in, to wait or in work", ["", "room for", "median", "least"], [
                ["", str(settings.queue + cores), digits(float(np.median(taken))), str(taken.min())]
            ]),
            Table("memory, MB", ["", "before", "at most", "after"], [
                ["", *(digits(value / 1e6) for value in (before, max(load.memory), after))]
            ]),
        ],
        claims=[
            Claim("answers other than 200 and 429", errors, 0, "at most"),
            Claim("throughput over that without HTTP", with_http / alone, 0.9),
            Claim("share of looks at which every process works", float(np.mean(np.array(load.busy) >= cores)), 0.95),
            Claim("photographs restored in the poorest quarter of the time", int(parts.min()), settings.queue),
            Claim("memory at most, GB", max(load.memory) / 1e9, 3, "at most"),
            Claim("memory after over that before", after / before, 1.25, "at most"),
            Claim("answers afterwards as before", float(same), 1),
        ],
        notes=[NOTE],
        data={
            "memory": load.memory, "busy": load.busy, "waiting": load.waiting, "statuses": dict(load.statuses),
            "restored": load.restored, "without": alone,
        },
    )  # fmt: skip


def _photograph(megapixels: float, number: int) -> Photograph:
    pixels, holes = scratched(megapixels, HOLES, number)
    image, mask = encode(pixels, "JPEG"), encode(holes.astype(np.uint8) * np.uint8(255), "PNG")
    form = httpx.Request("POST", "http://service", files={"image": image, "mask": mask})
    return Photograph(megapixels, Work(image, mask), form.read(), {"content-type": form.headers["content-type"]})


def _answers(url: str, photographs: Sequence[Photograph]) -> list[bytes]:
    """What is answered to each, one after the other."""
    with httpx.Client(base_url=url, timeout=600) as client:
        return [client.post(_PATH, content=one.body, headers=one.headers).content for one in photographs]


async def _without_http(photographs: Sequence[Photograph], settings: ServiceSettings, seconds: float) -> float:
    """Megapixels a second of the processes alone."""
    workers = Workers(
        ModelChoice(DEFAULT), processes=settings.processes, threads=settings.threads, queue=1, seconds=600,
        largest_megapixels=settings.largest_megapixels,
    )  # fmt: skip
    done, turn = 0.0, cycle(photographs)

    async def one_after_the_other() -> None:
        nonlocal done
        while time.perf_counter() < end:
            photograph = next(turn)
            await workers.restore(photograph.work)
            done += photograph.megapixels

    async with workers:
        for photograph in photographs:  # the first calls take longer
            await workers.restore(photograph.work)
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


async def _load(url: str, process: int, photographs: Sequence[Photograph], clients: int, seconds: float) -> Load:
    """Clients that ask for so long."""
    load, turn = Load(), cycle(photographs)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
        start = time.perf_counter()
        asking = (_ask(client, turn, start, seconds, load) for _ in range(clients))
        await asyncio.gather(_watch(client, process, start + seconds, load), *asking)
    return load


async def _ask(client: httpx.AsyncClient, turn: Iterator[Photograph], start: float, seconds: float, load: Load) -> None:
    """One client: sends a photograph, again where it is told to, until the time is up."""
    while time.perf_counter() < start + seconds:
        photograph, status = next(turn), 429
        while status == 429 and time.perf_counter() < start + seconds:
            try:
                answer = await client.post(_PATH, content=photograph.body, headers=photograph.headers)
                status, wait = answer.status_code, float(answer.headers.get("retry-after", 0))
            except httpx.HTTPError:
                status, wait = 0, 0.0
            load.statuses[status] += 1
            await asyncio.sleep(wait)
        passed = time.perf_counter() - start
        if status == 200 and passed < seconds:
            load.restored.append((passed, photograph.megapixels))


async def _watch(client: httpx.AsyncClient, process: int, end: float, load: Load) -> None:
    """Looks at the service until the time is up."""
    while time.perf_counter() < end:
        await asyncio.sleep(_EVERY)
        figures = (await client.get("/metrics")).text
        load.busy.append(_figure(figures, "spikefill_tasks_busy"))
        load.waiting.append(_figure(figures, "spikefill_tasks_waiting"))
        load.memory.append(_memory(process))


def _figure(figures: str, name: str) -> int:
    return int(float(figures.partition(f"\n{name} ")[2].partition("\n")[0]))


def _memory(process: int) -> int:
    return sum(map(processes.memory, processes.family(process)))
