"""Means over masks, then over photographs; what is infinite for one of them is None for all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Figures = dict[str, float | None]


def finite(value: float | None) -> float | None:
    """The value, or None, which is null in JSON, where it is infinite, not a number, or None."""
    return value if value is not None and math.isfinite(value) else None


def mean_of_each(rows: Sequence[Mapping[str, float | None]]) -> Figures:
    """The mean of each figure of equally keyed rows; None where a row has None or something not finite."""
    means: Figures = {}
    for key in rows[0]:
        values = [math.nan if (value := row[key]) is None else value for row in rows]
        means[key] = finite(math.fsum(values) / len(values)) if all(map(math.isfinite, values)) else None
    return means


def mean_over_images(images: Sequence[Mapping[str, Any]], method: str, family: str) -> Figures:
    """The figures of a method for a family of masks, or under noise: means over photographs, and ``n``, their number.

    Args:
        images: What `spikefill.evaluation.evaluate` gives as ``images``.
        method: A model or baseline.
        family: A mask family, or the noise.
    """
    means = mean_of_each([image["results"][method][family] for image in images])
    first = {key: means.pop(key) for key in tuple(means) if key != "seconds" and not key.startswith("raw_")}
    return first | {"n": len(images)} | means
