"""What is done to holes takes no more memory than was counted, and is refused where that is too much."""

from __future__ import annotations

import io
import multiprocessing
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
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
from spikefill.peak_memory import peak_growth, reset_peak

SIDE = 2400
LOSSY_WEBP = {"quality": 95, "exact": True}

Measure = Callable[..., tuple[int, int]]


@pytest.fixture(scope="module")
def measured() -> Iterator[Measure]:
    """Calls a function in a process of its own: in this one, tests before have left memory in pieces."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
        if not child.submit(reset_peak).result():
            pytest.skip("the peak of memory is read from Linux")
        yield lambda measure, *arguments: child.submit(measure, *arguments).result()


def growth(call: Callable[[], object]) -> int:
    """The lesser of two calls': the first one may load libraries, or come upon memory in pieces."""
    return min(peak_growth(call) or 0 for _ in range(2))


def enlarged(cat: np.ndarray) -> np.ndarray:
    """The photograph, beside itself until it has 2,400 x 2,400 px."""
    return np.ascontiguousarray(np.tile(cat, (8, 6, 1))[:SIDE, :SIDE])


def specks() -> np.ndarray:
    holes = np.zeros((SIDE, SIDE), bool)
    holes[100::500, 90::400] = True
    return holes


def finding(cat: np.ndarray, settings: MaskSettings, dtype: type) -> tuple[int, int]:
    large = enlarged(cat)
    part = large[:, :1200] if settings.auto else large
    pixels = part if dtype == np.uint8 else (part / np.float32(255)).astype(np.float32)
    return growth(lambda: settings.found(pixels)), settings.finding(*pixels.shape[:2])


@pytest.mark.parametrize(
    "settings", [MaskSettings(auto="scratches"), MaskSettings(colour="red", tolerance=40)], ids=["scratches", "colour"]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_finding_holes(settings: MaskSettings, dtype: type, cat: np.ndarray, measured: Measure) -> None:
    taken, counted = measured(finding, cat, settings, dtype)
    assert 0 < taken <= counted


def adjusting(settings: MaskSettings) -> tuple[int, int]:
    holes = specks()
    return growth(lambda: settings.adjusted(holes)), settings.adjusting(SIDE, SIDE)


@pytest.mark.parametrize(
    "settings", [MaskSettings(dilate=4), MaskSettings(dilate=300), MaskSettings(dilate=4, invert=True)]
)
def test_adjusting_holes(settings: MaskSettings, measured: Measure) -> None:
    taken, counted = measured(adjusting, settings)
    assert 0 < taken <= counted
    assert counted < 6 * SIDE**2


def resizing_specks(height: int, width: int) -> tuple[int, int]:
    holes = specks()
    return growth(lambda: masks.resized(holes, height, width)), resizing(holes.shape, height, width)


@pytest.mark.parametrize("size", [(3000, 1000), (700, 4000)])
def test_resizing_masks(size: tuple[int, int], measured: Measure) -> None:
    taken, counted = measured(resizing_specks, *size)
    assert 0 < taken <= counted


def feathering(cat: np.ndarray, pixels: int) -> tuple[int, int]:
    """Counted is the least number of bytes with which feathering is allowed."""
    holes = masks.dilated(specks(), 80)
    restored = enlarged(cat)
    damaged = InHoles.of(restored, holes)

    def allowed(limit: int) -> bool:
        try:
            check_feathering(holes, pixels, 0, 0, limit)
        except InputError:
            return False
        return True

    counted = bisect_left(range(2 * PROCESS), True, key=allowed) - PROCESS
    return growth(lambda: feather_in(restored, damaged, pixels)), counted


@pytest.mark.parametrize("pixels", [3, 200])
def test_feathering(pixels: int, cat: np.ndarray, measured: Measure) -> None:
    taken, counted = measured(feathering, cat, pixels)
    assert 0 < taken <= counted


def showing(cat: np.ndarray, file_format: str) -> tuple[int, int]:
    content = Content(pixels=np.ascontiguousarray(enlarged(cat)[:1200]), orientation=6)
    damaged = Damaged(ImageFile.of(content, "TIFF", b""), specks()[:1200])
    return growth(lambda: damaged.preview(file_format)), previewing(1200, SIDE)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_previews(file_format: str, cat: np.ndarray, measured: Measure) -> None:
    taken, counted = measured(showing, cat, file_format)
    assert 0 < taken <= counted


def writing(cat: np.ndarray, file_format: str, dtype: type, path: Path) -> tuple[int, int]:
    pixels = enlarged(cat)[:1200].astype(dtype)
    if dtype == np.uint16:
        pixels = pixels * np.uint16(257) ^ np.random.default_rng(4).integers(0, 256, pixels.shape, np.uint16)
    compression = LOSSY_WEBP if file_format == "WEBP" else {}
    file = ImageFile.of(Content(pixels=pixels, compression=compression), file_format, b"")
    with path.open("w+b") as written:
        taken = growth(lambda: file.write(written, pixels))
    return taken, encoding(pixels, file_format, lossy=bool(compression))


@pytest.mark.parametrize(("file_format", "dtype"), [("WEBP", np.uint8), ("PNG", np.uint16)])
def test_writing(file_format: str, dtype: type, tmp_path: Path, cat: np.ndarray, measured: Measure) -> None:
    taken, counted = measured(writing, cat, file_format, dtype, tmp_path / "written")
    assert 0 < taken <= counted


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
