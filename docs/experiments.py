"""Takes what `spikefill reproduce` found into docs/science/reproduce, and writes the pages over it.

``python docs/experiments.py FOLDER`` copies the figures and plots of every experiment in FOLDER, which
``spikefill reproduce EXPERIMENT -o FOLDER`` made, over those of an earlier run of the same experiment; runs at toy
size, and of code that no commit has, are refused. Then, and without a folder alone, it writes the experiments' tables
and pages, the page over them, and what was run in docs/science/reproduce.md. The ten answers there are written by hand:
a test compares each figure in them with those of the experiments that they name.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from weights import SCIENCE, between

from spikefill.files import atomic_write
from spikefill.reproduce import NAMES, output, page

FOLDER = SCIENCE / "reproduce"
PAGE = SCIENCE / "reproduce.md"
BEGIN, END = "<!-- runs: by docs/experiments.py -->\n\n", "\n\n<!-- end -->"

_COMMIT = re.compile("[0-9a-f]{40}")

Document = Mapping[str, Any]


def take(runs: Path, kept: Path = FOLDER) -> list[str]:
    """Copies the experiments of a folder, and returns their names.

    Args:
        runs: What `spikefill reproduce` was given as ``-o``.
        kept: Where they go; an experiment that is there is replaced.

    Raises:
        ValueError: There is none, or one is of toy size, or of code without a commit; nothing is copied then.
    """
    documents = output.results_in(runs)
    if not documents:
        raise ValueError(f"{runs} holds no experiment; name the folder that was the -o of spikefill reproduce")
    for document in documents:
        name, commit = document["experiment"], document["commit"]
        if document["quick"]:
            raise ValueError(f"{runs / name} is of toy size; its figures mean nothing")
        if not _COMMIT.fullmatch(commit or ""):
            raise ValueError(f"{runs / name} is of the commit {commit}; run it in a clean checkout")
    for document in documents:
        source, target = runs / document["experiment"], kept / document["experiment"]
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in (output.RESULTS, *(plot["file"] for plot in document["plots"])):
            shutil.copyfile(source / name, target / name)
    return [document["experiment"] for document in documents]


def what_was_run(documents: list[Document]) -> str:
    """A row for each run, and which experiments were run at toy size alone."""
    rows = [
        "| experiment | trainings | steps of a training | masks a photograph | minutes | commit |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for document in documents:
        steps, on = list(_lengths(document)), document["settings"]["measuring"]
        cells = (
            f"[`{document['experiment']}`](reproduce/{document['experiment']}/index.md)",
            f"{len(steps)}",
            f"{min(steps):,}" if min(steps) == max(steps) else f"{min(steps):,} to {max(steps):,}",
            f"{on['repeats'] * len(on['families'])}",
            f"{document['times']['seconds'] / 60:.0f}",
            f"{document['commit'][:7]}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    missing = [f"`{name}`" for name in NAMES if name not in {document["experiment"] for document in documents}]
    alone = f"\n\nRun at toy size alone: {', '.join(missing)}." if missing else ""
    return "\n".join(rows) + alone


def _lengths(document: Document) -> Iterator[int]:
    """The steps of each training."""
    for trial in document["trials"].values():
        if "weights" in trial["result"]:
            yield trial["result"]["steps"]


def pages() -> dict[Path, str]:
    """Every file that follows from the results, as it should be."""
    documents = output.results_in(FOLDER)
    written = {FOLDER / output.PAGE: page.markdown(output.overview(documents))}
    for document in documents:
        folder = FOLDER / document["experiment"]
        written[folder / output.PAGE] = page.markdown(page.experiment_page(document))
        written[folder / output.TABLES] = output.tables_csv(document)
    written[PAGE] = between(PAGE.read_text("utf-8"), BEGIN, END, what_was_run(documents))
    return written


def main() -> None:
    """Takes the results, and writes the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="folder that was the -o of spikefill reproduce")
    for runs in parser.parse_args().runs:
        try:
            print(f"{runs}: {', '.join(take(runs))}")  # noqa: T201
        except ValueError as error:
            sys.exit(str(error))
    for path, text in pages().items():
        with atomic_write(path, overwrite=True) as temporary:
            temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
