"""Image files as arrays and back: pixels as they are stored, with what else the file holds.

A photograph that is stored lying on its side stays so, with its EXIF tag; masks are given as people see the picture,
so `displayed_to_stored` turns them. What is particular to a format is in a module of its own.
"""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from spikefill import memory
from spikefill.errors import InputError
from spikefill.images import heif, inks, jpeg_blocks, through_pillow
from spikefill.images.content import LARGEST_MEGAPIXELS, NAMES, Content, Limit, Pixels, damage_is_said

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
"""Formats of files, by suffix."""

_PILLOW = 4
_ENCODING = {"WEBP": 48, "HEIF": 56, "TIFF": 0}
_LOSSY_WEBP, _LOSSY_WEBP_WITH_ALPHA = 20, 36
"""Bytes a pixel that writing takes beside pixels and mask, where it is not an image of Pillow alone."""

_DEEP_PNG = 2
"""Times the pixels: what writing 16 bits of several channels takes beside them."""

_SERVED = "PNG, JPEG, WebP, BMP, TIFF or HEIC"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageFile(Content):
    """A decoded file.

    Attributes:
        format: ``"PNG"``, ``"JPEG"``, ``"WEBP"``, ``"BMP"``, ``"TIFF"`` or ``"HEIF"``.
        source: Its path, or its bytes.
        max_memory: Bytes that the process may take when it is written; None for any number.
    """

    format: str
    source: Path | bytes
    max_memory: int | None = None

    @classmethod
    def of(cls, content: Content, format: str, source: Path | bytes, max_memory: int | None = None) -> Self:  # noqa: A002
        """What a file holds, with its format and where it is from."""
        values = {item.name: getattr(content, item.name) for item in dataclasses.fields(content)}
        return cls(format=format, source=source, max_memory=max_memory, **values)

    @property
    def encoded(self) -> bytes:
        """The file's bytes, which are read again where there is a path: they are not kept beside the pixels.

        Raises:
            InputError: The file cannot be read any more.
        """
        return _bytes_of(self.source, str(self.source))

    @property
    def held(self) -> int:
        """Bytes that the pixels take, and the file where there is no path."""
        indices = 0 if self.palette is None else self.palette.indices.nbytes
        return self.pixels.nbytes + indices + (0 if isinstance(self.source, Path) else len(self.source))

    @property
    def appearance(self) -> Pixels:
        """The pixels as grey or RGB, with alpha if they have it: inks as they look together."""
        return inks.appearance(self.pixels) if self.cmyk else self.pixels

    @property
    def seeing(self) -> int:
        """The bytes that `appearance` takes beside the pixels."""
        return self.pixels[..., 0].size * inks.SEEING if self.cmyk else 0

    def check_format(self, format: str, *, keep_palette: bool = False) -> None:  # noqa: A002
        """Raises `InputError` if a file of ``format`` cannot hold the pixels, or memory its writing.

        Call it before long work.
        """
        if format == "HEIF":
            heif.package()
        height, width = self.pixels.shape[:2]
        lossy = format == self.format and "quality" in self.compression
        needed = self.held + height * width + encoding(self.pixels, format, lossy=lossy)
        memory.check_fits(f"writing {NAMES[format]} of {width} x {height} px", needed, self.max_memory)
        if keep_palette and self.palette is not None:
            self.palette.check_fits(format)
        self.check_fits(format, self.format)

    def encode(
        self,
        pixels: Pixels,
        format: str | None = None,  # noqa: A002
        *,
        keep_palette: bool = False,
        holes: NDArray[np.bool_] | None = None,
    ) -> bytes:
        """What `write` writes."""
        file = io.BytesIO()
        self.write(file, pixels, format, keep_palette=keep_palette, holes=holes)
        return file.getvalue()

    def write(
        self,
        file: IO[bytes],
        pixels: Pixels,
        format: str | None = None,  # noqa: A002
        *,
        keep_palette: bool = False,
        holes: NDArray[np.bool_] | None = None,
    ) -> None:
        """A file with other pixels of the same shape, and with this one's EXIF, ICC profile, XMP, resolution, comment.

        JPEG is compressed with the source's quantisation tables and chroma subsampling, where the source was JPEG
        (else quality 95 without subsampling); with jpeglib, blocks of grey and colour (not CMYK) without a hole keep
        their coefficients. WebP without loss, unless the source was lossy WebP (then quality 95);
        TIFF as the source was, or with Deflate, never with loss; HEIC with quality 95 without subsampling.

        Args:
            file: Open to be written and read, and empty.
            pixels: As `pixels`.
            format: The format to write; None for the source's.
            keep_palette: Write a palette, or 1 bit, where the source has one: pixels in the holes get its nearest
                colour, the others keep their entry. Otherwise the picture becomes grey, RGB or RGBA.
            holes: (H, W), where ``keep_palette`` finds entries anew, and outside of which blocks of JPEG are kept;
                None for those that differ from `pixels`, which must then not have been restored in place, and for no
                block of JPEG.

        Raises:
            InputError: The format cannot hold the pixels, or what goes with them.
        """
        target = format or self.format
        self.check_format(target, keep_palette=keep_palette)
        palette = self.palette if keep_palette else None
        if palette is not None:
            if holes is None:
                holes = (pixels != self.pixels).reshape(*pixels.shape[:2], -1).any(axis=2)
            palette = dataclasses.replace(palette, indices=palette.nearest(pixels, holes))
        content = Content(
            pixels=pixels,
            orientation=self.orientation,
            kept=self.kept,
            cmyk=self.cmyk,
            premultiplied=self.premultiplied,
            palette=palette,
        )
        compression = self.compression if target == self.format else None
        if target == self.format == "JPEG" and holes is not None and self._can_keep_blocks(pixels):
            written = io.BytesIO()
            _write(written, content, target, compression)
            file.write(jpeg_blocks.keep(self.encoded, written.getvalue(), holes))
        else:
            _write(file, content, target, compression)

    def _can_keep_blocks(self, pixels: Pixels) -> bool:
        """Whether there is what keeps the blocks of JPEG, and memory for it."""
        height, width = pixels.shape[:2]
        needed = memory.PROCESS + pixels.nbytes + height * width * (1 + jpeg_blocks.KEEPING)
        return jpeg_blocks.package() is not None and (self.max_memory is None or needed <= self.max_memory)


