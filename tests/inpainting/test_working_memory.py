"""What is done to holes takes no more memory than was counted, and is refused where that is too much."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from spikefill import InputError, masks, models
from spikefill.images import ImageFile
from spikefill.images.content import Content
from spikefill.images.image_file import encoding
from spikefill.inpainting import Damaged, Inpainter
from spikefill.inpainting.damaged_tiff import DamagedTiff
from spikefill.inpainting.feathering import check_feathering, feather_in
from spikefill.inpainting.in_holes import InHoles
from spikefill.masks import MaskSettings
from spikefill.masks.adjust import resizing
from spikefill.masks.preview import previewing
from spikefill.memory import DEFAULT, PROCESS
from spikefill.peak_memory import peak_growth

SIDE = 2400
LOSSY_WEBP = {"quality": 95, "exact": True}
_KEPT = 32_000_000
"""Bytes that the C library may keep for itself: 25 million were seen in a process with thousands of tests behind it."""


@pytest.fixture(scope="module")
def large(cat: np.ndarray) -> np.ndarray:
    """The photograph, beside itself until it has 2,400 x 2,400 px."""
    return np.ascontiguousarray(np.tile(cat, (8, 6, 1))[:SIDE, :SIDE])


@pytest.fixture(scope="module")
def specks() -> np.ndarray:
    holes = np.zeros((SIDE, SIDE), bool)
    holes[100::500, 90::400] = True
    return holes


def growth(call: Callable[[], object]) -> int:
    """The lesser of two calls': the first one may load libraries, or come upon memory in pieces."""
    grown = [peak_growth(call) for _ in range(2)]
    if None in grown:
        pytest.skip("the peak of memory is read from Linux")
    return max(0, min(grown) - _KEPT)


def feathering(holes: np.ndarray, pixels: int) -> int:
    """The least number of bytes with which feathering is allowed."""
    with pytest.raises(InputError) as error:
        check_feathering(holes, pixels, 0, 0, PROCESS + 1)
    return int(str(error.value).split("max_memory=")[1].rstrip(")")) - PROCESS


