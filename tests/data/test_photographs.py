from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spikefill import InputError, data
from spikefill.data import embedded

from .fakes import ramp


def test_a_folder_gives_its_usable_photographs_in_order_and_tells_what_it_left_out(folder: Path) -> None:
    told: list[tuple[Path, str]] = []
    photographs = data.open_photographs(folder, on_problem=lambda path, problem: told.append((path, problem)))
    assert photographs.names == ("B/a.Jpg", "c.PNG", "grey.tiff")
    assert [image.shape for image in photographs] == [(30, 20, 3), (40, 60, 3), (50, 50, 3)]
    assert all(image.dtype == np.uint8 for image in photographs)
    assert photographs.greyscale == ("grey.tiff",)
    assert photographs.problems == tuple(told)
    reasons = {path.relative_to(folder).as_posix(): problem for path, problem in told}
    assert reasons.pop("broken.jpg")  # in Pillow's words, which change
    assert reasons == {
        "B/tiny.png": "is 100 x 15 px; the shorter side must be at least 16",
        "dot.webp": "is 5 x 5 px; the shorter side must be at least 16",
        "empty.bmp": "is not an image of a known format, or its first bytes are damaged",
    }


def test_pixels_are_those_of_the_file(folder: Path) -> None:
    photographs = data.open_photographs(str(folder))
    assert np.array_equal(photographs[1], ramp(40, 60))
    assert np.array_equal(photographs[-2], ramp(40, 60))
    assert np.array_equal(photographs[2], np.repeat(ramp(50, 50)[..., :1], 3, axis=2))
    assert np.abs(photographs[0].astype(int) - ramp(30, 20)).mean() < 4  # JPEG
    photographs[1][:] = 0
    assert np.array_equal(photographs[1], ramp(40, 60))
    with pytest.raises(IndexError):
        photographs[3]


def test_a_slice_is_photographs_too(folder: Path) -> None:
    photographs = data.open_photographs(folder)
    last = photographs[1:]
    assert isinstance(last, data.Photographs)
    assert last.names == ("c.PNG", "grey.tiff")
    assert last.greyscale == ("grey.tiff",)
    assert photographs[:2].greyscale == ()
    assert np.array_equal(last[0], photographs[1])


def test_opening_decodes_nothing(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    photographs = data.open_photographs(damaged)
    assert len(photographs) == 3


def test_damage_behind_the_header_is_an_error_that_names_the_file(damaged: Path) -> None:
    photographs = data.open_photographs(damaged)
    assert photographs.problems == ()
    with pytest.raises(InputError, match=r"2\.png cannot be decoded"):
        photographs[1]
    assert photographs[2].shape == (48, 48, 3)


def test_a_file_that_became_something_else_is_an_error_that_names_it(damaged: Path) -> None:
    photographs = data.open_photographs(damaged)
    (damaged / "1.png").write_text("no photograph any more")
    with pytest.raises(InputError, match=r"1\.png cannot be decoded: it is not an image of a known format"):
        photographs[0]


def test_several_sources_are_joined(folder: Path, damaged: Path) -> None:
    photographs = data.open_photographs([damaged, str(folder), "embedded"], part="val")
    names = ("1.png", "2.png", "3.png", "B/a.Jpg", "c.PNG", "grey.tiff", "chelsea.png", "coffee.png")
    assert photographs.names == names
    assert len(photographs) == len(photographs.files) == 8


def test_photographs_can_be_sent_to_another_process(folder: Path) -> None:
    photographs = data.open_photographs(folder)
    again = pickle.loads(pickle.dumps(photographs))
    assert again == photographs
    assert np.array_equal(again[1], photographs[1])


def test_a_photograph_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8  # displayed after a quarter turn anticlockwise
    Image.fromarray(ramp(20, 30)).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(data.open_photographs(tmp_path)[0], np.rot90(ramp(20, 30)))


GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
RGB = ramp(16, 16)


def _palette() -> Image.Image:
    image = Image.fromarray(GREY).convert("P")
    image.info["transparency"] = bytes(range(256))
    return image


@pytest.mark.parametrize(
    ("image", "suffix", "expected", "greyscale"),
    [
        (Image.fromarray(np.dstack([RGB, GREY])), "png", RGB, False),  # alpha is dropped, not blended
        (Image.fromarray(GREY).convert("LA"), "png", GREY, True),
        (Image.fromarray(GREY >= 128), "png", np.where(GREY >= 128, 255, 0), True),
        (_palette(), "png", GREY, False),
        (Image.fromarray(GREY.astype(np.uint16) * 257), "png", GREY, True),
        (Image.fromarray(GREY.astype(np.uint16) * 257), "tif", GREY, True),
        (Image.fromarray(GREY.astype(np.int32) * 257), "tif", GREY, True),
        (Image.fromarray(GREY.astype(np.float32)), "tif", GREY, True),
        (Image.fromarray(GREY.astype(np.float32) / 255), "tif", GREY, True),
        (Image.fromarray(255 - RGB).convert("CMYK"), "tif", 255 - RGB, False),
    ],
)
def test_every_kind_of_pixel_becomes_8_bit_rgb(
    image: Image.Image, suffix: str, expected: np.ndarray, greyscale: bool, tmp_path: Path
) -> None:
    image.save(tmp_path / f"a.{suffix}")
    photographs = data.open_photographs(tmp_path)
    found = photographs[0]
    assert found.dtype == np.uint8
    assert found.shape == (16, 16, 3)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    assert np.array_equal(found, expected)
    assert photographs.greyscale == (("a." + suffix,) if greyscale else ())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{here}/missing", "missing'; it must be a folder, or 'embedded'"),
        ("{here}/file", "file'; it must be a folder"),
        ("{here}", "holds no usable photograph \\(jpg, jpeg, png, webp, tif, tiff, bmp\\)"),
        ("", "source is ''; name a folder"),
        ([], "source is empty"),
        (["embedded", "{here}"], "holds no usable photograph"),
    ],
)
def test_sources_that_will_not_do(source: str | list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "tiny.png").touch()
    here = str(tmp_path)
    named = (
        source.replace("{here}", here) if isinstance(source, str) else [one.replace("{here}", here) for one in source]
    )
    with pytest.raises(InputError, match=said):
        data.open_photographs(named)


