from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from .fakes import ramp

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people have them: three usable photographs, one of them grey, and much else."""
    photographs = tmp_path / "photographs"
    (photographs / "B").mkdir(parents=True)
    Image.fromarray(ramp(40, 60)).save(photographs / "c.PNG")
    Image.fromarray(ramp(30, 20)).save(photographs / "B" / "a.Jpg", quality=95)
    Image.fromarray(ramp(50, 50)[..., 0]).save(photographs / "grey.tiff")
    Image.fromarray(ramp(15, 100)).save(photographs / "B" / "tiny.png")
    Image.fromarray(ramp(5, 5)).save(photographs / "dot.webp")
    (photographs / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (photographs / "empty.bmp").touch()
    (photographs / "notes.txt").write_text("not a photograph", encoding="utf-8")
    (photographs / "folder.png").mkdir()
    return photographs


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Three photographs: the header of the second is fine, its pixels are not."""
    photographs = tmp_path / "damaged"
    photographs.mkdir()
    random = np.random.default_rng(0)
    for name in ("1.png", "2.png", "3.png"):
        Image.fromarray(random.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(photographs / name)
    path = photographs / "2.png"
    path.write_bytes(path.read_bytes()[:2000])
    return photographs
