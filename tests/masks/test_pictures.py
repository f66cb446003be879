from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from spikefill import InputError, masks


def test_a_small_mask_stays_as_it_is() -> None:
    mask = np.array([[True, False, False]])
    assert np.asarray(masks.thumbnail(mask)).tolist() == [[255, 0, 0]]


def test_a_large_mask_is_averaged_and_keeps_its_shape() -> None:
    mask = np.zeros((80, 160), bool)
    mask[:, 1] = True  # a line of one pixel
    picture = np.asarray(masks.thumbnail(mask, side=40))
    assert picture.shape == (20, 40)
    assert (picture[:, 0] == 64).all()  # a quarter of 255
    assert (picture[:, 1:] == 0).all()
    assert masks.thumbnail(np.ones((1, 1000), bool), side=10).size == (10, 1)


def test_pictures_stand_in_rows_left_to_right() -> None:
    pictures = [Image.new("L", (10, 6), 200 + number) for number in range(5)]
    sheet = np.asarray(masks.contact_sheet(pictures))
    assert sheet.shape == (2 * 10 + 4, 3 * 14 + 4)  # two rows of three, gaps of 4
    expected = np.full_like(sheet, 96)
    for number in range(5):
        row, column = divmod(number, 3)
        expected[4 + 10 * row : 10 + 10 * row, 4 + 14 * column : 14 + 14 * column] = 200 + number
    assert np.array_equal(sheet, expected)


def test_nothing_to_show() -> None:
    with pytest.raises(InputError, match="thumbnails is empty"):
        masks.contact_sheet([])
    with pytest.raises(InputError, match="must have pixels"):
        masks.thumbnail(np.zeros((0, 4), bool))
