"""TIFF and BigTIFF files: strips or tiles of 1, 8, 16 or 32 bits, compressed or not.

Pixels go through tifffile with imagecodecs: Pillow reads 16 bits of colour as 8 and no floating-point colour, OpenCV
turns CMYK into RGB, and tifffile alone knows neither LZW nor JPEG. The tags that go with the pixels are `directories`:
the directory that tifffile writes is replaced by one that holds the source's tags as well.
"""

from __future__ import annotations

import io
import logging
import struct
from fractions import Fraction
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffPage, imwrite

from spikefill.errors import InputError
from spikefill.images import directories, orientation, tiff_checks
from spikefill.images.content import Content, Limit, Pixels
from spikefill.images.directories import Directory, FileBytes, Header
from spikefill.images.palette import Palette
from spikefill.images.tiff_checks import BLACK_IS_ZERO, PALETTE, SEPARATED, WHITE_IS_ZERO

_MULTIPLIED = 1
"""The kind of extra channel that is alpha with the colours multiplied by it."""

_WRITTEN = {1: None, 5: "lzw", 8: "adobe_deflate", 32773: "packbits", 32946: "adobe_deflate", 50000: "zstd"}
"""The compressions that are written as they were read; the others become Deflate, which loses nothing."""

_PLANES = 2
"""What TIFF calls channels that are stored one after the other."""

_ICC, _XMP = 34675, 700
_RESOLUTION = _RESOLUTION_X, _RESOLUTION_Y, _RESOLUTION_UNIT = 282, 283, 296
_INCH, _CENTIMETRE = 2, 3

_OF_THE_PIXELS = {
    *range(254, 260), *range(262, 267), 273, *range(277, 282), 284, *range(288, 294), 317, *range(320, 326), 330,
    *range(332, 337), *range(338, 348), *range(512, 522), *range(529, 533), 37724, 50838, 50839,
}  # fmt: skip
"""Tags that describe how the pixels are stored, or hold pixels of their own: they are not taken over."""

_OF_EXIF = {270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 316, 33432}
"""Tags that EXIF data of other formats have, too."""

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what is wrong with a file is said as an error


def read_page(
    page: TiffPage, tags: Directory, header: Header, encoded: bytes | FileBytes, name: str, limit: Limit
) -> Content:
    """Decodes a page.

    Args:
        page: Its description by tifffile, whose file is open.
        tags: Its directory.
        header: Of the file.
        encoded: The file's bytes.
        name: What to call it in errors.
        limit: How large it may be.

    Raises:
        InputError: It is too large, or of a kind that is not served.
        Exception: Whatever tifffile and imagecodecs raise on a damaged file.
    """
    check_page(page, encoded, name, limit, decoding=_decoding(page))
    sparse = not any(page.databytecounts)  # of a single segment tifffile would read other bytes
    stored = np.full(page.shape, page.nodata, page.dtype) if sparse else page.asarray(maxworkers=1)
    if page.planarconfig == _PLANES and stored.ndim == 3:
        stored = np.ascontiguousarray(stored.transpose(1, 2, 0))
    palette = _palette(page, stored)
    return Content(
        pixels=_pixels(stored, page, name) if palette is None else palette.pixels,
        orientation=stored_orientation(tags, header),
        kept=_kept(tags, header),
        compression=_compression(page, tags, header),
        cmyk=page.photometric == SEPARATED,
        premultiplied=tuple(page.extrasamples) == (_MULTIPLIED,),
        palette=palette,
    )


def check_page(page: TiffPage, encoded: bytes | FileBytes, name: str, limit: Limit, *, decoding: int) -> None:
    """Raises `InputError` if a page is too large or not of a kind that is served, `ValueError` if it is damaged.

    Args:
        page: As for `read_page`, and so are the others.
        encoded: See there.
        name: See there.
        limit: See there.
        decoding: Bytes a pixel that decoding takes.
    """
    for width, height in ((page.imagewidth, page.imagelength), (page.tilewidth or 1, page.tilelength or 1)):
        limit.check(width, height, name, decoding)
    tiff_checks.check_kind(page, name)
    tiff_checks.check_whole(page, encoded)