@pytest.mark.parametrize(
    "settings", [MaskSettings(auto="scratches"), MaskSettings(colour="red", tolerance=40)], ids=["scratches", "colour"]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_finding_holes(settings: MaskSettings, dtype: type, large: np.ndarray) -> None:
    part = large[:, :1200] if settings.auto else large
    pixels = part if dtype == np.uint8 else (part / np.float32(255)).astype(np.float32)
    assert growth(lambda: settings.found(pixels)) <= settings.finding(*pixels.shape[:2])


@pytest.mark.parametrize(
    "settings", [MaskSettings(dilate=4), MaskSettings(dilate=300), MaskSettings(dilate=4, invert=True)]
)
def test_adjusting_holes(settings: MaskSettings, specks: np.ndarray) -> None:
    assert growth(lambda: settings.adjusted(specks)) <= settings.adjusting(SIDE, SIDE) < 6 * specks.nbytes


@pytest.mark.parametrize("size", [(3000, 1000), (700, 4000)])
def test_resizing_masks(size: tuple[int, int], specks: np.ndarray) -> None:
    assert growth(lambda: masks.resized(specks, *size)) <= resizing(specks.shape, *size)


@pytest.mark.parametrize("pixels", [3, 200])
def test_feathering(pixels: int, large: np.ndarray, specks: np.ndarray) -> None:
    holes = masks.dilated(specks, 80)
    damaged, restored = InHoles.of(large, holes), large.copy()
    assert growth(lambda: feather_in(restored, damaged, pixels)) <= feathering(holes, pixels)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_previews(file_format: str, large: np.ndarray, specks: np.ndarray) -> None:
    part = np.ascontiguousarray(large[:1200])
    damaged = Damaged(ImageFile.of(Content(pixels=part, orientation=6), "TIFF", b""), specks[:1200])
    assert growth(lambda: damaged.preview(file_format)) <= previewing(1200, SIDE)


@pytest.mark.parametrize(("file_format", "dtype"), [("WEBP", np.uint8), ("PNG", np.uint16)])
def test_writing(file_format: str, dtype: type, tmp_path: Path, large: np.ndarray) -> None:
    pixels = large[:1200].astype(dtype)
    if dtype == np.uint16:
        pixels = pixels * np.uint16(257) ^ np.random.default_rng(4).integers(0, 256, pixels.shape, np.uint16)
    compression = LOSSY_WEBP if file_format == "WEBP" else {}
    file = ImageFile.of(Content(pixels=pixels, compression=compression), file_format, b"")
    with (tmp_path / "written").open("w+b") as written:
        taken = growth(lambda: file.write(written, pixels))
    assert taken <= encoding(pixels, file_format, lossy=bool(compression))


@pytest.mark.parametrize(
    ("file_format", "dtype"),
    [*((name, np.uint8) for name in ("PNG", "JPEG", "BMP", "TIFF", "WEBP")), ("PNG", np.uint16), ("TIFF", np.uint16)],
)
def test_photographs_of_50_megapixels_are_written_within_the_default(file_format: str, dtype: type) -> None:
    compression = LOSSY_WEBP if file_format == "WEBP" else {}
    pixels = np.broadcast_to(np.zeros((), dtype), (5774, 8660, 3))  # which takes no memory
    ImageFile.of(Content(pixels=pixels, compression=compression), file_format, Path("photo"), DEFAULT).check_format(
        file_format
    )


def test_what_is_copied_needs_no_memory_for_writing(cat: np.ndarray) -> None:
    written = io.BytesIO()
    Image.fromarray(cat).save(written, "WEBP", lossless=True)
    source, holes = written.getvalue(), np.zeros(cat.shape[:2], bool)
    limit = PROCESS + len(source) + 20 * holes.size  # enough to decode it
    damaged = Damaged.read(source, holes, max_memory=limit)
    assert damaged.restored(lambda: pytest.fail("there is nothing to restore")) == source
    holes[30:32, 50:54] = True
    with pytest.raises(InputError, match=r"writing WebP of 451 x 300 px takes .* GB, but max_memory is 50\d MB"):
        Damaged.read(source, holes, max_memory=limit).restored(lambda: pytest.fail("it would be in vain"))


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


REFUSED = {
    "finding the holes": MaskSettings(auto="scratches"),
    "adjusting a mask": MaskSettings(dilate=500),
    "resizing the mask": MaskSettings(resize=True),
    "feathering": MaskSettings(feather=500),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("parts", [False, True], ids=["as a whole", "in parts"])
def test_what_does_not_fit_is_refused_before_it_is_done(
    what: str, parts: bool, tmp_path: Path, cat: np.ndarray
) -> None:
    settings = REFUSED[what]
    photo = tmp_path / "photo.tif"
    tifffile.imwrite(photo, np.tile(cat, (3, 3, 1)), photometric="rgb")
    holes = np.zeros((900, 1353), bool)
    holes[300:320, 500:540] = True
    mask = None if settings.from_photograph else png(holes[::2] if settings.resize else holes)
    limit = PROCESS + (5_000_000 if parts else 9_000_000)  # enough to decode the photograph
    inpainter = Inpainter(models.create("scnn", width=4, steps=2), max_memory=limit)
    with pytest.raises(InputError, match=rf"{what} .*px takes .* GB, but max_memory is 50[59] MB; allow it with"):
        if parts:
            DamagedTiff(photo, mask, settings, max_memory=limit).write(io.BytesIO(), lambda: inpainter)
        else:
            Damaged.read(photo, mask, settings, max_memory=limit).restored(lambda: inpainter, in_place=True)


def test_a_mask_is_read_beside_the_photograph(cat: np.ndarray) -> None:
    holes = np.zeros(cat.shape[:2], bool)
    holes[30:32, 50:54] = True
    photo, mask = png(cat), png(np.dstack([holes.astype(np.uint8) * 255] * 3))
    limit = PROCESS + max(len(photo), len(mask)) + 8 * holes.size
    assert np.array_equal(masks.read(io.BytesIO(mask), max_memory=limit), holes)
    with pytest.raises(InputError, match="mask from a stream is 451 x 300 px; decoding it takes"):
        Damaged.read(photo, mask, max_memory=limit)
