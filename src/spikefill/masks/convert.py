"""Masks as people have them: arrays, PIL images and files, turned into bool arrays and back."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from spikefill.errors import InputError
from spikefill.files import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        with Image.open(path) as image:
            return as_mask(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise InputError(f"mask {name} does not exist") from error
    except UnidentifiedImageError as error:
        raise InputError(f"mask {name} is not an image of a known format") from error
    except InputError as error:
        raise InputError(f"mask {name}: {error}") from error
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        raise InputError(f"mask {name} cannot be read as an image: {error}") from error


def write(path: str | Path, mask: NDArray[np.bool_], *, overwrite: bool = False) -> None:
    """Writes a mask as a 1-bit PNG, holes white.

    Raises:
        InputError: The file exists (without ``overwrite``) or cannot be written, or ``mask`` is not one.
    """
    holes = as_mask(mask)
    with atomic_write(path, overwrite=overwrite) as temporary:
        Image.fromarray(holes).save(temporary, format="PNG", optimize=True)
