"""Blocks of JPEG without a hole, kept to the last coefficient, through the optional package jpeglib.

Encoding a decoded picture again with its own tables gives most blocks as they were, but not all: values were rounded
and clipped in between, and colours of half the size were interpolated. jpeglib reads and writes the coefficients, but
not those of black (1.0.2), so CMYK is left.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEEPING = 25
"""Bytes a pixel, at most, that it takes: the coefficients of both files, as jpeglib and as numpy hold them."""

_COMPONENTS = ("Y", "Cb", "Cr")
_SIDE = 8


def package() -> Any | None:
    """jpeglib; None where it is not installed."""
    try:
        return importlib.import_module("jpeglib")
    except ImportError:
        return None


def keep(source: bytes, written: bytes, holes: NDArray[np.bool_]) -> bytes:
    """A file with the blocks of a source where there is no hole, and with those of another one where there is.

    Args:
        source: The JPEG file as it was.
        written: A JPEG file of the restored picture, which also gives what is not of the picture.
        holes: (H, W), as the files store their pixels.

    Returns:
        The file, which is not progressive; ``written`` itself where jpeglib is not installed or cannot read one of the
        two, they have four inks, or they differ in sampling, tables or kind of colours.
    """
    library = package()
    if library is None:
        return written
    with tempfile.TemporaryDirectory() as folder:
        before, after, result = (Path(folder, name) for name in ("before.jpg", "after.jpg", "result.jpg"))
        before.write_bytes(source)
        after.write_bytes(written)
        try:
            old, new = library.read_dct(str(before)), library.read_dct(str(after))
        except OSError:
            return written
        if not _alike(old, new):
            return written
        for name in _COMPONENTS:
            mine, given = getattr(new, name), getattr(old, name)
            if given is None:
                continue
            known = ~_with_holes(holes, mine.shape[:2], _size(new, name))
            mine[known] = given[known]
            setattr(new, name, mine)
        new.write_dct(str(result))
        return result.read_bytes()


def _alike(one: Any, other: Any) -> bool:
    """Whether coefficients mean the same in both files."""
    return bool(
        not one.has_black
        and (one.height, one.width) == (other.height, other.width)
        and one.jpeg_color_space == other.jpeg_color_space
        and np.array_equal(one.samp_factor, other.samp_factor)
        and all(
            np.array_equal(one.get_component_qt(number), other.get_component_qt(number))
            for number in range(one.num_components)
        )
    )


def _size(file: Any, name: str) -> tuple[int, int]:
    """Height and width, in pixels, of what a block of a component covers."""
    factors = np.asarray(file.samp_factor)
    tall, wide = _SIDE * factors.max(axis=0) // factors[_COMPONENTS.index(name)]
    return int(tall), int(wide)


def _with_holes(holes: NDArray[np.bool_], blocks: tuple[int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which blocks have a hole; those beyond the picture's border go with the last within."""
    found = np.zeros(blocks, bool)
    rows, columns = np.nonzero(holes)
    found[rows // size[0], columns // size[1]] = True
    height, width = (-(-side // each) for side, each in zip(holes.shape, size, strict=True))
    found[height:] = found[height - 1]
    found[:, width:] = found[:, width - 1 : width]
    return found
