"""From a painted layer to a mask of full size, with the right answers written out."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from spikefill import InputError, masks
from spikefill.masks import as_mask
from spikefill.service.page import editing


def uri(alpha: np.ndarray) -> str:
    """What a browser's canvas gives: red paint of some alpha."""
    paint = np.zeros((*alpha.shape, 4), np.uint8)
    paint[..., 0], paint[..., 3] = 230, alpha
    file = io.BytesIO()
    Image.fromarray(paint).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def drawn(*rows: str) -> np.ndarray:
    """A mask from rows of ``#`` and ``.``."""
    return np.array([[sign == "#" for sign in row] for row in rows])


@pytest.mark.parametrize(
    ("size", "shown"),
    [((300, 451), (300, 451)), ((2048, 100), (2048, 100)), ((3000, 4000), (1536, 2048)), ((9000, 2), (2048, 1))],
)
def test_a_preview_has_at_most_2048_pixels_a_side(size, shown):
    assert editing.shown_size(*size) == shown


def test_paint_counts_from_half_of_its_opacity():
    layer = editing.layer_from_uri(uri(np.array([[0, 127, 128, 255]], np.uint8)), 1, 4)
    assert layer.tolist() == [[False, False, True, True]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must start with"),
        ("data:image/jpeg;base64,AAAA", "must start with"),
        ("data:image/png;base64,A", "base64"),
        ("data:image/png;base64,AAAA", "not a PNG"),
        (uri(np.zeros((5, 4), np.uint8)), "4 x 5 px, the preview 4 x 3"),
        (uri(np.zeros((3, 4), np.uint8))[:-60], "damaged|base64"),
    ],
)
def test_another_text_than_such_a_layer_is_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        editing.layer_from_uri(text, 3, 4)


def test_a_layer_of_the_photographs_size_is_the_mask():
    layer = drawn("..#", "#..")
    assert (editing.whole_mask(layer, 2, 3) == layer).all()


def test_a_smaller_layer_is_scaled_to_the_nearest_pixel():
    mask = editing.whole_mask(drawn(".#", ".."), 4, 6)
    assert (mask == drawn("...###", "...###", "......", "......")).all()


@pytest.fixture
def reduced(monkeypatch):
    """Previews of at most four pixels a side."""
    monkeypatch.setattr(editing, "LARGEST_SHOWN_SIDE", 4)


@pytest.mark.usefixtures("reduced")
def test_a_fine_mask_stays_fine_where_nothing_was_painted():
    base = drawn("#.......", "........", "........", "......#.")
    shown = editing.shown_layer(base)
    assert (shown == drawn("#...", "...#")).all()
    assert (editing.whole_mask(shown, 4, 8, base) == base).all()

    shown[1, 0] = True  # painted
    shown[1, 3] = False  # erased
    assert (editing.whole_mask(shown, 4, 8, base) == drawn("#.......", "........", "##......", "##......")).all()


@pytest.mark.usefixtures("reduced")
def test_a_scratch_of_one_pixel_is_seen_in_the_reduced_layer():
    scratch = np.zeros((16, 16), bool)
    scratch[:, 7] = True
    assert editing.shown_layer(scratch)[:, 1].all()


def test_a_mask_comes_back_from_its_file_and_from_the_editors():
    mask = drawn("..#", "#..")
    with Image.open(io.BytesIO(editing.mask_file(mask))) as image:
        assert image.mode == "1"
        assert (as_mask(image) == mask).all()
    encoded = base64.b64encode(editing.layer_file(mask)).decode()
    assert (editing.layer_from_uri("data:image/png;base64," + encoded, 2, 3) == mask).all()


def test_a_mask_shrinks_by_a_round_margin_but_not_at_the_border():
    mask = drawn("#####", "#####", "#####", "##.##", "#####")
    assert (masks.shrunk(mask, 1) == drawn("#####", "#####", "##.##", "#...#", "##.##")).all()


@pytest.mark.parametrize(("size", "pixels"), [((300, 100), 1), ((3000, 4000), 10)])
def test_a_margin_goes_with_the_photographs_size(size, pixels):
    assert editing.margin(*size) == pixels
