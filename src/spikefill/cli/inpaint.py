"""``spikefill inpaint``: restore the holes of a photograph, or of a folder of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from spikefill.cli import console
from spikefill.errors import InputError

_STREAM = "-"


def inpaint(
    photo: Annotated[
        str,
        typer.Argument(
            metavar="PHOTO", help="The photograph: PNG, JPEG or WebP; - for standard input. Or a folder of photographs."
        ),
    ],
    mask: Annotated[
        str,
        typer.Argument(
            metavar="MASK",
            help="Its mask, white or 1 in the holes, as displayed; - for standard input. For a folder: that of the "
            "masks, each named as its photograph or NAME_mask, or one mask for all.",
        ),
    ],
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
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16.  [default: float32]")] = None,
    quality: Annotated[
        str | None,
        typer.Option(help="fast, or best: the mean of eight passes, in eight times the time.  [default: fast]"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads.  [default: one a core]", envvar="SPIKEFILL_THREADS")
    ] = None,
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
        str | None, typer.Option(help="For a folder: png, jpg or webp.  [default: each photograph's own]")
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="For a folder: a CSV of what was done.  [default: OUTPUT/spikefill.csv]"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
) -> int:
    """Restore the holes of a photograph, or of all photographs in a folder. Known pixels stay as they are.

    Exit code 1 if some photographs of a folder could not be restored: the report says why.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}; it must be at least 1")
    if photo != _STREAM and ("://" in photo or Path(photo).is_dir()):
        from spikefill import batch, models
        from spikefill.cli.inpaint_folder import inpaint_folder

        choice = batch.ModelChoice(model or models.DEFAULT, device, precision, quality)
        return inpaint_folder(
            photo, mask, output, choice, jobs=jobs, threads=threads, engine=engine, address=address, format=format,
            report=report, overwrite=overwrite,
        )  # fmt: skip
    folder_options = {"jobs": jobs, "engine": engine, "address": address, "format": format, "report": report}
    for name, value in folder_options.items():
        if value is not None:
            raise InputError(f"--{name} is for a folder of photographs; {photo} is none")
    _inpaint_one(photo, mask, output, model, device, precision, quality, threads, overwrite=overwrite)
    return 0


def _inpaint_one(
    photo: str,
    mask: str,
    output: str,
    model: str | None,
    device: str | None,
    precision: str | None,
    quality: str | None,
    threads: int | None,
    *,
    overwrite: bool,
) -> None:
    from spikefill.files import refuse_existing

    if photo == _STREAM and mask == _STREAM:
        raise InputError("photograph and mask are both '-'; only one can come from standard input")
    target = None if output == _STREAM else _format_of(output)
    if output == _STREAM and sys.stdout is None:
        raise InputError("output is '-', but standard output is closed; name a file")
    if output != _STREAM:
        refuse_existing(output, overwrite=overwrite)
        _refuse_unwritable(output)

    import torch

    from spikefill import inpainting, models

    if threads is not None:
        torch.set_num_threads(threads)
    damaged = inpainting.Damaged.read(
        _standard_input() if photo == _STREAM else photo,
        _standard_input() if mask == _STREAM else mask,
        name="standard input" if photo == _STREAM else None,
    )
    holes = damaged.holes
    damaged.file.check_format(target or damaged.file.format)
    if holes.any():
        inpainter = inpainting.load(
            models.DEFAULT if model is None else model, device=device, precision=precision, quality=quality
        )
        console.note(f"{int(holes.sum())} pixels to restore ({holes.mean():.1%})")
    else:
        console.note("the mask is empty: the photograph is unchanged")
    with console.progress() as bar:
        task = bar.add_task("restoring", total=None, visible=bool(holes.any()))
        encoded = damaged.restored(
            lambda: inpainter, target, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    _write(output, encoded, overwrite=overwrite)


def _format_of(output: str) -> str:
    from spikefill.inpainting.image_file import FORMATS

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


def _write(output: str, encoded: bytes, *, overwrite: bool) -> None:
    if output == _STREAM:
        sys.stdout.buffer.write(encoded)
        sys.stdout.buffer.flush()
        return
    from spikefill.files import atomic_write

    with atomic_write(output, overwrite=overwrite) as temporary:
        temporary.write_bytes(encoded)
    console.note(f"wrote {output}")
