"""Where the numbers are that a decoder believes: sizes, lengths, counts and offsets in the headers of files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

Field = tuple[int, int]
"""Where a number is in the file, and how many bytes it has."""

_PNG_HEADER = ((0, 4), (4, 4), (8, 1), (9, 1), (12, 1))
"""In IHDR: width, height, bits, kind of colour, interlacing."""

_CHUNK = 26
"""Bytes of the longest of the other chunks that are looked into: one with wrong numbers says anything of its size."""

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_MOST_ENTRIES = 200


def fields(data: bytes) -> list[Field]:
    """The numbers in the headers of a PNG, JPEG, WebP or TIFF file, as far as it is whole; none of others."""
    readers: dict[bytes, Callable[[bytes], Iterator[Field]]] = {
        b"\x89P": _png, b"\xff\xd8": _jpeg, b"RI": _webp, b"II": _tiff, b"MM": _tiff,
    }  # fmt: skip
    reader = readers.get(bytes(data[:2]))
    found = list(reader(bytes(data))) if reader else []
    return [(place, width) for place, width in found if place + width <= len(data)]


def _png(data: bytes) -> Iterator[Field]:
    position = 8
    while position + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[position : position + 8])
        yield position, 4
        if kind == b"IHDR":
            yield from ((position + 8 + place, width) for place, width in _PNG_HEADER)
        elif kind in (b"pHYs", b"acTL", b"fcTL"):
            yield from ((position + 8 + place, 4) for place in range(0, min(size, _CHUNK) - 3, 4))
        position += 12 + size


def _jpeg(data: bytes) -> Iterator[Field]:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        kind, size = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        yield position + 2, 2
        if kind in _FRAMES:  # bits, height, width, components: their factors and tables
            yield from ((position + 4, 1), (position + 5, 2), (position + 7, 2), (position + 9, 1))
            yield from ((place, 1) for place in range(position + 10, position + 2 + size))
        elif kind == _SCAN:
            yield from ((place, 1) for place in range(position + 4, position + 2 + size))
            return
        position += 2 + size


def _webp(data: bytes) -> Iterator[Field]:
    yield 4, 4
    position = 12
    while position + 8 <= len(data):
        kind, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        yield position + 4, 4
        if kind == b"VP8X":  # flags, width, height
            yield from ((position + 8, 1), (position + 12, 3), (position + 15, 3))
        elif kind in (b"VP8 ", b"VP8L"):
            yield from ((position + 8 + place, 2) for place in range(1, 10, 2))
        position += 8 + size + size % 2


def _tiff(data: bytes) -> Iterator[Field]:
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    code, head, width = ("Q", 8, 8) if big else ("H", 2, 4)
    first = 8 if big else 4
    if len(data) < first + width:
        return
    yield first, width
    (start,) = struct.unpack(f"{order}{'Q' if big else 'I'}", data[first : first + width])
    if start + head > len(data):
        return
    (count,) = struct.unpack(f"{order}{code}", data[start : start + head])
    yield start, head
    for number in range(min(count, _MOST_ENTRIES)):
        entry = start + head + number * (4 + 2 * width)
        yield from ((entry, 2), (entry + 2, 2), (entry + 4, width), (entry + 4 + width, 2), (entry + 4 + width, width))
    yield start + head + count * (4 + 2 * width), width
