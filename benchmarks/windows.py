"""A photograph in windows beside the same at once: how alike the results are, and what time they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.restoring import scratched
from benchmarks.results import Claim, Result, Table, digits
from spikefill import inpainting, models
from spikefill.evaluation.metrics import psnr
from spikefill.inpainting.planning import plan_within
from spikefill.memory import PROCESS

ROOMS = (1.2, 0.4, 0.2)
"""GB that a network may take beside the process, the photograph and its mask."""

ALIKE, NEAR = 0.999, 0.01
"""The least share of values that are the same within 1/255, and how many dB may lie between."""

TITLE = "At once, and in windows"

NETWORKS = (models.DEFAULT, "hybrid-base")
CASES = ((6.0, "scratches", 0), (6.0, "scratches", 1), (6.0, "a wide hole", 2), (24.0, "scratches", 3))
"""Megapixels, holes, and which photograph."""

NOTE = (
    "The photographs are embedded ones, mirrored at their borders until they have the size. Scratches cover 1 % of "
    "them, the wide hole half of their height and width. GB: what a network may take beside the process, the "
    "photograph and its mask; windows of so many levels follow from it. Values are those in the holes."
)


def run(*, quick: bool) -> Result:
    """Shares, decibels and seconds."""
    rows, claims, found = [], [], {}
    for name in NETWORKS[:1] if quick else NETWORKS:
        for megapixels, kind, number in CASES[:1] if quick else CASES:
            photograph, holes = scratched(1.0 if quick else megapixels, 0.01, number)
            if kind != "scratches":
                height, width = holes.shape
                holes[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] = True
            what = f"{name}, {megapixels:g} MP, {kind} ({number + 1})"
            print(f"windows: {what}", flush=True)
            compared = _compared(name, photograph, holes, (0.07,) if quick else ROOMS)
            rows += [[what, *row] for row in compared.rows]
            found[what] = compared.data
            claims += [
                Claim(f"{what}: least share within 1/255", compared.alike, ALIKE),
                Claim(f"{what}: most dB apart", compared.apart, NEAR, "at most"),
            ]
    columns = ["", "GB", "levels, windows", "the same, %", "within 1/255, %", "PSNR, dB", "s"]
    return Result(title="Windows", tables=[Table(TITLE, columns, rows)], claims=claims, notes=[NOTE], data=found)


class Compared(NamedTuple):
    """A photograph restored at once, and in windows.

    Attributes:
        rows: Of a table.
        alike: The least share of values within 1/255.
        apart: The largest difference of PSNR, in dB.
        data: The figures.
    """

    rows: list[list[str]]
    alike: float
    apart: float
    data: dict[str, Any]


def _compared(name: str, photograph: NDArray[np.uint8], holes: NDArray[np.bool_], rooms: Sequence[float]) -> Compared:
    whole = inpainting.load(name)
    whole.model.tile = 1 << 20  # there is room for any photograph
    expected, seconds = _timed(lambda: whole.restore(photograph, holes))
    quality = psnr(expected, photograph, holes)
    rows = [["", "at once", "", "", f"{quality:.3f}", digits(seconds)]]
    data: dict[str, Any] = {"at once": {"psnr": quality, "seconds": seconds}}
    held, alike, apart = 2 * photograph.nbytes + holes.nbytes, 1.0, 0.0
    for room in rooms:
        limit = PROCESS + held + round(room * 1e9)
        windows = inpainting.load(name, max_memory=limit)
        plan = plan_within(windows.model, holes, held, max_memory=limit)
        result, seconds = _timed(lambda inpainter=windows: inpainter.restore(photograph, holes))
        difference = np.abs(result.astype(np.int16) - expected)[holes]
        same, near, decibels = (
            float((difference == 0).mean()),
            float((difference <= 1).mean()),
            psnr(result, photograph, holes),
        )
        alike, apart = min(alike, near), max(apart, abs(decibels - quality))
        levels = f"{plan.coarse}, {len(plan.regions)}" if plan.coarse else "at once"
        rows.append([f"{room:g}", levels, f"{100 * same:.3f}", f"{100 * near:.3f}", f"{decibels:.3f}", digits(seconds)])
        data[f"{room:g}"] = {
            "levels": plan.coarse,
            "windows": len(plan.regions),
            "same": same,
            "near": near,
            "psnr": decibels,
            "seconds": seconds,
        }
    return Compared(rows, alike, apart, data)


def _timed(call: Callable[[], NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], float]:
    """The result and the least time of two calls."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return result, min(times)
