from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from spikefill.inpainting import Inpainter, RestoredImage


def noise(*channels: int, dtype: Any = np.uint8) -> np.ndarray:
    """A picture of 41 x 53."""
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (41, 53, *channels), dtype, endpoint=True)


@pytest.fixture
def restored(inpainter: Inpainter, holes: np.ndarray) -> RestoredImage:
    result = inpainter.inpaint(Image.fromarray(noise(3)), holes)
    assert isinstance(result, RestoredImage)
    return result


def test_a_restored_picture_is_a_pil_image(restored: RestoredImage, tmp_path: Path) -> None:
    pixels = np.array(restored)
    restored.save(tmp_path / "restored.png")
    with Image.open(tmp_path / "restored.png") as saved:
        assert np.array_equal(np.array(saved), pixels)
    for same in (restored.copy(), copy.copy(restored), copy.deepcopy(restored), pickle.loads(pickle.dumps(restored))):
        assert isinstance(same, Image.Image)
        assert np.array_equal(np.array(same), pixels)
    assert restored.resize((10, 20)).size == (10, 20)
    assert restored.convert("L").mode == "L"
    assert restored.crop((1, 2, 5, 8)).size == (4, 6)
    assert restored.getpixel((3, 2)) == tuple(pixels[2, 3])
    restored.putpixel((0, 0), (1, 2, 3))
    assert restored.getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_the_profile_is_saved_with_the_colours(kind: str, inpainter: Inpainter, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(noise(3))
    image.save(tmp_path / "photo.jpg", icc_profile=profile)
    mask = np.zeros((41, 53), bool)
    mask[3, 4] = True
    inpainter.inpaint(tmp_path / "photo.jpg", mask).save(tmp_path / f"restored.{kind}")
    with Image.open(tmp_path / f"restored.{kind}") as saved:
        assert saved.info["icc_profile"] == profile


def test_a_profile_for_grey_does_not_go_with_colour(inpainter: Inpainter, tmp_path: Path) -> None:
    grey = Image.fromarray(noise())
    grey.info["icc_profile"] = b"\0" * 16 + b"GRAY" + b"\0" * 108
    mask = np.zeros((41, 53), bool)
    mask[3, 4] = True
    inpainter.inpaint(grey, mask).save(tmp_path / "restored.webp")
    with Image.open(tmp_path / "restored.webp") as saved:
        assert saved.mode == "RGB"
        assert "icc_profile" not in saved.info


def test_a_notebook_shows_before_and_after(restored: RestoredImage) -> None:
    html = restored._repr_html_()
    assert html.count('src="data:image/png;base64,') == 2
    assert html.index("before") < html.index("after")
    assert pickle.loads(pickle.dumps(restored))._repr_html_().count("<img") == 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_shows_in_a_notebook(mode: str, inpainter: Inpainter, holes: np.ndarray) -> None:
    image = Image.fromarray(noise(dtype=np.uint16)) if mode == "I;16" else Image.new(mode, (53, 41))
    assert inpainter.inpaint(image, holes)._repr_html_().count("<img") == 2
