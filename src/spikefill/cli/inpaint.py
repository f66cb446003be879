"""``spikefill inpaint``: restore the holes of a photograph, or of a folder of them."""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Annotated

import typer

from spikefill.cli import console
from spikefill.errors import InputError

_STREAM = "-"


def inpaint(
    photo: Annotated[
        str,
        typer.Argument(
            metavar="PHOTO",
            help="The photograph: PNG, JPEG, WebP, BMP, TIFF, HEIC; - for standard input. Or a folder of photographs.",
        ),
    ],
    mask: Annotated[
        str | None,
        typer.Argument(
            metavar="MASK",
            help="Its mask, white or 1 in the holes, as displayed; - for standard input. For a folder: that of the "
            "masks, each named as its photograph or NAME_mask, or one mask for all. Not with --mask-color, "
            "--mask-transparent or --auto.",
        ),
    ] = None,
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="The file to write; - for standard output. For a folder: where to; what is "
            "there already is not done again.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="A bundled model, a file of weights or a run folder.  [default: the bundled one]",
            envvar="SPIKEFILL_MODEL",
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.  [default: cpu]", envvar="SPIKEFILL_DEVICE")] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="float32, or int8: weights rounded to 8 bits, faster on most processors.  [default: int8 where the "
            "weights are so already, as those of the bundled hybrid models]"
        ),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(help="fast, or best: the mean of eight passes, in eight times the time.  [default: fast]"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads.  [default: one a core]", envvar="SPIKEFILL_THREADS")
    ] = None,
    max_memory: Annotated[
        str,
        typer.Option(
            metavar="BYTES",
            help="What the process may take, such as 800M or 4G: a large photograph is restored in smaller parts, and "
            "one that does not fit is refused. For a folder: of each process.",
            envvar="SPIKEFILL_MAX_MEMORY",
        ),
    ] = "2G",
    mask_color: Annotated[
        str | None,
        typer.Option(metavar="COLOR", help="Take the photograph's pixels of this color for holes, such as '#ff0000'."),
    ] = None,
    tolerance: Annotated[
        int | None, typer.Option(help="How far a color may be from that, 0 to 255.", show_default="0")
    ] = None,
    mask_transparent: Annotated[
        bool, typer.Option("--mask-transparent", help="Take its transparent pixels for holes.")
    ] = False,
    auto: Annotated[
        str | None, typer.Option(metavar="scratches", help="Find thin lines and dust; look at them with --preview.")
    ] = None,
    threshold: Annotated[
        int | None,
        typer.Option(help="How much a scratch must stand out, in grey levels from 1 to 255.", show_default="20"),
    ] = None,
    resize_mask: Annotated[
        bool, typer.Option("--resize-mask", help="Bring a mask of another size to the photograph's.")
    ] = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="Restore what the mask says is known, and the rest not.")
    ] = False,
    dilate: Annotated[int, typer.Option(metavar="N", help="Let holes grow by N pixels.")] = 0,
    feather: Annotated[
        int,
        typer.Option(metavar="N", help="Fade from the photograph into the restored over N pixels inside the holes."),
    ] = 0,
    preview: Annotated[
        bool, typer.Option("--preview", help="Write the photograph with its holes in red, and restore nothing.")
    ] = False,
    keep_palette: Annotated[
        bool, typer.Option("--keep-palette", help="Keep a palette, or 1 bit, where the photograph has one.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(help="For a folder: photographs at a time.  [default: one a core]")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="For a folder: local, processes on this machine; or ray, a Ray cluster, which also takes addresses "
            "such as s3://BUCKET/PHOTOS for the three.  [default: local]"
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="For --engine ray: of the cluster.  [default: a new one on this machine]"),
    ] = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option(help="For a folder: png, jpg, webp, bmp, tif or heic.  [default: each photograph's own]"),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="For a folder: a CSV of what was done.  [default: OUTPUT/spikefill.csv, or spikefill.csv here if "
            "OUTPUT is an address]",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
) -> int:
    """Restore the holes of a photograph, or of all photographs in a folder. Known pixels stay as they are.

    Exit code 1 if some photographs of a folder could not be restored: the report says why.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}; it must be at least 1")
    from spikefill import memory
    from spikefill.masks import MaskSettings

    most = memory.parse(max_memory)
    holes = MaskSettings(
        colour=mask_color, transparent=mask_transparent, auto=auto, tolerance=tolerance, threshold=threshold,
        resize=resize_mask, invert=invert, dilate=dilate, feather=feather,
    )  # fmt: skip
    if photo != _STREAM and ("://" in photo or Path(photo).is_dir()):
        from spikefill import batch, models
        from spikefill.cli.inpaint_folder import inpaint_folder

        choice = batch.ModelChoice(model or models.DEFAULT, device, precision, quality, most)
        settings = batch.RestoreSettings(
            masks=holes, keep_palette=keep_palette, preview=preview, overwrite=overwrite, max_memory=most
        )
        return inpaint_folder(
            photo, mask, output, choice, settings, jobs=jobs, threads=threads, engine=engine, address=address,
            format=format, report=report,
        )  # fmt: skip
    folder_options = {"jobs": jobs, "engine": engine, "address": address, "format": format, "report": report}
    for name, value in folder_options.items():
        if value is not None:
            raise InputError(f"--{name} is for a folder of photographs; {photo} is none")
    if mask is None and not holes.from_photograph:
        raise InputError("MASK is missing; name one, or say what in the photograph is a hole (--help)")
    if mask is not None and holes.from_photograph:
        raise InputError(f"MASK is {mask}, but the holes are to be found in the photograph; leave one out")
    target = _check_output(photo, mask, output, overwrite=overwrite)

    import torch

    from spikefill import images, inpainting, models

    if threads is not None:
        torch.set_num_threads(threads)
    image = _standard_input() if photo == _STREAM else Path(photo)
    mask_file = _standard_input() if mask == _STREAM else None if mask is None else Path(mask)
    name = "standard input" if photo == _STREAM else photo

    def load() -> inpainting.Inpainter:
        return inpainting.load(
            model or models.DEFAULT, device=device, precision=precision, quality=quality, max_memory=most
        )

    if not preview and target in (None, "TIFF") and images.is_tiff(image):
        from spikefill.cli.inpaint_tiff import inpaint_tiff

        write = inpaint_tiff(image, mask_file, holes, load, name=name, keep_palette=keep_palette, max_memory=most)
        _write(output, write, overwrite=overwrite)
        return 0
    damaged = inpainting.Damaged.read(image, mask_file, holes, name=name, largest_megapixels=math.inf, max_memory=most)
    if preview:
        shown = damaged.preview(target)
        _write(output, lambda file: file.write(shown), overwrite=overwrite)
        return 0
    damaged.check_format(target, keep_palette=keep_palette)
    found = damaged.holes
    if found.any():
        inpainter = load()
        console.note(f"{int(found.sum())} pixels to restore ({found.mean():.1%})")
    else:
        console.note("the mask is empty: the photograph is unchanged")
    with console.progress() as bar:
        task = bar.add_task("restoring", total=None, visible=bool(found.any()))
        pixels = damaged.restored_pixels(
            lambda: inpainter,
            in_place=True,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _write(output, lambda file: damaged.write(file, pixels, target, keep_palette=keep_palette), overwrite=overwrite)
    return 0


def _check_output(photo: str, mask: str | None, output: str, *, overwrite: bool) -> str | None:
    """The format that the output's name asks for, None for standard output; checked before the work."""
    from spikefill.files import refuse_existing

    if photo == _STREAM and mask == _STREAM:
        raise InputError("photograph and mask are both '-'; only one can come from standard input")
    target = None if output == _STREAM else _format_of(output)
    if output == _STREAM and sys.stdout is None:
        raise InputError("output is '-', but standard output is closed; name a file")
    if output != _STREAM:
        refuse_existing(output, overwrite=overwrite)
        _refuse_unwritable(output)
    return target


def _format_of(output: str) -> str:
    from spikefill.images import FORMATS

    suffix = Path(output).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"output is {output!r}; its suffix must be one of: {', '.join(FORMATS)}")
    return FORMATS[suffix]


def _refuse_unwritable(output: str) -> None:
    """Before the work, not after it; a folder that is missing is made when the file is written."""
    folder = next(parent for parent in Path(output).absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise InputError(f"cannot write {output}: {folder} is no folder that can be written to")


def _standard_input() -> bytes:
    if sys.stdin is None:  # where the shell was told to close it
        raise InputError("standard input is closed; name a file")
    return sys.stdin.buffer.read()


def _write(output: str, write: Callable[[IO[bytes]], object], *, overwrite: bool) -> None:
    if output == _STREAM:
        whole = io.BytesIO()
        write(whole)
        sys.stdout.buffer.write(whole.getbuffer())
        sys.stdout.buffer.flush()
        return
    from spikefill.files import atomic_write

    with atomic_write(output, overwrite=overwrite) as temporary, temporary.open("w+b") as file:
        write(file)
    console.note(f"wrote {output}")
