"""What an experiment finds: tables, plots, and a sentence for each objection that it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | float | int | bool | None


@dataclass(frozen=True)
class Table:
    """A table with a heading over each column and a name at the beginning of each row.

    Attributes:
        name: What the CSV file calls it.
        title: The line above it.
        columns: By heading, how its figures are shown, as `format` has it (``".2f"``); empty for text.
        rows: As many cells as columns; None is shown as a dash.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.name!r} has {len(self.columns)} columns and a row of {len(row)}")

    def as_json(self) -> dict[str, Any]:
        """The table as JSON can hold it."""
        columns = [{"heading": heading, "format": form} for heading, form in self.columns.items()]
        return {"name": self.name, "title": self.title, "columns": columns, "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True)
class Plot:
    """A figure with the line below it; it becomes the file NAME.png."""

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Answer:
    """A sentence with a figure, whichever way it falls; ``objection`` is a number of `OBJECTIONS`."""

    objection: int
    sentence: str


@dataclass(frozen=True)
class Findings:
    """All of it.

    Attributes:
        answers: To objections.
        tables: In the order of the page.
        plots: In the order of the page.
        notes: Further sentences: what was found beside, and what limits it.
    """

    answers: Sequence[Answer]
    tables: Sequence[Table]
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = ()
