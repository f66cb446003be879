"""Restoring one photograph of many: TIFF files of several pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from spikefill import models
from spikefill.batch import Job, RestoreSettings, Status
from spikefill.batch.restoring import restore_one
from spikefill.inpainting import Inpainter
from tests.images.samples import SHAPE, photograph

HOLES = np.zeros(SHAPE, bool)
HOLES[3:9, 5:25] = True


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Inpainter(models.create("scnn", width=4, steps=2))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Two pages and a mask for both."""
    with tifffile.TiffWriter(tmp_path / "two.tif") as writer:
        writer.write(photograph(3), photometric="rgb", compression="lzw", metadata=None)
        writer.write(photograph(1, "16")[:30], photometric="minisblack", metadata=None)
    Image.fromarray(HOLES).save(tmp_path / "masks.tif", save_all=True, append_images=[Image.fromarray(HOLES[:30])])
    return Job(*(str(tmp_path / name) for name in ("two.tif", "masks.tif", "new/two.tif")))


def test_every_page_is_restored(job: Job, inpainter: Inpainter) -> None:
    outcome = restore_one(job, lambda: inpainter, RestoreSettings())
    assert (outcome.status, outcome.width, outcome.height, outcome.hole_pixels) == (Status.RESTORED, 53, 37, 240)
    with tifffile.TiffFile(job.output) as file:
        first, second = (page.asarray() for page in file.pages)
    assert np.array_equal(first, inpainter.restore(photograph(3), HOLES))
    assert np.array_equal(second, inpainter.restore(photograph(1, "16")[:30], HOLES[:30]))


def test_a_page_that_fails_leaves_nothing(job: Job, inpainter: Inpainter) -> None:
    photo = Path(job.photo)
    photo.write_bytes(photo.read_bytes()[:-300])
    outcome = restore_one(job, lambda: inpainter, RestoreSettings())
    assert outcome.status == Status.FAILED
    assert outcome.error == f"page 2 of {photo} is damaged: strips or tiles lie outside of the file"
    assert not any(path.is_file() for path in Path(job.output).parent.glob("*"))


def test_other_formats_hold_one_page(job: Job, inpainter: Inpainter) -> None:
    outcome = restore_one(job, lambda: inpainter, RestoreSettings(file_format="PNG"))
    assert outcome.status == Status.FAILED
    assert "two.tif has 2 pages" in outcome.error
