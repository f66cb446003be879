"""``spikefill energy``: counts what a network does with photographs, and estimates what that would cost in hardware."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikefill.cli import console
from spikefill.cli.choices import at_least_one, crop_side, listed
from spikefill.cli.left_out import LeftOut
from spikefill.errors import InputError


def energy(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE|RUN_DIR",
            help="A network with spiking neurons.  [default: the default model]",
            envvar="SPIKEFILL_MODEL",
        ),
    ] = None,
    images: Annotated[
        str,
        typer.Option(
            metavar="DIR|embedded",
            help="A folder of photographs, or 'embedded': those two of the embedded photographs that are "
            "kept from training.",
        ),
    ] = "embedded",
    size: Annotated[
        str, typer.Option(metavar="N|full", help="Take the central N x N pixels, or each photograph whole.")
    ] = "256",
    masks: Annotated[
        str, typer.Option(metavar="FAMILY,...", help="Families of masks, separated by commas.")
    ] = "thin,medium,thick",
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Only the first N photographs.", show_default="all")
    ] = None,
    repeats: Annotated[int, typer.Option(metavar="N", help="Masks of each family for every photograph, 1 to 5.")] = 1,
    twin: Annotated[
        str | None,
        typer.Option(metavar="FILE|RUN_DIR", help="A trained ReLU twin.  [default: ReLU with the model's own weights]"),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Costs of operations and bytes, JSON or YAML.  [default: 45 nm, Horowitz 2014]"
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every figure and the protocol as JSON.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the tables and plots, DIR/energy.md.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> int:
    """Count what a network does with photographs, and estimate what it and its twins would cost in hardware.

    Every energy is estimated: counted operations and bytes times a table of costs. Exit code 1 if photographs had to
    be skipped.
    """
    library = _energy()
    from spikefill import data, files, models
    from spikefill import masks as mask_families
    from spikefill.evaluation import SMALLEST_SIDE, write_json

    families = listed("--masks", masks, mask_families.FAMILIES)
    side = crop_side(size, SMALLEST_SIDE)
    at_least_one("--limit", limit)
    at_least_one("--repeats", repeats)
    table = library.HOROWITZ if costs is None else library.read_costs(costs)
    if json_file is not None:
        files.refuse_existing(json_file, overwrite=overwrite)
    if report is not None:
        library.check_report(report, overwrite=overwrite)

    left_out = LeftOut()
    reference = model or models.DEFAULT
    network, its_twin = models.read(reference), None if twin is None else models.read(twin)
    photographs = data.open_photographs(images, part="val", on_problem=left_out.unreadable)
    with console.progress() as bar:
        task = bar.add_task("counting", total=None)
        document = library.measure(
            network, photographs, twin=its_twin, size=side,
            name=models.resolved(Path(reference).name.removesuffix(".safetensors")),
            families=families, repeats=repeats, limit=limit, costs=table, source=images,
            references={"model": reference} | ({} if twin is None else {"twin": twin}),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    for one in library.tables(document):
        _print(one)
    if json_file is not None:
        write_json(document, json_file, overwrite=overwrite)
        console.note(f"figures: {json_file}")
    if report is not None:
        console.note(f"report: {library.write_report(document, report, overwrite=overwrite)}")
    return left_out.exit_code(document)


def _energy() -> Any:
    try:
        from spikefill import energy as library
    except ModuleNotFoundError as error:
        raise InputError(f"energy needs {error.name}; install it with: pip install 'spikefill[eval]'") from error
    return library


def _print(table: Any) -> None:
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="")
    for number, heading in enumerate(table.headings):
        grid.add_column(
            heading.replace(" ", "\n") if number else heading, justify="right" if number else "left", no_wrap=True
        )
    for row in table.rows:
        grid.add_row(*row)
    console.result(table.title, grid, "")
