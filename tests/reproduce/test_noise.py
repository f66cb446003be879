from __future__ import annotations

import pytest

from .conftest import Quick, rows


def test_each_noise_is_measured_with_it_and_without(quick: Quick) -> None:
    document, _ = quick("noise")
    table = rows(document, "noise")
    assert list(table) == [
        "no noise",
        "no noise in training, additive in use",
        "additive, in training only",
        "additive, always",
        "multiplicative, in training only",
        "multiplicative, always",
    ]
    assert len({row["hole PSNR, dB"] for row in table.values()}) == 6
    without = table["no noise"]["hole PSNR, dB"]
    for name, row in table.items():
        if name != "no noise":
            assert row["minus no noise"] == pytest.approx(row["hole PSNR, dB"] - without, abs=1e-9)


def test_always_and_in_training_only_are_the_same_weights(quick: Quick) -> None:
    document, _ = quick("noise")
    weights = {name: one["result"].get("weights") for name, one in document["trials"].items() if "training," in name}
    assert sorted(name for name, checksum in weights.items() if checksum) == [
        f"training, {mode}, seed 0" for mode in ("additive", "multiplicative", "no noise")
    ]
    assert len({checksum for checksum in weights.values() if checksum}) == 3


def test_the_answer_has_the_four_differences(quick: Quick) -> None:
    document, _ = quick("noise")
    (answer,) = document["answers"]
    for name, row in rows(document, "noise").items():
        if name.startswith(("additive", "multiplicative")):
            assert f"{name} {row['minus no noise']:+.2f} dB" in answer["sentence"]
    assert "between the currents 1.6 and 8.5" in document["notes"][0]
