"""A photograph and its mask as a network takes them, from files of several kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spikefill import InputError, data
from spikefill.activity import reading
from spikefill.activity.reading import read_damaged


@pytest.fixture
def photograph() -> np.ndarray:
    """12 x 9 pixels."""
    return data.open_photographs("embedded", part="val")[0][100:112, 200:209]


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """Of 12 x 9 pixels, a hole of 2 x 3 from row 4 and column 5 on."""
    holes = np.zeros((12, 9), np.uint8)
    holes[4:6, 5:8] = 255
    Image.fromarray(holes).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_colours_are_in_three_channels_and_zero_in_the_holes(
    mode: str, photograph: np.ndarray, mask: Path, tmp_path: Path
) -> None:
    picture = Image.fromarray(photograph).convert(mode)
    picture.save(tmp_path / "photo.png")
    masked, holes = read_damaged(tmp_path / "photo.png", mask)
    assert holes.shape == (1, 1, 12, 9)
    assert holes[0, 0].nonzero().tolist() == [[row, column] for row in (4, 5) for column in (5, 6, 7)]
    expected = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None] / 255 * (1 - holes)
    assert masked.dtype == torch.float32
    torch.testing.assert_close(masked, expected, rtol=0, atol=1e-7)


def test_a_photograph_is_taken_as_it_is_displayed(photograph: np.ndarray, mask: Path, tmp_path: Path) -> None:
    """Stored turned by a right angle (orientation 6); the mask is that of what one sees."""
    stored = Image.fromarray(np.rot90(photograph).copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(tmp_path / "photo.png", exif=exif)
    Image.fromarray(photograph).save(tmp_path / "upright.png")
    turned, upright = (read_damaged(tmp_path / name, mask) for name in ("photo.png", "upright.png"))
    assert torch.equal(turned[0], upright[0])
    assert torch.equal(turned[1], upright[1])


def test_too_many_pixels_are_refused(
    photograph: np.ndarray, mask: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photograph).save(tmp_path / "photo.png")
    monkeypatch.setattr(reading, "LARGEST", 107)
    with pytest.raises(InputError, match=r"has 9 x 12 pixels; up to 107 can be looked at: cut it smaller"):
        read_damaged(tmp_path / "photo.png", mask)
