"""``spikefill reproduce``: the experiments that answer what an expert objects to in the paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikefill.cli import console
from spikefill.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALL = "all"


def reproduce(
    experiment: Annotated[
        str | None, typer.Argument(metavar="EXPERIMENT|all", help="Which one; --list shows them.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Where figures, pages and what is kept of the work go: DIR/EXPERIMENT and DIR/trials.",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The same at toy size, in seconds.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do again what was done before.")] = False,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR|embedded", help="Folder of training photographs; repeat it for several.  [default: embedded]"
        ),
    ] = None,
    val: Annotated[
        str, typer.Option(metavar="DIR|embedded", help="Folder of photographs on which everything is measured.")
    ] = "embedded",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, such as training.steps=2000; repeatable."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="cpu or cuda.  [default: cuda where there is one]", envvar="SPIKEFILL_DEVICE"),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the experiments and end.")] = False,
) -> int:
    """Run an experiment again: its figures, plots and a page with the answers.

    What was done before with the same inputs is not done again, and an interrupted run goes on where it was.
    Exit code 1 if a training diverged.
    """
    experiments = _experiments()
    if listing:
        for name in experiments.NAMES:
            found = experiments.find(name)
            typer.echo(f"{name:12} {found.title}")
        return 0
    if experiment is None:
        raise InputError(f"EXPERIMENT is missing; give one of: {', '.join((*experiments.NAMES, _ALL))}")
    if output is None:
        raise InputError("--output is missing; name a folder, such as -o experiments")
    plans = _plans(experiments, experiment, quick, changes or ())
    folders = experiments.reproduce(
        plans, folder=output, fresh=fresh, data=data or ["embedded"], val=val, device=device
    )
    for folder in folders:
        typer.echo(folder / "index.html")
    console.note(f"all answers: {output / 'index.html'}")
    return 0 if len(folders) == len(plans) else 1


def _plans(experiments: Any, experiment: str, quick: bool, changes: Sequence[str]) -> list[Any]:
    if experiment != _ALL:
        return [experiments.plan(experiment, quick=quick, changes=changes)]
    if changes:
        raise InputError("--set goes with one experiment; the settings of all of them differ")
    return [experiments.plan(name, quick=quick) for name in experiments.NAMES]


def _experiments() -> Any:
    try:
        from spikefill import reproduce
    except ModuleNotFoundError as error:
        raise InputError(
            f"reproduce needs {error.name}; install it with: pip install 'spikefill[train,eval]'"
        ) from error
    return reproduce
