from __future__ import annotations

import numpy as np

from spikefill.reproduce.experiments.view_distance import blind, distances

from .conftest import Quick, rows


def test_what_the_network_does_not_see_it_cannot_restore(quick: Quick) -> None:
    document, _ = quick("holes")
    network = document["trials"]["network, distance"]["result"]
    assert network["view"] == 6
    assert network["blind"] > 0
    assert network["spread"] < 0.01  # of 255 levels, over all photographs: one colour
    (answer,) = (answer for answer in document["answers"] if answer["objection"] == 7)
    assert f"at {network['blind']:,} pixels whose view of 13 x 13 is all hole" in answer["sentence"]
    table = rows(document, "distance")
    assert table["1"]["pixels"] > table["7"]["pixels"] > 0
    assert table["1"]["pull-push"] > table["7"]["pull-push"]


def test_families_and_ratios(quick: Quick) -> None:
    document, _ = quick("holes")
    families = rows(document, "families")
    assert list(families) == [
        *("thin (trained on)", "thick (trained on)", "all trained on", "text (held out)", "blobs (held out)"),
        "all held out",
    ]
    mean = (families["text (held out)"]["network"] + families["blobs (held out)"]["network"]) / 2
    assert abs(families["all held out"]["network"] - mean) < 1e-9
    ratios = rows(document, "ratio")
    assert sum(row["masks"] for row in ratios.values()) == 4  # two families, two photographs
    images = document["trials"]["network, hole ratio"]["result"]["images"]
    cases = [case for image in images for case in image["cases"] if 0.1 < case["hole_ratio"] <= 0.2]
    few = ratios["10% to 20%"]
    assert few["masks"] == len(cases) > 0
    assert abs(few["network"] - sum(case["psnr_hole"] for case in cases) / len(cases)) < 1e-9


def test_distances_are_those_of_a_square_view() -> None:
    mask = np.zeros((7, 7), bool)
    mask[1:6, 1:6] = True
    square = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 3, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]])
    assert (distances(mask)[1:6, 1:6] == square).all()
    assert distances(mask)[0].max() == 0
    assert np.argwhere(blind(mask, 2)).tolist() == [[3, 3]]
    assert not blind(mask, 3).any()
    whole = np.ones((9, 9), bool)
    whole[0, 0] = False  # what is outside of the picture is no hole: there the network sees its padding
    assert not blind(whole, 4).any()
    assert blind(whole, 3).sum() == 3 * 3 - 1
