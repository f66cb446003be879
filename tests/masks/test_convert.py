from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from spikefill import InputError, masks
from spikefill.memory import PROCESS

if TYPE_CHECKING:
    from pathlib import Path

T, F = True, False


@pytest.mark.parametrize(
    ("values", "dtype", "holes"),
    [
        ([[T, F, T]], bool, [[T, F, T]]),
        ([[0.0, 0.49999, 0.5, 1.0, -1.0, 255.0, np.inf]], np.float64, [[F, F, T, T, F, T, T]]),
        ([[0.0, 0.5]], np.float16, [[F, T]]),
        ([[0, 1, 1]], np.uint8, [[F, T, T]]),
        ([[0, 1, 1]], np.int64, [[F, T, T]]),
        ([[0, 1, -3]], np.int16, [[F, T, T]]),  # the largest is 1: nonzero
        ([[0, 0, 0]], np.uint8, [[F, F, F]]),
        ([[0, 1, 2]], np.uint8, [[F, F, F]]),
        ([[0, 1, 127, 128, 255]], np.uint8, [[F, F, F, T, T]]),
        ([[0, 127, 128, 65535]], np.uint16, [[F, F, T, T]]),
        ([[0, 127, 128, 1 << 40]], np.int64, [[F, F, T, T]]),
    ],
)
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_the_convention(values: list[list[Any]], dtype: type, holes: list[list[bool]], channels: int | None) -> None:
    array = np.array(values, dtype)
    if channels is not None:
        array = np.repeat(array[..., None], channels, axis=2)
    mask = masks.as_mask(array)
    assert mask.dtype == bool
    assert mask.tolist() == holes


def test_the_largest_channel_counts_and_alpha_does_not() -> None:
    pixels = np.array([[[0, 0, 0, 255], [0, 200, 0, 0], [127, 127, 127, 255]]], np.uint8)
    assert masks.as_mask(pixels).tolist() == [[F, T, F]]
    assert masks.as_mask(pixels[..., :3]).tolist() == [[F, T, F]]
    assert masks.as_mask(np.array([[[0, 0, 1, 255]]], np.uint8)).tolist() == [[T]]  # the largest value is 1


def test_the_result_is_a_new_array() -> None:
    array = np.array([[T, F]])
    masks.as_mask(array)[:] = F
    assert array.tolist() == [[T, F]]


def test_lists_will_do() -> None:
    assert masks.as_mask([[0, 1], [1, 0]]).tolist() == [[F, T], [T, F]]


GREY = np.array([[0, 127, 128, 255]], np.uint8)
GREY_HOLES = [[F, F, T, T]]


def palette() -> Image.Image:
    """Index 0 is white, 1 black, 2 grey of 127 and 3 of 128: the colours count, not the indices."""
    image = Image.fromarray(np.array([[1, 2, 3, 0]], np.uint8), mode="P")
    image.putpalette([255] * 3 + [0] * 3 + [127] * 3 + [128] * 3)
    return image


def palette_with_transparency() -> Image.Image:
    image = palette()
    image.info["transparency"] = b"\x00\xff\x80\x00"
    return image


@pytest.mark.parametrize(
    ("image", "holes"),
    [
        (Image.fromarray(np.array([[T, F]])), [[T, F]]),
        (Image.fromarray(GREY), GREY_HOLES),
        (Image.fromarray(GREY).convert("RGB"), GREY_HOLES),
        (Image.fromarray(np.dstack([GREY, GREY[:, ::-1]]), mode="LA"), GREY_HOLES),
        (Image.fromarray(np.dstack([GREY, GREY, GREY, GREY[:, ::-1]])), GREY_HOLES),
        (Image.fromarray(255 - np.dstack([GREY] * 3 + [np.full_like(GREY, 255)]), mode="CMYK"), GREY_HOLES),
        (palette(), GREY_HOLES),
        (palette_with_transparency(), GREY_HOLES),
        (Image.fromarray(np.array([[0, 127, 128, 65535]], np.uint16)), GREY_HOLES),
        (Image.fromarray(np.array([[0, 1]], np.uint16)), [[F, T]]),
        (Image.fromarray(np.array([[0, 127, 128, 70000]], np.int32)), GREY_HOLES),
        (Image.fromarray(np.array([[0.0, 0.49, 0.5, 1.0]], np.float32)), GREY_HOLES),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
def test_pil_images(image: Image.Image, holes: list[list[bool]]) -> None:
    assert masks.as_mask(image).tolist() == holes


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros(4), "mask has shape \\(4,\\); it must be \\(H, W\\)"),
        (np.zeros((1, 4, 5)), "mask has shape \\(1, 4, 5\\)"),
        (np.zeros((4, 4, 2)), "mask has shape \\(4, 4, 2\\)"),
        ("mask.png", "mask has shape \\(\\)"),
        (None, "mask has shape \\(\\)"),
        ([[1, 2], [3]], "mask is not an array"),
        (np.array([[0.0, np.nan]]), "not a number"),
        (np.full((2, 2, 3), np.nan), "not a number"),
        (np.zeros((2, 2), complex), "mask has dtype complex128"),
        (np.array([["a"]]), "mask has dtype <U1"),
        (Image.new("La", (2, 2)), "mode La; convert it to L or RGB"),
    ],
)
def test_what_is_no_mask(mask: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        masks.as_mask(mask)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_a_mask_in_any_form_is_itself(mask: np.ndarray) -> None:
    forms = [
        mask,
        mask.astype(np.float32),
        mask * np.uint8(255),
        mask.astype(np.int32),
        Image.fromarray(mask),
    ]
    for form in forms:
        assert np.array_equal(masks.as_mask(form), mask)


def test_write_and_read(tmp_path: Path) -> None:
    mask = masks.sample("thick", (33, 17), seed=0, index=0)
    path = tmp_path / "folder" / "mask.png"
    masks.write(path, mask)
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "1", (17, 33))
    assert np.array_equal(masks.read(path), mask)
    assert np.array_equal(masks.read(str(path)), mask)
    with path.open("rb") as stream:
        assert np.array_equal(masks.read(stream), mask)
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists"):
        masks.write(path, ~mask)
    assert path.read_bytes() == before
    masks.write(path, ~mask, overwrite=True)
    assert np.array_equal(masks.read(path), ~mask)
    assert [file.name for file in path.parent.iterdir()] == ["mask.png"]


