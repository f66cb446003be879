"""What a benchmark hands back, how it is shown on a terminal and in Markdown, and the file that keeps it."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from rich.table import Table as RichTable

from spikefill.files import atomic_write
from spikefill.machine import processor

ROOT = Path(__file__).parents[1]
STORE = ROOT / "build" / "benchmarks.json"
PACKAGES = ("torch", "numba", "snntorch", "spikingjelly", "norse", "sinabs")


@dataclass(frozen=True)
class Table:
    """A table of text: the first column names a row, the others are right-aligned."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Claim:
    """A figure with its bound.

    Attributes:
        text: What the figure is.
        measured: The figure.
        bound: What it should be at least or at most.
        kind: Which of the two.
    """

    text: str
    measured: float
    bound: float
    kind: Literal["at least", "at most"] = "at least"

    @property
    def met(self) -> bool:
        """Whether the figure keeps within its bound."""
        return self.measured >= self.bound if self.kind == "at least" else self.measured <= self.bound

    def cells(self) -> list[str]:
        """The row of a table of claims."""
        return [self.text, digits(self.measured), f"{self.kind} {self.bound:g}", "yes" if self.met else "no"]


@dataclass(frozen=True)
class Result:
    """The answer to a question.

    Attributes:
        title: The question in a few words.
        tables: The figures as text.
        claims: Figures with bounds.
        notes: What a reader must know beside the tables, a sentence or two each.
        data: The figures as numbers, for the plots.
        date: When they were measured.
        machine: And where, in a sentence.
    """

    title: str
    tables: Sequence[Table]
    data: Mapping[str, Any]
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())
    machine: str = field(default_factory=lambda: this_machine())

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Result:
        """The result that `dataclasses.asdict` took apart."""
        tables = [Table(**table) for table in stored["tables"]]
        claims = [Claim(**claim) for claim in stored["claims"]]
        return cls(**{**stored, "tables": tables, "claims": claims})

    def all_tables(self) -> Iterator[Table]:
        """The tables, and one more of the claims."""
        yield from self.tables
        if self.claims:
            yield Table("bounds", ["", "measured", "bound", "met"], [claim.cells() for claim in self.claims])


def this_machine() -> str:
    """What the figures depend on beside the code, in a sentence."""
    parts = (
        processor(), f"{os.cpu_count()} cores", f"{torch.get_num_threads()} threads",
        torch.backends.cpu.get_cpu_capability(), platform.system(), f"Python {platform.python_version()}",
    )  # fmt: skip
    return f"{', '.join(parts)}; {', '.join(_versions())}"


def _versions() -> Iterator[str]:
    for package in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):  # the rivals are not always there
            yield f"{package} {importlib.metadata.version(package)}"


def digits(value: float) -> str:
    """Three significant digits, or all before the point, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def size(shape: Sequence[int]) -> str:
    """A shape as text."""
    return " x ".join(map(str, shape))


def show(result: Result, console: Console) -> None:
    """Prints a result."""
    console.rule(result.title)
    for table in result.all_tables():
        rich_table = RichTable(title=table.title, title_justify="left")
        for number, column in enumerate(table.columns):
            rich_table.add_column(column, justify="right" if number else "left", overflow="fold")
        for row in table.rows:
            rich_table.add_row(*row)
        console.print(rich_table)
    for note in result.notes:
        console.print(note, highlight=False)


def as_markdown(result: Result) -> str:
    """A result as a section of a page, without its heading."""
    parts = []
    for table in result.all_tables():
        lines = [f"**{table.title[0].upper()}{table.title[1:]}**", ""]
        lines.append(_row(table.columns))
        lines.append(_row(["---", *["---:"] * (len(table.columns) - 1)]))
        lines += [_row(row) for row in table.rows]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *result.notes])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def keep(name: str, result: Result, path: Path) -> None:
    """Writes a result into the file, beside the others there."""
    results = {**(load(path) if path.exists() else {}), name: result}
    stored = {each: asdict(kept) for each, kept in results.items()}
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


def load(path: Path) -> dict[str, Result]:
    """The results in the file, by name."""
    return {name: Result.from_json(stored) for name, stored in json.loads(path.read_text("utf-8")).items()}
