"""Runs the benchmarks named on the command line, or all: prints tables, keeps the figures, draws plots.

``python -m benchmarks [NAME ...] [--quick]`` measures; the figures go to build/benchmarks.json and the plots to
docs/images. ``--quick`` runs everything at tiny sizes, as a test of the code, and keeps its files in build/quick.
``python -m benchmarks --write-docs`` writes the kept figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console

from benchmarks import (
    convolutions,
    exchange,
    large,
    many,
    memory,
    network,
    neuron,
    page,
    plots,
    precision,
    restoring,
    sequences,
    service,
    steps,
    windows,
)
from benchmarks.results import ROOT, STORE, Result, keep, load, show, this_machine
from benchmarks.rivals import RIVALS

QUICK_NOTE = "Quick run: sizes are tiny and the figures mean nothing; it only shows that the code runs."


class Benchmark(Protocol):
    """Answers a question."""

    def __call__(self, *, quick: bool) -> Result:
        """At full size, or at a tiny one."""


BENCHMARKS: dict[str, Benchmark] = {
    "neuron": neuron.run,
    "steps": steps.run,
    "memory": memory.run,
    "network": network.run,
    "twin": network.run_twin,
    "convolutions": convolutions.run,
    "restoring": restoring.run,
    "large": large.run,
    "windows": windows.run,
    "many": many.run,
    "precision": precision.run,
    "service": service.run,
    "sequences": sequences.run,
    "exchange": exchange.run,
}

BESIDE_RIVALS = {"neuron", "steps", "memory", "network"}
"""Those that measure other libraries, too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 2 if something that is needed is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, print, keep and plot.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, a test of the code; the figures mean nothing")
    parser.add_argument("--write-docs", action="store_true", help="write the kept figures into docs/performance.md")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"{name!r} is unknown; there are: {', '.join(BENCHMARKS)}")
    if chosen.write_docs:
        if not STORE.exists():
            parser.error(f"there is no {STORE}; measure first")
        kept = load(STORE)
        page.write({name: kept[name] for name in BENCHMARKS if name in kept})
        return 0
    names = chosen.names or list(BENCHMARKS)
    missing = [rival.package for rival in RIVALS if importlib.util.find_spec(rival.package) is None]
    if missing and not BESIDE_RIVALS.isdisjoint(names):
        parser.error(f"not installed: {', '.join(missing)}; make bench installs them")
    _measure(names, quick=chosen.quick)
    return 0


def _measure(names: Sequence[str], *, quick: bool) -> None:
    store, images = (ROOT / "build" / "quick" / STORE.name, ROOT / "build" / "quick") if quick else (STORE, page.IMAGES)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"{this_machine()}.", highlight=False)
    if quick:
        console.print(QUICK_NOTE)
    results = {}
    for name in names:
        results[name] = BENCHMARKS[name](quick=quick)
        keep(name, results[name], store)
    for result in results.values():
        show(result, console)
    plots.draw(results, images)
    console.print(f"Figures: {store}; plots: {images}/bench-*.png", highlight=False)
    if quick:
        console.print(QUICK_NOTE)


if __name__ == "__main__":
    sys.exit(main())
