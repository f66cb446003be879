"""How TIFF files are laid out, and which of them are not served."""

from __future__ import annotations

import contextlib
import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from spikefill import InputError
from spikefill.images import decode
from spikefill.images.directories import Header
from tests.images import samples
from tests.images.samples import inks, photograph, pillow_file, tiff_file


def page_of(encoded: bytes) -> Any:
    return tifffile.TiffFile(io.BytesIO(encoded)).pages[0]


@pytest.mark.parametrize("depth", ["8", "16", "float"])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"rowsperstrip": 8},
        {"tile": (16, 32)},
        {"compression": "lzw", "predictor": True},
        {"compression": "adobe_deflate", "rowsperstrip": 5},
        {"compression": "adobe_deflate", "tile": (16, 16), "predictor": True},
        {"compression": "zstd"},
        {"bigtiff": True, "compression": "lzw"},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "adobe_deflate", "predictor": True},
    ],
    ids=str,
)
def test_the_layout_stays(layout: dict[str, Any], depth: str) -> None:
    pixels = photograph(3, depth)
    source = tiff_file(pixels, **layout)
    file = decode(source)
    assert np.array_equal(file.pixels, pixels)
    written = file.encode(pixels)
    assert np.array_equal(tifffile.imread(io.BytesIO(written)), pixels)
    before, after = page_of(source), page_of(written)
    assert after.compression == before.compression
    assert after.predictor == before.predictor
    assert (after.is_tiled, after.tilewidth, after.tilelength) == (before.is_tiled, before.tilewidth, before.tilelength)
    assert after.rowsperstrip == before.rowsperstrip
    assert Header.of(written).order == Header.of(source).order == layout.get("byteorder", "<")
    assert Header.of(written).big == layout.get("bigtiff", False)


@pytest.mark.parametrize("depth", ["8", "16"])
def test_planes_are_joined(depth: str) -> None:
    pixels = photograph(3, depth)
    file = decode(
        tiff_file(np.ascontiguousarray(pixels.transpose(2, 0, 1)), photometric="rgb", planarconfig="separate")
    )
    assert np.array_equal(file.pixels, pixels)
    assert np.array_equal(tifffile.imread(io.BytesIO(file.encode(pixels))), pixels)


def test_jpeg_in_tiff_is_written_without_further_loss() -> None:
    source = tiff_file(photograph(3), compression="jpeg", compressionargs={"level": 85}, rowsperstrip=16)
    file = decode(source)
    assert np.abs(file.pixels.astype(int) - photograph(3)).mean() < 4
    written = file.encode(file.pixels)
    assert np.array_equal(tifffile.imread(io.BytesIO(written)), file.pixels)
    assert page_of(written).compression == tifffile.COMPRESSION.ADOBE_DEFLATE


