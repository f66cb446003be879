"""The sums of the ledger, by hand: two layers of which everything is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spikefill import InputError, data
from spikefill.energy import (
    Analog,
    Convolution,
    Costs,
    Neurons,
    Operations,
    break_even,
    count,
    designs,
    measure,
    relu_twin,
    tables,
    weighted_rate,
    write_report,
)
from spikefill.energy.plots import PLOTS
from spikefill.models import SCNN, Hybrid, PartialConvUNet, SpikingUNet, read

COSTS = Costs("simple", "", {"float32": 10.0, "int8": 2.0}, {"float32": 3.0, "int8": 1.0}, {"near": 0.5, "far": 4.0})
# Two pictures: an image of 8 values to 4 currents, four neurons with T = 8, their 6 spikes to 3 outputs.
ENTRY = Convolution("entry", 0, None, 100, 90, 0, 100, 0, 20, 16, 8, 0)
NEURONS = Neurons("fired", 0, 8, 8, 6, 5, 8, 4.0, 2.0, 4.0, 4.0, 0, 128)
EXIT = Convolution("exit", 0, "fired", 40, 25, 30, 40, 30, 10, 8, 6, 6)
NORM = Analog("fired", 0, "normalisation", 12)
NETWORK = Operations((ENTRY, EXIT), (NEURONS,), (NORM,), pictures=2)
TWIN = Operations((ENTRY, replace(EXIT, active=32, accumulates=0, fed_by=None)), (), (NORM,), pictures=2)


def test_designs_by_hand() -> None:
    """Totals of the two pictures in the comments; a picture has half of them."""
    works = designs(NETWORK, TWIN)
    spiking = works["spiking, float32"]
    assert spiking.multiply_accumulates == (100 + 12) / 2  # the entry and the normalisation
    assert spiking.accumulates == (30 + 6 + 128) / 2  # spikes, biases, updates
    # Weights once; 16 inputs of 4 bytes, 8 of 8 bits, 14 outputs of 4 bytes; currents in, 64 bits out.
    assert spiking.traffic["reused"].weights == 4 * 30 / 2
    assert spiking.traffic["reused"].state == (64 + 8 + 56 + 32 + 8) / 2
    # A weight for each of 100 products and 30 accumulates; 100 inputs, 8 outputs, 30 currents there and back, spikes;
    # 64 updates with a current, and a membrane there and back.
    assert spiking.traffic["fetched"].weights == 4 * 130 / 2
    assert spiking.traffic["fetched"].state == (400 + 32 + 240 + 8 + 768 + 8) / 2

    twin = works["ReLU twin, int8"]
    assert twin.multiply_accumulates == (100 + 40 + 12) / 2
    assert twin.accumulates == (6 + 8) / 2
    assert twin.traffic["reused"].weights == 30 / 2
    assert twin.traffic["reused"].state == (16 + 8 + 56 + 8 * 5) / 2
    assert twin.traffic["fetched"].weights == 140 / 2
    assert twin.traffic["fetched"].state == (140 + 56 + 40) / 2

    assert works["ReLU twin, int8, zeros skipped"].multiply_accumulates == (90 + 32 + 12) / 2
    assert works["quantised twin, int8"].multiply_accumulates == (100 + 40 + 12 + 8) / 2
    assert works["quantised twin, int8, zeros skipped"].multiply_accumulates == (90 + 25 + 12 + 8) / 2
    assert works["quantised twin, int8, zeros skipped"].traffic["fetched"].weights == 115 / 2


def test_what_was_not_counted_of_the_twin_is_the_networks() -> None:
    """The twin of the paper's network convolves the image without calling the layer."""
    pictures = torch.rand(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    network = SCNN(width=4).eval()
    twin = count(relu_twin(network), *pictures, layers=[])
    ours = count(network, *pictures)
    assert len(twin.convolutions) == len(ours.convolutions) - 1
    products = sum(layer.synapses for layer in ours.convolutions)
    assert designs(ours, twin)["ReLU twin, float32"].multiply_accumulates == products


def test_energies_are_counts_times_costs() -> None:
    spiking = designs(NETWORK, TWIN)["spiking, float32"]
    assert spiking.arithmetic(COSTS) == pytest.approx((56 * 10 + 82 * 3) / 1e6)
    assert spiking.energy(COSTS, "reused", 0.5) == pytest.approx((806 + 0.5 * (60 + 84)) / 1e6)
    found = spiking.as_json(COSTS)["estimated_uJ"]
    assert found["with_memory"]["far"]["fetched"] == pytest.approx((806 + 4 * (260 + 728)) / 1e6)
    assert list(found["with_memory"]) == ["near", "far"]


def test_the_rate_is_weighted_by_synapses() -> None:
    assert weighted_rate(NETWORK) == pytest.approx(30 / (40 * 8))
    assert weighted_rate(Operations((ENTRY,), (), (), 1)) == 0


def test_at_the_break_even_rate_both_cost_the_same() -> None:
    """With so many accumulates as that rate has, the network costs what the twin does."""
    works = designs(NETWORK, TWIN)
    rows = break_even(NETWORK, works, COSTS)
    assert len(rows) == 6 * 3
    for row in rows:
        rate, twin = row["estimated_rate"], works[row["twin"]]
        cost = {"none": 0.0, **COSTS.memory}[row["memory"]]
        accumulates = rate * 40 * 8
        changed = replace(NETWORK, convolutions=(ENTRY, replace(EXIT, accumulates=accumulates)))
        there = designs(changed, TWIN)[f"spiking, {twin.precision}"]
        assert there.energy(COSTS, "fetched", cost) == pytest.approx(twin.energy(COSTS, "fetched", cost))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    photographs = data.open_photographs("embedded", part="val")
    return measure(read("hybrid-small"), photographs, name="hybrid", size=32, families=("thick",), limit=1, costs=COSTS)


def test_the_document_holds_together(document: dict[str, Any]) -> None:
    json.dumps(document, allow_nan=False)
    fed = [layer for layer in document["layers"] if layer["fed_by"]]
    spiking, twin = document["designs"]["spiking, float32"], document["designs"]["ReLU twin, float32"]
    assert spiking["accumulates"] == pytest.approx(
        sum(layer["accumulates"] for layer in fed) + sum(n["adds"] for n in document["neurons"])
    )
    assert twin["multiply_accumulates"] == pytest.approx(
        sum(layer["synapses"] for layer in document["layers"])
        + sum(layer["multiply_accumulates"] for layer in document["analog"])
    )
    for flow in ("reused", "fetched"):
        for kind in ("weights", "state"):
            parts = [*document["layers"], *document["neurons"]]
            total = sum(part["traffic_bytes"][flow][kind] for part in parts)
            assert spiking["traffic_bytes"][flow][kind] == pytest.approx(total)
    for layer in document["neurons"]:
        assert 0 <= layer["rate"] <= 1
        assert layer["updates"] == 8 * layer["neurons"]
    assert document["measured"]["network"]["cpu_seconds"] > 0
    assert set(document["measured"]) == {"network", "ReLU twin", "network, only what the holes need"}


def test_every_energy_is_called_estimated(document: dict[str, Any]) -> None:
    for table in tables(document):
        for heading, cells in zip(table.headings, zip(*table.rows, strict=True), strict=True):
            assert all(isinstance(cell, str) for cell in cells)
            if any(word in heading for word in ("arithmetic", "near", "far")):
                assert "estimated" in heading.lower() or "stimated" in table.title
    keys = {key for design in document["designs"].values() for key in design}
    assert {key for key in keys if "uJ" in key} == {"estimated_uJ"}


def test_the_report_is_written_once(document: dict[str, Any], tmp_path: Path) -> None:
    page = write_report(document, tmp_path / "report")
    assert {path.name for path in page.parent.iterdir()} == {"energy.md", *PLOTS}
    text = page.read_text(encoding="utf-8")
    assert text.count("stimated") >= 6
    assert all(f"]({name})" in text for name in PLOTS)
    before = page.read_bytes()
    with pytest.raises(InputError, match="exists"):
        write_report(document, tmp_path / "report")
    assert page.read_bytes() == before


def test_networks_and_twins_that_do_not_fit(document: dict[str, Any]) -> None:
    photographs = data.open_photographs("embedded", part="val")
    with pytest.raises(InputError, match="without spiking neurons"):
        measure(PartialConvUNet(), photographs)
    with pytest.raises(InputError, match="SpikingUNet without a ReLU twin"):
        measure(SpikingUNet(), photographs)
    with pytest.raises(InputError, match="without ReLU for its neurons"):
        measure(Hybrid(), photographs, twin=Hybrid())
    with pytest.raises(InputError, match="other convolutions"):
        measure(Hybrid(), photographs, twin=Hybrid(size="base", activation="relu"))
    with pytest.raises(InputError, match="none of 2 could be used"):
        measure(Hybrid(), photographs, size=5000)
