from __future__ import annotations

from pathlib import Path

from spikefill.reproduce import Done
from spikefill.reproduce.experiments.leakage import EXPERIMENT

from .conftest import Quick, rows


def test_no_bit_depends_on_what_lies_under_the_mask(quick: Quick) -> None:
    document, folder = quick("leakage")
    table = rows(document, "leakage")
    assert set(table) == {"trained here", "scnn", "mean", "telea"}
    for row in table.values():
        assert row["masks"] == 6
        assert row["restored again"] == 3 * 6  # white, black, one noise
        assert row["differ in a bit"] == row["largest difference, levels"] == 0
    for network in ("trained here", "scnn"):  # handed what lies there, they look at it
        assert table[network]["masks where it would show"] == 6
    assert table["telea"]["masks where it would show"] is None
    (answer,) = document["answers"]
    assert answer["objection"] == 8
    assert answer["sentence"].startswith("0 of 72 results of 4 methods differ")
    assert "0 of 72 results" in (folder / "index.md").read_text("utf-8")


def test_a_leak_would_have_been_seen_only_if_each_network_shows_one() -> None:
    counted = {"cases": 2, "results": 6, "differ": 0, "largest": 0}
    for controls, seen in (((1, 2), True), ((0, 2), False)):
        done = {
            name: Done({**counted, "control": control}, Path(), {})
            for name, control in zip(("trained here", "scnn"), controls, strict=True)
        }
        done["mean"] = Done(dict(counted), Path(), {})
        (answer,) = EXPERIMENT.findings(EXPERIMENT.quick, done).answers
        assert ("would have been seen" in answer.sentence) is seen
        assert answer.sentence.endswith("; of the baselines that was not tried.")
