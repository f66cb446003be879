"""Pictures of what neurons do: maps of rates and first spikes, rasters, membranes. They need matplotlib."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikefill.activity.recording import Activity, LayerActivity
from spikefill.activity.tracing import Trace

_COLUMNS = 4
_WIDTH = 10.0
_MOST_MEMBRANES = 6
_NOTHING = "#b0b0b0"
"""Where there is no value."""


def plot_rates(activity: Activity, level: int, pictures: Sequence[NDArray[Any]], holes: NDArray[np.bool_]) -> Figure:
    """Maps of the mean rate over the channels of each layer of a level.

    Args:
        activity: Of one picture.
        level: One of its levels.
        pictures: The damaged and the restored one, (H, W, 3), shown first.
        holes: bool (H, W), outlined in the maps.
    """
    layers = activity.at_level(level)
    return _maps(
        layers,
        [layer.rate_map[0].numpy() for layer in layers],
        lambda layer: f"rate {layer.rate:.3f}",
        pictures, holes, colours="inferno", edge="#35c9ff", lowest=0.0,
        label="spikes of a neuron in a step, mean over the channels",
        title=f"level {level}: firing rates, T = {layers[0].steps}",
    )  # fmt: skip


def plot_first_spikes(
    activity: Activity, level: int, pictures: Sequence[NDArray[Any]], holes: NDArray[np.bool_]
) -> Figure:
    """Maps of the mean step of the first spike over the channels that fire; arguments as in `plot_rates`.

    Cells where no channel fires are grey.
    """
    layers = activity.at_level(level)
    return _maps(
        layers,
        [layer.first_map[0].numpy() for layer in layers],
        lambda layer: f"{_share_of_firing(layer):.0%} of the neurons fire",
        pictures, holes, colours="viridis_r", edge="#d4145a", lowest=1.0,
        label="step of the first spike, mean over the channels that fire",
        title=f"level {level}: first spikes, T = {layers[0].steps}",
    )  # fmt: skip


def plot_raster(traces: Sequence[Trace], title: str) -> Figure:
    """Every spike of the neurons at one pixel: a row for each channel, a column for each step, layer below layer."""
    neurons = sum(trace.spikes.shape[1] for trace in traces)
    figure = Figure(figsize=(6.4, min(14.0, 1.2 + 0.018 * neurons + 0.22 * len(traces))), layout="constrained")
    figure.suptitle(title, fontsize="medium")
    heights = [trace.spikes.shape[1] for trace in traces]
    grid = figure.subplots(len(traces), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, trace in zip(grid[:, 0], traces, strict=True):
        spikes = trace.spikes.T.numpy()
        axes.imshow(
            spikes, cmap="binary", vmin=0, vmax=1, aspect="auto", interpolation="nearest",
            extent=(0.5, spikes.shape[1] + 0.5, spikes.shape[0], 0),
        )  # fmt: skip
        axes.set_yticks([])
        axes.set_ylabel(trace.name, rotation=0, ha="right", va="center", fontsize="small")
        axes.text(
            1.01, 0.5, f"{100 * spikes.mean():.0f} %", transform=axes.transAxes, va="center", fontsize="small"
        )  # fmt: skip
    grid[-1, 0].set_xlabel("step; on the right: share of neurons and steps with a spike")
    steps = traces[0].spikes.shape[0]
    grid[-1, 0].set_xticks(range(1, steps + 1, max(1, steps // 8)))
    return figure


def plot_membranes(traces: Sequence[Trace], title: str) -> Figure:
    """The membranes of the neurons at one pixel that fire most: their potential before each reset, step by step."""
    rows = math.ceil(len(traces) / 3)
    figure = Figure(figsize=(_WIDTH, 0.8 + 1.9 * rows), layout="constrained")
    figure.suptitle(title, fontsize="medium")
    grid = figure.subplots(rows, 3, squeeze=False)
    for axes in grid.flat[len(traces) :]:
        axes.set_axis_off()
    for axes, trace in zip(grid.flat, traces, strict=False):
        steps = np.arange(1, len(trace.membrane) + 1)
        most = trace.spikes.sum(0).argsort(descending=True, stable=True)[:_MOST_MEMBRANES]
        for channel in most.tolist():
            (line,) = axes.plot(steps, trace.membrane[:, channel].numpy(), linewidth=1)
            fired = trace.spikes[:, channel].numpy() > 0
            axes.plot(
                steps[fired], trace.membrane[:, channel].numpy()[fired], "o", markersize=3, color=line.get_color()
            )
        axes.axhline(trace.threshold, color="black", linewidth=0.8, linestyle=":")
        axes.set_title(trace.name, fontsize="small")
        axes.tick_params(labelsize="x-small")
        axes.set_xticks(steps[:: max(1, len(steps) // 8)])
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("step", fontsize="small")
    figure.supylabel("potential before the reset; dots: spikes; dotted: threshold", fontsize="small")
    return figure


def _maps(
    layers: Sequence[LayerActivity],
    maps: Sequence[NDArray[Any]],
    note: Callable[[LayerActivity], str],
    pictures: Sequence[NDArray[Any]],
    holes: NDArray[np.bool_],
    *,
    colours: str,
    edge: str,
    label: str,
    lowest: float,
    title: str,
) -> Figure:
    """The damaged and the restored picture, then a map for each layer, all with one scale of colours."""
    height, width = holes.shape
    shown = np.concatenate([values[np.isfinite(values)] for values in maps])
    highest = max(float(np.quantile(shown, 0.998)) if shown.size else lowest, lowest + 1e-3)
    figure, tiles, bar = _tiled(len(pictures) + len(maps), height / width)
    figure.suptitle(title, y=1 - 0.08 / figure.get_figheight(), va="top", fontsize="medium")
    for axes, picture, name in zip(tiles, pictures, ("damaged", "restored"), strict=False):
        axes.imshow(picture, extent=(0, width, height, 0))
        axes.set_title(name, fontsize="small")
    for axes, layer, values in zip(tiles[len(pictures) :], layers, maps, strict=True):
        axes.set_facecolor(_NOTHING)
        extent = (0, values.shape[1] * layer.scale, values.shape[0] * layer.scale, 0)
        drawn = axes.imshow(values, cmap=colours, vmin=lowest, vmax=highest, extent=extent, interpolation="nearest")
        if holes.any():
            axes.contour(
                np.arange(width) + 0.5, np.arange(height) + 0.5, holes, levels=[0.5], colors=edge, linewidths=0.5
            )
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_title(f"{layer.name}\n{note(layer)}", fontsize="x-small")
    figure.colorbar(
        drawn, cax=bar, orientation="horizontal", extend="max" if shown.max(initial=0) > highest else "neither"
    )
    bar.set_xlabel(label, fontsize="small")
    return figure


def _tiled(count: int, aspect: float) -> tuple[Figure, list[Axes], Axes]:
    """A figure of so many pictures in rows, with room for two lines above each, and a bar for their colours below."""
    gap, above, head, foot = 0.08, 0.42, 0.35, 0.75
    side = (_WIDTH - gap) / _COLUMNS - gap
    step = side * aspect + above
    rows = math.ceil(count / _COLUMNS)
    total = head + rows * step + foot
    figure = Figure(figsize=(_WIDTH, total))
    tiles = []
    for number in range(count):
        row, column = divmod(number, _COLUMNS)
        left, bottom = gap + column * (side + gap), total - head - (row + 1) * step
        axes = figure.add_axes((left / _WIDTH, bottom / total, side / _WIDTH, side * aspect / total))
        axes.set(xticks=[], yticks=[])
        tiles.append(axes)
    bar = figure.add_axes((0.1, 0.5 / total, 0.8, 0.12 / total))
    return figure, tiles, bar


def _share_of_firing(layer: LayerActivity) -> float:
    return float((layer.counts > 0).double().mean())
