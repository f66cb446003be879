from __future__ import annotations

from spikefill.data import open_photographs
from spikefill.reproduce.experiments.resolution import Reduced

from .conftest import Quick, rows


def test_each_training_restores_each_size_and_missing_sizes_are_said(quick: Quick) -> None:
    document, _ = quick("resolution")
    table = rows(document, "resolution")
    assert list(table) == ["48", "96"]  # the embedded validation photographs are smaller than 512 px
    assert all(row["photographs"] == 2 for row in table.values())
    for row in table.values():
        assert row["pull-push"] > row["trained at 32 px"] > 5
        assert row["trained at 48 px"] != row["trained at 32 px"]
    assert "No validation photograph is as large as 512 px." in document["notes"]
    assert len([note for note in document["notes"] if "trained at 48 px minus trained at 32 px" in note]) == 2


def test_the_same_pictures_reduced() -> None:
    photographs = open_photographs("embedded", part="val")
    sides = [min(image.shape[:2]) for image in photographs]
    for side in (64, min(sides) + 1):
        reduced = Reduced(photographs, side)
        assert len(reduced) == sum(one >= side for one in sides) == len(reduced.names)
        assert all(min(image.shape[:2]) == side for image in reduced)
    assert reduced.names == [photographs.names[sides.index(max(sides))]]
