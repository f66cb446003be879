"""``spikefill train``: train a network on photographs, or go on with a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from spikefill.cli import console


def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run, such as runs/first.")],
    recipe: Annotated[
        str | None,
        typer.Option(help="Name of a recipe, or a YAML file.  [default: scnn; with --resume the run's]"),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Folder of photographs or shards to train on, or 'embedded'; repeat it for several."),
    ] = None,
    val: Annotated[
        str | None, typer.Option(help="Folder of photographs or shards to validate on, or 'embedded'.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME|FILE|RUN_DIR",
            help="Weights to begin with, to tune them finer; they must fit the recipe's network.",
        ),
    ] = None,
    degradation: Annotated[
        str | None,
        typer.Option(
            metavar="holes|noise:SIGMA",
            help="What it learns to restore: holes, or white noise of SIGMA of 255 levels.  [default: the recipe's]",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Length of the run; turned into steps once, from the measured speed.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Length of the run in steps.  [default: the recipe's]")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting, such as optimiser.learning_rate=1e-4; repeatable.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Processor threads.  [default: one a core; under torchrun, what it sets]", envvar="SPIKEFILL_THREADS"
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="cpu or cuda.  [default: cuda where there is one]", envvar="SPIKEFILL_DEVICE"),
    ] = None,
) -> int:
    """Train a network. Ctrl-C saves the run; --resume goes on with it exactly where it was.

    Several processes, on one machine or more, train together: torchrun --nproc-per-node N -m spikefill train ...
    """
    from spikefill import training
    from spikefill.degradation import Degradation
    from spikefill.models import read_header

    wanted = list(changes or ())
    if degradation is not None:
        wanted.append(f"data.degradation={Degradation.parse(degradation)}")

    first = training.is_first_process()
    settings = None  # of the other processes: they get the first one's
    if first and (recipe is not None or not resume):
        settings = training.load_recipe(recipe or "scnn", wanted)
    elif first and wanted:
        settings = training.change_recipe(training.recipe_of(output), wanted)
    try:
        folder = training.train(
            settings,
            data=data,
            val=val,
            output=output,
            start=start,
            minutes=minutes,
            steps=steps,
            resume=resume,
            threads=threads,
            device=device,
        )
    except training.RefusedByFirstError:
        return 2
    except (training.DivergenceError, training.PeerLostError) as error:
        if not first and isinstance(error, training.DivergenceError):
            return 0  # the first process says so; torchrun would end it before, if this one failed
        console.stderr().print(f"spikefill: {error}", markup=False)
        return 1
    if not first:
        return 0
    loss = float(read_header(folder / "best.safetensors")["validation_loss"])
    learnt, model = training.recipe_of(folder).degradation, f"--model {shlex.quote(str(folder))}"
    if learnt.is_noise:
        use = f"measure it: spikefill evaluate --degradation {learnt} {model}"
    else:
        use = f"use it: spikefill inpaint PHOTO MASK -o OUT {model}"
    typer.echo(f"{folder}: best validation loss {loss:.5f}; {use}")
    return 0
