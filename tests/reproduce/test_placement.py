from __future__ import annotations

from .conftest import Quick, rows


def test_neurons_are_in_the_parts_that_are_named(quick: Quick) -> None:
    document, _ = quick("placement")
    table = rows(document, "placement")
    spiking = {name: row["layers that spike"] for name, row in table.items()}
    # Of a core with blocks (a, b, c): 2 a + 1 before the middle, 2 c + 2 after it; with the middle 2 (a + b + c) + 5.
    assert spiking == {"all": 7 + 13, "encoder": 1 + 3, "decoder": 2 + 4, "nothing (ReLU)": 0}
    assert len({row["hole PSNR, dB"] for row in table.values()}) == 4
    assert table["nothing (ReLU)"]["minus nothing (ReLU)"] is None


def test_the_answer_has_each_difference(quick: Quick) -> None:
    document, _ = quick("placement")
    (answer,) = document["answers"]
    table = rows(document, "placement")
    for name in ("all", "encoder", "decoder"):
        assert f"{name} {table[name]['minus nothing (ReLU)']:+.2f} dB" in answer["sentence"]