def stored_orientation(tags: Directory, header: Header) -> int:
    """The orientation that a directory states."""
    return orientation.valid(next(iter(tags.numbers(orientation.TAG, header.order)), None))


def write(file: IO[bytes], content: Content, compression: dict[str, Any]) -> None:
    """Writes a TIFF file.

    Args:
        file: Open to be written and read, and empty.
        content: What to write; it fits the format.
        compression: That of a TIFF file, or empty for Deflate in classic TIFF.

    Raises:
        InputError: There are too many pixels for what the source's file is.
    """
    options = {"compression": "adobe_deflate", "predictor": content.palette is None, **compression}
    tags: Directory | None = options.pop("tags", None)
    header: Header = options.pop("header", Header("<", False, 8))
    if tags is None:
        header, tags = _tags(content, header)
    pixels: NDArray[Any] = content.pixels
    extra: list[int] | None = None
    if content.palette is not None:
        pixels, options["predictor"] = content.palette.indices, False
        if content.palette.bilevel:
            pixels, photometric = pixels.astype(bool), "minisblack"
        else:
            table = np.zeros((3, 256), np.uint16)
            table[:, : len(content.palette.colours)] = content.palette.colours[:, :3].T.astype(np.uint16) * 257
            options["colormap"], photometric = table, "palette"
    else:
        photometric = "separated" if content.cmyk else "minisblack" if content.channels < 3 else "rgb"
        if content.channels in (2, 4) and not content.cmyk:
            extra = [_MULTIPLIED if content.premultiplied else 2]
    if options["compression"] is None:
        options["predictor"] = False
    try:
        imwrite(
            file, pixels, photometric=photometric, extrasamples=extra, byteorder=header.order, metadata=None,
            planarconfig="contig" if pixels.ndim == 3 else None, software=False, maxworkers=1,
            bigtiff=header.big or pixels.nbytes > 1 << 31, **options,
        )  # fmt: skip
    except (ValueError, RuntimeError, struct.error) as error:
        raise InputError(f"the photograph cannot be written as TIFF: {error}") from error
    _add_tags(file, tags)


