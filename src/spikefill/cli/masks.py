"""``spikefill masks``: write random masks of a family, and a contact sheet that shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from spikefill.cli import console
from spikefill.errors import InputError, check_choice

_SHEET = "contact-sheet.png"
_MOST_ON_SHEET = 256


def masks(
    family: Annotated[
        str,
        typer.Argument(
            metavar="FAMILY",
            help="thin, medium, thick, boxes, scratches, text, blocks, blobs, or, by the percentage of holes, "
            "irregular-01-10, irregular-10-20, irregular-20-30, irregular-30-40, irregular-40-50, irregular-50-60.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write them to.")],
    size: Annotated[str, typer.Option(metavar="N|WIDTHxHEIGHT", help="Pixels, such as 256 or 640x480.")] = "256",
    count: Annotated[int, typer.Option(metavar="N", help="How many masks.")] = 16,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed gives other masks.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Write random masks as 1-bit PNGs, holes white: 0000.png, 0001.png, ... and contact-sheet.png."""
    from spikefill import files
    from spikefill import masks as library

    check_choice("FAMILY", family, library.family_names())
    height, width = _sides(size, library.LARGEST_SIDE)
    for option, value, least in (("--count", count, 1), ("--seed", seed, 0)):
        if value < least:
            raise InputError(f"{option} is {value}; it must be at least {least}")
    if output.exists() and not output.is_dir():
        raise InputError(f"--output is {output}, a file; name a folder")
    digits = max(4, len(str(count - 1)))
    paths = [output / f"{index:0{digits}}.png" for index in range(count)]
    for path in (*paths, output / _SHEET):
        files.refuse_existing(path, overwrite=overwrite)

    thumbnails = []
    ratios = []
    with console.progress() as bar:
        for index, path in enumerate(bar.track(paths, description="drawing")):
            mask = library.sample(family, (height, width), seed=seed, index=index)
            library.write(path, mask, overwrite=overwrite)
            ratios.append(float(mask.mean()))
            if index < _MOST_ON_SHEET:
                thumbnails.append(library.thumbnail(mask))
    sheet = library.contact_sheet(thumbnails)
    with files.atomic_write(output / _SHEET, overwrite=overwrite) as temporary:
        sheet.save(temporary, format="PNG", optimize=True)
    if count > _MOST_ON_SHEET:
        console.note(f"{_SHEET} shows the first {_MOST_ON_SHEET}")
    noun = "mask" if count == 1 else "masks"
    typer.echo(
        f"{output}: {count} {noun} of {width} x {height} px; holes cover {100 * sum(ratios) / count:.1f} % "
        f"({100 * min(ratios):.1f} to {100 * max(ratios):.1f} %); see {output / _SHEET}"
    )


def _sides(text: str, largest: int) -> tuple[int, int]:
    """Height and width from ``256`` or ``640x480``, which names the width first, as people do."""
    found = re.fullmatch(r"([0-9]{1,6})(?:[xX]([0-9]{1,6}))?", text)
    width, height = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (1 <= width <= largest and 1 <= height <= largest):
        raise InputError(
            f"--size is {text!r}; it must be a side such as 256, or WIDTHxHEIGHT such as 640x480, "
            f"each from 1 to {largest} px"
        )
    return height, width
