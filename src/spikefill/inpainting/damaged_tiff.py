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
from spikefill.inpainting.checks import check_same_size, check_something_known
from spikefill.inpainting.damaged import Damaged, mixed, opaque_value
from spikefill.inpainting.files import tiff, tiff_segments
from spikefill.inpainting.files.content import Limit, Pixels, damage_is_said
from spikefill.inpainting.files.directories import Header
from spikefill.inpainting.files.orientation import displayed_to_stored
from spikefill.inpainting.files.tiff_checks import PALETTE, SEPARATED
from spikefill.inpainting.files.tiff_output import TiffOutput
from spikefill.inpainting.files.tiff_pages import TiffPages
from spikefill.inpainting.files.tiff_segments import Segment, Segments
from spikefill.inpainting.image_file import ImageFile, is_tiff
from spikefill.inpainting.in_parts import InHoles, restore_in_parts
from spikefill.inpainting.pipeline import Inpainter, Progress
from spikefill.masks import MaskSettings
from spikefill.masks.convert import LARGEST_MEGAPIXELS

_LARGEST_CLASSIC = 3_900_000_000
"""Bytes up to which a file is written that is not BigTIFF."""

_GROWTH = 1.1
"""By how much segments may grow when they are compressed again."""


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
            for number, holes in enumerate(self._all_holes(pages)):
                restored = int(np.count_nonzero(holes))
                done.append(PageHoles(number + 1, len(pages), holes.shape[1], holes.shape[0], restored))
                begin(done[-1])
                if restored:
                    restores = inpainter()
                    with _about(pages, number):
                        check_something_known(holes)
                        self._restore(pages, number, holes, output, restores, keep_palette, progress)
                else:
                    output.copy(pages[number], pages.directories[number], pages.bytes)
            if not any(page.holes for page in done):
                file.seek(0)
                file.truncate()
                for start in range(0, len(pages.bytes), 1 << 22):
                    file.write(pages.bytes[start : start + (1 << 22)])
        return done

    def _limit(self) -> Limit:
        return Limit(self.largest_megapixels, self.max_memory, self._held)

    @property
    def _held(self) -> int:
        """Bytes of files that are in memory."""
        return sum(len(file) for file in (self.photo, self.mask) if isinstance(file, bytes))

    def _check_pages(self, pages: TiffPages) -> None:
        """Whether all pages are served, before any is worked on."""
        for number in range(len(pages)):
            name = pages.called(number)
            with damage_is_said(name):
                tiff.check_page(pages[number], pages.bytes, name, self._limit(), decoding=0)

    def _header(self, pages: TiffPages) -> Header:
        """That of the source; BigTIFF where the restored file may become too large for another."""
        size = 0.0
        for page in (pages[number] for number in range(len(pages))):
            replaced = tiff_segments.in_segments(page)
            whole = page.size * max(page.bitspersample, 8) / 8 * (3 if page.photometric == PALETTE else 1)
            size += _GROWTH * sum(page.databytecounts) if replaced else whole
        return replace(pages.header, big=pages.header.big or size > _LARGEST_CLASSIC)

    def _all_holes(self, pages: TiffPages) -> Iterator[NDArray[np.bool_]]:
        """Those of each page, as it is stored."""
        self.settings.check_source(self.mask)
        if self.mask is None:
            for number in range(len(pages)):
                yield self.settings.adjusted(self._found(pages, number))
            return
        for number, displayed in enumerate(self._masks(self.mask, len(pages))):
            page = pages[number]
            orientation = tiff.stored_orientation(pages.directories[number], pages.header)
            shape = page.imagelength, page.imagewidth
            shown = shape if orientation < 5 else shape[::-1]
            if self.settings.resize:
                displayed = masks.resized(displayed, *shown)
            with _about(pages, number):
                check_same_size(displayed.shape, shown)
            yield self.settings.adjusted(displayed_to_stored(displayed, orientation))

    def _found(self, pages: TiffPages, number: int) -> NDArray[np.bool_]:
        """The holes that a page shows by itself; it is decoded for that."""
        with damage_is_said(pages.called(number)):
            content = pages.read(number, self._limit())
        return self.settings.found(ImageFile.of(content, "TIFF", b"").appearance)

    def _masks(self, mask: Path | bytes, number: int) -> Iterator[NDArray[np.bool_]]:
        """The masks of all pages, as they are displayed."""
        name = f"mask {mask}" if isinstance(mask, Path) else "the mask"
        if is_tiff(mask):
            with _opened(mask, name) as pages:
                if len(pages) not in (1, number):
                    have = "page" if number == 1 else "pages"
                    raise InputError(
                        f"{name} has {len(pages)} pages, the photograph {number} {have}; it must have one, or as many"
                    )
                if len(pages) > 1:
                    for page in range(number):
                        with damage_is_said(pages.called(page)):
                            content = pages.read(page, self._limit())
                        yield ImageFile.of(content, "TIFF", b"").displayed_mask()
                    return
        one = masks.read(
            io.BytesIO(mask) if isinstance(mask, bytes) else mask,
            largest_megapixels=self.largest_megapixels,
            max_memory=self.max_memory,
        )
        for _ in range(number):
            yield one

    def _restore(
        self,
        pages: TiffPages,
        number: int,
        holes: NDArray[np.bool_],
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

            values = restore_in_parts(
                inpainter, read, holes, channels=segments.shape[2], dtype=segments.dtype,
                cmyk=page.photometric == SEPARATED, held=self._held + segments.held, progress=progress,
            )  # fmt: skip
            restored = _Restored(holes, values, self.settings.feather, clear)
            output.replace(page, pages.directories[number], restored.parts(segments))
            return
        with damage_is_said(pages.called(number)):
            content = pages.read(number, self._limit())
        damaged = Damaged(ImageFile.of(content, "TIFF", b""), holes, self.settings.feather, clear)
        pixels = damaged.restored_pixels(lambda: inpainter, in_place=True, progress=progress)
        with tempfile.NamedTemporaryFile() as alone:  # tifffile wants a name
            damaged.write(alone, pixels, keep_palette=keep_palette)
            alone.seek(0)
            with TiffPages(alone, pages.called(number)) as written:
                output.copy(written[0], written.directories[0], written.bytes)


class _Restored:
    """The segments of a page with restored values in its holes.

    Args:
        holes: (H, W), True where there are restored values.
        values: (N, C), those, without alpha.
        feather: As for `Damaged`.
        opaque: The same.
    """

    def __init__(self, holes: NDArray[np.bool_], values: Pixels, feather: int, opaque: bool) -> None:
        self._values, self._opaque = InHoles(holes, values), opaque
        self._weights = InHoles(holes, masks.feathered(holes, feather)[holes]) if feather else None

    def parts(self, segments: Segments) -> Iterator[tuple[int, bytes]]:
        """The bytes of each segment, with its number; those without a hole as they are."""
        for segment in segments:
            changed = self._values.holes[segment.area].any()
            yield segment.number, self._encoded(segments, segment) if changed else segments.raw(segment)

    def _encoded(self, segments: Segments, segment: Segment) -> bytes:
        pixels = segments.decoded(segment)
        rows, columns = segment.area
        inside = pixels[: rows.stop - rows.start, : columns.stop - columns.start]
        here = self._values.holes[segment.area]
        damaged = inside[here]
        new = damaged.copy()
        new[:, : self._values.values.shape[1]] = self._values[segment.area]
        if self._weights is not None:
            new = mixed(damaged, new, self._weights[segment.area])
        if self._opaque:
            new[:, -1] = opaque_value(new.dtype)
        inside[here] = new
        return segments.encoded(pixels)


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
