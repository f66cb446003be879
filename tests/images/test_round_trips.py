"""What is read is written again: the pixels that nobody changed, and what goes with them."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from spikefill import InputError
from spikefill.images import decode
from tests.images import samples
from tests.images.samples import inks, inks_file, photograph, pillow_file, png_file, tiff_file

HOLE = (slice(9, 20), slice(15, 33))


def with_a_hole_filled(pixels: np.ndarray, seed: int = 3) -> np.ndarray:
    """The pixels with other values in the hole."""
    changed = pixels.copy()
    noise = np.random.default_rng(seed).random(changed[HOLE].shape)
    largest = 1 if changed.dtype == np.float32 else np.iinfo(changed.dtype).max
    changed[HOLE] = (noise * largest).astype(changed.dtype)
    return changed


def read_by_others(encoded: bytes, kind: str, pixels: np.ndarray) -> np.ndarray:
    """The pixels as another reader than ours finds them."""
    if kind == "TIFF":
        return tifffile.imread(io.BytesIO(encoded))
    if kind == "PNG" and pixels.dtype == np.uint16:
        return np.asarray(imagecodecs.png_decode(encoded))
    return np.array(samples.opened(encoded))


SOURCES: dict[str, tuple[str, Any, Any]] = {
    **{f"png {n} x 8": ("PNG", lambda n=n: pillow_file(photograph(n), "PNG"), lambda n=n: photograph(n))
       for n in (1, 2, 3, 4)},
    **{f"png {n} x 16": ("PNG", lambda n=n: png_file(photograph(n, "16")), lambda n=n: photograph(n, "16"))
       for n in (1, 2, 3, 4)},
    **{f"tiff {n} x {d}": ("TIFF", lambda n=n, d=d: tiff_file(photograph(n, d)), lambda n=n, d=d: photograph(n, d))
       for n in (1, 2, 3, 4) for d in ("8", "16", "float")},
    **{f"tiff cmyk x {d}": ("TIFF", lambda d=d: tiff_file(inks(d), photometric="separated"), lambda d=d: inks(d))
       for d in ("8", "16")},
    **{f"webp {n} x 8": ("WEBP", lambda n=n: pillow_file(photograph(n), "WEBP", lossless=True, exact=True),
                         lambda n=n: photograph(n)) for n in (3, 4)},
    **{f"bmp {n} x 8": ("BMP", lambda n=n: pillow_file(photograph(n), "BMP"), lambda n=n: photograph(n))
       for n in (1, 3)},
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_known_pixels_stay_bit_for_bit(name: str) -> None:
    kind, file_of, pixels_of = SOURCES[name]
    source, pixels = file_of(), pixels_of()
    file = decode(source)
    assert file.format == kind
    assert file.pixels.dtype == pixels.dtype
    assert np.array_equal(file.pixels, pixels)
    assert file.cmyk == ("cmyk" in name)
    changed = with_a_hole_filled(pixels)
    written = file.encode(changed)
    assert decode(written).format == kind
    assert np.array_equal(decode(written).pixels, changed)
    assert np.array_equal(read_by_others(written, kind, changed), changed)


@pytest.mark.parametrize("depth", ["8", "16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_deep_picture_goes_from_png_into_tiff_and_back(channels: int, depth: str) -> None:
    pixels = photograph(channels, depth)
    file = decode(png_file(pixels) if depth == "16" else pillow_file(pixels, "PNG"))
    tiff = decode(file.encode(pixels, "TIFF"))
    assert tiff.format == "TIFF"
    assert np.array_equal(tiff.pixels, pixels)
    png = decode(tiff.encode(tiff.pixels, "PNG"))
    assert png.format == "PNG"
    assert np.array_equal(png.pixels, pixels)


def test_cmyk_goes_from_tiff_into_jpeg_and_back() -> None:
    file = decode(tiff_file(inks(), photometric="separated"))
    jpeg = decode(file.encode(file.pixels, "JPEG"))
    assert (jpeg.format, jpeg.cmyk) == ("JPEG", True)
    assert np.abs(jpeg.pixels.astype(int) - inks()).mean() < 3
    tiff = decode(jpeg.encode(jpeg.pixels, "TIFF"))
    assert (tiff.format, tiff.cmyk) == ("TIFF", True)
    assert np.array_equal(tiff.pixels, jpeg.pixels)


def test_a_cmyk_jpeg_keeps_its_tables() -> None:
    source = inks_file(inks(), "JPEG", quality=55, icc_profile=b"\0" * 16 + b"CMYK" + b"\0" * 108)
    file = decode(source)
    assert np.array_equal(file.pixels, np.array(samples.opened(source)))
    after = samples.opened(file.encode(file.pixels))
    assert after.mode == "CMYK"
    assert after.quantization == samples.opened(source).quantization
    assert after.info["icc_profile"][16:20] == b"CMYK"


def source_with_metadata(kind: str) -> bytes:
    pixels = photograph(3)
    about: dict[str, Any] = {"exif": samples.exif(), "icc_profile": samples.RGB_PROFILE}
    if kind == "PNG 16":
        like = decode(pillow_file(pixels, "PNG", pnginfo=samples.png_texts(), dpi=(240, 240), **about))
        chunks, position = [], 33
        while like.encoded[position + 4 : position + 8] != b"IDAT":
            size = int.from_bytes(like.encoded[position : position + 4], "big") + 12
            chunks.append(like.encoded[position : position + size])
            position += size
        return png_file(photograph(3, "16"), *chunks)
    if kind == "PNG":
        return pillow_file(pixels, "PNG", pnginfo=samples.png_texts(), dpi=(240, 240), **about)
    if kind == "TIFF":
        about["exif"][700] = samples.XMP
        about["exif"] = about["exif"].tobytes()  # with the directories within, which Pillow leaves out otherwise
        return pillow_file(pixels, "TIFF", dpi=(240, 240), **about)
    if kind == "HEIF":
        heif = pytest.importorskip("pillow_heif")
        buffer = io.BytesIO()
        about["exif"] = samples.exif(1).tobytes()
        heif.encode("RGB", pixels.shape[1::-1], pixels.tobytes(), buffer, xmp=samples.XMP, **about)
        return buffer.getvalue()
    return pillow_file(pixels, kind, xmp=samples.XMP, **({"dpi": (240, 240)} if kind == "JPEG" else {}), **about)


@pytest.mark.parametrize("target", ["PNG", "JPEG", "WEBP", "TIFF", "HEIF"])
@pytest.mark.parametrize("source", ["PNG", "PNG 16", "JPEG", "WEBP", "TIFF", "HEIF"])
def test_profile_exif_xmp_and_resolution_go_into_every_format_that_holds_them(source: str, target: str) -> None:
    file = decode(source_with_metadata(source))
    assert np.array_equal(file.pixels.shape, (37, 53, 3))
    if file.pixels.dtype == np.uint16 and target not in ("PNG", "TIFF"):
        with pytest.raises(InputError, match="the photograph has 16 bits, which"):
            file.check_format(target)
        return
    if target == "HEIF":
        pytest.importorskip("pillow_heif")
    written = decode(file.encode(file.pixels, target))
    assert written.format == target
    assert written.pixels.dtype == file.pixels.dtype
    lying = source != "HEIF" and target != "HEIF"  # in HEIC the pixels are as displayed
    assert written.orientation == (8 if lying else 1)
    assert written.kept["icc_profile"] == samples.RGB_PROFILE
    assert written.kept["xmp"].strip() == samples.XMP
    tags = Image.Exif()
    tags.load(written.kept["exif"])
    assert tags[0x0112] == (8 if lying else 1)
    assert tags[0x010F] == "A camera"
    assert float(tags.get_ifd(0x8769)[0x829A]) == pytest.approx(1 / 250)
    assert tags.get_ifd(0x8769)[0x927C] == b"The maker's own"
    assert tags.get_ifd(0x8825)[0x0001] == "N"
    if source not in ("WEBP", "HEIF") and target not in ("WEBP", "HEIF"):
        assert written.kept["dpi"] == pytest.approx((240, 240), abs=0.02)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_heic_shows_what_the_source_shows(orientation: int) -> None:
    pytest.importorskip("pillow_heif")
    from PIL import ImageOps

    source = pillow_file(photograph(3), "PNG", exif=samples.exif(orientation))
    shown = np.array(ImageOps.exif_transpose(samples.opened(source))).astype(int)
    file = decode(source)
    written = decode(file.encode(file.pixels, "HEIF"))
    assert written.pixels.shape == shown.shape
    assert np.abs(written.pixels - shown).mean() < 4


def test_resolution_stands_in_a_bmp() -> None:
    file = decode(pillow_file(photograph(3), "BMP", dpi=(300, 300)))
    assert decode(file.encode(file.pixels)).kept["dpi"] == pytest.approx((300, 300), abs=0.05)
