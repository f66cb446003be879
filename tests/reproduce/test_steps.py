from __future__ import annotations

import math

from .conftest import Quick, rows


def test_more_steps_give_more_rates_and_tuning_changes_the_weights(quick: Quick) -> None:
    document, _ = quick("steps")
    table = rows(document, "steps")
    assert list(table) == ["1", "8", "32"]
    # A neuron that first fires in step k fires floor(T / k) times.
    expected = {t: len({math.floor(t / k) for k in range(1, t + 1)} | {0}) for t in (1, 8, 32)}
    assert {int(t): row["rates"] for t, row in table.items()} == expected == {1: 2, 8: 5, 32: 11}
    for row in table.values():
        assert row["tuned minus as trained"] != 0
        assert math.isclose(row["tuned"] - row["as trained"], row["tuned minus as trained"], abs_tol=1e-9)
    assert len({row["as trained"] for row in table.values()}) == 3  # T is no name alone
    weights = [one["result"]["weights"] for name, one in document["trials"].items() if "tuning" in name]
    assert len(set(weights)) == 3


def test_the_answer_has_the_difference_between_the_ends(quick: Quick) -> None:
    document, _ = quick("steps")
    table = rows(document, "steps")
    gain = table["32"]["tuned"] - table["1"]["tuned"]
    (answer,) = document["answers"]
    assert "2 with T = 1, 11 with T = 32" in answer["sentence"]
    assert f"is {gain:+.2f} dB, of one training and tuning" in answer["sentence"]
    assert "sure" not in answer["sentence"]
