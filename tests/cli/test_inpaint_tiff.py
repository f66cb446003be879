"""``spikefill inpaint`` from TIFF to TIFF: several pages, and no more in memory than the holes need."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from spikefill import models
from spikefill.cli.app import run
from tests.cli.test_inpaint_command import names, streams
from tests.images.samples import SHAPE, photograph


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two.tif of two pages, mask.png, masks.tif of two pages, and weights.safetensors."""
    for name in ("MODEL", "DEVICE", "THREADS", "MAX_MEMORY", "VERBOSE", "QUIET"):
        monkeypatch.delenv(f"SPIKEFILL_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    with tifffile.TiffWriter("two.tif") as writer:
        writer.write(photograph(3), photometric="rgb", compression="lzw", rowsperstrip=8, metadata=None)
        writer.write(photograph(1, "16"), photometric="minisblack", tile=(16, 16), metadata=None)
    holes = np.zeros(SHAPE, bool)
    holes[3:9, 5:25] = True
    Image.fromarray(holes).save("mask.png")
    Image.fromarray(holes).save("masks.tif", save_all=True, append_images=[Image.fromarray(holes & False)])
    with torch.random.fork_rng():
        torch.manual_seed(5)
        models.save(models.create("scnn", width=4, steps=2), "weights.safetensors")
    return tmp_path


CALL = ["inpaint", "two.tif", "mask.png", "-o", "out.tif", "--model", "weights.safetensors"]


def pages(file: Path | bytes) -> list[np.ndarray]:
    with tifffile.TiffFile(io.BytesIO(file) if isinstance(file, bytes) else file) as opened:
        return [page.asarray() for page in opened.pages]


def test_every_page_is_restored(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(CALL) == 0
    assert capsys.readouterr().err.splitlines() == [
        "page 1 of 2: 120 pixels to restore (6.1%)",
        "page 2 of 2: 120 pixels to restore (6.1%)",
        "wrote out.tif",
    ]
    for new, old in zip(pages(here / "out.tif"), (photograph(3), photograph(1, "16")), strict=True):
        changed = (new != old).reshape(*SHAPE, -1).any(axis=2)
        assert new.dtype == old.dtype
        assert changed[3:9, 5:25].mean() > 0.9
        assert changed.sum() == changed[3:9, 5:25].sum()


def test_a_mask_may_have_a_page_for_each(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CALL[:2], "masks.tif", *CALL[3:]]) == 0
    assert capsys.readouterr().err.splitlines() == ["page 1 of 2: 120 pixels to restore (6.1%)", "wrote out.tif"]
    first, second = pages(here / "out.tif")
    assert (first != photograph(3)).any()
    assert np.array_equal(second, photograph(1, "16"))


def test_standard_streams(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(CALL) == 0
    out = streams(monkeypatch, (here / "two.tif").read_bytes())
    assert run(["-q", "inpaint", "-", "mask.png", "-o", "-", "--model", "weights.safetensors"]) == 0
    assert out.getvalue() == (here / "out.tif").read_bytes()


def test_a_photograph_may_take_its_own_place(here: Path) -> None:
    assert run(CALL) == 0
    assert run([*CALL[:4], "two.tif", *CALL[5:], "--overwrite"]) == 0
    assert (here / "two.tif").read_bytes() == (here / "out.tif").read_bytes()


def test_a_page_that_fails_leaves_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holes = Image.open("mask.png")
    holes.save("wrong.tif", save_all=True, append_images=[holes.resize((9, 9))])
    (here / "out.tif").write_bytes(b"what was there")
    before = names(here)
    assert run([*CALL[:2], "wrong.tif", *CALL[3:], "--overwrite"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "spikefill: page 2 of two.tif: mask is 9 x 9 px, the photograph 53 x 37; they must be of one size"
    )
    assert names(here) == before
    assert (here / "out.tif").read_bytes() == b"what was there"


def test_no_hole_on_any_page_leaves_the_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("1", SHAPE[::-1]).save("empty.png")
    assert run([*CALL[:2], "empty.png", *CALL[3:]]) == 0
    assert "the mask is empty: the photograph is unchanged" in capsys.readouterr().err
    assert (here / "out.tif").read_bytes() == (here / "two.tif").read_bytes()


def test_a_preview_has_one_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CALL, "--preview"]) == 2
    assert "two.tif has 2 pages, but one is wanted" in capsys.readouterr().err
    assert "out.tif" not in names(here)
