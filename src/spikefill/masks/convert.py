"""Masks as people have them: arrays, PIL images and files, turned into bool arrays and back."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from spikefill.errors import InputError
from spikefill.files import atomic_write


def as_mask(mask: Any) -> NDArray[np.bool_]:
    """The holes of a user's mask.

    Args:
        mask: A PIL image, or an array (H, W), (H, W, 1) or (H, W, 3). bool is taken as it is; floating point is a
            hole from 0.5; integers whose largest value is 1 where nonzero; other integers from 128. Of several
            channels the largest counts. In a PIL image, alpha is ignored and a palette resolved.

    Returns:
        A bool array (H, W), True in the holes.

    Raises:
        InputError: The shape or type is none of these, or a value is not a number.
    """
    array = _pixels(mask) if isinstance(mask, Image.Image) else np.asarray(mask)
    if array.ndim == 3 and array.shape[2] in (1, 3):
        array = array.max(axis=2)
    if array.ndim != 2:
        raise InputError(f"mask has shape {array.shape}; it must be (H, W), (H, W, 1) or (H, W, 3)")
    if array.dtype == bool:
        return array.copy()
    if np.issubdtype(array.dtype, np.floating):
        if np.isnan(array).any():
            raise InputError("mask holds values that are not a number; a hole is a value from 0.5")
        return np.asarray(array >= 0.5)
    if np.issubdtype(array.dtype, np.integer):
        return np.asarray(array != 0 if array.size and array.max() == 1 else array >= 128)
    raise InputError(f"mask has dtype {array.dtype}; it must be bool, integer or floating point")


def _pixels(image: Image.Image) -> NDArray[Any]:
    if image.mode in ("1", "L", "F") or image.mode.startswith("I"):
        return np.asarray(image)
    if image.mode in ("LA", "La"):
        return np.asarray(image.convert("LA"))[..., 0]
    return np.asarray(image.convert("RGBA"))[..., :3]


def read(path: str | Path | IO[bytes]) -> NDArray[np.bool_]:
    """The holes in an image file, in displayed orientation (EXIF orientation applied); see `as_mask`.

    Raises:
        InputError: The file is missing or is not an image.
    """
    from PIL import ImageOps

    try:
        with Image.open(path) as image:
            image.load()
            return as_mask(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise InputError(f"mask {path} does not exist") from error
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"mask {_name(path)} cannot be read as an image: {error}") from error


def _name(path: object) -> str:
    return str(path) if isinstance(path, str | Path) else "on standard input"


def write(path: str | Path, mask: NDArray[np.bool_], *, overwrite: bool = False) -> None:
    """Writes a mask as a 1-bit PNG, holes white.

    Raises:
        InputError: The file exists (without ``overwrite``) or cannot be written, or ``mask`` is not one.
    """
    with atomic_write(path, overwrite=overwrite) as temporary:
        Image.fromarray(as_mask(mask)).save(temporary, format="PNG", optimize=True)
