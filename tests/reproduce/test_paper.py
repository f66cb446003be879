from __future__ import annotations

import csv

import numpy as np
import pytest

from spikefill.reproduce.experiments.false_colours import floor_of_relu, measure_colours, shut, wrapped
from spikefill.reproduce.experiments.paper import _answer_regions, _notes

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
        assert row["at least"] is row["at most"] is None  # two photographs
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


def test_of_few_photographs_nothing_is_sure(quick: Quick) -> None:
    (sentence,) = (answer["sentence"] for answer in quick("paper")[0]["answers"] if answer["objection"] == 4)
    assert sentence.startswith("On so few photographs (2) nothing is sure of the network against the 7 baselines; ")


def test_the_share_of_the_known_pixels_is_one_of_the_sum() -> None:
    """Family a: 0.98 x 0.04 of 0.0394; b: 0.4 x 0.001 of 0.0016."""
    figures = {
        "a": {"hole_ratio": 0.02, "raw_mse_known": 0.04, "mse_hole": 0.01, "raw_mse": 0.0394},
        "b": {"hole_ratio": 0.6, "raw_mse_known": 0.001, "mse_hole": 0.002, "raw_mse": 0.0016},
    }
    sentence = _answer_regions({"results": figures}).sentence
    assert "known pixels make up about 97%" in sentence  # (0.0392 + 0.0004) / 0.041; of the means' product 66 %
    assert "times" not in sentence  # the 8-bit result is no part of the output


@pytest.mark.parametrize(("wrapped", "false"), [(200.0, 0.25), (30.0, 0.0)])
def test_what_bytes_do_to_dark_pixels_is_read_from_the_figures(wrapped: float, false: float) -> None:
    kind = {"share": 0.5, "original": 60.0, "wrapped": wrapped, "shut": 0.0, "false": false}
    bright = {**kind, "false": None}
    kinds = {"all above the middle grey": bright, "some below": kind, "all below": kind}
    note = _notes({"kinds": kinds, "floor": 0.1})[0]
    assert f"mean level goes from 60 to {wrapped:.0f}" in note
    assert f"of those with all values above it none, and of those below {false:.0%}" in note


def test_energy_is_counted_beside_the_int8_twin(quick: Quick) -> None:
    document, _ = quick("paper")
    designs = rows(document, "energy")
    assert designs["spiking, int8"]["ACs"] > designs["ReLU twin, int8"]["ACs"]
    assert designs["spiking, int8"]["MACs"] < designs["ReLU twin, int8"]["MACs"]
    spiking, twin = (designs[name]["estimated: arithmetic"] for name in ("spiking, int8", "ReLU twin, int8"))
    (sentence,) = (answer["sentence"] for answer in document["answers"] if answer["objection"] == 10)
    assert f"{spiking / twin:.3f} times as much" in sentence
    assert "estimated" in sentence


def test_every_energy_is_called_estimated(quick: Quick) -> None:
    """In results.csv, too, where a heading stands by itself."""
    document, folder = quick("paper")
    headings = next(iter(rows(document, "energy").values()))
    assert [heading for heading in headings if not heading.startswith("estimated: ")] == ["design", "MACs", "ACs"]
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        columns = [line["column"] for line in csv.DictReader(file) if line["table"] == "energy"]
    assert all(column.startswith("estimated: ") for column in columns if column not in ("MACs", "ACs"))


def test_colours_of_our_photographs(quick: Quick) -> None:
    document, _ = quick("paper")
    kinds = rows(document, "colours")
    assert sum(kind["share of the pixels"] for kind in kinds.values()) == pytest.approx(1)
    assert kinds["all below"]["after ReLU"] == 0 < kinds["all below"]["mean level"] < kinds["all below"]["as bytes"]
    assert kinds["some below"]["false colours as bytes"] > 0.5
    assert kinds["all above the middle grey"]["false colours as bytes"] == 0
    assert any("consistent with an image in [-1, 1]" in note for note in document["notes"])
