"""How much time a constant-current LIF layer takes by each backend, against the plain loop and against a copy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from spikefill.neurons import LIF

SHAPE, STEPS, REPEATS = (8, 64, 128, 128), 8, 5


def _milliseconds(call: Callable[[], object]) -> float:
    call()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    """Prints medians in ms and how many times faster than the plain loop (``reference``) each backend is."""
    current = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)) * 8
    gradient = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))

    def both(neuron: LIF) -> None:
        leaf = current.detach().requires_grad_()
        neuron(leaf).backward(gradient)

    table = Table("", "forward, ms", "times faster", "and backward, ms", "times faster")
    table.add_row("copy", f"{_milliseconds(current.clone):.0f}", "", "", "")
    loop: tuple[float, float] | None = None
    for backend in ("reference", "recompute", "fused"):
        neuron = LIF.preset("working", steps=STEPS, backend=backend)
        with torch.no_grad():
            forward = _milliseconds(lambda neuron=neuron: neuron(current))
        whole = _milliseconds(lambda neuron=neuron: both(neuron))
        loop = loop or (forward, whole)
        table.add_row(backend, f"{forward:.0f}", f"{loop[0] / forward:.1f}", f"{whole:.0f}", f"{loop[1] / whole:.1f}")
    print(f"LIF, {' x '.join(map(str, SHAPE))} float32, T = {STEPS}, {torch.get_num_threads()} threads, medians")
    Console().print(table)
