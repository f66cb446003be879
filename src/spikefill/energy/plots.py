"""The plots of a ledger as PNG: estimated energies, how they depend on the cost of memory, and rates by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikefill.energy.tables import layer_rates
from spikefill.evaluation.plots import COLOURS

_SPIKING, _TWIN, _QUANTISED = COLOURS[0], COLOURS[1], COLOURS[2]
_FAINT = "#808080"


def plot_designs(document: Mapping[str, Any]) -> Figure:
    """Of each design, the arithmetic's estimated energy and the bands that memory adds, on a logarithmic axis."""
    designs = document["designs"]
    memories = list(document["protocol"]["costs"]["memory"])[:3]
    figure = Figure(figsize=(7.6, 0.55 * len(designs) + 1.3), layout="constrained")
    axes = figure.subplots()
    for row, (name, design) in enumerate(designs.items()):
        colour = _colour(name)
        estimated = design["estimated_uJ"]
        for number, kind in enumerate(memories):
            band = estimated["with_memory"][kind]
            place = row + 0.24 * (number - (len(memories) - 1) / 2)
            low, high = sorted((band["reused"], band["fetched"]))
            axes.barh(place, high - low, 0.2, low, color=colour, alpha=0.75 - 0.2 * number)
        axes.plot([estimated["arithmetic"]] * 2, [row - 0.4, row + 0.4], color=colour, linewidth=2.5)
    axes.set_yticks(range(len(designs)), list(designs))
    axes.invert_yaxis()
    if all(design["estimated_uJ"]["arithmetic"] > 0 for design in designs.values()):
        axes.set_xscale("log")
    axes.set_xlabel("estimated energy of a picture, µJ")
    title = f"Line: arithmetic alone. Bars: with {', '.join(memories)}, from operands reused to fetched each time"
    figure.suptitle(title, x=0.01, ha="left", fontsize="small")
    _plain(axes)
    return figure


def plot_memory(document: Mapping[str, Any]) -> Figure:
    """The network's estimated energy over that of its twins, as a byte grows dearer: a band for each twin."""
    designs, memory = document["designs"], document["protocol"]["costs"]["memory"]
    costs = np.geomspace(0.01, 1.5 * max([1, *memory.values()]), 200)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    pairs = (
        ("spiking, float32", "ReLU twin, float32", COLOURS[0]),
        ("spiking, int8", "ReLU twin, int8", COLOURS[1]),
        ("spiking, int8", "quantised twin, int8, zeros skipped", COLOURS[2]),
    )
    for mine, twin, colour in pairs:
        reused, fetched = (_energy(designs[mine], flow)(costs) / _energy(designs[twin], flow)(costs) for flow in _FLOWS)
        axes.fill_between(costs, reused, fetched, color=colour, alpha=0.25, linewidth=0)
        axes.plot(costs, reused, color=colour, label=f"{mine} / {twin}")
        axes.plot(costs, fetched, color=colour, linestyle="--")
    axes.axhline(1, color=_FAINT, linewidth=1)
    for kind, cost in memory.items():
        if cost < costs[0]:
            continue
        axes.axvline(cost, color=_FAINT, linewidth=0.6, linestyle=":")
        axes.annotate(
            kind, (cost, 1), xycoords=("data", "axes fraction"), rotation=90, va="top", ha="right", color=_FAINT,
            fontsize="small",
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(costs[0], costs[-1]))
    axes.set_xlabel("cost of a byte of memory, pJ; solid: operands reused, dashed: fetched each time")
    axes.set_ylabel("estimated energy, spiking / twin")
    figure.legend(loc="outside upper left", frameon=False, fontsize="small")
    _plain(axes)
    return figure


def plot_rates(document: Mapping[str, Any]) -> Figure:
    """The rate of each layer of neurons in holes and outside of them, all levels together."""
    rates = layer_rates(document)
    figure = Figure(figsize=(7.2, 0.21 * len(rates) + 1.4), layout="constrained")
    axes = figure.subplots()
    for number, (label, colour) in enumerate((("in holes", COLOURS[0]), ("outside", COLOURS[1]))):
        values = [np.nan if (rate := pair[number]) is None else rate for pair in rates.values()]
        axes.plot(values, range(len(rates)), "o", color=colour, label=label, markersize=5)
    axes.set_yticks(range(len(rates)), list(rates), fontsize="small")
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("rate: spikes of a neuron in a step")
    axes.legend(frameon=False, fontsize="small")
    _plain(axes)
    return figure


_FLOWS = ("reused", "fetched")


def _energy(design: Mapping[str, Any], flow: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Estimated energy in µJ by the cost of a byte."""
    bytes_ = sum(design["traffic_bytes"][flow].values())
    arithmetic = design["estimated_uJ"]["arithmetic"]
    return lambda cost: arithmetic + bytes_ * cost / 1e6


def _colour(name: str) -> str:
    return _SPIKING if name.startswith("spiking") else _QUANTISED if name.startswith("quantised") else _TWIN


def _plain(axes: Any) -> None:
    axes.grid(alpha=0.2)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


PLOTS: Mapping[str, Callable[[Mapping[str, Any]], Figure]] = {
    "designs.png": plot_designs,
    "memory.png": plot_memory,
    "rates.png": plot_rates,
}
"""By the name of the file that a report has."""
