"""Runs the benchmarks named on the command line, or all of them, and prints their tables."""

from __future__ import annotations

import sys

from benchmarks import neuron

BENCHMARKS = {"neuron": neuron.main}


def main() -> int:
    """Exit code 2 if a name is unknown."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"benchmarks: {unknown[0]!r} is unknown; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
