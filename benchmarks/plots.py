"""The plots of the benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.results import Result, digits

Names = Mapping[str, float]


def draw(results: Mapping[str, Result], folder: Path) -> None:
    """Draws what there are results for, as ``bench-*.png``."""
    for name, plot in _PLOTS.items():
        if name not in results:
            continue
        figure = Figure(figsize=(7, 3.4), layout="constrained")
        axes = figure.subplots()
        plot(axes, results[name])
        axes.grid(axis="both" if name in ("steps", "large", "sequences") else "x", alpha=0.3)
        axes.set_axisbelow(True)
        if name not in ("network", "large"):
            axes.legend(fontsize="small")
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / file_name(name), dpi=110)


def file_name(name: str) -> str:
    """The file of a question's plot."""
    return f"bench-{name}.png"


def _neuron(axes: Axes, result: Result) -> None:
    _bars(axes, {"forward": result.data["forward"], "forward and backward": result.data["both"]})
    axes.set_xscale("log")
    axes.set_xlabel("ms, logarithmic")


def _steps(axes: Axes, result: Result) -> None:
    for name, points in result.data["nanoseconds"].items():
        steps = [int(step) for step in points]
        axes.plot(steps, list(points.values()), "-" if name.startswith("Spikefill") else "--", marker="o", label=name)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set(xlabel="T, steps", ylabel="ns a neuron, forward")
    axes.xaxis.set_major_formatter("{x:.0f}")


def _memory(axes: Axes, result: Result) -> None:
    _bars(axes, result.data["megabytes"])
    axes.set_xscale("log")
    axes.set_xlabel("peak of a training step, MB, logarithmic")


def _network(axes: Axes, result: Result) -> None:
    _bars(axes, {"": result.data["milliseconds"]})
    axes.set_xlabel("ms a training step")


def _large(axes: Axes, result: Result) -> None:
    points = {100 * float(share): seconds for share, seconds in result.data["seconds"].items()}
    axes.plot(list(points), list(points.values()), marker="o")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set(xlabel="share of the holes, %", ylabel="s")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")


def _sequences(axes: Axes, result: Result) -> None:
    scenes = list(result.data["scenes"].values())
    for name in scenes[0]:
        steps = list(scenes[0][name])
        if len(steps) > 1:
            means = [np.mean([scene[name][step][0] for scene in scenes]) for step in steps]
            axes.plot(
                [int(step) for step in steps], means, "--" if "mean over time" in name else "-", marker="o", label=name
            )
    axes.set_xscale("log", base=2)
    axes.set(xlabel="T, steps a frame", ylabel="PSNR over the hole, dB")
    axes.xaxis.set_major_formatter("{x:.0f}")


_PLOTS = {
    "neuron": _neuron,
    "steps": _steps,
    "memory": _memory,
    "network": _network,
    "large": _large,
    "sequences": _sequences,
}


def _bars(axes: Axes, groups: Mapping[str, Names]) -> None:
    """Horizontal bars: a row for each name, a colour for each group, the value behind each bar."""
    names = list(dict.fromkeys(name for values in groups.values() for name in values))
    height = 0.8 / len(groups)
    for number, (label, values) in enumerate(groups.items()):
        rows = np.array([names.index(name) for name in values])
        bars = axes.barh(rows + (number - (len(groups) - 1) / 2) * height, list(values.values()), height, label=label)
        axes.bar_label(bars, fmt=digits, padding=2, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.invert_yaxis()
    axes.margins(x=0.15)
