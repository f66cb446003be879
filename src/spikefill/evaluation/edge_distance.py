"""Results by how far a pixel of the hole is from the nearest known one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from spikefill.evaluation.averages import finite
from spikefill.evaluation.metrics import psnr_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from spikefill.evaluation.baselines import Image, Mask

STARTS = (1, 2, 4, 8, 16, 32)
"""Where the bands of distances begin, in pixels; each ends before the next one, the last one nowhere."""


def bands(mask: Mask) -> NDArray[np.intp]:
    """The number of the band, from 0, of each pixel of the hole, in the order of ``image[mask]``.

    The distance is Euclidean, from pixel centre to pixel centre. What is outside of the picture is not known.

    Args:
        mask: (H, W) bool, True = hole.
    """
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.digitize(distance[mask], STARTS[1:])


class EdgeDistance:
    """Adds up squared errors band by band over all cases; a band's error is the mean over all its pixels.

    Args:
        methods: The names of what is measured.
    """

    def __init__(self, methods: Iterable[str]) -> None:
        self._pixels = np.zeros(len(STARTS), dtype=np.int64)
        self._squared = {method: np.zeros(len(STARTS)) for method in methods}

    def add(self, target: Image, mask: Mask, results: Mapping[str, Image]) -> None:
        """Counts one case: the original and every method's result, (H, W, 3) uint8, under one mask (H, W)."""
        band = bands(mask)
        self._pixels += np.bincount(band, minlength=len(STARTS))
        for method, result in results.items():
            squared = np.square(result[mask].astype(np.float64) - target[mask]).sum(axis=1)
            self._squared[method] += np.bincount(band, weights=squared, minlength=len(STARTS))

    def rows(self) -> list[dict[str, Any]]:
        """For each band that has pixels where it begins and ends, its pixels, and the PSNR in dB by method.

        Both ends are inclusive, in whole pixels; ``to`` is None for the last band, a PSNR where it is infinite.
        """
        ends = [start - 1 for start in STARTS[1:]]
        return [
            {
                "from": start,
                "to": end,
                "pixels": int(pixels),
                "psnr": {
                    method: finite(psnr_of(float(squared[number]) / (int(pixels) * 3 * 255**2)))
                    for method, squared in self._squared.items()
                },
            }
            for number, (start, end, pixels) in enumerate(zip(STARTS, [*ends, None], self._pixels, strict=True))
            if pixels
        ]
