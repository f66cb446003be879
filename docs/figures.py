"""Draws the figures of the documentation again: ``python docs/figures.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

import spikefill
from spikefill import data, masks
from spikefill.neurons import LIF

IMAGES = Path(__file__).parent / "images"


def firing_curve() -> None:
    """Rate against current of the two presets after 8 steps."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    current = torch.linspace(0, 24, 4801)
    for name, label in (
        ("working", "working preset: dt 5 ms, R 1"),
        ("table1", "Table 1 to the letter: dt 1 ms, R 0.5"),
    ):
        axes.plot(current, LIF.preset(name, steps=8)(current), label=label)
    axes.set(xlabel="current I", ylabel="rate, 8 steps", ylim=(-0.03, 1.05))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(IMAGES / "firing-curve.png", dpi=110)


def restoration() -> None:
    """The picture that opens the README: damaged, restored by the default model, original."""
    photographs = data.open_photographs("embedded", part="val")
    rows = []
    for name, family, repeat in (("chelsea.png", "scratches", 0), ("coffee.png", "thin", 1)):
        photograph = photographs[photographs.names.index(name)]
        top, left = (photograph.shape[0] - 256) // 2, (photograph.shape[1] - 256) // 2
        original = photograph[top : top + 256, left : left + 256]
        holes = masks.evaluation(family, 256, image_index=0, repeat=repeat)
        damaged = np.where(holes[..., None], np.uint8(255), original)
        rows.append(np.hstack([damaged, spikefill.inpaint(original, holes), original]))
    Image.fromarray(np.vstack(rows)).save(IMAGES / "restored.png", optimize=True)


if __name__ == "__main__":
    firing_curve()
    restoration()
