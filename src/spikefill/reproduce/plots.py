"""The plots of experiments: colours that the colour-blind tell apart, and marks, dashes and hatches for grey print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from spikefill.evaluation.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spikefill.evaluation.baselines import Image

_MARKERS = "osD^vPX<>*"
_DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
_HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "++", "--", "**", "OO")
_WIDTH = 7.2

Points = Mapping[float, float | None]
"""Heights by place; None is left out."""


def axes_of(x_label: str, y_label: str, *, height: float = 4.2) -> tuple[Figure, Axes]:
    """An empty figure in the style of all of them."""
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.2)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def style(number: int) -> dict[str, Any]:
    """Colour, mark and dash of line number ``number``."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _DASHES[number % len(_DASHES)],
        "markersize": 5,
    }


def lines(
    series: Mapping[str, Points],
    x_label: str,
    y_label: str,
    *,
    bounds: Mapping[str, Mapping[float, tuple[float, float]]] | None = None,
    doubling: bool = False,
) -> Figure:
    """A line for each of several series.

    Args:
        series: By name, heights by place.
        x_label: Below the axis.
        y_label: Beside the axis.
        bounds: By name and place, the ends of an interval.
        doubling: Places grow by powers of two: they are drawn evenly spaced, and named.
    """
    figure, axes = axes_of(x_label, y_label)
    for number, (name, points) in enumerate(series.items()):
        drawn = {place: height for place, height in sorted(points.items()) if height is not None}
        axes.plot(list(drawn), list(drawn.values()), label=name, **style(number))
        for place, (low, high) in (bounds or {}).get(name, {}).items():
            width = max(1.0, 3.5 - 1.5 * number)  # of several at one place the later is seen before the earlier
            axes.plot([place, place], [low, high], color=COLOURS[number % len(COLOURS)], linewidth=width, alpha=0.6)
    if doubling:
        ticks = sorted({place for points in series.values() for place in points})
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
    legend(figure, len(series))
    return figure


def bars(
    groups: Sequence[str],
    heights: Mapping[str, Sequence[float | None]],
    y_label: str,
    *,
    bounds: Mapping[str, Sequence[tuple[float, float] | None]] | None = None,
) -> Figure:
    """Groups of bars.

    Args:
        groups: The names below the axis.
        heights: By name, a bar in each group.
        y_label: Beside the axis.
        bounds: By name, the interval of each bar.
    """
    figure, axes = axes_of("", y_label)
    width = 0.8 / len(heights)
    for number, (name, values) in enumerate(heights.items()):
        places = np.arange(len(groups)) + (number - (len(heights) - 1) / 2) * width
        axes.bar(
            places, [np.nan if value is None else value for value in values], 0.92 * width, label=name,
            color=COLOURS[number % len(COLOURS)], hatch=_HATCHES[number % len(_HATCHES)], edgecolor="white",
        )  # fmt: skip
        for place, bound in zip(places, (bounds or {}).get(name, ()), strict=False):
            if bound is not None:
                axes.plot([place, place], bound, color="black", linewidth=1)
    axes.set_xticks(range(len(groups)), groups)
    axes.tick_params(axis="x", length=0)
    legend(figure, len(heights))
    return figure


def panels(rows: Sequence[Mapping[str, Image]]) -> Figure:
    """Pictures side by side, a heading over each column.

    Args:
        rows: Of each row its pictures, (H, W, 3) uint8, by heading; the same headings in all.
    """
    headings = list(rows[0])
    figure = Figure(figsize=(2.0 * len(headings), 2.0 * len(rows) + 0.3), layout="constrained")
    grid = figure.subplots(len(rows), len(headings), squeeze=False)
    for number, row in enumerate(rows):
        for axes, heading in zip(grid[number], headings, strict=True):
            axes.imshow(row[heading], interpolation="nearest")
            axes.set_axis_off()
            if number == 0:
                axes.set_title(heading, fontsize="small")
    return figure


def legend(figure: Figure, count: int) -> None:
    """The names of all lines below the plot, where there are several."""
    if count > 1:
        figure.legend(loc="outside lower center", ncols=min(count, 3), frameon=False, fontsize="small")
