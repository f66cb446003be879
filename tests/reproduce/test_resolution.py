from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from spikefill.data import open_photographs
from spikefill.reproduce.experiments.reduced import enlarged, large_enough

from .conftest import Quick, rows


def test_each_training_restores_each_size_and_missing_sizes_are_said(quick: Quick) -> None:
    document, _ = quick("resolution")
    table = rows(document, "resolution")
    assert list(table) == ["48", "96"]  # the embedded validation photographs are smaller than 512 px
    assert all(row["photographs"] == 2 for row in table.values())
    for row in table.values():
        assert row["pull-push"] > row["trained at 32 px"] > 5
        assert row["trained at 48 px"] != row["trained at 32 px"]
    assert any("saw 44% of the other's pixels" in note for note in document["notes"])
    assert "No validation photograph is as large as 512 px." in document["notes"]
    assert len([note for note in document["notes"] if "trained at 48 px minus trained at 32 px" in note]) == 2


def test_the_same_photographs_at_each_size_without_damaged_ones(tmp_path: Path) -> None:
    for name, side in (("a", 64), ("c", 100), ("d", 200)):
        Image.new("RGB", (side, 2 * side), "red").save(tmp_path / f"{name}.png")
    whole = (tmp_path / "d.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    photographs = open_photographs(tmp_path)
    numbers, largest = large_enough(photographs, (48, 96, 512))
    assert [photographs.names[number] for number in numbers] == ["c.png", "d.png"]
    assert largest == 96
    assert large_enough(photographs, (512,)) == ([], 0)


def test_a_mask_keeps_its_holes_as_it_grows() -> None:
    mask = np.array([[True, False], [False, False]])
    assert enlarged(mask, 4).tolist() == [[True, True, False, False]] * 2 + [[False] * 4] * 2


def test_holes_are_as_large_at_each_size(quick: Quick) -> None:
    trials = quick("resolution")[0]["trials"]
    small, large = (trials[f"pull-push, restoring {size} px"]["result"]["images"] for size in (48, 96))
    assert [image["name"] for image in small] == [image["name"] for image in large]
    for one, other in zip(small, large, strict=True):
        for family, figures in one["results"].items():
            assert other["results"][family]["hole_ratio"] == figures["hole_ratio"] > 0