def _decoding(page: TiffPage) -> int:
    """Bytes a pixel that decoding takes: the array, and another one where it is put together or stretched."""
    own = page.samplesperpixel * -(-page.bitspersample // 8)
    twice = page.planarconfig == _PLANES or page.bitspersample < 8
    return own * (2 if twice else 1) + (3 if page.photometric == PALETTE else 0)


def _palette(page: TiffPage, stored: NDArray[Any]) -> Palette | None:
    """The palette of a picture with a colour map, or of 1 bit; its entries of 16 bits are rounded down to 8."""
    if page.photometric == PALETTE:
        table = np.asarray(page.colormap)
        colours = (table >> 8 if table.max() > 255 else table).astype(np.uint8).T
        return Palette(stored.astype(np.uint8), np.ascontiguousarray(colours))
    if page.bitspersample == 1 and page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
        indices = stored.astype(np.uint8) ^ np.uint8(page.photometric == WHITE_IS_ZERO)
        return Palette(indices, np.array([[0], [255]], np.uint8), bilevel=True)
    return None


def _pixels(stored: NDArray[Any], page: TiffPage, name: str) -> Pixels:
    """Values as they count: 0 is black, and 2 or 4 bits are stretched to 8."""
    pixels = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if page.bitspersample < 8:
        pixels = pixels * np.uint8(255 // ((1 << page.bitspersample) - 1))
    if page.photometric == WHITE_IS_ZERO:
        if pixels.dtype.kind == "f":
            raise InputError(f"{name} has floating-point values of which 0 is white; convert it to 0 as black")
        colour = pixels[..., :1] if pixels.ndim == 3 else pixels
        colour[...] = np.iinfo(pixels.dtype).max - colour
    return np.ascontiguousarray(pixels)


def _compression(page: TiffPage, tags: Directory, header: Header) -> dict[str, Any]:
    name = _WRITTEN.get(int(page.compression), "adobe_deflate")
    options: dict[str, Any] = {
        "compression": name,
        "predictor": name not in (None, "packbits") and page.predictor in (2, 3),
        "header": header,
        "tags": Directory(
            {tag: value for tag, value in tags.values.items() if tag not in _OF_THE_PIXELS}, tags.further
        ),
    }
    if page.is_tiled and page.tilelength % 16 == 0 and page.tilewidth % 16 == 0:
        options["tile"] = (page.tilelength, page.tilewidth)
    elif not page.is_tiled:
        options["rowsperstrip"] = min(page.rowsperstrip, page.imagelength)
    return options


def _kept(tags: Directory, header: Header) -> dict[str, Any]:
    """What other formats hold, too."""
    kept: dict[str, Any] = {}
    exif = Directory({tag: value for tag, value in tags.values.items() if tag in _OF_EXIF}, tags.further)
    if exif.values or exif.further:
        kept["exif"] = directories.to_exif(exif, header.order)
    for key, tag in (("icc_profile", _ICC), ("xmp", _XMP)):
        if tag in tags.values:
            kept[key] = tags.values[tag][1]
    unit = sum(tags.numbers(_RESOLUTION_UNIT, header.order)[:1])
    ratios = [tags.values.get(tag, (0, b"")) for tag in (_RESOLUTION_X, _RESOLUTION_Y)]
    if unit in (_INCH, _CENTIMETRE) and all(kind == 5 and len(data) == 8 for kind, data in ratios):
        pairs = [struct.unpack(f"{header.order}II", data) for _, data in ratios]
        if all(above and below for above, below in pairs):
            kept["dpi"] = tuple(above / below * (2.54 if unit == _CENTIMETRE else 1) for above, below in pairs)
    return kept


def _tags(content: Content, header: Header) -> tuple[Header, Directory]:
    """The tags of a picture that comes from another format."""
    tags = Directory()
    if exif := content.kept.get("exif"):
        try:
            found, tags = directories.from_exif(exif)
        except (ValueError, struct.error):  # damaged; the picture is whole without
            pass
        else:
            header = Header(found.order, header.big, header.first)
            tags = Directory({tag: value for tag, value in tags.values.items() if tag in _OF_EXIF}, tags.further)
    for key, tag in (("icc_profile", _ICC), ("xmp", _XMP)):
        if key in content.kept:
            tags.values[tag] = (7 if tag == _ICC else 1, content.kept[key])
    if dpi := content.kept.get("dpi"):
        for tag, value in zip((_RESOLUTION_X, _RESOLUTION_Y), dpi, strict=True):
            ratio = Fraction(float(value)).limit_denominator(1 << 16)
            tags.values[tag] = (5, struct.pack(f"{header.order}II", ratio.numerator, ratio.denominator))
        tags.values[_RESOLUTION_UNIT] = (3, struct.pack(f"{header.order}H", _INCH))
    return header, tags


def _add_tags(file: IO[bytes], tags: Directory) -> None:
    """Gives the first directory of a file further tags; it is written anew, behind the pixels."""
    written = FileBytes(file)
    header = Header.of(written)
    own = directories.read(written, header, header.first)
    if not any(tag in tags.values for tag in _RESOLUTION):  # tifffile's say no more than that nothing is known
        for tag in _RESOLUTION:
            own.values.pop(tag, None)
    whole = Directory({**own.values, **tags.values}, tags.further)
    place = len(written) + len(written) % 2
    file.seek(0, io.SEEK_END)
    file.write(bytes(place - len(written)) + directories.write(whole, header, place))
    file.seek(8 if header.big else 4)
    file.write(struct.pack(header.number, place))
