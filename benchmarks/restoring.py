"""Restoring photographs with scratches, time and quality: the default and the fastest model, and classical methods."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Claim, Result, Table, digits
from benchmarks.timing import interleaved
from spikefill import data, inpainting, models
from spikefill.evaluation import BASELINES
from spikefill.evaluation.metrics import psnr

FASTEST = "hybrid-tiny"
WIDTHS = (2, 8)
"""Of the strokes, in pixels, the last one included."""
NOTE = (
    "The photograph is an embedded one that no model saw, mirrored at its borders until it has the size. Telea and "
    "Navier-Stokes are OpenCV's, with a radius of 5 px, and use one thread; biharmonic is scikit-image's."
)


def run(*, quick: bool) -> Result:
    """Time and PSNR over the hole at several sizes of photograph, and how the time grows with the holes."""
    model, fastest = inpainting.load(models.DEFAULT), inpainting.load(FASTEST)
    sizes = [(0.05, 0.05)] if quick else [(1.0, 0.05), (12.0, 0.01)]
    tables, claims, found = [], [], {}
    for megapixels, share in sizes:
        photograph, holes = scratched(megapixels, share)
        rivals: dict[str, Callable[[], NDArray[np.uint8]]] = {
            models.DEFAULT: partial(model.restore, photograph, holes),
            FASTEST: partial(fastest.restore, photograph, holes),
            **{name: partial(BASELINES[name], photograph, holes) for name in ("telea", "navier-stokes", "biharmonic")},
        }
        name = f"{megapixels:g} MP, {share:.0%} holes"
        medians = interleaved(name, rivals, 1 if quick else 5)
        quality = {rival: psnr(call(), photograph, holes) for rival, call in rivals.items()}
        rows = [[rival, digits(medians[rival] / 1000), f"{quality[rival]:.2f}"] for rival in rivals]
        tables.append(Table(f"{name}, in strokes of 2 to 8 px", ["", "s", "PSNR over the hole, dB"], rows))
        for ours, bound in ((models.DEFAULT, 1.6 if share > 0.01 else 1.0), (FASTEST, 1.0)):
            claims += [
                Claim(f"{name}: time of {ours} over that of Telea", medians[ours] / medians["telea"], bound, "at most"),
                Claim(f"{name}: dB of {ours} over Telea", quality[ours] - quality["telea"], 0),
            ]
        times, ahead = medians["biharmonic"] / medians[models.DEFAULT], quality[models.DEFAULT] - quality["biharmonic"]
        claims += [
            Claim(f"{name}: time of biharmonic over that of {models.DEFAULT}", times, 20),
            Claim(f"{name}: dB of {models.DEFAULT} over biharmonic", ahead, 0),
        ]
        found[name] = {"milliseconds": medians, "psnr": quality}
    tables.append(_by_share(model, 0.05 if quick else 4.0, 1 if quick else 3))
    return Result(
        title="Restoring photographs",
        tables=tables,
        claims=claims,
        notes=[NOTE],
        data=found,
    )


def scratched(megapixels: float, share: float, number: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A photograph 4 : 3 and strokes that cover a share of it; others for another number."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    photographs = data.open_photographs("embedded", part="val")
    photograph = photographs[number % len(photographs)]
    missing = [(0, max(0, side - given)) for side, given in zip((height, width), photograph.shape[:2], strict=True)]
    grown = np.pad(photograph, [*missing, (0, 0)], mode="symmetric")[:height, :width]
    generator = np.random.default_rng(number)
    drawn = np.zeros((height, width), np.uint8)
    while drawn.mean() < share:
        angle = generator.uniform(0, 2 * np.pi)
        turns = angle + np.cumsum(generator.normal(0, 0.3, int(generator.integers(3, 8))))
        steps = generator.uniform(20, 80, len(turns))[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        points = generator.uniform(0, (width, height)) + np.cumsum(steps, axis=0)
        thickness = int(generator.integers(WIDTHS[0], WIDTHS[1] + 1))
        cv2.polylines(drawn, [points.round().astype(np.int32)], isClosed=False, color=1, thickness=thickness)
    return np.ascontiguousarray(grown), drawn > 0


def _by_share(model: inpainting.Inpainter, megapixels: float, repeats: int) -> Table:
    """The time for the same photograph with more and more holes."""
    calls = {}
    for share in (0.001, 0.003, 0.01, 0.03, 0.1):
        calls[f"{share:.1%}"] = partial(model.restore, *scratched(megapixels, share))
    medians = interleaved(f"{megapixels:g} MP", calls, repeats)
    return Table(
        f"{megapixels:g} MP, by the share of the holes",
        ["", *medians],
        [["s", *(digits(value / 1000) for value in medians.values())]],
    )
