from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from spikefill.evaluation import bootstrap
from spikefill.evaluation.bootstrap import differences, interval, intervals, paired_difference

VALUES = [21.5, 30.25, 18.0, 24.75, 19.5, 27.0, 22.0]


def slow_interval(values: list[float]) -> tuple[float, float]:
    """The same draws, a number at a time; the quantiles interpolate linearly between order statistics."""
    draws = np.random.default_rng(bootstrap.SEED).integers(len(values), size=(10_000, len(values)), dtype=np.int32)
    means = sorted(math.fsum(values[i] for i in row) / len(values) for row in draws.tolist())

    def quantile(part: float) -> float:
        position = part * (len(means) - 1)
        below = math.floor(position)
        return means[below] + (position - below) * (means[below + 1] - means[below])

    return quantile(0.025), quantile(0.975)


def test_a_number_at_a_time() -> None:
    result = interval(VALUES)
    assert result["mean"] == pytest.approx(math.fsum(VALUES) / 7, abs=1e-12)
    assert (result["low"], result["high"]) == pytest.approx(slow_interval(VALUES), abs=1e-9)


def test_other_draws_of_another_implementation() -> None:
    reference = stats.bootstrap(
        (np.array(VALUES),), np.mean, n_resamples=20_000, method="percentile", random_state=5
    ).confidence_interval
    result = interval(VALUES)
    width = reference.high - reference.low
    assert result["low"] == pytest.approx(reference.low, abs=0.04 * width)
    assert result["high"] == pytest.approx(reference.high, abs=0.04 * width)


def test_two_photographs_by_hand() -> None:
    # a quarter of the draws is 10 twice, a quarter 20 twice: both tails hold more than 2.5 %
    assert interval([10.0, 20.0]) == {"mean": 15.0, "low": 10.0, "high": 20.0}


def test_nothing_is_said_of_one_photograph_or_of_infinity() -> None:
    assert interval([12.5]) == {"mean": 12.5, "low": None, "high": None}
    assert interval([12.5, math.inf]) == {"mean": None, "low": None, "high": None}


def photographs(*figures: dict[str, float | None]) -> list[dict[str, Any]]:
    return [{"results": {method: {"thin": {"psnr_hole": value}} for method, value in row.items()}} for row in figures]


def test_a_paired_difference_does_not_see_what_photographs_have_in_common() -> None:
    """One method is ahead by 1 or 2 dB on photographs that lie 20 dB apart."""
    images = photographs({"a": 21, "b": 20}, {"a": 42, "b": 40}, {"a": 31, "b": 30}, {"a": 12, "b": 10})
    assert paired_difference(images, "a", "b", "thin") == interval([1, 2, 1, 2])
    assert paired_difference(images, "b", "a", "thin")["mean"] == -1.5
    separate = intervals(images, ["a", "b"], ["thin"])
    assert separate["a"]["thin"] == interval([21, 42, 31, 12])
    assert separate["a"]["thin"]["low"] < separate["b"]["thin"]["high"]
    assert paired_difference(images, "a", "b", "thin")["low"] >= 1


def test_the_first_method_against_each_other() -> None:
    images = photographs({"a": 21, "b": 20, "c": None}, {"a": 42, "b": 40, "c": 7})
    assert differences(images, ["a", "b", "c"], ["thin"]) == {
        "of": "a",
        "minus": {
            "b": {"thin": {"mean": 1.5, "low": 1.0, "high": 2.0}},
            "c": {"thin": {"mean": None, "low": None, "high": None}},
        },
    }
