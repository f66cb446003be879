"""How sure a mean over photographs is: percentile intervals of the bootstrap, and paired differences.

The photographs are what is drawn again, with replacement: a photograph's figure, a mean over its masks, stays whole.
Every interval of as many photographs uses the same draws.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Interval = dict[str, float | None]

LEVEL = 0.95
RESAMPLES = 10_000
SEED = 0


def interval(values: Sequence[float]) -> Interval:
    """The mean, and between which bounds it lies in the middle 95 % of 10,000 resamples.

    Args:
        values: A figure for each photograph.

    Returns:
        ``mean``, ``low`` and ``high``. The bounds are None for a single photograph, which says nothing of others, and
        all three where a value is not finite.
    """
    if not all(map(math.isfinite, values)):
        return {"mean": None, "low": None, "high": None}
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return {"mean": mean, "low": None, "high": None}
    draws = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)), dtype=np.int32)
    means = np.asarray(values, dtype=np.float64)[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"mean": mean, "low": float(low), "high": float(high)}


def paired_difference(
    images: Sequence[Mapping[str, Any]], first: str, second: str, family: str, *, figure: str = "psnr_hole"
) -> Interval:
    """The interval of how much higher a figure of one method is than another's on the same photographs.

    Args:
        images: What `spikefill.evaluation.evaluate` gives as ``images``.
        first: A model or baseline.
        second: The one that is taken away from it.
        family: A mask family, or the noise.
        figure: Hole PSNR, or another.
    """
    pairs = zip(_figures(images, first, family, figure), _figures(images, second, family, figure), strict=True)
    return interval([a - b for a, b in pairs])


def intervals(
    images: Sequence[Mapping[str, Any]], methods: Iterable[str], families: Sequence[str], *, figure: str = "psnr_hole"
) -> dict[str, dict[str, Interval]]:
    """The interval of the mean of each method's figure, by method and family."""
    return {
        method: {family: interval(_figures(images, method, family, figure)) for family in families}
        for method in methods
    }


def differences(
    images: Sequence[Mapping[str, Any]], methods: Sequence[str], families: Sequence[str], *, figure: str = "psnr_hole"
) -> dict[str, Any]:
    """The paired differences between the first method, ``of``, and each other, ``minus``, by family."""
    first, *others = methods
    return {
        "of": first,
        "minus": {
            other: {family: paired_difference(images, first, other, family, figure=figure) for family in families}
            for other in others
        },
    }


def _figures(images: Sequence[Mapping[str, Any]], method: str, family: str, figure: str) -> list[float]:
    """A photograph's figure each, NaN where it is null."""
    values = [image["results"][method][family][figure] for image in images]
    return [math.nan if value is None else value for value in values]
