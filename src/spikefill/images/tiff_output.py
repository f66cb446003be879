"""Writing a TIFF file page by page, from segments as they are or anew, without holding more than one of them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import IO

from tifffile import TiffPage

from spikefill.errors import InputError
from spikefill.images import directories
from spikefill.images.directories import Directory, FileBytes, Header

_PLACES, _SIZES = {True: 324, False: 273}, {True: 325, False: 279}
"""Tags of where tiles, or strips, are, and of how many bytes they have."""

_LONG, _LONG8 = 4, 16

_ELSEWHERE = {288, 289, 330, 512, 513}
"""Tags of other places in the file: free ones, pages below the page, and a preview in JPEG. These are not copied."""

_OF_THE_DAMAGED = {37724, 50838, 50839}
"""Tags that may show the picture as it was: the layers of Photoshop, and what ImageJ draws over it."""

_AT_A_TIME = 1 << 22


class TiffOutput:
    """A file that is written.

    Args:
        file: Open to be written, and empty.
        header: The byte order, and whether it is BigTIFF.
    """

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file, self._header = file, header
        order, version = b"II" if header.order == "<" else b"MM", 43 if header.big else 42
        self._end = file.write(order + struct.pack(f"{header.order}H", version))
        if header.big:
            self._end += file.write(struct.pack(f"{header.order}HH", 8, 0))
        self._link = self._end
        self._end += file.write(struct.pack(header.number, 0))

    def copy(self, page: TiffPage, tags: Directory, encoded: FileBytes) -> None:
        """Adds a page as it is.

        Args:
            page: Its description by tifffile, whose file is open.
            tags: Its directory, in this file's byte order.
            encoded: The bytes of the file that it is in.
        """

        def parts(start: int, size: int) -> Iterable[bytes]:
            for first in range(start, start + size, _AT_A_TIME):
                yield encoded[first : min(first + _AT_A_TIME, start + size)]

        numbers = range(_pieces(page))
        segments = ((number, parts(page.dataoffsets[number], page.databytecounts[number])) for number in numbers)
        self._add(page, tags, ((number, part) for number, each in segments for part in each))

    def replace(self, page: TiffPage, tags: Directory, parts: Iterable[tuple[int, bytes]]) -> None:
        """Adds a page with other segments.

        Args:
            page: As for `copy`.
            tags: The same.
            parts: The bytes of its segments, each with the number of its segment, in their order. Several of one
                number are one segment.
        """
        kept = {tag: value for tag, value in tags.values.items() if tag not in _OF_THE_DAMAGED}
        self._add(page, Directory(kept, tags.further), parts)

    def _add(self, page: TiffPage, tags: Directory, parts: Iterable[tuple[int, bytes]]) -> None:
        places, sizes = [0] * _pieces(page), [0] * _pieces(page)
        for number, part in parts:
            if part and not sizes[number]:  # sparse ones have no place
                self._align()
                places[number] = self._end
            sizes[number] += len(part)
            self._end += self._file.write(part)
        values = {tag: value for tag, value in tags.values.items() if tag not in _ELSEWHERE}
        kind, code = (_LONG8, "Q") if self._header.big else (_LONG, "I")
        tiled = 324 in values
        try:
            for tag, numbers in ((_PLACES[tiled], places), (_SIZES[tiled], sizes)):
                values[tag] = (kind, struct.pack(f"{self._header.order}{len(numbers)}{code}", *numbers))
            self._end_page(Directory(values, tags.further))
        except struct.error as error:
            raise InputError(
                "the restored file would have more than 4 GB; convert the photograph to BigTIFF"
            ) from error

    def _end_page(self, tags: Directory) -> None:
        """Writes a directory, and where it is."""
        self._align()
        start = self._end
        self._end += self._file.write(directories.write(tags, self._header, start))
        self._file.seek(self._link)
        self._file.write(struct.pack(self._header.number, start))
        self._file.seek(self._end)
        self._link = directories.place_of_next(tags, self._header, start)

    def _align(self) -> None:
        self._end += self._file.write(bytes(self._end % 2))


def _pieces(page: TiffPage) -> int:
    """How many strips or tiles a page has, those of all planes."""
    return math.prod(page.chunked)
