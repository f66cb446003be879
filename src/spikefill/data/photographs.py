"""Photographs to train and measure on: a folder's, or the eight that come inside the scikit-image wheel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from spikefill.data.embedded import EMBEDDED, embedded_files
from spikefill.errors import InputError, check_choice

Part = Literal["train", "val", "all"]
OnProblem = Callable[[Path, str], None]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
SMALLEST_SIDE = 16
"""Photographs with a shorter side than this are left out; smaller than a crop is enlarged to it."""


@dataclass(frozen=True)
class Photographs(Sequence[NDArray[np.uint8]]):
    """Photographs that are decoded when they are asked for: uint8 RGB arrays (H, W, 3), upright.

    Greyscale becomes RGB with equal channels, 16 bits become 8, transparency is dropped.

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
            return Photographs(self.files[index], self.names[index])
        return _decode(self.files[index])


def open_photographs(
    source: str | Path | Sequence[str | Path], *, part: Part = "all", on_problem: OnProblem | None = None
) -> Photographs:
    """The photographs of one or several sources.

    Args:
        source: A folder, searched with its subfolders in alphabetical order, or ``"embedded"``: the eight photographs
            inside the scikit-image wheel. Several sources are joined.
        part: Which of the embedded ones: six to ``"train"``, two to validate (``"val"``), or ``"all"``. A folder
            always gives all.
        on_problem: Called with each file that is left out (broken, or smaller than 16 px) and the reason.

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
    except Exception as error:  # noqa: BLE001, RUF100 - Pillow's plugins raise anything on damaged files
        return f"cannot be read: {error}", False
    if min(size) < SMALLEST_SIDE:
        return f"is {size[0]} x {size[1]} px; the shorter side must be at least {SMALLEST_SIDE}", False
    return None, mode in ("1", "L", "LA", "F") or mode.startswith("I")


def _decode(file: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as opened:
            opened.load()
            image = ImageOps.exif_transpose(opened)
    except Exception as error:
        raise InputError(f"{file} cannot be decoded: {error}") from error
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip instead of scaling
        wide = np.asarray(image).astype(np.int64)
        return np.repeat((wide >> 8 if wide.max() > 255 else wide).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return np.array(image.convert("RGB"))
