"""Photographs to train and measure on: a folder's, or the eight that come inside the scikit-image wheel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from spikefill.data.embedded import EMBEDDED, embedded_files
from spikefill.errors import InputError, check_choice

Part = Literal["train", "val", "all"]
OnProblem = Callable[[Path, str], None]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
SMALLEST_SIDE = 16
"""A photograph with a shorter side is left out. (One that is smaller than a crop is enlarged to it.)"""


@dataclass(frozen=True)
class Photographs(Sequence[NDArray[np.uint8]]):
    """Photographs that are decoded when they are asked for: uint8 RGB arrays (H, W, 3), upright.

    Greyscale becomes RGB with equal channels; 16 bits, or floating point up to 1, become 8 bits; transparency
    is dropped; of several pages or frames the first is taken.

    Attributes:
        files: Their files, in order.
        names: Their names: paths relative to their folder.
        greyscale: Names of those that are stored without colour.
        problems: Files that were left out, each with the reason.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    greyscale: tuple[str, ...] = ()
    problems: tuple[tuple[Path, str], ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[np.uint8]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | Sequence[NDArray[np.uint8]]:
        """The decoded photograph; of a slice, the photographs undecoded.

        Raises:
            InputError: The file is damaged: its header could be read, its pixels cannot.
        """
        if isinstance(index, slice):
            return self.subset(range(len(self))[index])
        return _decode(self.files[index])

    def subset(self, indices: Sequence[int]) -> Photographs:
        """The photographs at these indices, in their order, undecoded."""
        names = tuple(self.names[index] for index in indices)
        greyscale = tuple(name for name in self.greyscale if name in names)
        return Photographs(tuple(self.files[index] for index in indices), names, greyscale)


def open_photographs(
    source: str | Path | Sequence[str | Path], *, part: Part = "all", on_problem: OnProblem | None = None
) -> Photographs:
    """The photographs of one or several sources.

    Args:
        source: A folder, searched with its subfolders in alphabetical order, or ``"embedded"``: the eight
            photographs inside the scikit-image wheel. Several sources are joined.
        part: Which of the embedded ones: six to ``"train"``, two to validate (``"val"``), or ``"all"``. A
            folder always gives all.
        on_problem: Called with each file that is left out (broken, or smaller than 16 px) and the reason.
            Only headers are read here: damage further on shows when the photograph is decoded.

    Raises:
        InputError: A source is no folder or holds no usable photograph, or scikit-image is not installed.
    """
    check_choice("part", part, ("train", "val", "all"))
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise InputError("source is empty; name a folder of photographs, or 'embedded'")
    files: list[Path] = []
    names: list[str] = []
    greyscale: list[str] = []
    problems: list[tuple[Path, str]] = []
    for one in sources:
        found = 0
        for file, name in _candidates(one, part):
            problem, is_grey = _inspect(file)
            if problem is not None:
                problems.append((file, problem))
                if on_problem is not None:
                    on_problem(file, problem)
                continue
            found += 1
            files.append(file)
            names.append(name)
            if is_grey:
                greyscale.append(name)
        if not found:
            raise InputError(f"{one} holds no usable photograph ({', '.join(s[1:] for s in SUFFIXES)})")
    return Photographs(tuple(files), tuple(names), tuple(greyscale), tuple(problems))


def _candidates(source: str | Path, part: Part) -> list[tuple[Path, str]]:
    if not str(source).strip():
        raise InputError(f"source is {source!r}; name a folder of photographs, or 'embedded'")
    if str(source) == EMBEDDED:
        return [(file, file.name) for file in embedded_files(part)]
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(f"photographs are sought in {str(source)!r}; it must be a folder, or 'embedded'")
    found = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(((file, file.relative_to(folder).as_posix()) for file in found), key=lambda pair: pair[1])


def _inspect(file: Path) -> tuple[str | None, bool]:
    """What is wrong with a file by its header, or None; and whether it has no colour."""
    try:
        with Image.open(file) as image:
            size, mode = image.size, image.mode
    except UnidentifiedImageError:
        return "is not an image of a known format, or its first bytes are damaged", False
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        return f"cannot be read: {error}", False
    if min(size) < SMALLEST_SIDE:
        return f"is {size[0]} x {size[1]} px; the shorter side must be at least {SMALLEST_SIDE}", False
    return None, mode in ("1", "L", "LA", "F") or mode.startswith("I")


def _decode(file: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode == "F" or image.mode.startswith("I"):
                return np.repeat(_eight_bits(np.asarray(image))[..., None], 3, axis=2)
            if image.mode in ("P", "PA"):  # Pillow warns of palettes with transparency on the way to RGB
                image = image.convert("RGBA")
            return np.array(image.convert("RGB"))
    except Exception as error:  # Pillow's plugins raise anything on damaged files
        raise InputError(f"{file} cannot be decoded: {error}") from error


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scales what Pillow would clip: 16-bit values, and floating point up to 1."""
    wide = np.nan_to_num(values.astype(np.float64))
    largest = wide.max()
    if largest > 255:
        wide = wide / 257
    elif largest <= 1 and np.issubdtype(values.dtype, np.floating):
        wide = wide * 255
    return wide.round().clip(0, 255).astype(np.uint8)