def encoding(pixels: Pixels, format: str, *, lossy: bool = False) -> int:  # noqa: A002
    """The bytes that writing pixels in a format takes beside them; ``lossy`` tells WebP with loss from that without."""
    area = int(pixels.shape[0]) * int(pixels.shape[1])
    if format == "PNG" and pixels.ndim == 3 and pixels.dtype == np.uint16:
        return _DEEP_PNG * pixels.nbytes
    if format == "WEBP" and lossy:
        alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
        return area * (_LOSSY_WEBP_WITH_ALPHA if alpha else _LOSSY_WEBP)
    stored = pixels.itemsize if pixels.ndim == 2 else _PILLOW
    return area * _ENCODING.get(format, stored)


def encode(pixels: Pixels, format: str) -> bytes:  # noqa: A002
    """A file of pixels alone, (H, W) or (H, W, 3), uint8, in one of `FORMATS`.

    Raises:
        InputError: The format cannot hold so many pixels a side, or its package is not installed.
    """
    if format == "HEIF":
        heif.package()
    file = io.BytesIO()
    _write(file, Content(pixels=pixels), format, None)
    return file.getvalue()


def _write(file: IO[bytes], content: Content, target: str, compression: dict[str, Any] | None) -> None:
    if target == "TIFF":
        from spikefill.images import tiff

        return tiff.write(file, content, compression or {})
    if target == "HEIF":
        return heif.write(file, content, compression or {})
    if target == "PNG" and content.palette is None and content.pixels.dtype == np.uint16 and content.pixels.ndim == 3:
        return through_pillow.write_deep_png(file, content)
    return through_pillow.write(file, content, target, compression or through_pillow.DEFAULT_COMPRESSION[target])


def is_tiff(source: str | Path | bytes) -> bool:
    """Whether a file, or its bytes, begin as TIFF; False for a file that cannot be read."""
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file:
            return format_of(file.read(16)) == "TIFF"
    except OSError:
        return False


def decode(
    source: str | Path | bytes,
    name: str | None = None,
    *,
    largest_megapixels: float = LARGEST_MEGAPIXELS,
    max_memory: int | None = None,
    held: int = 0,
) -> ImageFile:
    """Reads a PNG, JPEG, WebP, BMP, TIFF or HEIC file, which is told by what it starts with, not by its suffix.

    Args:
        source: A path, or the file's bytes.
        name: What to call it in errors; None for the path.
        largest_megapixels: Million pixels up to which a picture is decoded. What is larger is refused by its header:
            a small file may claim to hold more than fits into memory.
        max_memory: Bytes that the process may take while it decodes (see `memory`), by the header too; None for any
            number.
        held: Bytes that the process holds meanwhile, such as the photograph when the file is its mask.

    Raises:
        InputError: The file is missing, damaged, too large, of another format, or of a kind that would not come back
            whole (several pages, animation, LAB colours, 12 bits); or it is HEIC and pillow-heif is not installed.
    """
    name = name or (str(source) if not isinstance(source, bytes) else "the photograph")
    source = Path(source) if isinstance(source, str) else source
    encoded = _bytes_of(source, name)
    if not encoded:
        raise InputError(f"{name} is empty")
    kind = format_of(encoded)
    if kind is None:
        other = through_pillow.name_of(encoded)
        if other is None:
            raise InputError(f"{name} is not an image that can be read ({_SERVED})")
        raise InputError(f"{name} is {other}; it must be {_SERVED}")
    with damage_is_said(name):
        content = _read(encoded, kind, name, Limit(largest_megapixels, max_memory, len(encoded) + held))
    return ImageFile.of(content, kind, source, max_memory)


def _bytes_of(source: Path | bytes, name: str) -> bytes:
    try:
        return source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error


def _read(encoded: bytes, kind: str, name: str, limit: Limit) -> Content:
    if kind == "TIFF":
        from spikefill.images import tiff_pages  # takes a moment, which most calls save

        return tiff_pages.read(encoded, name, limit)
    if kind == "HEIF":
        return heif.read(encoded, name, limit)
    return through_pillow.read(encoded, kind, name, limit)


def format_of(encoded: bytes) -> str | None:
    """The format of a file, by its first bytes; None for those that are not served."""
    if encoded.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if encoded.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP":
        return "WEBP"
    if encoded.startswith(b"BM"):
        return "BMP"
    if encoded[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if encoded[4:8] == b"ftyp" and encoded[8:12] in _HEIF_BRANDS:
        return "HEIF"
    return None
