"""TIFF files with strips or tiles that are nowhere in the file, as GDAL writes those without values."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from spikefill import masks, models
from spikefill.images import decode
from spikefill.inpainting import Damaged, Inpainter
from spikefill.inpainting.damaged_tiff import DamagedTiff
from tests.images.samples import SHAPE, photograph, tiff_file

GDAL_NODATA = 42113
LAYOUTS = {
    "tiles": {"tile": (16, 32), "compression": "adobe_deflate", "predictor": True},
    "tiles as they are": {"tile": (16, 32)},
    "strips": {"rowsperstrip": 16, "compression": "lzw"},
    "strips as they are": {"rowsperstrip": 16},
    "big": {"bigtiff": True, "tile": (16, 32), "compression": "zstd"},
}


def sparse(source: bytes, *numbers: int) -> bytes:
    """The file with some strips or tiles that have neither a place nor bytes."""
    changed = bytearray(source)
    with tifffile.TiffFile(io.BytesIO(source)) as file:
        page = file.pages[0]
        for code in (324, 325) if page.is_tiled else (273, 279):
            tag = page.tags[code]
            size = {3: 2, 4: 4, 16: 8}[int(tag.dtype)]
            for number in numbers:
                start = tag.valueoffset + number * size
                changed[start : start + size] = bytes(size)
    return bytes(changed)


def parts(source: bytes) -> list[bytes]:
    with tifffile.TiffFile(io.BytesIO(source)) as file:
        page = file.pages[0]
        places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    assert all((place == 0) == (size == 0) for place, size in places)
    return [source[place : place + size] for place, size in places]


def mask_file(holes: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(holes).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("nodata", [None, "7"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("depth", ["8", "16"])
def test_what_has_no_place_is_nothing_and_stays_so_without_a_hole(layout: str, depth: str, nodata: str | None) -> None:
    tags: Any = {} if nodata is None else {"extratags": [(GDAL_NODATA, "s", 0, nodata, True)]}
    whole = photograph(3, depth)
    source = sparse(tiff_file(whole, **LAYOUTS[layout], **tags), 1, 2)
    missing = np.zeros(SHAPE, bool)
    if "tile" in LAYOUTS[layout]:
        missing[:16, 32:] = missing[16:32, :32] = True
    else:
        missing[16:] = True
    expected = np.where(missing[..., None], whole.dtype.type(nodata or 0), whole)
    assert np.array_equal(decode(source).pixels, expected)

    holes = np.zeros(SHAPE, bool)
    holes[3:12, 20:45] = True  # in the first tile and the second, which is sparse, or in the first strip
    with torch.random.fork_rng():
        torch.manual_seed(5)
        inpainter = Inpainter(models.create("scnn", width=4, steps=2))
    written = io.BytesIO()
    DamagedTiff(source, mask_file(holes)).write(written, lambda: inpainter)
    result = tifffile.imread(io.BytesIO(written.getvalue()))
    assert np.array_equal(result[~holes], expected[~holes])
    assert np.array_equal(result, decode(Damaged.read(source, mask_file(holes)).restored(lambda: inpainter)).pixels)
    assert parts(written.getvalue())[2] == parts(source)[2] == b""
    assert parts(written.getvalue())[-1] == parts(source)[-1]
    assert bool(parts(written.getvalue())[1]) == ("tile" in LAYOUTS[layout])


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"tile": (64, 64)}])
def test_a_page_without_any_values(options: dict[str, Any]) -> None:
    source = sparse(tiff_file(photograph(3), **options), 0)
    assert not decode(source).pixels.any()
    assert not masks.read(io.BytesIO(source)).any()
