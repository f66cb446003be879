"""``spikefill models``: the models that come with the package, and their model cards."""

from __future__ import annotations

from typing import Annotated

import typer

from spikefill.errors import check_choice

_A_LINE_A_MODEL = 1000
"""Columns where the table is not for a screen."""


def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Print this model's card: data, figures, what it does badly."),
    ] = None,
) -> None:
    """List the bundled models, or print the card of one."""
    from spikefill import models as library

    if name is None:
        typer.echo(_table(), nl=False)
    else:
        check_choice("NAME", name, library.bundled_names())
        typer.echo(library.weights_file(name).with_suffix(".md").read_text("utf-8"), nl=False)


def _table() -> str:
    """A row for each model, as text."""
    from rich.console import Console
    from rich.table import Table

    from spikefill import models as library

    table = Table(box=None, pad_edge=False)
    for heading in ("model", "parameters", "size", "licence"):
        right = heading in ("parameters", "size")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    table.add_column("for")
    for model in library.RELEASED:
        file = library.weights_file(model.name)
        table.add_row(
            f"{model.name}{_remarks(model.name)}",
            f"{library.count_parameters(file):,}",
            f"{file.stat().st_size / 1e6:.1f} MB",
            model.licence,
            model.purpose,
        )
    screen = Console(highlight=False, markup=False, emoji=False)
    if not screen.is_terminal:
        screen.width = _A_LINE_A_MODEL
    with screen.capture() as capture:
        screen.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _remarks(name: str) -> str:
    """What there is to say of a name, in brackets."""
    from spikefill import models as library

    remarks = [f"also {alias}" for alias, meant in library.ALIASES.items() if meant == name]
    if name == library.resolved(library.DEFAULT):
        remarks.insert(0, "default")
    return f" ({', '.join(remarks)})" if remarks else ""
