from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from spikefill.data.embedded import embedded_files
from spikefill.images import decode
from spikefill.service.page import editing
from spikefill.service.page.previews import preview, upright

from ...images import samples


def opened(encoded: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(encoded))
    image.load()
    return image


def cat() -> bytes:
    (path,) = (file for file in embedded_files("val") if file.name == "chelsea.png")
    return path.read_bytes()


@pytest.mark.parametrize("name", list(samples.bases()))
def test_every_kind_of_file_has_a_preview_of_its_own_size(name):
    file = decode(samples.bases()[name])
    encoded, suffix = preview(file)
    image = opened(encoded)
    assert (suffix, image.format) in ((".jpg", "JPEG"), (".png", "PNG"))
    assert image.size == upright(file).shape[1::-1]
    assert np.array(image.convert("L")).std() > 5  # a picture, and not a blank


def test_a_photograph_that_lies_on_its_side_is_shown_upright():
    lying = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    with Image.open(io.BytesIO(cat())) as image:
        image.rotate(90, expand=True).save(lying, "JPEG", quality=95, exif=exif)
        wanted = np.array(image).astype(float)
    shown = np.array(opened(preview(decode(lying.getvalue()))[0])).astype(float)
    assert shown.shape == wanted.shape
    assert abs(shown - wanted).mean() < 3


def test_a_large_photograph_is_reduced(monkeypatch):
    monkeypatch.setattr(editing, "LARGEST_SHOWN_SIDE", 100)
    assert opened(preview(decode(cat()))[0]).size == (100, 67)


def test_a_part_is_shown_alone():
    encoded, _ = preview(decode(cat()), (slice(10, 60), slice(200, 300)))
    assert opened(encoded).size == (100, 50)


def test_colours_are_shown_by_the_photographs_profile():
    profile = samples.RGB_PROFILE
    encoded, _ = preview(decode(samples.pillow_file(samples.photograph(3), "PNG", icc_profile=profile)))
    assert opened(encoded).info["icc_profile"] == profile


def test_transparency_is_kept():
    encoded, suffix = preview(decode(samples.pillow_file(samples.photograph(4), "PNG")))
    assert suffix == ".png"
    assert np.array_equal(np.array(opened(encoded))[..., 3], samples.photograph(4)[..., 3])
