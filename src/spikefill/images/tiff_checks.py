"""Which TIFF files are read: what is looked at before any pixel is decoded."""

from __future__ import annotations

import math
import struct
from typing import Any

from tifffile import TiffPage

from spikefill.errors import InputError
from spikefill.images import directories
from spikefill.images.directories import Directory, FileBytes, Header

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
"""Kinds of colours: what TIFF calls the photometric interpretation."""

_CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, SEPARATED: 4, YCBCR: 3}
_INK_SET, _CMYK_INKS = 332, 1
_SUBFILE, _PREVIEW, _MASK = 254, 1, 4

_CHUNKY, _PLANAR = 1, 2
"""How the channels may be laid out: those of a pixel together, or each as a picture of its own."""

JPEG = 7
_COMPRESSIONS = (1, 2, 3, 4, 5, JPEG, 8, 32773, 32946, 34925, 50000)
"""None, those of facsimiles, LZW, JPEG, Deflate, PackBits, LZMA, Zstandard. The others are rare, and image formats of
their own, which would have to be looked into before they are decoded."""

_MARKER = 0xFF
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_BLOCK = 16
"""Pixels by which a JPEG may reach beyond its strip or tile."""


def pictures(encoded: bytes | FileBytes, header: Header, name: str) -> dict[int, Directory]:
    """The directories of the pages that are pictures, by their number in the file; previews and masks are none.

    Raises:
        InputError: The file begins with a preview.
        ValueError: It is damaged.
    """
    found: dict[int, Directory] = {}
    seen: set[int] = set()
    following = header.first
    while following or not seen:
        if following in seen:
            raise ValueError("its pages lead back to one another")
        page = directories.read(encoded, header, following)
        if not sum(page.numbers(_SUBFILE, header.order)[:1]) & (_PREVIEW | _MASK):
            found[len(seen)] = page
        elif not seen:
            raise InputError(f"{name} begins with a preview, as raw files of cameras do; develop it first")
        seen.add(following)
        following = page.next
    return found


def check_kind(page: TiffPage, name: str) -> None:
    """Raises `InputError` unless colours, channels, values and compression are served, `ValueError` if damaged."""
    photometric, compression = int(page.photometric), int(page.compression)
    if photometric not in _CHANNELS or (photometric == YCBCR and compression != JPEG):
        raise InputError(f"{name} has colours of kind {_called(page.photometric)}; convert it to RGB, grey or CMYK")
    if compression not in _COMPRESSIONS:
        raise InputError(f"{name} is compressed by {_called(page.compression)}; compress it by LZW or Deflate")
    extra = page.samplesperpixel - _CHANNELS[photometric]
    if page.imagedepth != 1:
        raise InputError(f"{name} has a depth of {page.imagedepth} px; it must be flat")
    if extra not in (0, 1) or (extra and photometric in (SEPARATED, PALETTE)):
        raise InputError(
            f"{name} has {page.samplesperpixel} channels; it must be grey or RGB, with alpha or not, or CMYK"
        )
    if photometric == SEPARATED and page.tags.valueof(_INK_SET, default=_CMYK_INKS) != _CMYK_INKS:
        raise InputError(f"{name} has inks other than CMYK; convert it to RGB, grey or CMYK")
    if page.planarconfig not in (_CHUNKY, _PLANAR):
        raise ValueError(f"its channels are laid out in the way {int(page.planarconfig)}, which does not exist")
    bits, kind = page.bitspersample, page.dtype.kind if page.dtype is not None else "?"
    served = {"u": (8, 16), "f": (32,)}.get(kind, ())
    if photometric == PALETTE:
        served = (1, 2, 4, 8) if kind in "ub" else ()
    elif photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) and not extra and kind in "ub":
        served = (1, 2, 4, 8, 16)
    elif photometric == SEPARATED:
        served = tuple(number for number in served if number < 32)
    if bits not in served:
        what = {"f": "floating-point", "i": "signed", "c": "complex"}.get(kind, "unsigned")
        raise InputError(
            f"{name} has {what} values of {bits} bits; they must be unsigned, of 8 or 16, or floating-point of 32"
        )


def _called(value: Any) -> str:
    return str(getattr(value, "name", value))


def check_whole(page: TiffPage, encoded: bytes | FileBytes) -> None:
    """Raises `ValueError` unless all strips or tiles lie within the file, and none claims to be larger than it is.

    Sparse ones, as GDAL writes them, have neither a place nor bytes. tifffile takes missing ones for zeros, and decodes
    whatever size a JPEG in a strip has before it looks at it.
    """
    places, sizes = page.dataoffsets, page.databytecounts
    pieces = math.prod(page.chunked)
    if len(places) < pieces or len(sizes) < pieces:
        raise ValueError(f"{pieces - min(len(places), len(sizes))} of its {pieces} strips or tiles are missing")
    rows, columns = page.tilelength or min(page.rowsperstrip, page.imagelength), page.tilewidth or page.imagewidth
    for place, count in zip(places[:pieces], sizes[:pieces], strict=True):
        if place == count == 0:
            continue
        if place <= 0 or count <= 0 or place + count > len(encoded):
            raise ValueError("strips or tiles lie outside of the file")
        if page.compression == JPEG:
            height, width = _jpeg_size(encoded[place : place + count])
            if height > rows + _BLOCK or width > columns + _BLOCK:
                raise ValueError(f"a strip or tile of {columns} x {rows} px holds one of {width} x {height}")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Height and width in the frame header of JPEG data.

    Raises:
        ValueError: There is none where it must be: decoders look further, and may find one.
    """
    position = 2
    while position + 9 <= len(data) and data[position] == _MARKER:
        kind = data[position + 1]
        if kind in _FRAMES:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return height, width
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise ValueError("a strip or tile is no JPEG")
