"""Directories of tags, as in TIFF files and EXIF data, kept as bytes: nothing is lost for want of being understood.

The layout is that of TIFF 6.0 (Adobe, 1992) and, for large files, BigTIFF: a count, entries of tag, type, number of
values and the values, or where they are; and the offset of the next directory.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from typing import IO, Literal

EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
"""Tags whose value is where a further directory is."""

_FURTHER = (EXIF, GPS, INTEROPERABILITY)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes a value, by type."""

_LONG, _LONG8 = 4, 16
_DEEPEST = 3
_MOST_ENTRIES = 4096

_MARK = b"Exif\0\0"
"""What JPEG has before EXIF data, and Pillow everywhere."""

Order = Literal["<", ">"]


class FileBytes:
    """The bytes of an open file, a slice at a time: the whole may be larger than what should be in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        self._file.seek(start)
        return self._file.read(max(0, stop - start))


@dataclass(frozen=True)
class Header:
    """How the numbers of a file lie: the byte order, whether it is BigTIFF, and where the first directory is."""

    order: Order
    big: bool
    first: int

    @classmethod
    def of(cls, data: bytes | FileBytes) -> Header:
        """Reads it.

        Raises:
            ValueError: The bytes are no TIFF.
        """
        order: Order = "<" if data[:2] == b"II" else ">"
        if data[:2] not in (b"II", b"MM") or len(data) < 16:
            raise ValueError("it has no header of TIFF")
        (version,) = struct.unpack(f"{order}H", data[2:4])
        if version not in (42, 43):
            raise ValueError(f"its version of TIFF is {version}, not 42 or 43")
        first = struct.unpack(f"{order}Q", data[8:16]) if version == 43 else struct.unpack(f"{order}I", data[4:8])
        return cls(order, version == 43, first[0])

    @property
    def number(self) -> str:
        """The format, for `struct`, of an offset or a number of values."""
        return f"{self.order}{'Q' if self.big else 'I'}"


@dataclass
class Directory:
    """The tags of a directory.

    Attributes:
        values: Type and bytes of each tag, in the byte order of the file.
        further: The directories within, by tag.
        next: The offset of the next directory; 0 for none.
    """

    values: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    further: dict[int, Directory] = field(default_factory=dict)
    next: int = 0

    def numbers(self, tag: int, order: Order) -> list[int]:
        """The values of a tag of whole numbers; none if it is missing or of another type."""
        kind, data = self.values.get(tag, (0, b""))
        code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
        return list(struct.unpack(f"{order}{len(data) // _SIZES[kind]}{code}", data)) if code else []


def read(data: bytes | FileBytes, header: Header, offset: int, _depth: int = 0) -> Directory:
    """The directory at an offset. Entries that lie outside of the data, or are of unknown types, are left out.

    Raises:
        ValueError: There is no directory there.
    """
    count_format, entry_size = (f"{header.order}Q", 20) if header.big else (f"{header.order}H", 12)
    start = offset + struct.calcsize(count_format)
    if offset <= 0 or start > len(data):
        raise ValueError("a directory of tags is missing")
    (count,) = struct.unpack(count_format, data[offset:start])
    end = start + count * entry_size
    width = struct.calcsize(header.number)
    if count > _MOST_ENTRIES or end > len(data):
        raise ValueError("a directory of tags is cut off")
    directory, held = Directory(), 0
    for position in range(start, end, entry_size):
        tag, kind = struct.unpack(f"{header.order}HH", data[position : position + 4])
        (number,) = struct.unpack(header.number, data[position + 4 : position + 4 + width])
        size = _SIZES.get(kind, 0) * number
        where = position + 4 + width
        if size > width:
            (where,) = struct.unpack(header.number, data[where : where + width])
        if size == 0 or where + size > len(data):
            continue
        held += size
        if held > len(data):  # entries that share their bytes: a small file would take any amount of memory
            raise ValueError("a directory of tags holds more than the file")
        value = data[where : where + size]
        directory.values[tag] = (kind, value)
        if tag in _FURTHER and _depth < _DEEPEST:
            del directory.values[tag]
            for below in Directory({tag: (kind, value)}).numbers(tag, header.order)[:1]:
                try:
                    directory.further[tag] = read(data, header, below, _depth + 1)
                except ValueError:  # damaged: the picture is whole without
                    continue
    if end + width <= len(data):
        (directory.next,) = struct.unpack(header.number, data[end : end + width])
    return directory


def write(directory: Directory, header: Header, start: int) -> bytes:
    """A directory and those within, to stand at the offset ``start``, with none behind it."""
    count_format, entry_size = ("Q", 20) if header.big else ("H", 12)
    width = struct.calcsize(header.number)
    tags = sorted({*directory.values, *directory.further})
    head = struct.calcsize(count_format) + len(tags) * entry_size + width
    entries, behind = [], b""
    for tag in tags:
        if tag in directory.further:
            behind += b"\0" * (len(behind) % 2)
            place = struct.pack(header.number, start + head + len(behind))
            behind += write(directory.further[tag], header, start + head + len(behind))
            kind, value = _LONG8 if header.big else _LONG, place
        else:
            kind, value = directory.values[tag]
        number = struct.pack(header.number, len(value) // _SIZES[kind])
        if len(value) > width:
            behind += b"\0" * (len(behind) % 2)
            place = struct.pack(header.number, start + head + len(behind))
            behind += value
            value = place
        entries.append(struct.pack(f"{header.order}HH", tag, kind) + number + value.ljust(width, b"\0"))
    count = struct.pack(f"{header.order}{count_format}", len(tags))
    return count + b"".join(entries) + struct.pack(header.number, 0) + behind


def place_of_next(directory: Directory, header: Header, start: int) -> int:
    """Where a directory that is written at ``start`` has the offset of the one behind it."""
    count, entry_size = (8, 20) if header.big else (2, 12)
    return start + count + entry_size * len({*directory.values, *directory.further})


def from_exif(exif: bytes) -> tuple[Header, Directory]:
    """The first directory of EXIF data, with or without the mark of JPEG before them.

    Raises:
        ValueError: The data are damaged.
    """
    data = exif.removeprefix(_MARK)
    header = Header.of(data.ljust(16, b"\0"))
    return header, read(data, header, header.first)


def to_exif(directory: Directory, order: Order) -> bytes:
    """EXIF data of a directory, with the mark of JPEG before them."""
    header = Header(order, False, 8)
    version = struct.pack(f"{order}HI", 42, 8)
    return _MARK + (b"II" if order == "<" else b"MM") + version + write(directory, header, 8)
