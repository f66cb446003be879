"""``spikefill inspect``: pictures of what every neuron does while one photograph is restored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikefill.cli import console
from spikefill.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


def inspect(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="The photograph: PNG, JPEG, WebP, BMP, TIFF, HEIC.")],
    mask: Annotated[str, typer.Argument(metavar="MASK", help="Its mask, white or 1 in the holes.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write the pictures to.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|RUN_DIR",
            help="A network with spiking neurons.  [default: the default model]",
            envvar="SPIKEFILL_MODEL",
        ),
    ] = None,
    pixel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROW,COLUMN",
            help="Where rasters and membranes are drawn; may be given several times.  [default: the pixel deepest in "
            "a hole, and the known one farthest from all holes]",
        ),
    ] = None,
    level: Annotated[
        int, typer.Option(metavar="N", help="Their level: 0 the photograph itself, 1 half its resolution, ...")
    ] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Draw what the neurons of a network do while it restores a photograph.

    Writes rate maps and first-spike times of each layer and level, rasters and membranes at some pixels, an animation
    of the restoration with more and more time steps, and the figures as activity.json.
    """
    from spikefill import files, models

    try:
        from spikefill.activity import plots
    except ModuleNotFoundError as error:
        raise InputError(f"inspect needs {error.name}; install it with: pip install 'spikefill[eval]'") from error
    from spikefill.activity import growing, record, telling_pixels, trace
    from spikefill.activity.reading import read_damaged

    places = [_place(text) for text in pixel or ()]
    _check_output(output, overwrite=overwrite)
    masked, mask_tensor = read_damaged(photo, mask)
    network = models.read(model or models.DEFAULT)
    activity = record(network, masked, mask_tensor, first_spikes=True)
    if level not in activity.levels:
        raise InputError(f"--level is {level}; this photograph has the levels 0 to {activity.levels[-1]}")
    holes = mask_tensor[0, 0].numpy() > 0
    places = places or telling_pixels(holes)
    traces = {place: trace(network, masked, mask_tensor, place) for place in places}

    with console.progress() as bar:
        task = bar.add_task("drawing", total=2 * len(activity.levels) + 2 * len(places) + len(growing.STEPS))

        def draw(name: str, figure: Any) -> None:
            with files.atomic_write(output / name, overwrite=overwrite) as temporary:
                figure.savefig(temporary, dpi=100)
            bar.advance(task)

        restored = masked + activity.output.clamp(0, 1) * mask_tensor
        pictures = [image[0].permute(1, 2, 0).numpy() for image in (masked + mask_tensor, restored)]
        for number in activity.levels:
            draw(f"rates-level-{number}.png", plots.plot_rates(activity, number, pictures, holes))
            draw(f"first-spikes-level-{number}.png", plots.plot_first_spikes(activity, number, pictures, holes))
        for (row, column), found in traces.items():
            here = [one for one in found if one.level == level]
            where = f"row {row}, column {column} ({'hole' if holes[row, column] else 'known'}), level {level}"
            draw(f"raster-{row}-{column}.png", plots.plot_raster(here, f"spikes at {where}"))
            draw(f"membranes-{row}-{column}.png", plots.plot_membranes(here, f"membranes at {where}"))
        frames = []
        for steps, picture in growing.restored_with(network, masked, mask_tensor, growing.STEPS):
            frames.append(growing.frame(picture, steps))
            bar.advance(task)
    with files.atomic_write(output / "steps.webp", overwrite=overwrite) as temporary:
        growing.save_animation(frames, temporary)
    with files.atomic_write(output / "activity.json", overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(activity.summary(), indent=2) + "\n", encoding="utf-8")
    _print(activity.summary())
    console.note(f"pictures: {output}")


def _place(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,9}),([0-9]{1,9})", text)
    if not found:
        raise InputError(f"--pixel is {text!r}; it must be ROW,COLUMN such as 120,64")
    return int(found[1]), int(found[2])


def _check_output(output: Path, *, overwrite: bool) -> None:
    """Before the work: which files there will be depends on the photograph, so none may be there."""
    if output.exists() and not output.is_dir():
        raise InputError(f"--output is {output}, a file; name a folder")
    if not overwrite and output.is_dir() and any(output.iterdir()):
        raise InputError(f"{output} exists and is not empty; choose another folder, or overwrite with --overwrite")


def _print(summary: Mapping[str, Any]) -> None:
    """A line for each layer."""
    typer.echo(f"{'level':>5}  {'layer':32}  {'rate':>6}  {'in holes':>8}  {'outside':>8}  {'silent channels':>15}")
    for layer in summary["layers"]:
        rates = ("" if layer[key] is None else f"{layer[key]:.3f}" for key in ("rate_inside", "rate_outside"))
        inside, outside = rates
        typer.echo(
            f"{layer['level']:>5}  {layer['name']:32}  {layer['rate']:6.3f}  {inside:>8}  {outside:>8}  "
            f"{layer['silent_channels']:>7} of {layer['channels']:>4}"
        )
