"""The hybrid network beside its twin with ReLU and the rival networks, trained alike: curves, table, intervals.

``python docs/rivals.py RUNS`` reads the runs RUNS/hybrid-s0, -s1, -s2, relu-s0, -s1, -s2, partial-s0, gated-s0 and
spiking-s0, which `spikefill train` made with the recipes hybrid-small, relu-small, and so on to spiking-unet-small, and
keeps their curves in docs/science/rivals-curves.json. What was measured of them, docs/science/rivals-kodak24-256.json,
is made by `spikefill evaluate --size 256 --baselines none` with a ``--model`` for each, and so is
docs/science/rivals-long-kodak24-256.json, of longer runs of some. Without a folder it draws the plot and writes the
tables of docs/science/hybrid.md alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from weights import FAMILIES, IMAGES, SCIENCE, between

from spikefill.files import atomic_write
from spikefill.reproduce import measuring
from spikefill.reproduce.variants import versus
from spikefill.training.pictures import read_logs
from spikefill.training.run_folder import RunFolder

CURVES = SCIENCE / "rivals-curves.json"
MEASURED = {"rivals": SCIENCE / "rivals-kodak24-256.json", "long": SCIENCE / "rivals-long-kodak24-256.json"}
"""What was measured, by the name of its table."""
NETWORKS = {
    "hybrid": "LIF",
    "relu": "ReLU, the twin",
    "partial": "partial convolutions",
    "gated": "gated convolutions",
    "spiking": "spiking U-Net, spikes in each step",
}
BEGIN, END = "<!-- {}: by docs/rivals.py -->\n\n", "\n\n<!-- end -->"


def collect(runs: Path) -> dict[str, dict[str, list[float]]]:
    """Of each run the steps at which it was validated, and its PSNR over the hole there, in dB."""
    curves = {}
    for folder in sorted(path for path in runs.glob("*-s[0-9]") if path.name[:-3] in NETWORKS):
        psnr = read_logs(RunFolder(folder).logs)["psnr_hole/val"]
        curves[folder.name] = {"step": sorted(psnr), "psnr": [round(psnr[step], 4) for step in sorted(psnr)]}
    return curves


def draw(curves: dict[str, dict[str, list[float]]]) -> None:
    """PSNR on validation photographs while networks are trained, a colour for each network."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    for number, (network, label) in enumerate(NETWORKS.items()):
        for run, curve in curves.items():
            if run.startswith(network):
                shown = [(step, psnr) for step, psnr in zip(curve["step"], curve["psnr"], strict=True) if step]
                first = f"{network}-s0" == run
                axes.plot(*zip(*shown, strict=True), color=f"C{number}", lw=1.5 if first else 0.7, label=label * first)
    axes.set(xlabel="steps of 8 samples", ylabel="PSNR over the hole, validation, dB")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(IMAGES / "rivals.png", dpi=110)


def table(document: dict[str, Any]) -> str:
    """Hole PSNR by family of each network there, the mean over its seeds, and how far the first network is ahead."""
    runs = {
        network: found
        for network in NETWORKS
        if (found := sorted(run for run in document["results"] if run.startswith(f"{network}-")))
    }
    rows = [
        f"| network, seeds | {' | '.join(FAMILIES)} | LIF is ahead by: {', '.join(FAMILIES)}, all |",
        "| --- | --- | --- | --- | --- |",
    ]
    for network in runs:
        figures = [
            sum(document["results"][run][family]["psnr_hole"] for run in runs[network]) / len(runs[network])
            for family in FAMILIES
        ]
        ahead = "" if network == "hybrid" else "; ".join(_ahead(document["images"], runs["hybrid"], runs[network]))
        heading = f"{NETWORKS[network]}, {len(runs[network])}"
        rows.append(f"| {heading} | {' | '.join(f'{value:.2f}' for value in figures)} | {ahead} |")
    return "\n".join(rows)


def _ahead(images: list[dict[str, Any]], first: list[str], second: list[str]) -> list[str]:
    """By how much networks are ahead of others, by family and over all, with the 95 % interval.

    It is one over other photographs, and where there are several seeds, over other seeds, too (`variants.versus`).
    """
    found = []
    for families in (*((family,) for family in FAMILIES), FAMILIES):
        ours, theirs = ([_of(images, run, families) for run in runs] for runs in (first, second))
        difference = (
            versus(ours, theirs) if len(theirs) > 1 else measuring.difference({"a": ours[0], "b": theirs[0]}, "a", "b")
        )
        found.append("{mean:+.2f} ({low:+.2f} to {high:+.2f})".format(**difference))
    return found


def _of(images: list[dict[str, Any]], run: str, families: tuple[str, ...]) -> dict[str, Any]:
    """What was measured of one run, of some families."""
    return {
        "images": [
            {"name": image["name"], "results": {family: image["results"][run][family] for family in families}}
            for image in images
        ]
    }


def main() -> None:
    """Keeps the curves of runs, if there is a folder of them; draws the plot, writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, help="folder of the runs")
    chosen = parser.parse_args()
    if chosen.runs is not None:
        with atomic_write(CURVES, overwrite=True) as temporary:
            temporary.write_text(json.dumps(collect(chosen.runs)) + "\n", "utf-8")
    draw(json.loads(CURVES.read_text("utf-8")))
    page = SCIENCE / "hybrid.md"
    text = page.read_text("utf-8")
    for name, measured in MEASURED.items():
        text = between(text, BEGIN.format(name), END, table(json.loads(measured.read_text("utf-8"))))
    with atomic_write(page, overwrite=True) as temporary:
        temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
