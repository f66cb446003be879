"""The tasks of looking into the network while it restores: spike rates of all layers, and neurons at one pixel."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from spikefill import masks
from spikefill.activity import LayerActivity, Trace, record, trace
from spikefill.activity.reading import as_tensors
from spikefill.images.orientation import stored_to_displayed
from spikefill.masks.photograph import colours
from spikefill.service.page.painted import Painted
from spikefill.service.page.previews import upright
from spikefill.service.toolbox import Toolbox

LARGEST_SIDE = 512
"""Pixels of the longer side of what is looked into: the whole network is computed, and every spike counted."""

CHANNELS_SHOWN = 8
"""Neurons whose membrane is drawn: those that fire most."""

_HOLE_GREY = 128


@dataclass(frozen=True)
class Rates:
    """What all layers did.

    Attributes:
        picture: PNG file of what the network was given, the holes grey.
        largest: The largest rate of a cell, mean over its channels: the end of the maps' scale.
        layers: For each layer and level, in the order in which they fired, what `_described` gives.
    """

    picture: bytes
    largest: float
    layers: list[dict[str, Any]]


@dataclass(frozen=True)
class Inspect:
    """Restores a reduced copy of the photograph, and counts the spikes of all layers."""

    painted: Painted

    def run(self, toolbox: Toolbox) -> Rates:
        """Does it.

        Raises:
            InputError: As for the other tasks of the page; or the network has no spiking layer.
        """
        pixels, holes = _reduced(self.painted, toolbox)
        activity = record(toolbox.inpainter().model, *as_tensors(pixels, holes))
        largest = max(float(layer.rate_map.max()) for layer in activity.layers)
        picture = np.where(holes[..., None], np.uint8(_HOLE_GREY), pixels)
        layers = [_described(layer, largest) for layer in activity.layers]
        return Rates(_png(picture), largest, layers)


@dataclass(frozen=True)
class Follow:
    """Restores the same, and follows the neurons at one pixel.

    Attributes:
        painted: As for `Inspect`.
        across: Where the pixel lies, 0 at the left edge and 1 at the right.
        down: The same, from the top.
    """

    painted: Painted
    across: float
    down: float

    def run(self, toolbox: Toolbox) -> list[dict[str, Any]]:
        """For each layer and level what `_followed` gives, in the order in which they fired.

        Raises:
            InputError: As `Inspect`.
        """
        pixels, holes = _reduced(self.painted, toolbox)
        row, column = (
            min(max(int(share * side), 0), side - 1)
            for share, side in zip((self.down, self.across), holes.shape, strict=True)
        )
        model = toolbox.inpainter().model
        return [_followed(one) for one in trace(model, *as_tensors(pixels, holes), (row, column))]


def _reduced(painted: Painted, toolbox: Toolbox) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Pixels (H, W, 3) uint8 and holes (H, W), as displayed, of at most `LARGEST_SIDE`."""
    damaged = painted.damaged(toolbox)
    pixels = colours(upright(damaged.file))
    holes = stored_to_displayed(damaged.holes, damaged.file.orientation)
    height, width = holes.shape
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    if scale < 1:
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
        small = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
        pixels, holes = small.reshape(height, width, -1), masks.resized(holes, height, width)
    return np.array(np.broadcast_to(pixels, (height, width, 3))), holes


def _described(layer: LayerActivity, largest: float) -> dict[str, Any]:
    """A layer as JSON; its map as a data URI, dark for no spikes and yellow for the largest rate."""
    _, channels, height, width = layer.counts.shape
    shown = (layer.rate_map[0].numpy() / max(largest, 1e-9) * 255).round().astype(np.uint8)
    coloured = np.asarray(cv2.cvtColor(cv2.applyColorMap(shown, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB))
    return {
        "name": layer.name,
        "level": layer.level,
        "width": width,
        "height": height,
        "channels": channels,
        "steps": layer.steps,
        "spikes": int(layer.counts.sum()),
        "rate": layer.rate,
        "inside": layer.rate_inside,
        "outside": layer.rate_outside,
        "map": f"data:image/png;base64,{base64.b64encode(_png(coloured)).decode()}",
    }


def _followed(one: Trace) -> dict[str, Any]:
    """A trace as JSON: the spikes of all channels, and the membranes of `CHANNELS_SHOWN`."""
    spikes = one.spikes.int()
    most = torch.argsort(spikes.sum(0), descending=True, stable=True)[:CHANNELS_SHOWN]
    return {
        "name": one.name,
        "level": one.level,
        "threshold": one.threshold,
        "spikes": ["".join(map(str, channel)) for channel in spikes.T.tolist()],
        "membranes": [[round(value, 3) for value in channel] for channel in one.membrane[:, most].T.tolist()],
        "channels": most.tolist(),
    }


def _png(pixels: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
