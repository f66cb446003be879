"""What an experiment leaves in its folder: ``results.json``, ``results.csv``, plots, and a page in two forms."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from spikefill.files import atomic_write
from spikefill.reproduce import page
from spikefill.reproduce.catalogue import NAMES
from spikefill.reproduce.remarks import remarks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from spikefill.reproduce.findings import Plot

RESULTS = "results.json"
TABLES = "results.csv"
PAGE = "index.md"
_DPI = 130


def write(folder: Path, document: Mapping[str, Any], plots: Sequence[Plot]) -> None:
    """Writes an experiment's files over those of an earlier run.

    Args:
        folder: Where; made if it is not there.
        document: What becomes ``results.json``.
        plots: The figures whose files the document names.
    """
    for plot in plots:
        with atomic_write(folder / file_of(plot), overwrite=True) as temporary:
            plot.figure.savefig(temporary, dpi=_DPI)
    _write_text(folder / TABLES, tables_csv(document))
    _write_page(folder, page.experiment_page(document), document["title"])
    _write_text(folder / RESULTS, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_overview(folder: Path, diverged: Sequence[str] = ()) -> None:
    """Writes the page of the folder, from the results that its experiments have.

    Args:
        folder: Where they are.
        diverged: Experiments that have no results of the last run.
    """
    _write_page(folder, overview(results_in(folder), diverged), "Experiments")


def overview(documents: Sequence[Mapping[str, Any]], diverged: Sequence[str] = ()) -> list[page.Block]:
    """The page over experiments, from their ``results.json``; ``diverged`` as for `write_overview`."""
    return page.overview_page(documents, remarks(documents, diverged))


def results_in(folder: Path) -> list[dict[str, Any]]:
    """The ``results.json`` of each experiment in a folder, in the order in which ``all`` runs them."""
    files = [folder / name / RESULTS for name in NAMES]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()]


def file_of(plot: Plot) -> str:
    """The name of a plot's file."""
    return f"{plot.name}.png"


def tables_csv(document: Mapping[str, Any]) -> str:
    """All tables of a ``results.json`` as one: a line a figure, with its table, row and column; then their origin."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("table", "row", "column", "value"))
    for table in document["tables"]:
        headings = [column["heading"] for column in table["columns"]]
        for row in table["rows"]:
            for heading, cell in zip(headings[1:], row[1:], strict=True):
                lines.writerow((table["name"], row[0], heading, "" if cell is None else cell))
    origin = {name: document[name] for name in ("quick", "commit", "settings", "versions", "machine")}
    lines.writerows(("origin", name, "value", "" if value is None else value) for name, value in page.flat(origin))
    return text.getvalue()


def _write_page(folder: Path, blocks: Sequence[page.Block], title: str) -> None:
    _write_text(folder / PAGE, page.markdown(blocks))
    _write_text(folder / "index.html", page.webpage(blocks, title))


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
