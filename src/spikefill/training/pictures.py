"""Pictures of a run: validation samples side by side, and the curves of the losses."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import Tensor

from spikefill.files import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from spikefill.training.module import Batch

_HEADING, _GAP = 16, 4
_CURVES = {"loss/train_step": "training, running", "loss/train_eval": "training", "loss/val": "validation"}


def sample_sheet(samples: Batch, restored: Tensor, *, noise: bool = False) -> NDArray[np.uint8]:
    """Validation samples, a row each: masked, mask, restored (known pixels kept), target; or noisy, restored, target.

    Args:
        samples: ``masked``, ``mask``, ``target`` of N samples or more.
        restored: The network's output for the first N, N x 3 x H x W.
        noise: Whether they are noisy, and so without known pixels.

    Returns:
        An RGB picture, uint8.
    """
    count, _, height, width = restored.shape
    masked, mask, target = (samples[name][:count].float() for name in ("masked", "mask", "target"))
    columns = {"noisy": masked} if noise else {"masked": masked, "mask": mask.expand(-1, 3, -1, -1)}
    columns |= {"restored": torch.where(mask > 0, restored, target), "target": target}
    sheet = Image.new(
        "RGB", (len(columns) * (width + _GAP) - _GAP, _HEADING + count * (height + _GAP) - _GAP), color=(255, 255, 255)
    )
    draw = ImageDraw.Draw(sheet)
    for column, (heading, images) in enumerate(columns.items()):
        left = column * (width + _GAP)
        draw.text((left, 1), heading, fill=(0, 0, 0))
        pixels = (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for row in range(count):
            sheet.paste(Image.fromarray(pixels[row]), (left, _HEADING + row * (height + _GAP)))
    return np.asarray(sheet)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes a PNG, over one of that name."""
    with atomic_write(path, overwrite=True) as temporary:
        Image.fromarray(picture).save(temporary)


def read_logs(folder: Path) -> dict[str, dict[int, float]]:
    """Every logged figure by step, out of the CSV files of a run.

    A resumed run writes a further file. What an earlier file holds from the later one's first step on was
    undone by the interruption, and is left out.
    """
    parts = sorted(folder.glob("csv/version_*/metrics.csv"), key=lambda file: int(file.parent.name.split("_")[1]))
    figures: dict[str, dict[int, float]] = {}
    for part in parts:
        with part.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        start = min((int(row["step"]) for row in rows), default=None)
        if start is None:
            continue
        figures = {name: {s: v for s, v in series.items() if s < start} for name, series in figures.items()}
        for row in rows:
            for name, text in row.items():
                if name != "step" and text:
                    figures.setdefault(name, {})[int(row["step"])] = float(text)
    return figures


def write_curves(path: Path, figures: dict[str, dict[int, float]]) -> None:
    """Draws the losses over the steps, the losses on a logarithmic axis."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, label in _CURVES.items():
        series = {step: value for step, value in figures.get(name, {}).items() if value > 0}
        if series:
            running = name == "loss/train_step"
            axes.plot(
                *zip(*sorted(series.items()), strict=True),
                label=label,
                alpha=0.4 if running else 1.0,
                linewidth=0.8 if running else 1.6,
                marker="" if running else "o",
                markersize=3,
            )
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.grid(visible=True, which="both", alpha=0.3)
    if axes.lines:
        axes.legend()
    with atomic_write(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=100)
