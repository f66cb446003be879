from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from spikefill.data import open_photographs
from spikefill.reproduce import Context, networks
from spikefill.reproduce.cases import MaskedCase, cases
from spikefill.reproduce.experiments.streaming_costs import count_costs
from spikefill.reproduce.measuring import TOY_MEASURING

from .conftest import Quick, rows

WAYS = ("rates", "streaming, step", "streaming, running")


def test_streaming_takes_fewer_time_steps_and_more_products(quick: Quick) -> None:
    """Of 48 px there are four levels, two of 5 layers of neurons and two of 11."""
    document, _ = quick("streaming")
    table = rows(document, "streaming")
    assert list(table) == [f"{way}, T = {steps}" for way in WAYS for steps in (2, 4)]
    for steps in (2, 4):
        rates, *streaming = (table[f"{way}, T = {steps}"] for way in WAYS)
        assert rates["time steps a picture"] == (2 * 5 + 2 * 11) * steps
        for row in streaming:
            assert row["time steps a picture"] == 4 * steps
            products = "multiply-accumulates, million"
            assert row[products] > rates[products]
            assert row["accumulates, million"] == pytest.approx(rates["accumulates, million"], rel=0.3)


def test_operations_are_counted_of_several_photographs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    photographs = open_photographs("embedded")
    context = Context(("embedded",), "embedded", photographs, photographs, "cpu", tmp_path)
    settings = TOY_MEASURING.model_copy(update={"families": ("thin", "thick"), "repeats": 5})
    seen = []

    def as_seen(given: Context, asked: Mapping[str, Any], description: str) -> Iterator[MaskedCase]:
        for case in cases(given, asked, description):
            seen.append((case.name, case.family))
            yield case

    monkeypatch.setattr("spikefill.reproduce.experiments.streaming_costs.cases", as_seen)
    network = networks.released("hybrid-small")
    on = settings.model_dump(mode="json")
    count_costs(context, network=network, changes={"steps": 2, "streaming": None}, settings=on, pictures=2)
    assert seen == [(name, family) for name in photographs.names[:2] for family in ("thin", "thick")]


def test_the_ways_differ_and_so_does_what_is_tuned(quick: Quick) -> None:
    document, _ = quick("streaming")
    table = rows(document, "streaming")
    for figure in ("as trained, dB", "tuned, dB"):
        assert len({row[figure] for row in table.values()}) == len(table)
    for name, row in table.items():
        assert row["tuned, dB"] != row["as trained, dB"]
        if not name.startswith("rates"):
            against = table[f"rates, T = {name[-1]}"]
            assert row["tuned minus rates"] == pytest.approx(row["tuned, dB"] - against["tuned, dB"], abs=1e-9)


def test_the_network_of_the_package_gains_by_more_steps_and_loses_beside_rates(quick: Quick) -> None:
    table = rows(quick("streaming")[0], "hybrid-small")
    assert table["rates, T = 4"]["minus rates"] is None
    for way in WAYS[1:]:
        assert table[f"{way}, T = 2"]["hole PSNR, dB"] < table[f"{way}, T = 4"]["hole PSNR, dB"]
        assert table[f"{way}, T = 2"]["minus rates"] < 0 > table[f"{way}, T = 4"]["minus rates"]
        assert table[f"{way}, T = 4"]["hole PSNR, dB"] > 20


def test_the_answers_speak_of_the_most_steps(quick: Quick) -> None:
    document, _ = quick("streaming")
    quality, costs = (answer["sentence"] for answer in document["answers"])
    table = rows(document, "streaming")
    assert quality.startswith("With T = 4")
    for way in WAYS[1:]:
        row = table[f"{way}, T = 4"]
        assert f"{row['tuned minus rates']:+.2f} dB" in quality
        assert "sure" not in quality  # one training and tuning
        products = "multiply-accumulates, million"
        assert f"{row[products] / table['rates, T = 4'][products]:.2f} times the multiply-accumulates" in costs
