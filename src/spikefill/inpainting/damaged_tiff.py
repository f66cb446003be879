"""A damaged photograph in TIFF: restored page by page, and of each page the segments with a hole alone.

Neither the file nor a page need fit into memory. What a page is compressed in, or its kind of colours, may not allow
its segments to be replaced; it is then decoded and written as a whole, as `Damaged` does.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from spikefill import masks
from spikefill.errors import InputError
from spikefill.images import LARGEST_MEGAPIXELS, ImageFile, Pixels, is_tiff, tiff, tiff_segments
from spikefill.images.content import Limit, damage_is_said
from spikefill.images.directories import Header
from spikefill.images.tiff_checks import PALETTE, SEPARATED
from spikefill.images.tiff_output import TiffOutput
from spikefill.images.tiff_pages import TiffPages
from spikefill.images.tiff_segments import Segments
from spikefill.inpainting import holes as finding
from spikefill.inpainting.checks import check_something_known
from spikefill.inpainting.damaged import Damaged
from spikefill.inpainting.feathering import check_feathering
from spikefill.inpainting.in_holes import InHoles
from spikefill.inpainting.in_parts import restore_in_parts
from spikefill.inpainting.pipeline import Inpainter
from spikefill.inpainting.progress import Progress
from spikefill.inpainting.restored_segments import RestoredSegments
from spikefill.masks import MaskSettings
from spikefill.masks.convert import displayed

_LARGEST_CLASSIC = 3_900_000_000
"""Bytes up to which a file is written that is not BigTIFF."""

_GROWTH = 1.1
"""By how much segments may grow when they are compressed again."""


Mask = Callable[[int], NDArray[np.bool_] | None]
"""Gives the mask of a page, from 0; None where the holes are found in the page."""


@dataclass(frozen=True)
class PageHoles:
    """What is to be restored on a page.

    Attributes:
        number: Of the page, from 1.
        pages: How many the file has.
        width: Of the page, in pixels as it is stored.
        height: The same.
        holes: How many pixels are to be restored.
    """

    number: int
    pages: int
    width: int
    height: int
    holes: int


@dataclass(frozen=True, eq=False)
class DamagedTiff:
    """A TIFF file with what is to be restored in it.

    Attributes:
        photo: A path, or the file's bytes.
        mask: The same for the mask, of one page for all, or of a page for each; as the photograph is displayed. None
            where the holes are found in the photograph.
        settings: Where the holes come from, and what is done to them.
        name: What to call the photograph in errors; None for its path, or "the photograph".
        largest_megapixels: Of a page, as for `decode`.
        max_memory: The same.
    """

    photo: Path | bytes
    mask: Path | bytes | None
    settings: MaskSettings = field(default_factory=MaskSettings)
    name: str | None = None
    largest_megapixels: float = LARGEST_MEGAPIXELS
    max_memory: int | None = None

    def write(
        self,
        file: IO[bytes],
        inpainter: Callable[[], Inpainter],
        *,
        keep_palette: bool = False,
        begin: Callable[[PageHoles], None] = lambda _: None,
        progress: Progress | None = None,
    ) -> list[PageHoles]:
        """Writes the restored file.

        Every page keeps its place, size, kind of values, and tags; and its compression, strips and tiles, unless it
        has holes and is of a kind that is decoded as a whole: then it is written as `ImageFile.write` does. Segments
        without a hole are copied byte for byte. Left out are previews, masks, and pages below a page (sub-IFDs); of
        a page with holes the layers of Photoshop, too.

        Args:
            file: Open to be written and read, and empty.
            inpainter: Gives what restores; called if there is a hole.
            keep_palette: As for `ImageFile.write`.
            begin: Called before each page.
            progress: As for `Inpainter.inpaint`, for each page.

        Returns:
            What was restored. If nothing was, the file is a copy of the source.

        Raises:
            InputError: A file cannot be read or is damaged, a page is of a kind that is not served or too large, or its
                mask does not fit; or as `Inpainter.restore`.
        """
        name = self.name or (str(self.photo) if isinstance(self.photo, Path) else "the photograph")
        with _opened(self.photo, name) as pages:
            self._check_pages(pages)
            done: list[PageHoles] = []
            output = TiffOutput(file, self._header(pages))
            with self._masks(pages) as mask_of:
                for number in range(len(pages)):
                    mask = mask_of(number)
                    holes = self._holes(pages, number, mask)
                    restored = int(np.count_nonzero(holes))
                    done.append(PageHoles(number + 1, len(pages), holes.shape[1], holes.shape[0], restored))
                    begin(done[-1])
                    if restored:
                        restores = inpainter()
                        held = self._held + (0 if mask is None or np.may_share_memory(mask, holes) else mask.nbytes)
                        with _about(pages, number):
                            check_something_known(holes)
                            self._restore(pages, number, holes, held, output, restores, keep_palette, progress)
                    else:
                        output.copy(pages[number], pages.directories[number], pages.bytes)
                    del mask, holes  # the next ones are not counted together with these
            if not any(page.holes for page in done):
                file.seek(0)
                file.truncate()
                for start in range(0, len(pages.bytes), 1 << 22):
                    file.write(pages.bytes[start : start + (1 << 22)])
        return done

    @property
    def _held(self) -> int:
        """Bytes of files that are in memory."""
        return sum(len(file) for file in (self.photo, self.mask) if isinstance(file, bytes))

    def _check_pages(self, pages: TiffPages) -> None:
        """Whether all pages are served, before any is worked on."""
        for number in range(len(pages)):
            name = pages.called(number)
            with damage_is_said(name):
                tiff.check_page(pages[number], pages.bytes, name, self._limit(self._held), decoding=0)

    def _header(self, pages: TiffPages) -> Header:
        """That of the source; BigTIFF where the restored file may become too large for another."""
        size = 0.0
        for page in (pages[number] for number in range(len(pages))):
            replaced = tiff_segments.in_segments(page)
            whole = page.size * max(page.bitspersample, 8) / 8 * (3 if page.photometric == PALETTE else 1)
            size += _GROWTH * sum(page.databytecounts) if replaced else whole
        return replace(pages.header, big=pages.header.big or size > _LARGEST_CLASSIC)

    @contextmanager
    def _masks(self, pages: TiffPages) -> Iterator[Mask]:
        """Gives the mask of each page, as it is displayed."""
        self.settings.check_source(self.mask)
        if self.mask is None:
            yield lambda number: None
            return
        if is_tiff(self.mask):
            name = f"mask {self.mask}" if isinstance(self.mask, Path) else "the mask"
            with _opened(self.mask, name) as found:
                if len(found) not in (1, len(pages)):
                    have = "page" if len(pages) == 1 else "pages"
                    raise InputError(
                        f"{name} has {len(found)} pages, the photograph {len(pages)} {have}; "
                        "it must have one, or as many"
                    )
                if len(found) > 1:
                    yield lambda number: displayed(self._read(found, number, self._held))
                    return
        one = masks.read(
            io.BytesIO(self.mask) if isinstance(self.mask, bytes) else self.mask,
            largest_megapixels=self.largest_megapixels,
            max_memory=self.max_memory,
            held=self._held,
        )
        yield lambda number: one

    def _holes(self, pages: TiffPages, number: int, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Those of a page, as it is stored."""
        if mask is None:
            file = self._read(pages, number, self._held)
            with _about(pages, number):
                return finding.found(file, self.settings, self._held + file.held, self.max_memory)
        page = pages[number]
        orientation = tiff.stored_orientation(pages.directories[number], pages.header)
        with _about(pages, number):
            return finding.of_mask(
                mask, (page.imagelength, page.imagewidth), orientation, self.settings, self._held, self.max_memory
            )

    def _read(self, pages: TiffPages, number: int, held: int) -> ImageFile:
        """A page, decoded as a whole, while so many bytes are held."""
        with damage_is_said(pages.called(number)):
            content = pages.read(number, self._limit(held))
        return ImageFile.of(content, "TIFF", b"")

    def _limit(self, held: int) -> Limit:
        return Limit(self.largest_megapixels, self.max_memory, held)

    def _restore(
        self,
        pages: TiffPages,
        number: int,
        holes: NDArray[np.bool_],
        held: int,
        output: TiffOutput,
        inpainter: Inpainter,
        keep_palette: bool,
        progress: Progress | None,
    ) -> None:
        page = pages[number]
        clear = self.settings.transparent and not self.settings.invert
        if tiff_segments.in_segments(page):
            with damage_is_said(pages.called(number)):
                segments = Segments(page, pages.header, pages.bytes)

            def read(rows: slice, columns: slice) -> Pixels:
                with damage_is_said(pages.called(number)):
                    return segments.read(rows, columns)

            held += segments.held
            a_hole = segments.shape[2] * segments.dtype.itemsize
            check_feathering(holes, self.settings.feather, held + holes.nbytes, a_hole, inpainter.max_memory)
            values = restore_in_parts(
                inpainter, read, holes, channels=segments.shape[2], dtype=segments.dtype,
                cmyk=page.photometric == SEPARATED, held=held, progress=progress,
            )  # fmt: skip
            restored = RestoredSegments(segments, InHoles(holes, values), self.settings.feather, opaque=clear)
            output.replace(page, pages.directories[number], restored.parts())
            return
        damaged = Damaged(self._read(pages, number, held + holes.nbytes), holes, self.settings.feather, clear)
        pixels = damaged.restored_pixels(lambda: inpainter, in_place=True, held=held, progress=progress)
        with tempfile.NamedTemporaryFile() as alone:  # tifffile wants a name
            damaged.write(alone, pixels, keep_palette=keep_palette)
            alone.seek(0)
            with TiffPages(alone, pages.called(number)) as written:
                output.copy(written[0], written.directories[0], written.bytes)


@contextmanager
def _opened(source: Path | bytes, name: str) -> Iterator[TiffPages]:
    """The pages of a file."""
    try:
        with damage_is_said(name):
            pages = TiffPages(source, name)
    except InputError as error:
        if isinstance(error.__cause__, OSError):
            reason = error.__cause__.strerror or error.__cause__
            raise InputError(f"cannot read {name}: {reason}") from error
        raise
    with pages:
        yield pages


@contextmanager
def _about(pages: TiffPages, number: int) -> Iterator[None]:
    """Says in errors which of several pages they are about."""
    try:
        yield
    except InputError as error:
        called = pages.called(number)
        if len(pages) == 1 or str(error).startswith(called):
            raise
        raise InputError(f"{called}: {error}") from error
