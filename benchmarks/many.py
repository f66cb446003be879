"""A folder of many photographs: whether memory stays as it is and the processor is busy, from the first to the last."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import processes
from benchmarks.restoring import scratched
from benchmarks.results import Claim, Result, Table, digits
from spikefill import masks

PHOTOGRAPHS, MEGAPIXELS, HOLES = 1000, 2.0, 0.01
SETTLED = 100
"""The photograph from which on memory must not grow."""

OURS = "Spikefill"
NOTE = (
    "`spikefill inpaint FOLDER MASKS -o OUT` with its defaults. Memory is that of all processes, shared memory once "
    "(PSS), the median of looks once a second; the share is of processor time, until there is no longer a "
    "photograph for each core."
)

_DIFFERENT = 20
"""Pictures that the photographs are; more would take longer to make than to restore."""
_EVERY = 1.0
"""Seconds between two looks at the processes: each takes processor time that they would use."""


@dataclass(frozen=True)
class Look:
    """What the processes have at a moment.

    Attributes:
        time: In seconds.
        done: Photographs that are restored.
        memory: Of all processes, in bytes.
        processor: Processor time of all processes until now, in seconds.
    """

    time: float
    done: int
    memory: int
    processor: float


def run(*, quick: bool) -> Result:
    """Memory from the 100th photograph to the last, and the share of the processor that is used."""
    return measure(24, 0.3) if quick else measure(PHOTOGRAPHS, MEGAPIXELS)


def measure(photographs: int, megapixels: float) -> Result:
    """The answer for a number of photographs of a size."""
    title = "Many photographs"
    if not processes.AVAILABLE:
        return Result(title, tables=[], data={}, notes=["Not measured: it needs /proc, which Linux has."])
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder), photographs, megapixels)
        looks = _restored(Path(folder), photographs)
    cores = len(os.sched_getaffinity(0))
    first, *_, last = [look for look in looks if cores <= look.done <= photographs - cores]
    seconds, done = last.time - first.time, last.done - first.done
    settled = min(SETTLED, photographs // 4)
    memory = [look.memory for look in looks if settled <= look.done < photographs]
    quarters = [float(np.median(part)) for part in np.array_split(memory, 4)]
    name = f"{photographs} photographs of {megapixels:g} MP, {HOLES:.0%} holes"
    return Result(
        title=title,
        tables=[
            Table(
                f"{name}: memory in the quarters of the time from the {settled}th on",
                ["", "first", "second", "third", "last"],
                [["MB", *(digits(quarter / 1e6) for quarter in quarters)]],
            ),
            Table(
                name, ["", "images/s", "MP/s"], [[OURS, digits(done / seconds), digits(done / seconds * megapixels)]]
            ),
        ],
        claims=[
            Claim("memory in the last quarter over that in the first", quarters[-1] / quarters[0], 1.05, "at most"),
            Claim(f"share of {cores} cores that is used", (last.processor - first.processor) / seconds / cores, 0.9),
        ],
        notes=[NOTE],
        data={"looks": [[look.time, look.done, look.memory, look.processor] for look in looks]},
    )


def _make(folder: Path, photographs: int, megapixels: float) -> None:
    for name in ("in", "masks"):
        (folder / name).mkdir()
    for number in range(photographs):
        photo, mask = folder / "in" / f"{number:04}.jpg", folder / "masks" / f"{number:04}.png"
        if number < _DIFFERENT:
            pixels, holes = scratched(megapixels, HOLES, number)
            Image.fromarray(pixels).save(photo, quality=92)
            masks.write(mask, holes)
        else:
            for path in (photo, mask):
                path.hardlink_to(path.with_stem(f"{number % _DIFFERENT:04}"))


def _restored(folder: Path, photographs: int) -> list[Look]:
    """Looks at the command from its start to its end."""
    code = "import sys; from spikefill.cli.app import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "--quiet", "inpaint", "in", "masks", "-o", "out"]
    looks: list[Look] = []
    with subprocess.Popen(command, cwd=folder) as process:
        while process.poll() is None:
            looks.append(_look(process.pid, folder / "out"))
            print(
                f"\r{looks[-1].done} of {photographs} photographs, {looks[-1].memory / 1e6:.0f} MB ", end="", flush=True
            )
            time.sleep(_EVERY)
    print(flush=True)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[3:])} ended with {process.returncode}")
    return looks


def _look(process: int, output: Path) -> Look:
    family = list(processes.family(process))
    return Look(
        time.perf_counter(),
        sum(1 for _ in output.glob("[!.]*.jpg")),
        sum(map(processes.memory, family)),
        sum(map(processes.processor_seconds, family)),
    )