@pytest.mark.parametrize("depth", ["8", "16"])
def test_white_may_be_zero(depth: str) -> None:
    pixels = photograph(1, depth)
    file = decode(tiff_file(np.iinfo(pixels.dtype).max - pixels, photometric="miniswhite"))
    assert np.array_equal(file.pixels, pixels)
    assert np.array_equal(decode(file.encode(pixels)).pixels, pixels)


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bits_are_stretched_to_eight(bits: int) -> None:
    levels = photograph(1) >> (8 - bits)
    file = decode(tiff_file(levels, bitspersample=bits))
    assert np.array_equal(file.pixels, levels * (255 // (2**bits - 1)))
    assert np.array_equal(decode(file.encode(file.pixels)).pixels, file.pixels)


@pytest.mark.parametrize(("kind", "premultiplied"), [(1, True), (2, False), (0, False)])
def test_alpha_stays_what_it_is(kind: int, premultiplied: bool) -> None:
    pixels = photograph(4)
    file = decode(tiff_file(pixels, extrasamples=[kind]))
    assert file.premultiplied == premultiplied
    assert np.array_equal(tifffile.imread(io.BytesIO(file.encode(pixels))), pixels)
    assert page_of(file.encode(pixels)).extrasamples == (1 if premultiplied else 2,)


def test_all_tags_stay_but_those_about_the_pixels() -> None:
    source = tiff_file(
        photograph(3),
        description="A cat",
        software="A program",
        resolution=(118, 119),
        resolutionunit="centimeter",
        iccprofile=samples.RGB_PROFILE,
        extratags=[
            (33723, 7, 9, b"its IPTC.", True),
            (315, 2, 0, "Ann Ötzi".encode(), True),
            (37724, 7, 5, b"layer", True),
        ],
    )
    file = decode(source)
    assert file.kept["dpi"] == pytest.approx((118 * 2.54, 119 * 2.54))
    written = file.encode(file.pixels)
    before, after = page_of(source).tags, page_of(written).tags
    gone = {37724}  # the layers of Photoshop, which show the damaged picture
    moved = {273}
    assert {tag.code for tag in before} - {tag.code for tag in after} == gone
    for tag in before:
        if tag.code not in gone | moved:
            assert after.valueof(tag.code) == tag.value, tag
    assert after.valueof(33723) == b"its IPTC."


def test_previews_behind_the_picture_are_left_out() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(photograph(3), photometric="rgb", metadata=None)
        writer.write(photograph(3)[::4, ::4], photometric="rgb", metadata=None, subfiletype=1)
    file = decode(buffer.getvalue())
    assert np.array_equal(file.pixels, photograph(3))
    assert len(tifffile.TiffFile(io.BytesIO(file.encode(file.pixels))).pages) == 1


def pages(*subfiletypes: int) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for kind in subfiletypes:
            writer.write(photograph(3), photometric="rgb", metadata=None, subfiletype=kind)
    return buffer.getvalue()


def without_its_last_strip() -> bytes:
    """The last strip's place is 0, as a writer leaves it that was stopped."""
    source = bytearray(tiff_file(photograph(1), rowsperstrip=19))
    tag = page_of(bytes(source)).tags[273]
    source[tag.valueoffset + 4 : tag.valueoffset + 8] = bytes(4)
    return bytes(source)


def leading_back() -> bytes:
    source = bytearray(tiff_file(photograph(1)))
    first = int.from_bytes(source[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(source[first : first + 2], "little")
    source[end : end + 4] = first.to_bytes(4, "little")
    return bytes(source)


def laid_out_in_no_known_way() -> bytes:
    """Its planar configuration is neither 1 nor 2."""
    source = tiff_file(inks(), photometric="separated")
    field, wrong = (struct.pack("<HHII", 284, 3, 1, value) for value in (1, 769))
    assert source.count(field) == 1
    return source.replace(field, wrong)


def with_a_bomb(*, hidden: bool = False) -> bytes:
    """Its strip is a JPEG whose header promises 30,000 x 30,000 px, maybe behind a byte that decoders skip."""
    source = bytearray(tiff_file(photograph(3), compression="jpeg"))
    frame = source.index(b"\xff\xc0")
    source[frame + 5 : frame + 9] = (30000).to_bytes(2, "big") * 2
    if hidden:
        source[source.index(b"\xff\xd8\xff") + 2] = 0
    return bytes(source)


KINDS_OF_VALUES = "they must be unsigned, of 8 or 16, or floating-point of 32"
REFUSED = {
    "pages": (pages(0, 0, 0),
              "photo has 3 pages, but one is wanted; spikefill inpaint restores all, from TIFF to TIFF"),
    "raw": (pages(1, 0), "photo begins with a preview, as raw files of cameras do; develop it first"),
    "lab": (tiff_file(photograph(3), photometric="cielab"),
            "photo has colours of kind CIELAB; convert it to RGB, grey or CMYK"),
    "five": (tiff_file(np.zeros((8, 8, 5), np.uint8), photometric="rgb", extrasamples=[2, 0]),
             "photo has 5 channels; it must be grey or RGB, with alpha or not, or CMYK"),
    "twelve": (tiff_file(photograph(1, "16") >> 4, bitspersample=12),
               f"photo has unsigned values of 12 bits; {KINDS_OF_VALUES}"),
    "signed": (tiff_file(photograph(3).astype(np.int16)), f"photo has signed values of 16 bits; {KINDS_OF_VALUES}"),
    "double": (tiff_file(photograph(1, "float").astype(np.float64)),
               f"photo has floating-point values of 64 bits; {KINDS_OF_VALUES}"),
    "float inks": (tiff_file(np.zeros((8, 8, 4), np.float32), photometric="separated"),
                   f"photo has floating-point values of 32 bits; {KINDS_OF_VALUES}"),
    "webp": (tiff_file(photograph(3), compression="webp"),
             "photo is compressed by WEBP; compress it by LZW or Deflate"),
    "bomb": (with_a_bomb(), "photo is damaged: a strip or tile of 53 x 37 px holds one of 30000 x 30000"),
    "hidden bomb": (with_a_bomb(hidden=True), "photo is damaged: a strip or tile is no JPEG"),
    "missing": (without_its_last_strip(), "photo is damaged: strips or tiles lie outside of the file"),
    "cut": (tiff_file(photograph(3))[:-9], "photo is damaged: strips or tiles lie outside of the file"),
    "layout": (laid_out_in_no_known_way(),
               "photo is damaged: its channels are laid out in the way 769, which does not exist"),
    "header": (b"II*\0\x08\0\0\0", "photo is damaged: it has no header of TIFF"),
    "circle": (leading_back(), "photo is damaged: its pages lead back to one another"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_served_is_one_clear_line(kind: str) -> None:
    source, said = REFUSED[kind]
    with pytest.raises(InputError) as error:
        decode(source, "photo")
    assert str(error.value) == said


def test_nothing_is_said_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    for name, source in samples.bases().items():
        for length in (40, len(source) // 2, len(source) - 8):
            with contextlib.suppress(InputError):
                decode(source[:length], name)
    assert capfd.readouterr() == ("", "")


def test_two_or_four_values_of_float_are_alpha_too() -> None:
    file = decode(tiff_file(photograph(4, "float"), compression="zlib", predictor=3))
    assert np.array_equal(file.pixels, photograph(4, "float"))
    with pytest.raises(InputError, match="the photograph has floating-point values, which PNG cannot hold; write TIFF"):
        file.encode(file.pixels, "PNG")


def test_cmyk_keeps_its_profile_and_inks() -> None:
    profile = b"\0" * 16 + b"CMYK" + b"\0" * 108
    file = decode(tiff_file(inks(), photometric="separated", iccprofile=profile))
    page = page_of(file.encode(file.pixels))
    assert page.photometric == tifffile.PHOTOMETRIC.SEPARATED
    assert page.iccprofile == profile


def test_pillow_reads_what_is_written() -> None:
    source = pillow_file(Image.fromarray(photograph(3)), "TIFF", exif=samples.exif(6).tobytes())
    file = decode(source)
    assert file.orientation == 6
    with Image.open(io.BytesIO(file.encode(file.pixels))) as image:
        assert image.getexif()[0x0112] == 6
        assert float(image.getexif().get_ifd(0x8769)[0x829A]) == 1 / 250
        assert np.array_equal(np.array(image), np.rot90(photograph(3), -1))  # Pillow turns TIFF upright