def test_an_unknown_part() -> None:
    with pytest.raises(InputError, match="part is 'test'; it must be one of: train, val, all"):
        data.open_photographs("embedded", part="test")  # type: ignore[arg-type]


def test_the_embedded_photographs_are_eight_in_colour() -> None:
    train, val = (data.open_photographs("embedded", part=part) for part in ("train", "val"))
    assert train.names == (
        "astronaut.png",
        "hubble_deep_field.jpg",
        "motorcycle_left.png",
        "motorcycle_right.png",
        "retina.jpg",
        "rocket.jpg",
    )
    assert val.names == ("chelsea.png", "coffee.png")
    everything = data.open_photographs("embedded")
    assert set(everything.names) == {*train.names, *val.names} == set(data.EMBEDDED_ATTRIBUTIONS)
    assert everything.greyscale == everything.problems == ()
    shapes = dict(zip(everything.names, (image.shape for image in everything), strict=True))
    assert shapes["astronaut.png"] == (512, 512, 3)
    assert shapes["motorcycle_left.png"] == shapes["motorcycle_right.png"] == (500, 741, 3)
    assert shapes["coffee.png"] == (400, 600, 3)


def test_attributions_say_what_scikit_image_says() -> None:
    from skimage.data import _fetchers

    documented = {
        "astronaut.png": _fetchers.astronaut,
        "hubble_deep_field.jpg": _fetchers.hubble_deep_field,
        "motorcycle_left.png": _fetchers.stereo_motorcycle,
        "motorcycle_right.png": _fetchers.stereo_motorcycle,
        "retina.jpg": _fetchers.retina,
        "rocket.jpg": _fetchers.rocket,
        "chelsea.png": _fetchers.chelsea,
        "coffee.png": _fetchers.coffee,
    }
    assert set(documented) == set(data.EMBEDDED_ATTRIBUTIONS)
    for name, attribution in data.EMBEDDED_ATTRIBUTIONS.items():
        words = " ".join((documented[name].__doc__ or "").split())
        assert attribution.source.removesuffix("/") in words
        if attribution.licence == embedded.CC0:
            assert "CC0" in words
        elif attribution.licence == embedded.PUBLIC_DOMAIN:
            assert "public domain" in words
        else:
            assert attribution.licence == embedded.NOT_STATED
            assert "CC0" not in words
            assert "public domain" not in words.lower()


def test_scikit_image_is_not_imported() -> None:
    code = (
        "import sys; from spikefill import data; data.open_photographs('embedded')[0]\nprint('skimage' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_scikit_image_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'spikefill\[train\]'"):
        data.open_photographs("embedded")
