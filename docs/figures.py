"""Draws the figures of the documentation again: ``python docs/figures.py``."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

import spikefill
from spikefill import data, evaluation, masks, models
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


DAMAGES = (
    ("scratches", "chelsea.png", "scratches", 3),
    ("text", "coffee.png", "text", 0),
    ("stains", "chelsea.png", "irregular-10-20", 1),
    ("an object", "coffee.png", "blobs", 2),
)
"""What the gallery shows: the kind of damage, the photograph, the family of masks and the number of the mask."""


def restorations(original: np.ndarray, holes: np.ndarray) -> list[np.ndarray]:
    """A photograph damaged, restored by the default model, by Telea's method, and as it was."""
    damaged = np.where(holes[..., None], np.uint8(255), original)
    return [damaged, spikefill.inpaint(original, holes), evaluation.BASELINES["telea"](original, holes), original]


def gallery() -> None:
    """Damage to photographs that no bundled model was trained on: a sheet for the README, squares for the gallery."""
    photographs = data.open_photographs("embedded", part="val")
    columns = ("damaged", "restored by the hybrid network", "Telea's method", "original")
    figure = Figure(figsize=(4 * len(columns), 11.6), layout="constrained")
    grid = figure.subplots(len(DAMAGES), len(columns))
    for axes, title in zip(grid[0], columns, strict=True):
        axes.set_title(title)
    for row, (damage, name, family, number) in zip(grid, DAMAGES, strict=True):
        original = photographs[photographs.names.index(name)]
        pictures = restorations(original, masks.sample(family, original.shape[:2], seed=2024, index=number))
        save_square(pictures, f"gallery-{family}.jpg")
        for axes, picture in zip(row, pictures, strict=True):
            axes.imshow(picture, interpolation="lanczos")
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(damage, fontsize="large")
    figure.savefig(IMAGES / "gallery.jpg", dpi=80, pil_kwargs={"quality": 88})
    original = photographs[photographs.names.index("chelsea.png")]
    wide = np.zeros(original.shape[:2], bool)
    wide[75:225, 112:338] = True
    save_square(restorations(original, wide), "gallery-wide.jpg")


def save_square(pictures: list[np.ndarray], name: str) -> None:
    """Four pictures, two above two, with a thin white line between them."""
    framed = [np.pad(picture, ((4, 4), (4, 4), (0, 0)), constant_values=255) for picture in pictures]
    square = np.vstack([np.hstack(framed[:2]), np.hstack(framed[2:])])
    Image.fromarray(square).save(IMAGES / name, quality=88)


def steps_curve() -> None:
    """Quality against the number of time steps, with the same weights: both embedded photographs kept from training."""
    photographs = data.open_photographs("embedded", part="val")
    families, steps = ("thin", "medium", "thick"), (1, 2, 3, 4, 6, 8, 12, 16, 32)
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    for name in ("hybrid-small", "hybrid-base"):
        inpainter, means = spikefill.load(name), []
        for number in steps:
            inpainter.model.set_steps(number)
            document = evaluation.evaluate({name: inpainter}, photographs, size=256, families=families, baselines=())
            means.append(np.mean([document["results"][name][family]["psnr_hole"] for family in families]))
        axes.plot(steps, means, marker="o", label=name)
    axes.axvline(8, color="grey", linestyle=":", label="trained with T = 8")
    axes.set_xscale("log", base=2)
    axes.set_xticks(steps, [str(number) for number in steps])
    axes.set(xlabel="time steps T", ylabel="PSNR over the hole, dB")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(IMAGES / "hybrid-steps.png", dpi=110)


def neurons_at_work() -> None:
    """What every neuron does while a photograph is restored: maps, a raster, membranes, and T as it grows."""
    from spikefill.activity import growing, plots, record, telling_pixels, trace

    photograph = data.open_photographs("embedded", part="val")[0]
    original = evaluation.centre_crop(photograph, 256)
    holes = masks.evaluation("medium", 256, image_index=0, repeat=0)
    mask = torch.from_numpy(holes.copy())[None, None].float()
    masked = torch.from_numpy(original.copy()).permute(2, 0, 1)[None] / 255 * (1 - mask)
    model = models.read("hybrid-small")
    activity = record(model, masked, mask, first_spikes=True)
    restored = masked + activity.output.clamp(0, 1) * mask
    pictures = [image[0].permute(1, 2, 0).numpy() for image in (masked + mask, restored)]
    for name, level, plot in (
        ("activity-rates-fine", 0, plots.plot_rates),
        ("activity-rates-coarse", 2, plots.plot_rates),
        ("activity-first-spikes", 0, plots.plot_first_spikes),
    ):
        buffer = io.BytesIO()
        plot(activity, level, pictures, holes).savefig(buffer, dpi=100)
        Image.open(buffer).convert("RGB").save(IMAGES / f"{name}.webp", quality=85, method=6)
    pixel = telling_pixels(holes)[0]
    traces = [found for found in trace(model, masked, mask, pixel) if found.level == 0]
    where = f"in a hole, row {pixel[0]}, column {pixel[1]}, finest level"
    plots.plot_raster(traces, f"spikes {where}").savefig(IMAGES / "activity-raster.png", dpi=90)
    plots.plot_membranes(traces, f"membranes {where}").savefig(IMAGES / "activity-membranes.png", dpi=90)
    steps = growing.restored_with(model, masked, mask, growing.STEPS)
    frames = [growing.frame(picture, number) for number, picture in steps]
    growing.save_animation(frames, IMAGES / "activity-steps.webp")


if __name__ == "__main__":
    firing_curve()
    restoration()
    gallery()
    steps_curve()
    neurons_at_work()
