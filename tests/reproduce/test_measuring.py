from __future__ import annotations

import pytest

from spikefill.reproduce.measuring import difference, interval
from spikefill.reproduce.wording import gain, verdict


@pytest.mark.parametrize("photographs", [1, 2, 4, 7])
def test_few_photographs_are_never_sure(photographs: int) -> None:
    results = {
        name: {"images": [{"results": {"thin": {"psnr_hole": psnr}}}] * photographs}
        for name, psnr in (("a", 21.0), ("b", 20.0))
    }
    found = difference(results, "a", "b")
    assert found == {"mean": 1, "low": None, "high": None}
    assert gain(found) == "+1.00 dB"
    assert verdict(found) == "too few photographs or trainings to be sure"
    assert interval(results["a"]) == {"mean": 21, "low": None, "high": None}


def test_eight_photographs_have_an_interval() -> None:
    images = [{"results": {"thin": {"psnr_hole": 20.0 + number}}} for number in range(8)]
    found = interval({"images": images})
    assert found["low"] < found["mean"] == 23.5 < found["high"]  # type: ignore[operator]
