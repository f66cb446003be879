"""The report of a ledger: a page of tables in Markdown, and its plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikefill import files
from spikefill.energy.plots import PLOTS
from spikefill.energy.tables import tables
from spikefill.errors import InputError

PAGE = "energy.md"


def write_report(document: Mapping[str, Any], folder: str | Path, *, overwrite: bool = False) -> Path:
    """Writes the tables (`PAGE`, Markdown) and the plots (PNG) of a document into a folder; returns the page's path.

    Raises:
        InputError: One of the files exists and ``overwrite`` is false, or cannot be written.
    """
    folder = Path(folder)
    check_report(folder, overwrite=overwrite)
    for name, plot in PLOTS.items():
        with files.atomic_write(folder / name, overwrite=overwrite) as temporary:
            plot(document).savefig(temporary, dpi=110)
    protocol = document["protocol"]
    pictures = "".join(f"\n![]({name})\n" for name in PLOTS)
    page = f"# Estimated energy of {protocol['name']}\n\n" + "\n".join(
        table.as_markdown() for table in tables(document)
    )
    with files.atomic_write(folder / PAGE, overwrite=overwrite) as temporary:
        temporary.write_text(page + pictures, encoding="utf-8")
    return folder / PAGE


def check_report(folder: Path, *, overwrite: bool) -> None:
    """Raises `InputError` if `write_report` would have to replace a file, or cannot write there; call it first."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--report is {folder}, a file; name a folder")
    for name in (PAGE, *PLOTS):
        files.refuse_existing(folder / name, overwrite=overwrite)
