"""``spikefill demo``: the main job from beginning to end, on the photographs inside the scikit-image wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefill.cli import console
from spikefill.errors import InputError

# The paper's network as it is; smaller crops than its 128 px, so that two minutes on two cores are enough steps.
_CHANGES = ("data.size=64", "validation.count=16", "validation.pictures=4")
_FAMILIES = ("thin", "medium", "thick")
_SHOWN, _SHOWN_FAMILY = "chelsea.png", "thin"
_EVALUATED_SIDE = 256


def demo(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to make.  [default: the next free runs/demo-N]")
    ] = None,
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 2.0,
) -> None:
    """Restore a photograph, train the paper's network for two minutes, and measure both networks.

    Leaves the restored photograph, the trained run and a report in the folder.
    """
    folder = _free_folder() if output is None else output
    if folder.exists():
        raise InputError(f"output is {folder}, which exists; name a folder to make")

    from spikefill import data, evaluation, inpainting, models, training

    inpainters = {models.DEFAULT: inpainting.load(models.DEFAULT)}
    photographs = data.open_photographs(data.EMBEDDED, part="val")
    picture = _restore_one(inpainters[models.DEFAULT], photographs, folder)
    console.note(f"Restored a photograph with the bundled model: {picture}")

    console.note(f"Training the paper's network for {minutes:g} minutes on six photographs")
    run = training.train(
        training.load_recipe("scnn", _CHANGES),
        data=data.EMBEDDED,
        val=data.EMBEDDED,
        output=folder / "run",
        minutes=minutes,
    )
    inpainters["scnn"] = inpainting.load(run)

    console.note("Measuring both, and what people use instead, on two photographs that neither saw")
    with console.progress() as bar:
        task = bar.add_task("restoring", total=None)
        document = evaluation.evaluate(
            inpainters,
            photographs,
            size=_EVALUATED_SIDE,
            families=_FAMILIES,
            source=data.EMBEDDED,
            references={models.DEFAULT: models.DEFAULT, "scnn": str(run)},
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    evaluation.write_json(document, folder / "figures.json")
    cases = evaluation.render_cases(document, photographs, inpainters)
    page = evaluation.write_report(document, folder / "report", cases=cases)

    from spikefill.cli.evaluate import print_table

    print_table(document)
    typer.echo(f"restored photograph: {picture}")
    typer.echo(f"report: {page}")


def _free_folder() -> Path:
    number = 1
    while (folder := Path("runs") / f"demo-{number}").exists():
        number += 1
    return folder


def _restore_one(inpainter: Any, photographs: Any, folder: Path) -> Path:
    """Damages a photograph, restores it, and writes the damaged, the restored and the original side by side."""
    import numpy as np
    from PIL import Image

    from spikefill import masks
    from spikefill.files import atomic_write

    original = photographs[photographs.names.index(_SHOWN)]
    holes = masks.evaluation(_SHOWN_FAMILY, original.shape[:2], image_index=0, repeat=0)
    restored = inpainter.inpaint(original, holes)
    damaged = np.where(holes[..., None], np.uint8(255), original)
    path = folder / "damaged-restored-original.png"
    with atomic_write(path) as temporary:
        Image.fromarray(np.hstack([damaged, restored, original])).save(temporary)
    return path
