from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin

from spikefill import InputError
from spikefill.images import decode, through_pillow
from spikefill.images.orientation import displayed_to_stored
from spikefill.images.through_pillow import pil_to_array
from spikefill.inpainting import Inpainter, stored_mask

ORIENTATION = 0x0112
RGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'


def pixels(*shape: int, dtype: Any = np.uint8) -> np.ndarray:
    """A smooth picture with a little noise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    smooth = (np.sin(x / 9) + np.cos(y / 7) + 2) / 4 * 0.9
    smooth = smooth.reshape(*shape[:2], *(1,) * (len(shape) - 2)) + 0.1 * np.random.default_rng(4).random(shape)
    return (smooth * np.iinfo(dtype).max).astype(dtype)


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags[0x010F] = "A camera"
    return tags


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_the_inverse_of_displaying(orientation: int) -> None:
    stored = pixels(20, 31)
    image = Image.fromarray(stored)
    image.getexif()[ORIENTATION] = orientation
    image.info["exif"] = image.getexif().tobytes()
    displayed = np.array(ImageOps.exif_transpose(image))
    assert np.array_equal(displayed_to_stored(displayed, orientation), stored)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_mask_is_as_displayed_and_the_file_stays_as_stored(
    orientation: int, kind: str, inpainter: Inpainter, tmp_path: Path
) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / f"photo.{kind.lower()}"
    path.write_bytes(encoded(pixels(40, 56, 3), kind, exif=exif(orientation), **options))
    with Image.open(path) as image:
        before = np.array(image)
        displayed = np.array(ImageOps.exif_transpose(image))
    mask = np.zeros(displayed.shape[:2], bool)
    mask[5:9, 20:30] = True
    file = decode(path)
    assert file.orientation == orientation
    assert np.array_equal(file.pixels, before)
    restored = inpainter.restore(file.pixels, stored_mask(file, mask))
    written = opened(file.encode(restored))
    assert written.format == kind
    assert written.size == (56, 40)
    assert written.getexif()[ORIENTATION] == orientation
    assert written.getexif()[0x010F] == "A camera"
    with Image.open(path) as image:
        assert written.info["exif"] == image.info["exif"]
    shown = np.array(ImageOps.exif_transpose(written))
    change = np.abs(shown.astype(int) - displayed).max(axis=2)
    if kind == "JPEG":  # the blocks of the codec around the hole change a little
        assert change[mask].mean() > 10 * change[16:, :16].mean()
    else:
        assert not change[~mask].any()
        assert change[mask].any(axis=-1).mean() > 0.9
    result = inpainter.inpaint(path, mask)  # the same through the library
    assert np.array_equal(np.array(result), restored)
    result.save(tmp_path / f"saved.{kind.lower()}")
    with Image.open(tmp_path / f"saved.{kind.lower()}") as saved:
        assert saved.size == (56, 40)
        assert saved.getexif()[ORIENTATION] == orientation


def test_a_notebook_shows_pictures_upright(inpainter: Inpainter, tmp_path: Path) -> None:
    import base64
    import re

    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(pixels(40, 56, 3), "JPEG", exif=exif(6)))
    mask = np.zeros((56, 40), bool)
    mask[3, 4] = True
    shown = re.findall(r'base64,([^"]+)"', inpainter.inpaint(path, mask)._repr_html_())
    assert [opened(base64.b64decode(data)).size for data in shown] == [(40, 56), (40, 56)]


def test_a_mask_of_another_size_is_said_as_displayed() -> None:
    file = decode(encoded(pixels(40, 56, 3), exif=exif(6)))
    with pytest.raises(InputError, match="mask is 56 x 40 px, the photograph 40 x 56"):
        stored_mask(file, np.zeros((40, 56), bool))
    with pytest.raises(InputError, match="mask is 8 x 9 px, the photograph 56 x 40"):
        stored_mask(decode(encoded(pixels(40, 56, 3))), np.zeros((9, 8), bool))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [40, 92])
def test_jpeg_keeps_its_tables_and_subsampling(quality: int, subsampling: int) -> None:
    source = encoded(
        pixels(48, 64, 3), "JPEG", quality=quality, subsampling=subsampling, comment=b"hello", dpi=(240, 240)
    )
    file = decode(source)
    before, after = opened(source), opened(file.encode(file.pixels))
    assert after.quantization == before.quantization
    assert JpegImagePlugin.get_sampling(after) == subsampling
    assert after.info["comment"] == b"hello"
    assert after.info["dpi"] == (240, 240)
    assert not after.info.get("progressive")
    progressive = decode(encoded(pixels(48, 64, 3), "JPEG", progressive=True))
    assert opened(progressive.encode(progressive.pixels)).info["progressive"]


def test_a_grey_jpeg_stays_grey() -> None:
    source = encoded(pixels(48, 64), "JPEG", quality=70)
    file = decode(source)
    after = opened(file.encode(file.pixels))
    assert after.mode == "L"
    assert after.quantization == opened(source).quantization


@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP"])
def test_profile_and_metadata_go_with_the_pixels(source: str, suffix: str) -> None:
    options: dict[str, Any] = {"icc_profile": RGB_PROFILE, "exif": exif(8), "xmp": XMP}
    if source == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
        options["pnginfo"] = texts
    file = decode(encoded(pixels(40, 56, 3), source, **options))
    written = opened(file.encode(file.pixels, suffix))
    assert written.format == suffix
    assert written.info["icc_profile"] == RGB_PROFILE
    assert written.getexif()[ORIENTATION] == 8
    assert written.info["xmp"] == XMP


def test_an_orientation_that_stands_in_a_text_of_png_is_kept() -> None:
    raw = exif(6).tobytes()
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(raw):8}\n{raw.hex()}\n")
    file = decode(encoded(pixels(40, 56, 3), pnginfo=texts))
    assert file.orientation == 6
    assert opened(file.encode(file.pixels)).getexif()[ORIENTATION] == 6


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_lossless_files_hold_the_known_pixels(mode: str, kind: str, inpainter: Inpainter) -> None:
    if mode == "I;16":
        image = Image.fromarray(pixels(40, 56, dtype=np.uint16))
    else:
        image = Image.fromarray(pixels(40, 56, 3 if mode == "P" else 4)).convert(mode)
    file = decode(encoded(image))
    mask = np.zeros((40, 56), bool)
    mask[10:20, 15:30] = True
    restored = inpainter.restore(file.pixels, mask)
    if mode == "I;16" and kind == "WEBP":
        with pytest.raises(InputError, match="16 bits, which WebP cannot hold; write PNG"):
            file.encode(restored, kind)
        return
    written = opened(file.encode(restored, kind))
    expected = image.convert(written.mode) if mode != "I;16" else image
    assert np.array_equal(np.array(written)[~mask], np.array(expected)[~mask])
    if kind == "PNG":
        assert np.array_equal(np.array(written), restored)
        assert written.mode == {"1": "L", "P": "RGB"}.get(mode, mode)
    if mode in ("LA", "RGBA"):
        assert np.array_equal(np.array(written)[..., -1], np.array(image)[..., -1])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_a_transparent_colour_becomes_alpha(mode: str) -> None:
    image = Image.fromarray(pixels(40, 56, 3)).convert(mode)
    transparent = image.getpixel((3, 3))
    source = encoded(image, transparency=transparent)
    file = decode(source)
    assert file.pixels.shape == (40, 56, 4 if mode in ("RGB", "P") else 2)
    assert file.pixels[3, 3, -1] == 0
    assert file.pixels[..., -1].any()
    with pytest.raises(InputError, match="transparency, which JPEG cannot hold"):
        file.encode(file.pixels, "JPEG")
    assert np.array_equal(
        np.array(opened(file.encode(file.pixels)).convert("RGBA")), np.array(opened(source).convert("RGBA"))
    )


def test_webp_stays_without_loss_behind_a_large_profile() -> None:
    image = pixels(40, 56, 4)
    file = decode(encoded(image, "WEBP", lossless=True, exact=True, icc_profile=RGB_PROFILE))
    assert np.array_equal(np.array(opened(file.encode(file.pixels))), image)
    lossy = decode(encoded(image, "WEBP", quality=50, icc_profile=RGB_PROFILE))
    again = lossy.encode(lossy.pixels)
    assert b"VP8L" not in again
    assert np.array_equal(np.array(opened(again))[..., 3], image[..., 3])
    assert np.array_equal(np.array(opened(lossy.encode(lossy.pixels, "PNG"))), lossy.pixels)


def test_a_profile_for_grey_does_not_go_with_colour() -> None:
    grey = b"\0" * 16 + b"GRAY" + b"\0" * 108
    file = decode(encoded(pixels(40, 56), icc_profile=grey))
    assert opened(file.encode(file.pixels)).info["icc_profile"] == grey
    webp = opened(file.encode(file.pixels, "WEBP"))
    assert webp.mode == "RGB"
    assert "icc_profile" not in webp.info


def test_jpegs_with_further_pictures_inside_are_jpegs() -> None:
    """As telephones write them: the picture, and a gain map or a preview behind it."""
    first = Image.fromarray(pixels(40, 56, 3))
    source = encoded(first, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))], quality=88)
    assert opened(source).format == "MPO"
    file = decode(source)
    assert file.format == "JPEG"
    assert file.pixels.shape == (40, 56, 3)
    written = opened(file.encode(file.pixels))
    assert written.format == "JPEG"
    assert written.quantization == opened(source).quantization


def test_transparency_and_16_bits_do_not_go_into_jpeg() -> None:
    for channels in (2, 4):
        file = decode(encoded(pixels(40, 56, channels)))
        with pytest.raises(InputError, match="transparency, which JPEG cannot hold; write PNG"):
            file.encode(file.pixels, "JPEG")
    file = decode(encoded(pixels(40, 56, dtype=np.uint16)))
    with pytest.raises(InputError, match="16 bits, which JPEG cannot hold; write PNG"):
        file.check_format("JPEG")


def test_a_picture_too_wide_for_webp_is_an_input_error() -> None:
    file = decode(encoded(Image.new("L", (16384, 1))))
    with pytest.raises(InputError, match="cannot be written as WEBP"):
        file.encode(file.pixels, "WEBP")


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (animated("PNG"), "photo.png is animated"),
        (animated("WEBP"), "photo.png is animated"),
        (animated("GIF"), "photo.png is GIF; it must be PNG, JPEG, WebP, BMP, TIFF or HEIC"),
        (b"This is no picture.", r"photo.png is not an image that can be read \(PNG, JPEG, WebP, BMP, TIFF or HEIC\)"),
        (b"", "photo.png is empty"),
        (encoded(pixels(40, 56, 3))[:2000], "photo.png is damaged"),
        (encoded(pixels(40, 56, 3), "JPEG")[:900], "photo.png is damaged"),
        (encoded(pixels(40, 56, 3), "WEBP", lossless=True)[:400], "photo.png"),
        (None, "cannot read .*photo.png: No such file"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(data: bytes | None, said: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "photo.png").write_bytes(data)
    with pytest.raises(InputError, match=said) as error:
        decode(tmp_path / "photo.png")
    assert "\n" not in str(error.value)
    assert str(error.value).count("photo.png") == 1


def test_a_folder_is_no_photograph(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        decode(tmp_path)


def test_damaged_exif_is_no_reason_to_refuse() -> None:
    for garbage in (b"Exif\0\0garbage!!!!", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"):
        file = decode(encoded(pixels(8, 8, 3), "JPEG", exif=garbage))
        assert file.orientation == 1
        assert file.kept["exif"] == garbage


def test_the_limit_of_pillow_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    for kind in ("PNG", "JPEG", "WEBP", "BMP"):
        assert decode(encoded(pixels(30, 40, 3), kind)).pixels.shape == (30, 40, 3)


@pytest.mark.parametrize("mode", through_pillow.MODES)
def test_a_large_image_is_copied_a_few_rows_at_a_time(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    depth, kind = (256, np.uint8) if mode != "I;16" else (65536, np.uint16)
    channels = {"L": (), "I;16": (), "LA": (2,), "RGB": (3,)}.get(mode, (4,))
    values = np.random.default_rng(0).integers(0, depth, (37, 53, *channels), dtype=kind)
    image = Image.frombytes(mode, (53, 37), values.tobytes())
    monkeypatch.setattr(through_pillow, "_AT_A_TIME", 5 * 53 + 1)
    assert np.array_equal(pil_to_array(image), values)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_file_is_written_as_it_is_encoded(kind: str, cat: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(cat).save(tmp_path / "cat", kind, dpi=(300, 300))
    file = decode(tmp_path / "cat")
    with (tmp_path / "written").open("w+b") as written:
        file.write(written, 255 - cat)
    assert (tmp_path / "written").read_bytes() == file.encode(255 - cat)
    assert np.array_equal(decode(tmp_path / "written").pixels, 255 - cat)


def test_the_bytes_of_a_file_are_read_when_they_are_asked_for(cat: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(cat).save(tmp_path / "cat.png")
    file = decode(tmp_path / "cat.png")
    assert file.encoded == (tmp_path / "cat.png").read_bytes()
    (tmp_path / "cat.png").unlink()
    with pytest.raises(InputError, match=r"cannot read .*cat.png: No such file"):
        _ = file.encoded
