from __future__ import annotations

import importlib
from typing import Any

import cv2
import numpy as np
import pytest

from spikefill import InputError, masks
from tests.masks.kinds import KINDS, as_kind


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    return masks.dilated(mask, pixels)


def scratched(photograph: np.ndarray, value: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph with three drawn lines, 1 to 4 px wide, soft at the edges, and where they are."""
    height, width = photograph.shape[:2]
    drawn = np.zeros((height, width), np.uint8)
    cv2.line(drawn, (width // 5, 5), (width // 4, height - 20), 255, 1)
    cv2.line(drawn, (10, height // 3), (width - 30, height // 2), 255, 2)
    cv2.line(drawn, (width - 20, 0), (width // 2, height - 1), 255, 4)
    share = cv2.GaussianBlur(drawn, (0, 0), 0.6)[..., None] / 255
    return np.rint((1 - share) * photograph + share * value).astype(np.uint8), drawn > 0


@pytest.mark.parametrize("value", [0, 255])
def test_scratches_on_a_photograph_are_found(cat: np.ndarray, value: int) -> None:
    photograph, drawn = scratched(cat, value)
    before = photograph.copy()
    found = masks.scratches(photograph)
    assert (found.dtype, found.shape) == (bool, cat.shape[:2])
    assert grown(found, 1)[drawn].mean() > 0.85
    assert grown(drawn, 3)[found].mean() > 0.7
    assert np.array_equal(photograph, before)


def test_little_is_found_on_an_undamaged_photograph(cat: np.ndarray) -> None:
    assert masks.scratches(cat).mean() < 0.02


@pytest.mark.parametrize("value", [40, 215])
@pytest.mark.parametrize("end", [(150, 20), (150, 60), (150, 149), (75, 149), (20, 149)])
@pytest.mark.parametrize("breadth", [1, 2, 4])
def test_lines_in_every_direction_are_found_and_nothing_else(value: int, end: tuple[int, int], breadth: int) -> None:
    picture = np.full((160, 170), 128, np.uint8)
    drawn = np.zeros_like(picture)
    cv2.line(drawn, (12, 14), end, 1, breadth)
    picture[drawn > 0] = value
    found = masks.scratches(picture)
    assert found[drawn > 0].mean() >= (0.75 if breadth == 1 else 1)
    assert grown(drawn > 0, 1)[found].all()


def test_specks_are_found_and_blots_are_not() -> None:
    picture = np.full((200, 200), 128, np.uint8)
    specks = np.zeros_like(picture)
    cv2.circle(specks, (60, 50), 3, 1, -1)
    cv2.ellipse(specks, (150, 140), (4, 2), 30, 0, 360, 1, -1)
    picture[specks > 0] = 250
    cv2.circle(picture, (60, 150), 20, 250, -1)
    picture[20:80, 120:180] = 5
    found = masks.scratches(picture)
    assert np.array_equal(found, grown(specks > 0, 1))


def test_the_border_of_two_areas_is_no_line() -> None:
    picture = np.full((150, 150), 60, np.uint8)
    cv2.fillPoly(picture, [np.array([[0, 30], [149, 80], [149, 149], [0, 149]])], 190)
    assert not masks.scratches(picture).any()


def test_noise_is_no_damage() -> None:
    noise = np.random.default_rng(0).normal(128, 6, (200, 300, 3))
    assert not masks.scratches(noise.clip(0, 255).astype(np.uint8)).any()


def test_a_lower_threshold_finds_fainter_lines() -> None:
    picture = np.full((150, 150), 128, np.uint8)
    picture[70:72, 5:145] += 12
    assert not masks.scratches(picture).any()
    line = picture > 128
    found = masks.scratches(picture, threshold=10)
    assert found[line].all()
    assert grown(line, 1)[found].all()


def test_a_larger_width_finds_broader_lines() -> None:
    picture = np.full((400, 400), 128, np.uint8)
    picture[190:204, 20:380] = 250
    assert not masks.scratches(picture).any()
    found = masks.scratches(picture, width=15)
    assert np.array_equal(found, grown(picture == 250, 1))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_pixels_gives_the_same(cat: np.ndarray, kind: Any) -> None:
    photograph, _ = scratched(cat[:150, 100:300], 255)
    expected = masks.scratches(photograph)
    assert expected.any()
    assert np.array_equal(masks.scratches(as_kind(photograph, kind)), expected)


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_grey_and_colour_and_alpha(cat: np.ndarray, channels: int | None) -> None:
    photograph, _ = scratched(cat[:150, 100:300], 255)
    grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    opacity = np.random.default_rng(1).integers(0, 256, grey.shape, np.uint8)
    pixels = {
        None: grey,
        1: grey[..., None],
        2: np.dstack([grey, opacity]),
        3: photograph,
        4: np.dstack([photograph, opacity]),
    }[channels]
    assert np.array_equal(masks.scratches(pixels), masks.scratches(photograph))


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 4), (1, 300), (300, 1), (2, 2), (3, 5, 3), (64, 48, 3)])
@pytest.mark.parametrize("value", [0, 77, 255])
@pytest.mark.parametrize("width", [4, 7, 60])
def test_flat_pictures_have_none(shape: tuple[int, ...], value: int, width: int) -> None:
    found = masks.scratches(np.full(shape, value, np.uint8), width=width)
    assert (found.shape, found.dtype) == (shape[:2], bool)
    assert not found.any()


def test_without_a_width_it_grows_with_the_photograph() -> None:
    picture = np.full((450, 600), 128, np.uint8)
    picture[200:215, 30:570] = 250
    assert not masks.scratches(picture).any()
    large = np.full((2400, 2500), 128, np.uint8)
    large[200:215, 30:570] = 250
    found = masks.scratches(large)
    assert found[large == 250].all()
    assert np.array_equal(found, masks.scratches(large, width=8))


def test_a_line_in_a_small_picture_is_found() -> None:
    picture = np.full((40, 50), 100, np.uint8)
    picture[20, 2:48] = 200
    assert np.array_equal(masks.scratches(picture), grown(picture == 200, 1))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"threshold": 0}, "threshold is 0; it must be a whole number from 1 to 255"),
        ({"threshold": 256}, "threshold is 256; it must be a whole number from 1 to 255"),
        ({"threshold": 1.5}, "threshold is 1.5; it must be a whole number from 1 to 255"),
        ({"width": 0}, "width is 0; it must be a whole number from 4 to 60"),
        ({"width": 61}, "width is 61; it must be a whole number from 4 to 60"),
        ({"width": 5.0}, "width is 5.0; it must be a whole number from 4 to 60"),
    ],
)
def test_what_is_no_threshold_and_no_width(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as raised:
        masks.scratches(np.zeros((4, 4), np.uint8), **arguments)
    assert str(raised.value) == said


def test_a_long_strip_is_searched_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    strip = np.full((60, 900), 100, np.uint8)
    strip[30:32, 100:800] = 220
    whole = masks.scratches(strip)
    monkeypatch.setattr(importlib.import_module("spikefill.masks.scratches"), "_BLOCK", 160)
    assert np.array_equal(masks.scratches(strip), whole)
    assert whole[30:32, 110:790].all()


def test_a_picture_that_is_too_long() -> None:
    with pytest.raises(InputError, match="the photograph is 60001 x 1 px; scratches are found up to 60000 px a side"):
        masks.scratches(np.zeros((1, 60001), np.uint8))
