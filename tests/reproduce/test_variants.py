from __future__ import annotations

import numpy as np
import pytest

from spikefill.reproduce.trials import Result
from spikefill.reproduce.variants import pooled, table, trainings, versus
from spikefill.reproduce.wording import verdict


def measured(*photographs: float | None) -> Result:
    """A result with one family of masks."""
    return {"images": [{"name": f"{n}", "results": {"thin": {"psnr_hole": p}}} for n, p in enumerate(photographs)]}


def test_seeds_are_pooled_photograph_by_photograph() -> None:
    together = pooled([measured(20, 30), measured(22, 36)])
    assert [image["results"]["thin"]["psnr_hole"] for image in together["images"]] == [21, 33]
    assert pooled([measured(None, 30), measured(22, 36)])["images"][0]["results"]["thin"]["psnr_hole"] is None


def test_a_difference_is_paired() -> None:
    """Photographs differ by 10 dB, variants by 1 dB in each, trainings not at all."""
    better, worse = [measured(*[21, 31] * 4)] * 2, [measured(*[20, 30] * 4)] * 2
    assert versus(better, worse) == pytest.approx({"mean": 1, "low": 1, "high": 1})


def test_an_interval_covers_other_seeds() -> None:
    """Two trainings each, 0.2 dB apart: Student's 4.303 times the root of 0.02."""
    higher, lower = ([measured(*[mean] * 8), measured(*[mean + 0.2] * 8)] for mean in (21, 20))
    found = versus(higher, lower)
    assert found["mean"] == pytest.approx(1)
    assert (found["low"], found["high"]) == pytest.approx((1 - 4.303 * 0.02**0.5, 1 + 4.303 * 0.02**0.5), abs=1e-3)


def test_one_training_of_each_is_not_sure_whatever_the_photographs() -> None:
    found = versus([measured(*[22] * 24)], [measured(*[20] * 24)])
    assert found == {"mean": 2, "low": None, "high": None}
    assert verdict(found) == "too few photographs or trainings to be sure"
    assert versus([measured(None, *[22] * 24)] * 2, [measured(*[20] * 25)] * 2)["mean"] is None


def test_seeds_of_identical_variants_are_seldom_sure() -> None:
    random = np.random.default_rng(0)
    photographs = random.normal(25, 3, 24)

    def variant() -> list[Result]:
        """Three trainings that differ by 0.2 dB, and by 0.1 dB more in each photograph."""
        seeds = random.normal(0, 0.2, (3, 1)) + random.normal(0, 0.1, (3, 24))
        return [measured(*(photographs + seed).tolist()) for seed in seeds]

    sure = sum(verdict(versus(variant(), variant())).startswith("a sure") for _ in range(40))
    assert sure <= 5  # 2 are expected; over photographs alone more than 30


def test_a_table_has_each_variant_against_one_of_them() -> None:
    plain, other_seed = [measured(*[20, 30] * 4)], [measured(*[22, 31] * 4), measured(*[24, 33] * 4)]
    made = table("a", "A", {"b": plain, "c": other_seed}, "b")
    assert list(made.columns)[-3:] == ["minus b", "at least", "at most"]
    reference, other = (dict(zip(made.columns, row, strict=True)) for row in made.rows)
    assert (reference["hole PSNR, dB"], reference["minus b"], reference["at least"]) == (25, None, None)
    assert (other["hole PSNR, dB"], other["lowest seed"], other["highest seed"]) == (27.5, 26.5, 28.5)
    assert other["minus b"] == 2.5
    assert other["at least"] < 2 < 3 < other["at most"]


def test_one_training_is_no_mean() -> None:
    assert (trainings([0]), trainings([0, 1, 2])) == ("one training", "mean of 3 trainings")
