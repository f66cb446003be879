from __future__ import annotations

import math

import pytest

from .conftest import Quick, rows

MINUS = "minus fixed leak, hard reset, arctan"


def test_every_leak_reset_and_surrogate_is_trained(quick: Quick) -> None:
    document, _ = quick("dynamics")
    table = rows(document, "dynamics")
    assert list(table) == [
        *(f"{leak} leak, {reset} reset, arctan" for leak in ("no", "fixed", "learnt") for reset in ("hard", "soft")),
        "fixed leak, hard reset, rate",
    ]
    assert len({row["hole PSNR, dB"] for row in table.values()}) == 7
    (answer,) = document["answers"]
    assert answer["sentence"].startswith("Against fixed leak, hard reset, arctan, one training: ")
    assert "sure gain" not in answer["sentence"]
    assert f"no leak, soft reset, arctan {table['no leak, soft reset, arctan'][MINUS]:+.2f} dB" in answer["sentence"]


def test_only_a_learnt_leak_changes(quick: Quick) -> None:
    """A time constant of 40 ms and steps of 5 ms."""
    start = math.exp(-5 / 40)
    for name, row in rows(quick("dynamics")[0], "dynamics").items():
        if name.startswith("learnt"):
            assert 0 < abs(row["beta"] - start) < 0.1
        else:
            assert row["beta"] == pytest.approx(1.0 if name.startswith("no leak") else start)
