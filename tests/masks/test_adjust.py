from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spikefill import InputError, masks

MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def rows(*lines: str) -> np.ndarray:
    """A mask as drawn: # is a hole."""
    return np.array([[character == "#" for character in line] for line in lines])


def distance_to(marked: np.ndarray) -> np.ndarray:
    """Of each pixel to the nearest marked one, by trying them all."""
    down, right = np.indices(marked.shape)
    squared = (down[..., None] - down[marked]) ** 2 + (right[..., None] - right[marked]) ** 2
    return np.sqrt(squared.min(axis=2, initial=1 << 30))


def test_a_pixel_grows_to_a_disc() -> None:
    point = np.zeros((7, 7), bool)
    point[3, 3] = True
    assert np.array_equal(masks.dilated(point, 0), point)
    assert np.array_equal(
        masks.dilated(point, 1),
        rows(".......", ".......", "...#...", "..###..", "...#...", ".......", "......."),
    )
    assert np.array_equal(
        masks.dilated(point, 3),
        rows("...#...", ".#####.", ".#####.", "#######", ".#####.", ".#####.", "...#..."),
    )


@settings(deadline=None)
@given(MASKS, st.integers(0, 12))
def test_dilated_is_what_trying_all_pixels_gives(holes: np.ndarray, pixels: int) -> None:
    before = holes.copy()
    grown = masks.dilated(holes, pixels)
    assert grown.dtype == bool
    assert np.array_equal(grown, distance_to(holes) <= pixels)
    assert (grown >= holes).all()
    assert np.array_equal(holes, before)


@pytest.mark.parametrize("pixels", [999, 1000])
def test_the_largest_margin_is_exact(pixels: int) -> None:
    holes = np.zeros((1100, 1100), bool)
    holes[0, 0] = True
    down, right = np.ogrid[:1100, :1100]
    assert np.array_equal(masks.dilated(holes, pixels), down**2 + right**2 <= pixels**2)


def test_no_holes_stay_none() -> None:
    assert not masks.dilated(np.zeros((3, 4), bool), 1000).any()
    assert masks.dilated(np.zeros((0, 4), bool), 1).shape == (0, 4)


def test_a_changed_result_leaves_the_mask_alone() -> None:
    holes = rows("#.")
    masks.dilated(holes, 0)[:] = True
    assert holes.tolist() == [[True, False]]


def test_the_edge_of_a_hole_is_feathered() -> None:
    holes = rows("..######")
    assert masks.feathered(holes, 0).tolist() == [[0, 0, 1, 1, 1, 1, 1, 1]]
    assert masks.feathered(holes, 3).tolist() == [[0, 0, 0.25, 0.5, 0.75, 1, 1, 1]]  # not to the picture's border


@settings(deadline=None)
@given(MASKS, st.integers(0, 12))
def test_feathered_rises_with_the_distance_from_what_is_known(holes: np.ndarray, pixels: int) -> None:
    weights = masks.feathered(holes, pixels)
    assert weights.dtype == np.float32
    assert (weights[~holes] == 0).all()
    assert (weights[holes] > 0).all()
    assert np.allclose(weights, np.minimum(distance_to(~holes) / (pixels + 1), 1), rtol=0, atol=1e-6)


def test_without_known_pixels_there_is_no_edge() -> None:
    assert masks.feathered(np.ones((2, 3), bool), 5).tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("function", [masks.dilated, masks.feathered])
@pytest.mark.parametrize("pixels", [-1, 1001, 1.0, "3", None, True])
def test_what_is_no_margin(function: Any, pixels: Any) -> None:
    with pytest.raises(InputError) as raised:
        function(np.ones((2, 2), bool), pixels)
    assert str(raised.value) == f"pixels is {pixels!r}; it must be a whole number from 0 to 1000"


@pytest.mark.parametrize("function", [masks.dilated, masks.feathered])
def test_a_margin_of_a_numpy_integer_will_do(function: Any) -> None:
    holes = rows("..#.", "....")
    assert np.array_equal(function(holes, np.int64(1)), function(holes, 1))


def test_an_enlarged_mask_is_the_nearest_pixels() -> None:
    holes = rows("#.", ".#")
    assert np.array_equal(masks.resized(holes, 4, 4), rows("##..", "##..", "..##", "..##"))
    assert np.array_equal(masks.resized(holes, 2, 3), rows("#..", ".##"))  # the middle is as near to either


def test_a_reduced_mask_keeps_what_is_thin() -> None:
    assert np.array_equal(masks.resized(rows("......", "..#..."), 1, 3), rows(".#."))
    # Five pixels to two: the middle one lies under both.
    assert np.array_equal(masks.resized(rows("..#.."), 1, 2), rows("##"))
    assert np.array_equal(masks.resized(rows(".#..."), 1, 2), rows("#."))


def test_a_side_is_enlarged_while_the_other_is_reduced() -> None:
    assert np.array_equal(masks.resized(rows("...#", "...."), 4, 2), rows(".#", ".#", "..", ".."))


@settings(deadline=None)
@given(MASKS, st.integers(1, 20), st.integers(1, 20))
def test_a_pixel_is_what_it_lies_on(holes: np.ndarray, height: int, width: int) -> None:
    def sources(pixel: int, new: int, old: int) -> range:
        if new >= old:
            return range((2 * pixel + 1) * old // (2 * new), (2 * pixel + 1) * old // (2 * new) + 1)
        return range(pixel * old // new, math.ceil((pixel + 1) * old / new))

    result = masks.resized(holes, height, width)
    assert (result.shape, result.dtype) == ((height, width), bool)
    for row, column in np.ndindex(height, width):
        under = np.ix_(sources(row, height, len(holes)), sources(column, width, holes.shape[1]))
        assert result[row, column] == holes[under].any()
    assert result.any() == holes.any()


def test_the_same_size_is_a_copy() -> None:
    holes = rows("#.#", "..#")
    same = masks.resized(holes, 2, 3)
    assert np.array_equal(same, holes)
    same[:] = False
    assert holes.any()


@pytest.mark.parametrize(
    ("mask", "height", "width", "said"),
    [
        (np.ones((2, 2), bool), 0, 2, "height is 0; it must be a whole number from 1 to 32768"),
        (np.ones((2, 2), bool), 2, 32769, "width is 32769; it must be a whole number from 1 to 32768"),
        (np.ones((2, 2), bool), 2.0, 2, "height is 2.0; it must be a whole number from 1 to 32768"),
        (np.ones((0, 2), bool), 2, 2, "mask has shape (0, 2); it must have pixels"),
        (
            np.ones(4, bool),
            2,
            2,
            "mask has shape (4,); it must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)",
        ),
    ],
)
def test_what_cannot_be_resized(mask: np.ndarray, height: Any, width: Any, said: str) -> None:
    with pytest.raises(InputError) as raised:
        masks.resized(mask, height, width)
    assert str(raised.value) == said
