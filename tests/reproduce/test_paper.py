from __future__ import annotations

import numpy as np
import pytest

from spikefill.reproduce.experiments.false_colours import floor_of_relu, measure_colours, shut, wrapped

from .conftest import Quick, rows


def pixel(*levels: int) -> np.ndarray:
    return np.array([[levels]], np.uint8)


def test_negative_values_wrap_round_as_bytes() -> None:
    values = np.arange(256, dtype=np.uint8)
    image = np.stack([values] * 3, axis=-1)[None]
    signed = 2 * values.astype(float) - 255  # 255 times the value in [-1, 1]
    with np.errstate(invalid="ignore"):
        expected = signed.astype(np.int32).astype(np.uint8)  # what a conversion by way of integers gives
    assert (wrapped(image)[0, :, 0] == expected).all()
    assert wrapped(pixel(0, 96, 127)).tolist() == [[[1, 193, 255]]]
    assert wrapped(pixel(128, 200, 255)).tolist() == [[[1, 145, 255]]]


def test_a_final_relu_loses_negative_values_and_nothing_else() -> None:
    assert shut(pixel(0, 96, 127)).tolist() == [[[0, 0, 0]]]
    assert (shut(pixel(128, 200, 255)) == wrapped(pixel(128, 200, 255))).all()
    assert floor_of_relu(pixel(128, 200, 255)) == 0
    assert floor_of_relu(pixel(0, 0, 0)) == 1
    assert floor_of_relu(pixel(0, 255, 255)) == pytest.approx(1 / 3)


def test_false_colours_are_those_of_pixels_on_both_sides_of_the_middle_grey() -> None:
    image = np.concatenate([pixel(200, 150, 140), pixel(150, 120, 110), pixel(100, 50, 20)], axis=1)
    kinds = measure_colours(image)
    assert [kind["pixels"] for kind in kinds.values()] == [1, 1, 1]
    assert [kind["false"] for kind in kinds.values()] == [0, 1, 0]  # (150, 120, 110) becomes (45, 241, 221)
    assert kinds["all below"]["shut"] == 0
    assert kinds["all below"]["wrapped"] == 201 + 101 + 41


def test_table_2_has_every_method_on_the_same_masks(quick: Quick) -> None:
    document, _ = quick("paper")
    table = rows(document, "methods")
    assert list(table)[:3] == ["network", "identity", "mean"]
    assert {"telea", "navier-stokes", "pull-push", "biharmonic", "frequency-selective"} <= set(table)
    trials = {name: trial["result"] for name, trial in document["trials"].items()}
    assert len({(trials[name]["photographs"], trials[name]["masks"]) for name in table}) == 1
    for row in list(table.values())[1:]:
        difference = table["network"]["hole PSNR, dB"] - row["hole PSNR, dB"]
        assert row["network minus it, dB"] == pytest.approx(difference)
        assert row["at least"] <= row["network minus it, dB"] <= row["at most"]
    assert table["identity"]["MSE"] > table["telea"]["MSE"] > 0
    assert table["network"]["network minus it, dB"] is None


def test_losses_are_of_one_mode_and_regions_differ(quick: Quick) -> None:
    document, _ = quick("paper")
    here, _, paper = rows(document, "losses").values()
    assert here["training"] / here["validation"] == pytest.approx(here["training / validation"])
    assert paper["training / validation"] == pytest.approx(0.015 / 0.0017)
    answers = {answer["objection"]: answer["sentence"] for answer in document["answers"]}
    assert f"a ratio of {here['training / validation']:.2f}" in answers[1]
    for region in rows(document, "regions").values():
        assert region["hole"] > region["whole image"] > region["known pixels"] * (1 - region["hole ratio"])
    ranked = sorted(rows(document, "methods").items(), key=lambda pair: pair[1]["MSE"])
    place = [name for name, _ in ranked].index("network") + 1
    assert f"is number {place} of {len(ranked)} methods" in answers[2]
    assert f"the best is {ranked[0][0]} " in answers[2]


def test_energy_is_counted_beside_the_int8_twin(quick: Quick) -> None:
    document, _ = quick("paper")
    designs = rows(document, "energy")
    assert designs["spiking, int8"]["ACs"] > designs["ReLU twin, int8"]["ACs"]
    assert designs["spiking, int8"]["MACs"] < designs["ReLU twin, int8"]["MACs"]
    ratio = designs["spiking, int8"]["arithmetic"] / designs["ReLU twin, int8"]["arithmetic"]
    (sentence,) = (answer["sentence"] for answer in document["answers"] if answer["objection"] == 10)
    assert f"{ratio:.3f} times as much" in sentence
    assert "estimated" in sentence


def test_colours_of_our_photographs(quick: Quick) -> None:
    document, _ = quick("paper")
    kinds = rows(document, "colours")
    assert sum(kind["share of the pixels"] for kind in kinds.values()) == pytest.approx(1)
    assert kinds["all below"]["after ReLU"] == 0 < kinds["all below"]["mean level"] < kinds["all below"]["as bytes"]
    assert kinds["some below"]["false colours as bytes"] > 0.5
    assert kinds["all above the middle grey"]["false colours as bytes"] == 0
    assert any("consistent with an image in [-1, 1]" in note for note in document["notes"])
