"""Where holes come from and what becomes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikefill import InputError, masks
from spikefill.masks import MaskSettings


def test_holes_are_found_where_it_is_said(cat: np.ndarray) -> None:
    painted = cat.copy()
    painted[50:54, 60:90] = (250, 5, 0)
    assert np.array_equal(MaskSettings(colour="red", tolerance=5).found(painted), masks.of_colour(painted, "red", 5))
    assert MaskSettings(colour="red", tolerance=5).found(painted)[50:54, 60:90].all()
    clear = np.dstack([cat, np.full(cat.shape[:2], 255, np.uint8)])
    clear[10:20, 30:60, 3] = 0
    assert MaskSettings(transparent=True).found(clear).sum() == 300
    for threshold in (None, 60):
        expected = masks.scratches(cat) if threshold is None else masks.scratches(cat, threshold)
        assert np.array_equal(MaskSettings(auto="scratches", threshold=threshold).found(cat), expected)


def test_they_are_inverted_before_they_grow() -> None:
    holes = np.ones((9, 9), bool)
    holes[4, 4] = False
    grown = MaskSettings(invert=True, dilate=1).adjusted(holes)
    assert grown.sum() == 5
    assert grown[4, 3:6].all()
    assert np.array_equal(MaskSettings().adjusted(holes), holes)


@pytest.mark.parametrize(
    ("settings", "from_photograph"),
    [({}, False), ({"colour": "red"}, True), ({"transparent": True}, True), ({"auto": "scratches"}, True)],
)
def test_whether_a_mask_is_needed(settings: dict[str, Any], from_photograph: bool) -> None:
    assert MaskSettings(**settings).from_photograph is from_photograph


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colour": "red", "auto": "scratches"}, "colour and auto are both given; holes come from one of them"),
        ({"colour": "red", "transparent": True}, "colour and transparent are both given; holes come from one of them"),
        ({"auto": "dust"}, "auto is 'dust'; it must be one of: scratches"),
        ({"tolerance": 3}, "tolerance is 3, but goes with colour, which is not given"),
        ({"threshold": 30, "colour": "red"}, "threshold is 30, but goes with auto, which is not given"),
        ({"dilate": -1}, "dilate is -1; it must be a whole number from 0 to 1000"),
        ({"feather": 1001}, "feather is 1001; it must be a whole number from 0 to 1000"),
        ({"resize": True, "auto": "scratches"}, "resize is for a mask, but the holes come from auto"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        MaskSettings(**settings)
    assert str(error.value) == message
