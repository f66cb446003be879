"""Masks as people have them: arrays, PIL images and files, turned into bool arrays and back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from spikefill.errors import InputError
from spikefill.files import atomic_write
from spikefill.images.content import LARGEST_MEGAPIXELS, Limit, damage_is_said
from spikefill.images.image_file import ImageFile, decode, format_of
from spikefill.images.orientation import stored_to_displayed
from spikefill.images.through_pillow import quiet, read_mask
from spikefill.memory import check_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HOLES, _BY_PILLOW = 3, 24
"""Bytes a pixel that holes take beside the decoded file, and reading a file of another format by Pillow."""


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


def read(
    path: str | Path | IO[bytes],
    *,
    largest_megapixels: float = LARGEST_MEGAPIXELS,
    max_memory: int | None = None,
    held: int = 0,
) -> NDArray[np.bool_]:
    """The holes in an image file, in displayed orientation (EXIF orientation applied); see `as_mask`.

    Files of the formats that photographs have are read as these are; what else Pillow knows, such as GIF, by Pillow.

    Args:
        path: A path, or an open binary file.
        largest_megapixels: As for `images.decode`.
        max_memory: The same.
        held: Bytes that the process holds meanwhile, such as the photograph.

    Raises:
        InputError: The file is missing, damaged, too large, or is not an image.
    """
    name = f"mask {path if isinstance(path, str | Path) else 'from a stream'}"
    try:
        encoded = Path(path).read_bytes() if isinstance(path, str | Path) else path.read()
    except FileNotFoundError as error:
        raise InputError(f"{name} does not exist") from error
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error
    kind = format_of(encoded)
    limit = Limit(largest_megapixels, max_memory, len(encoded) + held)
    if kind is None:
        return _read_by_pillow(encoded, name, limit)
    if kind == "PNG":
        with damage_is_said(name):
            holes = read_mask(encoded, name, limit)
        if holes is not None:
            return holes
    file = decode(encoded, name, largest_megapixels=largest_megapixels, max_memory=max_memory, held=held)
    height, width = file.pixels.shape[:2]
    needed = held + file.held + file.seeing + _HOLES * height * width
    check_fits(f"{name} is {width} x {height} px; finding its holes", needed, max_memory)
    try:
        return displayed(file)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def displayed(file: ImageFile) -> NDArray[np.bool_]:
    """The holes of a decoded file that is a mask, bool (H, W), as it is displayed; see `as_mask`. Alpha is ignored.

    Raises:
        InputError: A value is not a number.
    """
    colours = file.appearance[..., :-1] if file.has_alpha else file.appearance
    return stored_to_displayed(as_mask(colours), file.orientation)


def _read_by_pillow(encoded: bytes, name: str, limit: Limit) -> NDArray[np.bool_]:
    Image.init()
    formats = [kind for kind in Image.ID if kind != "TIFF"]  # libtiff writes what it finds to standard error
    try:
        with quiet(), Image.open(io.BytesIO(encoded), formats=formats) as image:
            limit.check(*image.size, name, _BY_PILLOW)
            return as_mask(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is not an image of a known format") from error
    except InputError:
        raise
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} cannot be read as an image: {reason}") from error


def write(path: str | Path, mask: NDArray[np.bool_], *, overwrite: bool = False) -> None:
    """Writes a mask as a 1-bit PNG, holes white.

    Raises:
        InputError: The file exists (without ``overwrite``) or cannot be written, or ``mask`` is not one.
    """
    holes = as_mask(mask)
    with atomic_write(path, overwrite=overwrite) as temporary:
        Image.fromarray(holes).save(temporary, format="PNG", optimize=True)
