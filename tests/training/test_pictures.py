from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from spikefill.training.pictures import read_logs, sample_sheet, write_curves, write_picture


def _csv(folder: Path, version: int, text: str) -> None:
    file = folder / "csv" / f"version_{version}" / "metrics.csv"
    file.parent.mkdir(parents=True)
    file.write_text(text)


def test_a_resumed_run_replaces_what_the_interruption_undid(tmp_path: Path) -> None:
    _csv(tmp_path, 0, "loss/train_step,loss/val,step\n,9.0,0\n8.0,,1\n7.0,,2\n6.0,,3\n")
    _csv(tmp_path, 1, "loss/train_step,loss/val,step\n5.0,,2\n,4.0,2\n")
    _csv(tmp_path, 10, "loss/train_step,step\n3.0,3\n")
    _csv(tmp_path, 2, "")
    assert read_logs(tmp_path) == {"loss/train_step": {1: 8.0, 2: 5.0, 3: 3.0}, "loss/val": {0: 9.0, 2: 4.0}}


def test_the_sheet_has_a_row_a_sample_and_keeps_known_pixels() -> None:
    mask = torch.zeros(2, 1, 8, 10)
    mask[:, :, :, 5:] = 1
    target = torch.full((2, 3, 8, 10), 0.2)
    samples = {"masked": target * (1 - mask), "mask": mask, "target": target}
    sheet = sample_sheet(samples, torch.full((2, 3, 8, 10), 1.7))
    assert sheet.shape == (16 + 8 + 4 + 8, 4 * 10 + 3 * 4, 3)
    for top in (16, 16 + 8 + 4):
        columns = [sheet[top : top + 8, left : left + 10] for left in (0, 14, 28, 42)]
        for column, (known, hole) in zip(columns, ((51, 0), (0, 255), (51, 255), (51, 51)), strict=True):
            assert (column[:, :5] == known).all()
            assert (column[:, 5:] == hole).all()


def test_the_sheet_of_noisy_samples_has_no_masks_and_shows_what_is_restored() -> None:
    target = torch.full((1, 3, 8, 10), 0.2)
    samples = {"masked": target - 0.4, "mask": torch.ones(1, 1, 8, 10), "target": target}
    sheet = sample_sheet(samples, torch.full((1, 3, 8, 10), 0.4), noise=True)
    assert sheet.shape == (16 + 8, 3 * 10 + 2 * 4, 3)
    columns = [sheet[16:, left : left + 10] for left in (0, 14, 28)]
    assert all((column == level).all() for column, level in zip(columns, (0, 102, 51), strict=True))


def test_curves_and_pictures_are_images_and_replace_older_ones(tmp_path: Path) -> None:
    curves = tmp_path / "losses.png"
    write_curves(curves, {})
    empty = curves.read_bytes()
    write_curves(curves, {"loss/val": {0: 1.0, 10: 0.1}, "loss/train_step": {1: 0.0, 2: 0.5}})
    assert curves.read_bytes() != empty
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_picture(tmp_path / "new" / "one.png", picture)
    write_picture(tmp_path / "new" / "one.png", picture)
    assert (np.asarray(Image.open(tmp_path / "new" / "one.png")) == picture).all()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["one.png"]
