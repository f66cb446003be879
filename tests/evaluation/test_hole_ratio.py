from __future__ import annotations

from typing import Any

from spikefill.evaluation.hole_ratio import by_hole_ratio


def case(ratio: float, **psnr_hole: float | None) -> dict[str, Any]:
    return {"hole_ratio": ratio, "psnr_hole": psnr_hole}


def test_a_bucket_ends_with_its_upper_bound() -> None:
    images = [
        {"cases": [case(0.01, a=1, b=2), case(0.1, a=10, b=20), case(0.011, a=20, b=40)]},
        {"cases": [case(0.125, a=30, b=None), case(0.6, a=5, b=6), case(0.61, a=3, b=4)]},
    ]
    assert by_hole_ratio(images) == [
        {"over": 0.01, "up_to": 0.1, "cases": 2, "hole_ratio": 0.0555, "psnr_hole": {"a": 15, "b": 30}},
        {"over": 0.1, "up_to": 0.2, "cases": 1, "hole_ratio": 0.125, "psnr_hole": {"a": 30, "b": None}},
        {"over": 0.5, "up_to": 0.6, "cases": 1, "hole_ratio": 0.6, "psnr_hole": {"a": 5, "b": 6}},
        {"over": None, "up_to": None, "cases": 2, "hole_ratio": 0.31, "psnr_hole": {"a": 2, "b": 3}},
    ]
