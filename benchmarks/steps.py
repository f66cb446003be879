"""How the time of a forward pass grows with the number of steps T."""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.neuron import BETA, HIGHEST, uniform
from benchmarks.results import Result, Table, digits, size
from benchmarks.rivals import Layer, checked_rivals, ours
from benchmarks.timing import interleaved


def run(*, quick: bool) -> Result:
    """Medians for ours at full size and for the libraries on a part of it; for the plot in ns a neuron."""
    if quick:
        shape, base, more, most, repeats = (2, 4, 16, 16), 2, 4, 8, 1
    else:
        shape, base, more, most, repeats = (8, 64, 128, 128), 8, 64, 1024, 5
    current = uniform(shape, HIGHEST)
    small = current[:1]
    ladder = [1 << power for power in range(more.bit_length())]
    series: dict[str, dict[int, Layer]] = {
        "Spikefill, hard reset": {steps: ours(BETA, steps) for steps in (*ladder, most)},
        "Spikefill, soft reset": {steps: ours(BETA, steps, reset="soft") for steps in ladder},
    }
    inputs = dict.fromkeys(series, current)
    for steps in (base, more):
        for rival in checked_rivals(BETA, steps, small):
            series.setdefault(rival.name, {})[steps] = rival.documented
            inputs[rival.name] = small

    with torch.no_grad():
        medians = interleaved(
            "steps",
            {
                f"{name}, T = {steps}": partial(neuron, inputs[name])
                for name, neurons in series.items()
                for steps, neuron in neurons.items()
            },
            repeats,
        )

    def row(name: str) -> list[str]:
        found = [medians.get(f"{name}, T = {steps}") for steps in (base, more, most)]
        first, second, third = found
        assert first is not None
        assert second is not None
        return [
            name,
            size(tuple(inputs[name].shape)),
            digits(first),
            digits(second),
            digits(second / first),
            "" if third is None else digits(third),
        ]

    return Result(
        title="The number of steps",
        tables=[
            Table(
                "LIF, forward",
                ["", "current", f"T = {base}, ms", f"T = {more}, ms", "ratio", f"T = {most}, ms"],
                [row(name) for name in series],
            )
        ],
        notes=[
            (
                "The libraries run on a part of the tensor, because they hold the spikes of all steps, which at "
                f"T = {more} are {more} times as large as the current."
            )
        ],
        data={
            "nanoseconds": {
                name: {str(steps): 1e6 * medians[f"{name}, T = {steps}"] / inputs[name].numel() for steps in neurons}
                for name, neurons in series.items()
            }
        },
    )
