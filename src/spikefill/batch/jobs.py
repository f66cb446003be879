"""Which mask belongs to which photograph of a folder, and where the restored one goes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from spikefill import places
from spikefill.errors import InputError
from spikefill.images import FORMATS

MASK_ENDING = "_mask"
"""What may follow a photograph's name in that of its mask."""


@dataclass(frozen=True)
class Job:
    """A photograph to restore; paths, or addresses that fsspec knows.

    Attributes:
        photo: Its file.
        mask: That of its mask; empty where the holes are found in the photograph.
        output: Where the restored photograph goes.
    """

    photo: str
    mask: str
    output: str


@dataclass(frozen=True)
class Unpaired:
    """A photograph that cannot be restored, for want of one mask.

    Attributes:
        photo: Its file.
        output: Where the restored photograph would go.
        reason: What was looked for, or found.
    """

    photo: str
    output: str
    reason: str


def find_jobs(
    photos: str | Path,
    masks: str | Path | None,
    output: str | Path,
    *,
    suffix: str | None = None,
) -> tuple[list[Job], list[Unpaired]]:
    """Pairs the photographs in a folder, and in those below it, with their masks.

    The mask of ``a/name.jpg`` is ``a/name.*`` or ``a/name_mask.*`` in the folder of the masks, whatever its format.
    Photographs and masks may lie in one folder; then the latter end with ``_mask``. Hidden files are left out.

    Args:
        photos: The folder of the photographs: a path, or an address such as ``s3://bucket/photographs``.
        masks: The folder of the masks, or the one mask for all; the same. None: the holes are found in the photographs.
        output: The folder for the restored photographs, which get the same names; the same.
        suffix: What their names end with, such as ``".png"``; None for what the source's ends with.

    Returns:
        The photographs with a mask, and those without, in the order of their names.

    Raises:
        InputError: A folder cannot be read, or holds no photograph; or restored photographs would lie among photographs
            or masks, or two of them become one file.
    """
    photos, masks, output = str(photos), str(masks or ""), str(output)
    one_for_all = not masks or places.is_file(masks)
    if not one_for_all and not places.is_folder(masks):
        raise InputError(f"mask is {masks}; it must be a file or a folder")
    for folder in (photos, masks):
        if folder and places.same(folder, output):
            raise InputError(f"output is {output}, which is read from; name another folder for what is restored")
    together = not one_for_all and places.same(masks, photos)
    elsewhere = tuple(folder for folder in (output, masks) if folder and not places.same(folder, photos))
    found = [
        name
        for name in places.pictures(photos, FORMATS, without=elsewhere)
        if not (together and name.stem.endswith(MASK_ENDING))
        and not (masks and one_for_all and places.same(places.within(photos, name), masks))
    ]
    if not found:
        raise InputError(f"{photos} holds no photographs")
    known: dict[PurePosixPath, list[str]] = defaultdict(list)
    if not one_for_all:
        for name in places.pictures(masks, {*Image.registered_extensions(), *FORMATS}, without=(output,)):
            known[name.with_suffix("")].append(places.within(masks, name))
    jobs: list[Job] = []
    unpaired: list[Unpaired] = []
    origins: dict[str, str] = {}
    for name in found:
        photo, target = places.within(photos, name), places.within(output, name.with_suffix(suffix or name.suffix))
        if target.casefold() in origins:  # one file, where capitals do not count
            raise InputError(f"{origins[target.casefold()]} and {photo} would both become {target}; rename one of them")
        origins[target.casefold()] = photo
        plain = name.with_suffix("")
        ended = plain.with_name(plain.name + MASK_ENDING)
        names = [ended] if together else [plain, ended]
        fitting = [masks] if one_for_all else next((known[name] for name in names if name in known), [])
        if len(fitting) == 1:
            jobs.append(Job(photo, fitting[0], target))
        elif fitting:
            unpaired.append(Unpaired(photo, target, f"has two masks, {fitting[0]} and {fitting[1]}"))
        else:
            looked_for = " or ".join(f"{places.within(masks, name)}.*" for name in names)
            unpaired.append(Unpaired(photo, target, f"has no mask; looked for {looked_for}"))
    return jobs, unpaired
