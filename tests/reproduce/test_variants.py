from __future__ import annotations

import pytest

from spikefill.reproduce.trials import Result
from spikefill.reproduce.variants import pooled, table, trainings, versus


def measured(*photographs: float | None) -> Result:
    """A result with one family of masks."""
    return {"images": [{"name": f"{n}", "results": {"thin": {"psnr_hole": p}}} for n, p in enumerate(photographs)]}


def test_seeds_are_pooled_photograph_by_photograph() -> None:
    together = pooled([measured(20, 30), measured(22, 36)])
    assert [image["results"]["thin"]["psnr_hole"] for image in together["images"]] == [21, 33]
    assert pooled([measured(None, 30), measured(22, 36)])["images"][0]["results"]["thin"]["psnr_hole"] is None


def test_a_difference_is_paired() -> None:
    """Photographs differ by 10 dB, variants by 1 dB in each: the interval is that of the differences."""
    better, worse = [measured(21, 31), measured(23, 33)], [measured(20, 30), measured(22, 32)]
    assert versus(better, worse) == pytest.approx({"mean": 1, "low": 1, "high": 1})


def test_a_table_has_each_variant_against_one_of_them() -> None:
    made = table("a", "A", {"b": [measured(20, 30)], "c": [measured(22, 31), measured(24, 33)]}, "b")
    assert list(made.columns)[-3:] == ["minus b", "at least", "at most"]
    reference, other = (dict(zip(made.columns, row, strict=True)) for row in made.rows)
    assert (reference["hole PSNR, dB"], reference["minus b"], reference["at least"]) == (25, None, None)
    assert (other["hole PSNR, dB"], other["lowest seed"], other["highest seed"]) == (27.5, 26.5, 28.5)
    assert (other["minus b"], other["at least"], other["at most"]) == (2.5, 2, 3)


def test_one_training_is_no_mean() -> None:
    assert (trainings([0]), trainings([0, 1, 2])) == ("one training", "mean of 3 trainings")