def test_nothing_is_written_of_what_is_no_mask(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shape"):
        masks.write(tmp_path / "mask.png", np.zeros(3, bool))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_in_displayed_orientation(tmp_path: Path) -> None:
    stored = np.zeros((2, 3), np.uint8)
    stored[0, 2] = 255  # top right as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # displayed after a quarter turn clockwise
    Image.fromarray(stored).save(tmp_path / "mask.png", exif=exif)
    assert masks.read(tmp_path / "mask.png").tolist() == [[F, F], [F, F], [F, T]]


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"", "is not an image of a known format"),
        (b"text", "is not an image of a known format"),
        (
            png(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)))[:900],
            "is damaged",
        ),
    ],
)
def test_files_that_are_no_mask(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "my mask.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as raised:
        masks.read(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_is_no_mask(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        masks.read(tmp_path)


def test_what_is_wrong_with_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    Image.fromarray(np.full((2, 2), np.nan, np.float32)).save(path)
    with pytest.raises(InputError, match=r"mask\.tif: mask holds values that are not a number"):
        masks.read(path)


@pytest.mark.parametrize("kept", [100, -60])
def test_a_damaged_mask_is_refused_without_further_words(kept: int, capfd: pytest.CaptureFixture[str]) -> None:
    """libtiff, through which Pillow reads, writes to standard error what it finds, and Pillow warns."""
    stream = io.BytesIO()
    Image.fromarray(masks.sample("thick", 64, seed=0, index=0)).save(stream, "TIFF", compression="tiff_lzw")
    whole = stream.getvalue()
    assert masks.read(io.BytesIO(whole)).shape == (64, 64)
    damaged = whole[:kept] + b"\xaa" * (len(whole) - len(whole[:kept]))
    with pytest.raises(InputError, match="mask from a stream is damaged: "):
        masks.read(io.BytesIO(damaged))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("1", "GIF"), ("1", "PPM"), ("L", "GIF"), ("RGB", "TGA"), ("L", "BMP"), ("L", "JPEG"), ("1", "TIFF"),
        ("L", "TIFF"), ("F", "TIFF"), ("CMYK", "TIFF"), ("LA", "PNG"), ("P", "PNG"), ("I;16", "PNG"), ("RGBA", "WEBP"),
    ],
)  # fmt: skip
def test_masks_of_many_formats(mode: str, kind: str, tmp_path: Path) -> None:
    holes = np.zeros((40, 56), bool)
    holes[8:16, 16:40] = True
    grey = Image.fromarray(holes).convert("L")
    image = Image.fromarray(holes.astype(np.float32)) if mode == "F" else grey.convert(mode)
    image.save(tmp_path / "mask", kind)
    assert np.array_equal(masks.read(tmp_path / "mask"), holes)


def test_a_stream_that_is_no_image() -> None:
    with pytest.raises(InputError, match="from a stream is not an image"):
        masks.read(io.BytesIO(b"text"))


def test_a_mask_may_be_larger_than_pillow_opens_but_not_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holes = np.zeros((40, 50), bool)
    holes[3:7, 10:20] = True
    masks.write(tmp_path / "mask.png", holes)
    for limit in (1500, 900):  # the size is above it, or above its double: a warning, or an error
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert np.array_equal(masks.read(tmp_path / "mask.png"), holes)
        assert np.array_equal(masks.read(io.BytesIO((tmp_path / "mask.png").read_bytes())), holes)
    with pytest.raises(InputError, match=r"mask\.png is 50 x 40 px, 0\.002 megapixels; more than 0\.001 are read only"):
        masks.read(tmp_path / "mask.png", largest_megapixels=0.001)
    Image.fromarray(holes).save(tmp_path / "mask.gif")
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"mask\.gif is 50 x 40 px, 0\.002 megapixels; more than 0\.001 are read only"):
        masks.read(tmp_path / "mask.gif", largest_megapixels=0.001)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("values", "least"), [((0, 1), 1), ((0, 1, 127, 128, 255), 128), ((0, 2, 100), 128)])
def test_grey_png_is_read_as_its_array(values: tuple[int, ...], least: int, orientation: int, tmp_path: Path) -> None:
    """In parts of some rows, without an array of its numbers."""
    grey = np.random.default_rng(0).choice(np.array(values, np.uint8), (1100, 1000))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(grey).save(tmp_path / "mask.png", exif=exif, compress_level=1)
    with Image.open(tmp_path / "mask.png") as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(masks.read(tmp_path / "mask.png"), shown >= least)


def test_a_mask_of_1_bit_takes_two_bytes_a_pixel(tmp_path: Path) -> None:
    holes = np.eye(3000, dtype=bool)
    Image.fromarray(holes).save(tmp_path / "mask.png", compress_level=1)
    size = (tmp_path / "mask.png").stat().st_size
    assert np.array_equal(masks.read(tmp_path / "mask.png", max_memory=PROCESS + size + 2 * holes.size), holes)
    with pytest.raises(InputError, match="mask.png is 3000 x 3000 px; decoding it takes"):
        masks.read(tmp_path / "mask.png", max_memory=PROCESS + 2 * holes.size)
