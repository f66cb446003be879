"""A page of TIFF by its segments (strips or tiles): some of its pixels without the others, and the way back.

A segment is decoded by tifffile, and encoded by it as a picture of its own whose only segment is taken. Strips without
compression may be as large as the picture; they are divided into pieces of some rows.
"""

from __future__ import annotations

import io
import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPage, imwrite

from spikefill.images.content import Pixels
from spikefill.images.directories import FileBytes, Header
from spikefill.images.tiff_checks import BLACK_IS_ZERO, RGB, SEPARATED

Rectangle = tuple[slice, slice]
"""Rows and columns."""

CACHE = 1 << 27
"""Bytes of decoded segments that are held, unless a single one has more."""

_UNCOMPRESSED = 1
_LOSSLESS = {_UNCOMPRESSED: None, 5: "lzw", 8: "adobe_deflate", 32773: "packbits", 32946: "deflate", 34925: "lzma",
             50000: "zstd"}  # fmt: skip
_PIECE = 1 << 22
"""Bytes, about, of a piece of a strip that is not compressed."""


@dataclass(frozen=True)
class Segment:
    """A strip, a tile, or a piece of a strip.

    Attributes:
        number: Of the strip or tile in the page; the pieces of a strip have the same.
        place: Where its bytes are in the file.
        size: How many they are; none where it is sparse: all its values are 0, or what GDAL calls nodata.
        area: The rows and columns of the picture that it holds; a tile may reach beyond.
    """

    number: int
    place: int
    size: int
    area: Rectangle


def in_segments(page: TiffPage) -> bool:
    """Whether segments of a page can be replaced one by one, without any change to the others.

    So it is for 8, 16 and 32 bits of grey, RGB and CMYK, with alpha or not, whose channels lie together, in the
    compressions that lose nothing.
    """
    whole_tiles = not page.is_tiled or (page.tilelength % 16 == 0 and page.tilewidth % 16 == 0)
    return (
        int(page.photometric) in (BLACK_IS_ZERO, RGB, SEPARATED)
        and page.bitspersample in (8, 16, 32)
        and int(page.compression) in _LOSSLESS
        and (page.samplesperpixel == 1 or page.planarconfig == 1)
        and page.predictor in (1, 2 if page.bitspersample < 32 else 3)
        and page.fillorder == 1
        and whole_tiles
    )


