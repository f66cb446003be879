from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikefill import InputError, masks
from tests.masks.kinds import KINDS, as_kind


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_was_painted_over_is_found(cat: np.ndarray, kind: Any) -> None:
    painted = cat[:60, :80].copy()
    painted[10:20, 30:50] = (255, 0, 0)
    expected = np.zeros((60, 80), bool)
    expected[10:20, 30:50] = True
    pixels = as_kind(painted, kind)
    for colour in ("#ff0000", "red", "rgb(255,0,0)", "#f00", "#ff000080", (255, 0, 0), np.array([255, 0, 0])):
        found = masks.of_colour(pixels, colour)
        assert found.dtype == bool
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_8_bit_value_is_itself(kind: Any) -> None:
    pixels = as_kind(np.arange(256)[None, :, None].repeat(3, axis=2), kind)
    for value in range(256):
        assert np.flatnonzero(masks.of_colour(pixels, (value, value, value))).tolist() == [value]


def test_the_tolerance_is_the_largest_difference_of_a_channel() -> None:
    pixels = np.array([[[250, 5, 5], [250, 6, 5], [245, 0, 10], [255, 0, 0], [0, 0, 0]]], np.uint8)
    assert masks.of_colour(pixels, "red", 0).tolist() == [[False, False, False, True, False]]
    assert masks.of_colour(pixels, "red", 5).tolist() == [[True, False, False, True, False]]
    assert masks.of_colour(pixels, "red", 10).tolist() == [[True, True, True, True, False]]
    assert masks.of_colour(pixels, "red", 255).all()


def test_a_file_with_losses_needs_a_tolerance_of_about_40(cat: np.ndarray) -> None:
    painted = cat.copy()
    painted[100:140, 200:260] = (255, 0, 0)
    stream = io.BytesIO()
    Image.fromarray(painted).save(stream, "JPEG", quality=75)
    with Image.open(stream) as image:
        pixels = np.array(image)
    found = masks.of_colour(pixels, "red", 40)
    assert found[100:140, 200:260].mean() > 0.95
    found[98:142, 198:262] = False
    assert not found.any()


def test_a_grey_picture_has_equal_red_green_and_blue() -> None:
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    for pixels in (grey, grey[..., None], np.dstack([grey, 255 - grey])):
        assert masks.of_colour(pixels, "white").tolist() == [[False, False, False, True]]
        assert masks.of_colour(pixels, "#808080", 1).tolist() == [[False, True, True, False]]
        assert not masks.of_colour(pixels, "red").any()
        assert masks.of_colour(pixels, (120, 130, 130), 8).tolist() == [[False, True, True, False]]


def test_alpha_does_not_count_for_a_colour() -> None:
    pixels = np.array([[[255, 0, 0, 0], [255, 0, 0, 255], [0, 0, 0, 255]]], np.uint8)
    assert masks.of_colour(pixels, "red").tolist() == [[True, True, False]]


COLOURS = "it must be a colour such as 'red', '#ff0000' or 'rgb(255, 0, 0)', or red, green and blue from 0 to 255"


@pytest.mark.parametrize(
    "colour", ["redd", "", "#ff", "rgb(1,2)", (1, 2), (1, 2, 256), (-1, 0, 0), (1, 2, 3, 4), (0.5, 0, 0), None, 7]
)
def test_what_is_no_colour(colour: Any) -> None:
    with pytest.raises(InputError) as raised:
        masks.of_colour(np.zeros((2, 2, 3), np.uint8), colour)
    assert str(raised.value) == f"colour is {colour!r}; {COLOURS}"


@pytest.mark.parametrize("tolerance", [-1, 256, 1.5, None, True])
def test_what_is_no_tolerance(tolerance: Any) -> None:
    with pytest.raises(InputError) as raised:
        masks.of_colour(np.zeros((2, 2, 3), np.uint8), "red", tolerance)
    assert str(raised.value) == f"tolerance is {tolerance!r}; it must be a whole number from 0 to 255"


@pytest.mark.parametrize(
    ("kind", "values", "holes"),
    [
        (np.uint8, [0, 127, 128, 255], [True, True, False, False]),
        (np.uint16, [0, 32767, 32768, 65535], [True, True, False, False]),
        (np.float32, [0, 0.4999, 0.5, 1], [True, True, False, False]),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_is_below_half(kind: Any, values: list[float], holes: list[bool], channels: int) -> None:
    opacity = np.array([values], kind)
    pixels = np.dstack([*[opacity[:, ::-1]] * channels, opacity])
    found = masks.of_transparency(pixels)
    assert found.dtype == bool
    assert found.tolist() == [holes]


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 3)])
def test_without_alpha_nothing_is_transparent(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as raised:
        masks.of_transparency(np.zeros(shape, np.uint8))
    assert str(raised.value) == f"pixels has shape {shape}, so no alpha channel; it must be (H, W, 2) or (H, W, 4)"


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros(4, np.uint8), "pixels has shape (4,); it must be (H, W) or (H, W, 1 to 4)"),
        (np.zeros((2, 2, 5), np.uint8), "pixels has shape (2, 2, 5); it must be (H, W) or (H, W, 1 to 4)"),
        (np.zeros((0, 2, 4), np.uint8), "pixels has shape (0, 2, 4); it must be (H, W) or (H, W, 1 to 4)"),
        (
            np.zeros((2, 2, 4), np.int32),
            "pixels has dtype int32; it must be uint8, uint16 or floating point in [0, 1]",
        ),
    ],
)
def test_what_is_no_photograph(pixels: np.ndarray, said: str) -> None:
    calls: list[Any] = [
        lambda: masks.of_colour(pixels, "red"),
        lambda: masks.of_transparency(pixels),
        lambda: masks.scratches(pixels),
        lambda: masks.preview(pixels, np.zeros((2, 2), bool)),
    ]
    for call in calls:
        with pytest.raises(InputError) as raised:
            call()
        assert str(raised.value) == said
