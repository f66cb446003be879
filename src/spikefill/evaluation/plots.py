"""The plots of a report, as SVG to be put into a page: text and axes take the colour of the page's text."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from spikefill.evaluation.damages import damage_of, degradation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

COLOURS = (
    "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f", "#a6761d", "#bcbd22",
)  # fmt: skip
"""Okabe and Ito's colours, which the colour-blind tell apart, then others, in an order for light and dark pages."""

_INK = "#010203"  # stands for the page's text colour until the SVG is written
_XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink" '  # HTML knows the prefix
_POINTS = "#808080"
_MOST_VECTOR_POINTS = 3000
_LONGEST_IN_THREE_COLUMNS = 16


def plot_methods(document: Mapping[str, Any]) -> str:
    """(Hole) PSNR by method and family as an SVG element: a bar for the mean, its interval, a point a photograph."""
    damage = damage_of(document)
    families, key = damage.conditions, damage.figure
    noisy = degradation_of(document).is_noise
    name = "PSNR" if noisy else "hole PSNR"
    methods = list(document["results"])
    figure, axes = _figure(f"{name} in dB, higher is better")
    width = 0.8 / len(methods)
    dense = _many(document)
    for number, method in enumerate(methods):
        centres = np.arange(len(families)) + (number - (len(methods) - 1) / 2) * width
        means = [_number(document["results"][method][family][key]) for family in families]
        axes.bar(centres, means, 0.92 * width, color=_colour(number), alpha=0.75, label=_plain(method))
        bounds = [document["intervals"][method][family] for family in families]
        _whiskers(axes, centres, means, bounds)
        for centre, family in zip(centres, families, strict=True):
            values = [_number(image["results"][method][family][key]) for image in document["images"]]
            spread = np.linspace(-0.3, 0.3, len(values)) * width if len(values) > 1 else np.zeros(1)
            axes.scatter(centre + spread, values, s=8, color=_POINTS, zorder=3, linewidths=0, rasterized=dense)
    axes.set_xticks(range(len(families)), [_plain(family) for family in families])
    axes.tick_params(axis="x", length=0)
    _legend(figure, methods)
    return _svg(figure, f"{name} by method and {'noise' if noisy else 'family of masks'}")


def plot_hole_ratio(document: Mapping[str, Any]) -> str:
    """Hole PSNR against hole ratio, all families, as an SVG element: a point for each mask, a line of means.

    The line joins the means of the buckets of the document's ``by_hole_ratio``.
    """
    figure, axes = _figure("hole PSNR in dB, higher is better")
    cases = [case for image in document["images"] for case in image["cases"]]
    ratios = [100 * case["hole_ratio"] for case in cases]
    buckets = [bucket for bucket in document["by_hole_ratio"] if bucket["over"] is not None]
    middles = [100 * bucket["hole_ratio"] for bucket in buckets]
    for number, method in enumerate(document["results"]):
        values = [_number(case["psnr_hole"][method]) for case in cases]
        colour = _colour(number)
        axes.scatter(ratios, values, s=10, color=colour, alpha=0.4, linewidths=0, rasterized=_many(document))
        means = [_number(bucket["psnr_hole"][method]) for bucket in buckets]
        axes.plot(middles, means, color=colour, marker="o", markersize=4, label=_plain(method))
    axes.set_xlabel("hole, % of the pixels", color=_INK)
    _legend(figure, list(document["results"]))
    return _svg(figure, "hole PSNR against hole ratio")


def plot_distance(document: Mapping[str, Any]) -> str:
    """PSNR by distance to the nearest known pixel, all families, as an SVG element: a line for each method."""
    figure, axes = _figure("PSNR in dB, higher is better")
    bands = document["by_distance"]
    for number, method in enumerate(document["results"]):
        values = [_number(band["psnr"][method]) for band in bands]
        axes.plot(range(len(bands)), values, color=_colour(number), marker="o", markersize=4, label=_plain(method))
    axes.set_xticks(range(len(bands)), [_band(band) for band in bands])
    axes.set_xlabel("distance to the nearest known pixel, px", color=_INK)
    _legend(figure, list(document["results"]))
    return _svg(figure, "PSNR by distance to the nearest known pixel")


def _band(band: Mapping[str, Any]) -> str:
    if band["to"] is None:
        return f"{band['from']}+"
    return f"{band['from']}" if band["from"] == band["to"] else f"{band['from']}–{band['to']}"


def _whiskers(axes: Axes, centres: Any, means: list[float], bounds: list[Mapping[str, float | None]]) -> None:
    """Lines from the lower to the upper bound of each mean; none where there are no bounds."""
    below = [mean - _number(bound["low"]) for mean, bound in zip(means, bounds, strict=True)]
    above = [_number(bound["high"]) - mean for mean, bound in zip(means, bounds, strict=True)]
    axes.errorbar(centres, means, yerr=np.maximum([below, above], 0), fmt="none", ecolor=_INK, elinewidth=1, zorder=4)


def _figure(label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_ylabel(label, color=_INK)
    axes.tick_params(color=_INK, labelcolor=_INK)
    axes.grid(axis="y", color=_INK, alpha=0.15, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(_INK)
    return figure, axes


def _legend(figure: Figure, names: list[str]) -> None:
    columns = min(len(names), 2 if max(map(len, names)) > _LONGEST_IN_THREE_COLUMNS else 3)
    figure.set_figheight(3.4 + 0.2 * math.ceil(len(names) / columns))
    figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize="small", labelcolor=_INK)


def _svg(figure: Figure, title: str) -> str:
    """The figure as one SVG element without prologue or metadata; names in it do not clash with another's."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, dpi=150, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg ") :].replace(_INK, "currentColor").replace(_XLINK, "")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _many(document: Mapping[str, Any]) -> bool:
    """Whether points are drawn as one picture inside the SVG, lest the page grow with each of them."""
    points = sum(len(image["cases"]) for image in document["images"]) * len(document["results"])
    return points > _MOST_VECTOR_POINTS


def _number(value: float | None) -> float:
    """A figure for plotting; an infinite one is not drawn."""
    return float("nan") if value is None else value


def _plain(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")
