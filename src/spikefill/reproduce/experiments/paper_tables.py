"""The tables and plots of the experiment ``paper``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefill.reproduce import plots
from spikefill.reproduce.experiments.false_colours import PANELS
from spikefill.reproduce.findings import Table
from spikefill.reproduce.measuring import difference, interval, mean_over_families
from spikefill.reproduce.wording import bounds_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from spikefill.reproduce.trials import Done, Result

PAPER_TRAINING, PAPER_VALIDATION = 0.015, 0.0017
"""The losses that the paper reports."""

NETWORK = "network"
"""What the paper's network is called among the methods."""


def losses(training: Result) -> Table:
    """The losses of both splits, here and in the paper."""
    return Table(
        "losses",
        "Mean squared error over the whole image",
        {"": "", "training": ".5f", "validation": ".5f", "training / validation": ".2f"},
        [
            ("here, both in evaluation mode", training["train"], training["val"], training["train"] / training["val"]),
            ("here, training in training mode", training["running"], None, None),
            (
                "the paper, modes not stated",
                PAPER_TRAINING,
                PAPER_VALIDATION,
                PAPER_TRAINING / PAPER_VALIDATION,
            ),
        ],
    )


def methods(measured: Mapping[str, Result]) -> Table:
    """Every method on the same photographs and masks, and the network's paired difference from it."""
    rows: list[Sequence[Any]] = []
    for name, result in measured.items():
        figures = [mean_over_families(result, figure) for figure in ("mse", "mse_hole", "psnr", "ssim")]
        own = interval(result)
        minus: Mapping[str, float | None] = difference(measured, NETWORK, name) if name != NETWORK else {}
        rows.append((
            name, *figures, own["mean"], own["low"], own["high"], minus.get("mean"), minus.get("low"), minus.get("high")
        ))  # fmt: skip
    return Table(
        "methods",
        "Table 2 on the same photographs and masks",
        {
            "method": "",
            "MSE": ".5f",
            "MSE in the hole": ".5f",
            "PSNR, dB": ".2f",
            "SSIM": ".4f",
            "hole PSNR, dB": ".2f",
            "from": ".2f",
            "to": ".2f",
            "network minus it, dB": "+.2f",
            "at least": "+.2f",
            "at most": "+.2f",
        },
        rows,
    )


def regions(network: Result) -> Table:
    """The network's error over the whole image, known pixels and holes."""
    columns = {"raw_mse": "whole image", "raw_mse_known": "known pixels", "mse_hole": "hole"}
    return Table(
        "regions",
        "The network's mean squared error by region: of its own output, and in the hole of the 8-bit result",
        {"masks": "", "hole ratio": ".3f", **dict.fromkeys(columns.values(), ".5f")},
        [
            (family, figures["hole_ratio"], *(figures[name] for name in columns))
            for family, figures in network["results"].items()
        ],
    )


def colours(colours: Result) -> Table:
    """What becomes of an image in [-1, 1] as bytes and after a ReLU."""
    return Table(
        "colours",
        "An image in [-1, 1] as bytes, and after a final ReLU: mean levels, and pixels of another strongest channel",
        {
            "values of a pixel": "",
            "share of the pixels": ".1%",
            "mean level": ".1f",
            "as bytes": ".1f",
            "after ReLU": ".1f",
            "false colours as bytes": ".1%",
        },
        [
            (kind, row["share"], row["original"], row["wrapped"], row["shut"], row["false"])
            for kind, row in colours["kinds"].items()
        ],
    )


def energies(designs: Mapping[str, Any]) -> Table:
    """What the network and its twins would cost."""
    memories = list(next(iter(designs.values()))["estimated_uJ"]["with_memory"])
    return Table(
        "energy",
        "Estimated energy of a picture in µJ: arithmetic alone, and with memory, operands reused or fetched each time",
        {
            "design": "",
            "MACs": ",.0f",
            "ACs": ",.0f",
            "estimated: arithmetic": ",.1f",
            **{f"estimated: {memory}, {flow}": ",.1f" for memory in memories for flow in ("reused", "fetched")},
        },
        [
            (
                name, work["multiply_accumulates"], work["accumulates"], work["estimated_uJ"]["arithmetic"],
                *(work["estimated_uJ"]["with_memory"][memory][flow]
                  for memory in memories for flow in ("reused", "fetched")),
            )
            for name, work in designs.items()
        ],
    )  # fmt: skip


def curves(training: Result) -> Figure:
    """The losses in the course of the training."""
    train, val = ({row[0]: row[column] for row in training["curve"]} for column in (1, 2))
    figure = plots.lines({"training": train, "validation": val}, "step", "mean squared error")
    figure.axes[0].set_yscale("log")
    return figure


def bars(measured: Mapping[str, Result], families: Sequence[str]) -> Figure:
    """The hole PSNR of every method, by family."""
    own = {name: [interval(result, family) for family in families] for name, result in measured.items()}
    return plots.bars(
        families,
        {name: [one["mean"] for one in by_family] for name, by_family in own.items()},
        "hole PSNR, dB",
        bounds={name: [bounds_of(one) for one in by_family] for name, by_family in own.items()},
    )


def panels(colours: Done) -> Figure:
    """The panels of Fig. 3 on our photographs."""
    rows: dict[str, dict[str, Any]] = {}
    with np.load(colours.folder / PANELS) as arrays:
        for name in arrays.files:
            row, _, heading = name.partition("/")
            rows.setdefault(row, {})[heading] = arrays[name]
    return plots.panels(list(rows.values()))
