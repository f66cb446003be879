"""Peak memory of a training step of the neuron for few and for many steps, each measured in a process of its own.

``python -m benchmarks.memory NAME STEPS N C H W`` is that process; it prints bytes.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from benchmarks.neuron import BETA, HIGHEST, OURS, uniform
from benchmarks.results import ROOT, Result, Table, size
from benchmarks.rivals import RIVALS, Layer, ours
from spikefill.peak_memory import peak, reset_peak
from spikefill.processes import give_memory_back


def run(*, quick: bool) -> Result:
    """Peaks in MB and their ratio."""
    shape, few, many = ((1, 4, 64, 64), 1, 4) if quick else ((4, 64, 128, 128), 1, 32)
    names = [OURS, *(rival.name for rival in RIVALS)]
    cases = [(name, steps) for name in (names[:2] if quick else names) for steps in (few, many)]

    def measure(case: tuple[str, int]) -> float:
        print("memory: {}, T = {}".format(*case), flush=True)
        return _in_a_new_process(*case, shape) / 1e6

    with ThreadPoolExecutor(2 if quick else 1) as pool:
        megabytes = dict(zip(cases, pool.map(measure, cases), strict=True))
    unit = 4e-6 * torch.Size(shape).numel()
    return Result(
        title="Memory",
        tables=[
            Table(
                f"peak of a training step of the neuron, {size(shape)} float32 ({unit:.3g} MB)",
                ["", f"T = {few}, MB", f"T = {many}, MB", "ratio"],
                [_row(name, megabytes[name, few], megabytes[name, many]) for name, steps in cases if steps == few],
            )
        ],
        notes=[
            (
                "Forward pass, mean squared error of the rate, backward pass to the current; what the process holds "
                "before (current and target among it) is subtracted."
            )
        ],
        data={"megabytes": {f"T = {steps}": _by_name(megabytes, steps) for steps in (few, many)}},
    )


def _row(name: str, low: float, high: float) -> list[str]:
    return [name, f"{low:.0f}", f"{high:.0f}", f"{high / low:.2g}" if low else ""]


def _by_name(megabytes: Mapping[tuple[str, int], float], steps: int) -> dict[str, float]:
    return {name: value for (name, of), value in megabytes.items() if of == steps}


def _in_a_new_process(name: str, steps: int, shape: tuple[int, ...]) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", name, str(steps), *map(str, shape)],
        cwd=ROOT,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"},  # a freed tensor is given back at once (GNU C library)
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name}, T = {steps}: {done.stderr.strip()}")
    return int(done.stdout.split()[-1])


def _peak_of(name: str, steps: int, shape: tuple[int, ...]) -> int:
    """Bytes by which a training step raises the process's peak of resident memory."""
    neuron = _neuron(name, steps)
    _training_step(neuron, *_current_and_target((1, 1, 8, 8)))  # loads and compiles what is needed
    current, target = _current_and_target(shape)
    _settle()
    before = peak()
    _training_step(neuron, current, target)
    return peak() - before


def _settle() -> None:
    """Gives back memory that is free but still held, and sets the peak to what remains, where that can be done."""
    gc.collect()
    give_memory_back()
    reset_peak()


def _neuron(name: str, steps: int) -> Layer:
    if name == OURS:
        return ours(BETA, steps)
    return next(rival for rival in RIVALS if rival.name == name)(BETA, steps).documented


def _current_and_target(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    return uniform(shape, HIGHEST).requires_grad_(), uniform(shape, 1.0, seed=1)


def _training_step(neuron: Layer, current: Tensor, target: Tensor) -> None:
    torch.nn.functional.mse_loss(neuron(current), target).backward()


if __name__ == "__main__":
    print(_peak_of(sys.argv[1], int(sys.argv[2]), tuple(map(int, sys.argv[3:]))))
