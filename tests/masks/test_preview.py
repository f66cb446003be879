from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikefill import InputError, masks

RED = [255, 0, 0]


def test_holes_are_red_and_the_rest_is_the_photograph(cat: np.ndarray) -> None:
    holes = np.zeros(cat.shape[:2], bool)
    holes[50:60, 100:120] = True
    picture = masks.preview(cat, holes)
    assert (picture.mode, picture.size) == ("RGB", (451, 300))
    shown = np.asarray(picture)
    assert np.array_equal(shown[~holes], cat[~holes])
    expected = 0.45 * cat[51:59, 101:119] + 0.55 * np.array(RED)
    assert np.abs(shown[51:59, 101:119] - expected).max() < 0.51
    contour = holes.copy()
    contour[51:59, 101:119] = False
    assert (shown[contour] == RED).all()


def test_a_scratch_of_one_pixel_is_solid_red(cat: np.ndarray) -> None:
    holes = np.zeros(cat.shape[:2], bool)
    holes[20:200, 33] = True
    shown = np.asarray(masks.preview(cat, holes))
    assert (shown[holes] == RED).all()
    assert np.array_equal(shown[~holes], cat[~holes])


def test_contours_are_wider_in_a_large_photograph() -> None:
    holes = np.zeros((60, 3000), bool)
    holes[30, 100:200] = True
    holes[10:50, 1000:1040] = True
    shown = np.asarray(masks.preview(np.full((60, 3000), 255, np.uint8), holes))
    assert (shown[28:33, 150] == RED).all()
    assert (shown[[27, 33], 150] == 255).all()
    across = shown[30, 990:1020].tolist()  # three pixels to the inside, two to the outside
    assert across == [[255] * 3] * 8 + [RED] * 5 + [[255, 115, 115]] * 17


def test_the_contour_never_grows_out_of_nothing() -> None:
    photograph = np.full((20, 3000, 3), 7, np.uint8)
    assert np.array_equal(np.asarray(masks.preview(photograph, np.zeros((20, 3000), bool))), photograph)


def test_a_photograph_that_is_all_hole_has_no_contour() -> None:
    shown = np.asarray(masks.preview(np.zeros((4, 5), np.uint8), np.ones((4, 5), bool)))
    assert (shown == [140, 0, 0]).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float16])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_every_kind_of_pixels_is_shown_alike(cat: np.ndarray, kind: Any, channels: int | None) -> None:
    values = cat[:40, :50, :1].repeat(4, axis=2)
    values[..., 3 if channels == 4 else 1] = values[..., 0] if channels != 2 and channels != 4 else 255
    values = values[..., 0] if channels is None else values[..., :channels]
    if np.dtype(kind).kind == "f":
        pixels = (values / 255).astype(kind)
    else:
        pixels = values.astype(kind) * kind(257 if kind is np.uint16 else 1)
    holes = np.zeros((40, 50), bool)
    holes[5:9, 6:20] = True
    shown = np.asarray(masks.preview(pixels, holes))
    assert np.array_equal(shown, np.asarray(masks.preview(cat[:40, :50, 0], holes)))


def test_what_is_transparent_is_white() -> None:
    pixels = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 0, 0, 128]]], np.uint8)
    shown = np.asarray(masks.preview(pixels, np.zeros((1, 3), bool)))
    assert shown.tolist() == [[[255] * 3, [10, 20, 30], [127] * 3]]


def test_what_is_under_a_hole_may_be_no_number() -> None:
    pixels = np.array([[0.0, np.nan, np.inf, -np.inf, 2.0, -1.0]], np.float32)
    shown = np.asarray(masks.preview(pixels, np.zeros((1, 6), bool)))
    assert shown[0, :, 0].tolist() == [0, 0, 255, 0, 255, 0]


def test_the_photograph_is_left_alone(cat: np.ndarray) -> None:
    before = cat.copy()
    masks.preview(cat, np.ones(cat.shape[:2], bool))
    assert np.array_equal(cat, before)


def test_a_mask_of_another_size() -> None:
    with pytest.raises(InputError) as raised:
        masks.preview(np.zeros((3, 4, 3), np.uint8), np.zeros((4, 3), bool))
    assert str(raised.value) == "mask is 3 x 4 px, the photograph 4 x 3; they must be of one size"
