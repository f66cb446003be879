from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from skimage import data

from spikefill import masks
from spikefill.evaluation import BASELINES
from spikefill.evaluation.edge_distance import EdgeDistance, bands

FIRST = {1: 1, 2: 3, 4: 7, 8: 15, 16: 31, 32: None}


def slow_bands(mask: np.ndarray) -> list[int]:
    """The squared distance from each pixel of the hole to every known pixel, in whole numbers."""
    known = np.argwhere(~mask)
    squared = [int(((known - pixel) ** 2).sum(axis=1).min()) for pixel in np.argwhere(mask)]
    return [next(band for band in range(5, -1, -1) if 4**band <= value) for value in squared]


def test_bands_against_every_known_pixel() -> None:
    mask = masks.evaluation("thick", 64, image_index=3, repeat=1)
    assert bands(mask).tolist() == slow_bands(mask)


def test_the_edge_of_the_picture_is_no_edge_of_the_hole() -> None:
    mask = np.zeros((3, 70), dtype=bool)
    mask[:, 3:] = True
    row = bands(mask).reshape(3, 67)[0].tolist()
    assert row == [0] * 1 + [1] * 2 + [2] * 4 + [3] * 8 + [4] * 16 + [5] * 36


def test_errors_are_pooled_over_the_pixels_of_all_cases() -> None:
    tracker = EdgeDistance(["telea", "perfect"])
    squared: dict[int, list[float]] = {band: [] for band in range(6)}
    photographs = data.chelsea()[100:164, 150:214], data.astronaut()[80:120, 190:240]
    for index, (target, family) in enumerate(product(photographs, ("thin", "thick"))):
        mask = masks.evaluation(family, target.shape[:2], image_index=index, repeat=0)
        result = BASELINES["telea"](target, mask)
        tracker.add(target, mask, {"telea": result, "perfect": target})
        errors = (result[mask].astype(float) - target[mask]) / 255
        for band, pixel in zip(slow_bands(mask), errors, strict=True):
            squared[band] += [value**2 for value in pixel.tolist()]
    rows = tracker.rows()
    assert [(row["from"], row["to"]) for row in rows] == [
        bounds for band, bounds in enumerate(FIRST.items()) if squared[band]
    ]
    assert len(rows) >= 4
    for row in rows:
        errors_of_band = squared[list(FIRST).index(row["from"])]
        assert 3 * row["pixels"] == len(errors_of_band)
        expected = -10 * math.log10(math.fsum(errors_of_band) / len(errors_of_band))
        assert row["psnr"] == {"telea": pytest.approx(expected, abs=1e-9), "perfect": None}