class Segments:
    """The segments of a page for which `in_segments` holds.

    Args:
        page: Its description by tifffile, whose file is open.
        header: Of the file.
        encoded: The file's bytes.

    Attributes:
        shape: Height, width and channels.
        dtype: uint8, uint16 or float32.
    """

    def __init__(self, page: TiffPage, header: Header, encoded: FileBytes) -> None:
        self._page, self._header, self._encoded = page, header, encoded
        self.shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
        self.dtype: np.dtype[Any] = np.dtype(page.dtype).newbyteorder("=")
        self._list = list(self._found())
        self._cache: OrderedDict[int, Pixels] = OrderedDict()
        self._cached = 0
        self._bounds = np.array([(a.start, a.stop, b.start, b.stop) for a, b in (each.area for each in self._list)]).T

    def __iter__(self) -> Iterator[Segment]:
        """In their order in the page."""
        return iter(self._list)

    @property
    def held(self) -> int:
        """The most bytes that this object holds at a time."""
        largest = max(self._bytes(segment) for segment in self._list)
        return min(max(CACHE, largest), math.prod(self.shape) * self.dtype.itemsize) + 3 * largest

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Pixels (H, W, C) of a rectangle, in an array of their own."""
        part: Pixels = np.empty((rows.stop - rows.start, columns.stop - columns.start, self.shape[2]), self.dtype)
        top, bottom, left, right = self._bounds
        under = (top < rows.stop) & (bottom > rows.start) & (left < columns.stop) & (right > columns.start)
        for index in np.flatnonzero(under):
            area = self._list[index].area
            there = _overlap(area, (rows, columns))
            part[_within(there, (rows, columns))] = self._kept(int(index))[_within(there, area)]
        return part

    def raw(self, segment: Segment) -> bytes:
        """The bytes of a segment, as they are."""
        return self._encoded[segment.place : segment.place + segment.size]

    def decoded(self, segment: Segment) -> Pixels:
        """The pixels (H, W, C) of a segment, in an array of their own; of a tile, what is beyond the picture too.

        Raises:
            Exception: Whatever tifffile and imagecodecs raise on a damaged file.
        """
        if not segment.size:
            return np.full((*self._side(segment), self.shape[2]), self._page.nodata, self.dtype)
        rows, columns = segment.area
        data = self.raw(segment)
        if self._page.compression == _UNCOMPRESSED and not self._page.is_tiled:
            stored: NDArray[Any] = np.frombuffer(data, self.dtype.newbyteorder(self._header.order))
            return stored.reshape(rows.stop - rows.start, columns.stop, -1).astype(self.dtype)
        found = self._page.decode(data, segment.number)[0]
        if found is None:
            raise ValueError("a strip or tile is missing")
        whole: Pixels = np.zeros((*self._side(segment), self.shape[2]), self.dtype)
        part = found[0, : whole.shape[0], : whole.shape[1]]
        whole[: part.shape[0], : part.shape[1]] = part
        return whole

    def encoded(self, pixels: Pixels) -> bytes:
        """The bytes of a segment with other pixels, as `decoded` gives them."""
        page = self._page
        if page.compression == _UNCOMPRESSED:
            return pixels.astype(self.dtype.newbyteorder(self._header.order)).tobytes()
        height, width, channels = pixels.shape
        layout = {"tile": (height, width)} if page.is_tiled else {"rowsperstrip": height}
        file = io.BytesIO()
        imwrite(
            file, pixels if channels > 1 else pixels[..., 0], photometric="minisblack",
            planarconfig="contig" if channels > 1 else None, extrasamples=[0] * (channels - 1) or None,
            compression=_LOSSLESS[int(page.compression)], predictor=page.predictor if page.predictor > 1 else False,
            byteorder=self._header.order, metadata=None, maxworkers=1, **layout,
        )  # fmt: skip
        file.seek(0)
        with TiffFile(file) as written:
            (place,), (size,) = written.pages[0].dataoffsets, written.pages[0].databytecounts
        return file.getbuffer()[place : place + size].tobytes()

    def _found(self) -> Iterator[Segment]:
        page = self._page
        height, width, channels = self.shape
        tall, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (min(page.rowsperstrip, height), width)
        a_row = -(-width // wide)
        for number in range(a_row * -(-height // tall)):
            top, left = number // a_row * tall, number % a_row * wide
            rows = slice(top, min(top + tall, height))
            columns = slice(left, min(left + wide, width))
            place, size = page.dataoffsets[number], page.databytecounts[number]
            if page.compression != _UNCOMPRESSED or page.is_tiled or not size:
                yield Segment(number, place, size, (rows, columns))
                continue
            row_bytes = width * channels * self.dtype.itemsize
            step = max(1, _PIECE // row_bytes)
            for first in range(rows.start, rows.stop, step):
                piece = slice(first, min(first + step, rows.stop))
                start = place + (first - top) * row_bytes
                yield Segment(number, start, (piece.stop - piece.start) * row_bytes, (piece, columns))

    def _side(self, segment: Segment) -> tuple[int, int]:
        """Height and width of a segment's pixels, those beyond the picture included."""
        if self._page.is_tiled:
            return self._page.tilelength, self._page.tilewidth
        rows, columns = segment.area
        return rows.stop - rows.start, columns.stop - columns.start

    def _bytes(self, segment: Segment) -> int:
        return math.prod(self._side(segment)) * self.shape[2] * self.dtype.itemsize

    def _kept(self, index: int) -> Pixels:
        """The pixels of a segment, which are held until others need the room."""
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        pixels = self._cache[index] = self.decoded(self._list[index])
        self._cached += pixels.nbytes
        while self._cached > CACHE and len(self._cache) > 1:
            self._cached -= self._cache.popitem(last=False)[1].nbytes
        return pixels


def _overlap(one: Rectangle, other: Rectangle) -> Rectangle:
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return rows, columns


def _within(area: Rectangle, outer: Rectangle) -> Rectangle:
    rows, columns = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(area, outer, strict=True))
    return rows, columns
