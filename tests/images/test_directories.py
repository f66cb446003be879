from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spikefill.images import directories
from spikefill.images.directories import Directory, Header
from tests.images import samples

VALUES = st.one_of(
    st.tuples(st.sampled_from([1, 2, 7]), st.binary(min_size=1, max_size=12)),
    st.binary(min_size=1, max_size=5).map(lambda data: (3, data * 2)),
    st.binary(min_size=1, max_size=2).map(lambda data: (5, data * 8)),
)
TAGS = st.dictionaries(st.integers(256, 33000), VALUES, min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(TAGS, TAGS, TAGS, st.booleans(), st.integers(0, 40))
def test_what_is_written_is_read(
    main: dict[int, tuple[int, bytes]],
    exif: dict[int, tuple[int, bytes]],
    further: dict[int, tuple[int, bytes]],
    big: bool,
    before: int,
) -> None:
    inner = Directory(exif, {directories.INTEROPERABILITY: Directory(further)})
    directory = Directory(main, {directories.EXIF: inner, directories.GPS: Directory(further)})
    start = 16 + before
    header = Header("<", big, start)
    data = bytes(start) + directories.write(directory, header, start)
    assert directories.read(data, header, start) == directory


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_directory_byte_by_byte(order: directories.Order) -> None:
    directory = Directory({274: (3, struct.pack(f"{order}H", 6)), 271: (2, b"A camera\0")})
    expected = (
        struct.pack(f"{order}H", 2)
        + struct.pack(f"{order}HHII", 271, 2, 9, 8 + 30)
        + struct.pack(f"{order}HHIH", 274, 3, 1, 6) + b"\0\0"
        + bytes(4)
        + b"A camera\0"
    )  # fmt: skip
    assert directories.write(directory, Header(order, False, 8), 8) == expected
    exif = directories.to_exif(directory, order)
    tags = Image.Exif()
    tags.load(exif)
    assert (tags[274], tags[271]) == (6, "A camera")
    assert directories.from_exif(exif)[1] == directory


def test_pillows_exif_is_read() -> None:
    header, directory = directories.from_exif(samples.exif(5).tobytes())
    assert directory.numbers(274, header.order) == [5]
    assert directory.values[271] == (2, b"A camera\0")
    assert directory.further[directories.EXIF].values[0x927C][1] == b"The maker's own"
    assert directory.further[directories.GPS].values[1] == (2, b"N\0")


def test_damaged_entries_are_left_out() -> None:
    header = Header("<", False, 8)
    entries = (
        struct.pack("<HHII", 270, 2, 500, 8),  # longer than the data
        struct.pack("<HHII", 271, 99, 1, 8),  # of no known type
        struct.pack("<HHII", 272, 2, 0, 8),  # without a value
        struct.pack("<HHII", directories.EXIF, 4, 1, 4000),  # a directory outside of the data
        struct.pack("<HHIHH", 274, 3, 1, 7, 0),
    )
    data = bytes(8) + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    assert directories.read(data, header, 8) == Directory({274: (3, b"\7\0")})


def test_directories_that_lead_to_themselves_end() -> None:
    header = Header("<", False, 8)
    data = bytes(8) + struct.pack("<HHHII", 1, directories.EXIF, 4, 1, 8) + bytes(4)
    directory, depth = directories.read(data, header, 8), 0
    while directory.further:
        directory, depth = directory.further[directories.EXIF], depth + 1
    assert depth == 3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no TIFF, but of some length", "it has no header of TIFF"),
        (b"II\x07\0" + bytes(16), "its version of TIFF is 7, not 42 or 43"),
        (b"II*\0\xff\0\0\0" + bytes(16), "a directory of tags is missing"),
        (b"II*\0\x08\0\0\0\x09\0" + bytes(16), "a directory of tags is cut off"),
    ],
)
def test_what_is_no_directory_is_said(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        directories.from_exif(data)
