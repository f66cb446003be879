"""The plots of a report, as SVG to be put into a page: text and axes take the colour of the page's text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
"""Okabe and Ito's colours, which the colour-blind tell apart, in an order that suits light and dark pages."""

_INK = "#010203"  # stands for the page's text colour until the SVG is written
_XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink" '  # HTML knows the prefix
_POINTS = "#808080"
_MOST_VECTOR_POINTS = 3000
_BINS = 6


def plot_methods(document: Mapping[str, Any]) -> str:
    """Hole PSNR by method and family as an SVG element: a bar for the mean, a point for each photograph."""
    families = document["protocol"]["masks"]["families"]
    methods = list(document["results"])
    figure, axes = _figure("hole PSNR in dB, higher is better")
    width = 0.8 / len(methods)
    dense = _many(document)
    for number, method in enumerate(methods):
        centres = np.arange(len(families)) + (number - (len(methods) - 1) / 2) * width
        means = [_number(document["results"][method][family]["psnr_hole"]) for family in families]
        axes.bar(centres, means, 0.92 * width, color=_colour(number), alpha=0.75, label=_plain(method))
        for centre, family in zip(centres, families, strict=True):
            values = [_number(image["results"][method][family]["psnr_hole"]) for image in document["images"]]
            spread = np.linspace(-0.3, 0.3, len(values)) * width if len(values) > 1 else np.zeros(1)
            axes.scatter(centre + spread, values, s=8, color=_POINTS, zorder=3, linewidths=0, rasterized=dense)
    axes.set_xticks(range(len(families)), [_plain(family) for family in families])
    axes.tick_params(axis="x", length=0)
    _legend(figure, len(methods))
    return _svg(figure, "hole PSNR by method and family of masks")


def plot_hole_ratio(document: Mapping[str, Any]) -> str:
    """Hole PSNR against hole ratio, all families, as an SVG element: a point for each mask, a line of means.

    The line joins the means of up to six groups of equally many masks, by rising hole ratio.
    """
    figure, axes = _figure("hole PSNR in dB, higher is better")
    cases = [case for image in document["images"] for case in image["cases"]]
    ratios = np.array([100 * case["hole_ratio"] for case in cases])
    groups = np.array_split(np.argsort(ratios, kind="stable"), min(_BINS, len(cases)))
    for number, method in enumerate(document["results"]):
        values = np.array([_number(case["psnr_hole"][method]) for case in cases])
        colour = _colour(number)
        axes.scatter(ratios, values, s=10, color=colour, alpha=0.4, linewidths=0, rasterized=_many(document))
        means = [(ratios[group].mean(), values[group].mean()) for group in groups]
        axes.plot(*zip(*means, strict=True), color=colour, marker="o", markersize=4, label=_plain(method))
    axes.set_xlabel("hole, % of the pixels", color=_INK)
    _legend(figure, len(document["results"]))
    return _svg(figure, "hole PSNR against hole ratio")


def _figure(label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_ylabel(label, color=_INK)
    axes.tick_params(color=_INK, labelcolor=_INK)
    axes.grid(axis="y", color=_INK, alpha=0.15, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(_INK)
    return figure, axes


def _legend(figure: Figure, entries: int) -> None:
    figure.legend(loc="outside lower center", ncols=min(entries, 3), frameon=False, fontsize="small", labelcolor=_INK)


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
