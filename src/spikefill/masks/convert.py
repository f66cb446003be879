"""Masks as people have them: arrays, PIL images and files, turned into bool arrays and back."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from spikefill.errors import InputError
from spikefill.files import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_MEGAPIXELS = 500
"""Million pixels up to which a file is decoded unless told otherwise: a small one may claim to hold any number."""


def as_mask(mask: Any) -> NDArray[np.bool_]:
    """The holes of a user's mask.

    Args:
        mask: A PIL image, or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). bool is taken as it is;
            floating point is a hole from 0.5; integers whose largest value is 1 where nonzero; other integers
            from 128, whatever their width. Of several channels the largest counts. Alpha, the fourth channel,
            is ignored; of a PIL image with a palette, the colours count.

    Returns:
        A new bool array (H, W), True in the holes.

    Raises:
        InputError: The shape or type is none of these, or a value is not a number.
    """
    array = _pixels(mask)
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        array = array[..., :3].max(axis=2)
    if array.ndim != 2:
        raise InputError(f"mask has shape {array.shape}; it must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if array.dtype == bool:
        return array.copy()
    if np.issubdtype(array.dtype, np.floating):
        if np.isnan(array).any():
            raise InputError("mask holds values that are not a number; a hole is a value from 0.5")
        return np.asarray(array >= 0.5)
    if np.issubdtype(array.dtype, np.integer):
        return np.asarray(array != 0 if array.size and array.max() == 1 else array >= 128)
    raise InputError(f"mask has dtype {array.dtype}; it must be bool, integer or floating point")


def _pixels(mask: Any) -> NDArray[Any]:
    if not isinstance(mask, Image.Image):
        try:
            return np.asarray(mask)
        except ValueError as error:  # a ragged list
            raise InputError(f"mask is not an array: {error}") from error
    if mask.mode in ("1", "L", "F") or mask.mode.startswith("I"):
        return np.asarray(mask)
    try:
        # To RGBA even where there is no alpha: on the way to RGB, Pillow warns of palettes with transparency.
        return np.asarray(mask.convert("RGBA"))
    except ValueError as error:
        raise InputError(f"mask is a PIL image of mode {mask.mode}; convert it to L or RGB") from error


def read(path: str | Path | IO[bytes]) -> NDArray[np.bool_]:
    """The holes in an image file, in displayed orientation (EXIF orientation applied); see `as_mask`.

    Args:
        path: A path, or an open binary file.

    Raises:
        InputError: The file is missing or is not an image.
    """
    name = path if isinstance(path, str | Path) else "from a stream"
    try:
        with _open(path) as image:
            return as_mask(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise InputError(f"mask {name} does not exist") from error
    except UnidentifiedImageError as error:
        raise InputError(f"mask {name} is not an image of a known format") from error
    except InputError as error:
        raise InputError(f"mask {name}: {error}") from error
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        raise InputError(f"mask {name} cannot be read as an image: {error}") from error


def _open(path: str | Path | IO[bytes]) -> Image.Image:
    """Opens an image of up to `LARGEST_MEGAPIXELS`; Pillow warns from 89 on, and refuses more than 179."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path)
    except Image.DecompressionBombError:
        pass
    file = io.BytesIO(Path(path).read_bytes()) if isinstance(path, str | Path) else path
    file.seek(0)
    start = file.read(16)
    for factory, accept in (Image.OPEN[kind] for kind in Image.ID):
        if accept is None or accept(start) is True:
            file.seek(0)
            try:
                image = factory(file, "")
            except (SyntaxError, IndexError, TypeError, struct.error):  # as Pillow tries one kind after the other
                continue
            if image.width * image.height > LARGEST_MEGAPIXELS * 1e6:
                size = f"{image.width} x {image.height} px"
                image.close()
                raise InputError(f"it is {size}; at most {LARGEST_MEGAPIXELS} megapixels are read")
            return image
    raise UnidentifiedImageError


def write(path: str | Path, mask: NDArray[np.bool_], *, overwrite: bool = False) -> None:
    """Writes a mask as a 1-bit PNG, holes white.

    Raises:
        InputError: The file exists (without ``overwrite``) or cannot be written, or ``mask`` is not one.
    """
    holes = as_mask(mask)
    with atomic_write(path, overwrite=overwrite) as temporary:
        Image.fromarray(holes).save(temporary, format="PNG", optimize=True)
