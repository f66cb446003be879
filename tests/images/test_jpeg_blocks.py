"""Blocks of JPEG that keep their coefficients, with the optional package jpeglib."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikefill.images import decode, jpeg_blocks
from spikefill.memory import PROCESS
from tests.images import samples
from tests.images.samples import XMP, inks, inks_file, opened, pillow_file

jpeglib = pytest.importorskip("jpeglib")

KINDS: dict[str, dict[str, Any]] = {
    "full colour": {"subsampling": 0},
    "half colour": {"subsampling": 2},
    "half as wide": {"subsampling": 1, "optimize": True},
    "progressive": {"subsampling": 2, "progressive": True},
}
HOLE = (slice(33, 60), slice(70, 109))


def picture(cat: np.ndarray) -> np.ndarray:
    """133 x 170: neither side is a whole number of blocks."""
    return cat[60:193, 100:270]


def source_of(kind: str, cat: np.ndarray) -> bytes:
    pixels = picture(cat)[..., 1] if kind == "grey" else picture(cat)
    return pillow_file(np.ascontiguousarray(pixels), "JPEG", quality=93, **KINDS.get(kind, {}))


def coefficients(encoded: bytes, path: Path) -> list[np.ndarray]:
    path.write_bytes(encoded)
    file = jpeglib.read_dct(str(path))
    return [part for part in (file.Y, file.Cb, file.Cr) if part is not None]


def holes_of(pixels: np.ndarray) -> np.ndarray:
    holes = np.zeros(pixels.shape[:2], bool)
    holes[HOLE] = holes[-1, -2:] = True
    return holes


@pytest.mark.parametrize("kind", [*KINDS, "grey"])
def test_blocks_without_a_hole_keep_their_coefficients(kind: str, cat: np.ndarray, tmp_path: Path) -> None:
    source = source_of(kind, cat)
    file = decode(source)
    holes = holes_of(file.pixels)
    restored = file.pixels.copy()
    restored[holes] = 90
    written = file.encode(restored, holes=holes)
    as_before = file.encode(restored)
    changed = 0
    for old, new, plain in zip(
        *(coefficients(each, tmp_path / "a.jpg") for each in (source, written, as_before)), strict=True
    ):
        side = -(-holes.shape[0] // 8) / old.shape[0], -(-holes.shape[1] // 8) / old.shape[1]
        for row, column in np.ndindex(old.shape[:2]):
            tall, wide = (8 * (2 if each > 1.5 else 1) for each in side)
            if holes[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide].any():
                assert np.array_equal(new[row, column], plain[row, column])
            elif row * tall < holes.shape[0] and column * wide < holes.shape[1]:
                assert np.array_equal(new[row, column], old[row, column])
                changed += not np.array_equal(plain[row, column], old[row, column])
    assert changed > 0  # without it, some would have been changed
    inner = np.s_[40:54, 78:100]
    assert np.array_equal(decode(written).pixels[inner], decode(as_before).pixels[inner])


def test_what_goes_with_the_picture_stays(cat: np.ndarray) -> None:
    profile = samples.RGB_PROFILE + bytes(70_000)  # more than one segment holds
    options = {"exif": samples.exif(6).tobytes(), "icc_profile": profile, "xmp": XMP, "comment": b"a cat"}
    source = pillow_file(np.ascontiguousarray(picture(cat)), "JPEG", quality=90, dpi=(300, 300), **options)
    file = decode(source)
    holes = holes_of(file.pixels)
    written = file.encode(np.where(holes[..., None], 0, file.pixels).astype(np.uint8), holes=holes)
    before, after = opened(source), opened(written)
    for key in ("exif", "icc_profile", "xmp", "comment", "dpi"):
        assert after.info[key] == before.info[key], key
    assert decode(written).orientation == 6


def test_without_enough_memory_all_is_compressed_again(cat: np.ndarray) -> None:
    source = source_of("half colour", cat)
    file = decode(source, max_memory=PROCESS + 5 * picture(cat).size)
    holes = holes_of(file.pixels)
    kept = decode(source).encode(file.pixels, holes=holes)
    assert file.encode(file.pixels, holes=holes) == decode(source).encode(file.pixels) != kept


def test_other_tables_or_sampling_are_left(cat: np.ndarray) -> None:
    source, holes = source_of("half colour", cat), np.zeros(picture(cat).shape[:2], bool)
    for options in ({"quality": 60, "subsampling": 2}, {"quality": 93, "subsampling": 0}):
        other = pillow_file(np.ascontiguousarray(picture(cat)), "JPEG", **options)
        assert jpeg_blocks.keep(source, other, holes) is other
    with Image.open(io.BytesIO(source)) as image:
        grey = pillow_file(image.convert("L"), "JPEG", qtables=image.quantization)
    assert jpeg_blocks.keep(source, grey, holes) is grey
    assert jpeg_blocks.keep(b"no JPEG", source, holes) is source
    four = inks_file(inks(), "JPEG")
    assert jpeg_blocks.keep(four, four, np.zeros(samples.SHAPE, bool)) is four


def test_without_the_package_it_is_written_as_before(cat: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    file = decode(source_of("half colour", cat))
    monkeypatch.setattr(jpeg_blocks, "package", lambda: None)
    assert file.encode(file.pixels, holes=holes_of(file.pixels)) == file.encode(file.pixels)
