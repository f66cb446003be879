"""Which mask belongs to which photograph of a folder, and where the restored one goes."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from spikefill.errors import InputError

MASK_ENDING = "_mask"
"""What may follow a photograph's name in that of its mask."""


@dataclass(frozen=True)
class Job:
    """A photograph to restore.

    Attributes:
        photo: Its file.
        mask: That of its mask.
        output: Where the restored photograph goes.
    """

    photo: Path
    mask: Path
    output: Path


@dataclass(frozen=True)
class Unpaired:
    """A photograph that cannot be restored, for want of one mask.

    Attributes:
        photo: Its file.
        output: Where the restored photograph would go.
        reason: What was looked for, or found.
    """

    photo: Path
    output: Path
    reason: str


def find_jobs(
    photos: str | Path,
    masks: str | Path,
    output: str | Path,
    *,
    suffix: str | None = None,
) -> tuple[list[Job], list[Unpaired]]:
    """Pairs the photographs in a folder, and in those below it, with their masks.

    The mask of ``a/name.jpg`` is ``a/name.*`` or ``a/name_mask.*`` in the folder of the masks, whatever its format.
    Photographs and masks may lie in one folder; then the latter end with ``_mask``. Hidden files are left out.

    Args:
        photos: The folder of the photographs.
        masks: The folder of the masks, or the one mask for all.
        output: The folder for the restored photographs, which get the same names.
        suffix: What their names end with, such as ``".png"``; None for what the source's ends with.

    Returns:
        The photographs with a mask, and those without, in the order of their names.

    Raises:
        InputError: A folder cannot be read, or holds no photograph; or two photographs would become one file.
    """
    photos, masks, output = Path(photos), Path(masks), Path(output)
    one_for_all = masks.is_file()
    if not one_for_all and not masks.is_dir():
        raise InputError(f"mask is {masks}; it must be a file or a folder")
    together = not one_for_all and masks.resolve() == photos.resolve()
    elsewhere = [folder.resolve() for folder in (output, masks) if folder.resolve() != photos.resolve()]
    found = [
        path
        for path in sorted(_pictures(photos, without=elsewhere))
        if not (together and path.stem.endswith(MASK_ENDING)) and not (one_for_all and path.samefile(masks))
    ]
    if not found:
        raise InputError(f"{photos} holds no photographs")
    known = {} if one_for_all else _by_name(masks, output)
    jobs: list[Job] = []
    unpaired: list[Unpaired] = []
    origins: dict[Path, Path] = {}
    for photo in found:
        place = photo.relative_to(photos)
        target = output / (place if suffix is None else place.with_suffix(suffix))
        if target in origins:
            raise InputError(f"{origins[target]} and {photo} would both become {target}; rename one of them")
        origins[target] = photo
        name = place.with_suffix("")
        names = (
            [name.with_name(name.name + MASK_ENDING)] if together else [name, name.with_name(name.name + MASK_ENDING)]
        )
        fitting = [masks] if one_for_all else next((known[name] for name in names if name in known), [])
        if len(fitting) == 1:
            jobs.append(Job(photo, fitting[0], target))
        elif fitting:
            unpaired.append(Unpaired(photo, target, f"has two masks, {fitting[0]} and {fitting[1]}"))
        else:
            looked_for = " or ".join(f"{masks / name}.*" for name in names)
            unpaired.append(Unpaired(photo, target, f"has no mask; looked for {looked_for}"))
    return jobs, unpaired


def _by_name(masks: Path, output: Path) -> dict[Path, list[Path]]:
    """The files of masks by their place in the folder, without what their format is called."""
    without = [output.resolve()] if output.resolve() != masks.resolve() else []
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(_pictures(masks, without=without)):
        found[path.relative_to(masks).with_suffix("")].append(path)
    return found


def _pictures(folder: Path, *, without: list[Path]) -> Iterator[Path]:
    """The files with a picture's suffix in a folder and those below it, but for some folders.

    Raises:
        InputError: One of the folders cannot be read.
    """
    suffixes = Image.registered_extensions()

    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read {error.filename}: {error.strerror or error}") from error

    for where, folders, files in os.walk(folder, onerror=refuse):
        here = Path(where)
        folders[:] = [name for name in folders if not name.startswith(".") and (here / name).resolve() not in without]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                yield here / name
