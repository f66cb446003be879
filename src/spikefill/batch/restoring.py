"""Restoring one photograph of many, whichever engine asks for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from spikefill import inpainting, places
from spikefill.batch.jobs import Job
from spikefill.batch.outcome import Outcome, Status
from spikefill.errors import InputError
from spikefill.images import LARGEST_MEGAPIXELS, is_tiff
from spikefill.masks import MaskSettings


@dataclass(frozen=True)
class ModelChoice:
    """What restores: the arguments of `inpainting.load`."""

    name: str
    device: str | None = None
    precision: str | None = None
    quality: str | None = None
    max_memory: int | None = None

    def load(self) -> inpainting.Inpainter:
        """The inpainter.

        Raises:
            InputError: As `inpainting.load`.
        """
        return inpainting.load(
            self.name,
            device=self.device,
            precision=self.precision,
            quality=self.quality,
            max_memory=self.max_memory,
        )


@dataclass(frozen=True)
class RestoreSettings:
    """What is to become of each photograph.

    Attributes:
        masks: Where its holes come from, and what is done to them.
        file_format: Of the restored file, of `images.FORMATS`; None for the source's own.
        keep_palette: As for `images.ImageFile.encode`.
        preview: Write the photograph with its holes in red, and restore nothing.
        overwrite: Replace a file that exists; otherwise it is left, and the outcome is `Status.EXISTS`.
        max_memory: Bytes that the process may take while it decodes the photograph, whatever its size; None for
            photographs of up to 500 megapixels.
    """

    masks: MaskSettings = field(default_factory=MaskSettings)
    file_format: str | None = None
    keep_palette: bool = False
    preview: bool = False
    overwrite: bool = False
    max_memory: int | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """How large a photograph may be: arguments of `Damaged.read` and `DamagedTiff`."""
        largest = LARGEST_MEGAPIXELS if self.max_memory is None else math.inf
        return {"largest_megapixels": largest, "max_memory": self.max_memory}


def restore_one(job: Job, inpainter: Callable[[], inpainting.Inpainter], settings: RestoreSettings) -> Outcome:
    """Restores a photograph; whatever goes wrong with it is its outcome, and no exception.

    Args:
        job: The photograph.
        inpainter: Gives what restores; called if it has a hole.
        settings: What is to become of it.
    """
    start = time.perf_counter()
    try:
        if places.taken(job.output, overwrite=settings.overwrite):
            return Outcome(job.photo, job.mask, job.output, Status.EXISTS)
        photo = places.read(job.photo)
        mask = places.read(job.mask) if job.mask else None
        if not settings.preview and settings.file_format in (None, "TIFF") and is_tiff(photo):
            width, height, holes = _restore_tiff(job, photo, mask, inpainter, settings)
        else:
            width, height, holes = _restore(job, photo, mask, inpainter, settings)
    except Exception as error:  # the others are to be restored
        return failed(job, str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")
    return Outcome(
        job.photo, job.mask, job.output,
        Status.PREVIEWED if settings.preview else Status.RESTORED if holes else Status.UNCHANGED,
        width=width, height=height, hole_pixels=holes, seconds=time.perf_counter() - start,
    )  # fmt: skip


def _restore(
    job: Job,
    photo: Path | bytes,
    mask: Path | bytes | None,
    inpainter: Callable[[], inpainting.Inpainter],
    settings: RestoreSettings,
) -> tuple[int, int, int]:
    """Restores a photograph; returns its width, its height and how many pixels were restored."""
    damaged = inpainting.Damaged.read(photo, mask, settings.masks, name=job.photo, **settings.limits)
    if settings.preview:
        written = damaged.preview(settings.file_format or damaged.file.format)
    else:
        written = damaged.restored(inpainter, settings.file_format, keep_palette=settings.keep_palette, in_place=True)
    places.write(job.output, lambda file: file.write(written), overwrite=settings.overwrite)
    height, width = damaged.holes.shape
    return width, height, int(damaged.holes.sum())


def _restore_tiff(
    job: Job,
    photo: Path | bytes,
    mask: Path | bytes | None,
    inpainter: Callable[[], inpainting.Inpainter],
    settings: RestoreSettings,
) -> tuple[int, int, int]:
    """The same for a TIFF file that stays one; of several pages the size of the first, and all pixels."""
    from spikefill.inpainting.damaged_tiff import DamagedTiff, PageHoles

    damaged = DamagedTiff(photo, mask, settings.masks, job.photo, **settings.limits)
    done: list[PageHoles] = []

    def write(file: IO[bytes]) -> None:
        done.extend(damaged.write(file, inpainter, keep_palette=settings.keep_palette))

    places.write(job.output, write, overwrite=settings.overwrite)
    return done[0].width, done[0].height, sum(page.holes for page in done)


def failed(job: Job, error: str) -> Outcome:
    """The outcome of a photograph that could not be restored, with the reason in one line."""
    return Outcome(job.photo, job.mask, job.output, Status.FAILED, error=" ".join(error.split()))
