"""Results by how much of the picture is hole."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from spikefill.evaluation.averages import mean_of_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOUNDS = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""A bucket goes from over one bound up to and including the next: Liu et al., ECCV 2018."""


def by_hole_ratio(images: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The mean hole PSNR of each method over the masks of each bucket of hole ratios, all families together.

    Args:
        images: What `spikefill.evaluation.evaluate` gives as ``images``.

    Returns:
        For each bucket that has masks its bounds ``over`` and ``up_to``, the number of its ``cases``, their mean
        ``hole_ratio``, and ``psnr_hole`` by method, None where a case's is. What lies outside of all buckets comes
        last, with bounds of None.
    """
    cases = [case for image in images for case in image["cases"]]
    rows = []
    for over, up_to in [*pairwise(BOUNDS), (None, None)]:
        chosen = [case for case in cases if _bucket(case["hole_ratio"]) == (over, up_to)]
        if chosen:
            ratio = mean_of_each([{"hole_ratio": case["hole_ratio"]} for case in chosen])
            figures = mean_of_each([case["psnr_hole"] for case in chosen])
            rows.append({"over": over, "up_to": up_to, "cases": len(chosen), **ratio, "psnr_hole": figures})
    return rows


def _bucket(ratio: float) -> tuple[float | None, float | None]:
    return next(((over, up_to) for over, up_to in pairwise(BOUNDS) if over < ratio <= up_to), (None, None))
