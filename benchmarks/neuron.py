"""How long a constant-current LIF takes, forward and with the backward pass, against four libraries and a copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.results import Claim, Result, Table, digits, size
from benchmarks.rivals import Layer, checked_rivals, forward_and_backward, ours
from benchmarks.timing import interleaved

BETA = 0.9
HIGHEST = 12.0
"""Currents are uniform up to this: the potential reaches the threshold in the first step from 10 on."""

OURS, COMPILED, LOOP = "Spikefill", "torch.compile of the plain loop", "plain loop"
COPY, CLONE = "copy into existing memory", "copy into new memory"


def uniform(shape: tuple[int, ...], highest: float, seed: int = 0) -> Tensor:
    """Uniform numbers from 0."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * highest


def run(*, quick: bool) -> Result:
    """Medians of all, and how many times longer than ours each takes."""
    shape, steps, repeats = ((1, 4, 16, 16), 2, 1) if quick else ((8, 64, 128, 128), 8, 7)
    current, gradient = uniform(shape, HIGHEST), uniform(shape, 1.0, seed=1)
    rivals = checked_rivals(BETA, steps, current[:1])
    loop = ours(BETA, steps, backend="reference")
    neurons: dict[str, Layer] = {
        OURS: ours(BETA, steps),
        "Spikefill, compiled": ours(BETA, steps, backend="compiled"),
        COMPILED: torch.compile(loop),
        LOOP: loop,
        **{rival.name: rival.documented for rival in rivals},
    }
    memory = torch.empty_like(current)
    calls: dict[str, Callable[[], object]] = {COPY: lambda: memory.copy_(current), CLONE: current.clone}
    with torch.no_grad():
        forward = interleaved(
            "neuron, forward",
            calls | {name: partial(neuron, current) for name, neuron in neurons.items()},
            repeats,
        )
    both = interleaved(
        "neuron, forward and backward",
        {name: partial(forward_and_backward, neuron, current, gradient) for name, neuron in neurons.items()},
        repeats,
    )
    fastest = {
        way: min((rival.name for rival in rivals), key=medians.__getitem__)
        for way, medians in (("forward", forward), ("both", both))
    }
    return Result(
        title="The neuron",
        tables=[
            Table(
                f"LIF, {size(shape)} float32, T = {steps}",
                ["", "forward, ms", "times ours", "forward and backward, ms", "times ours"],
                [[name, *_pair(forward, name), *(_pair(both, name) if name in both else ("", ""))] for name in forward],
            )
        ],
        claims=[
            Claim(f"forward, times faster than {fastest['forward']}", forward[fastest["forward"]] / forward[OURS], 100),
            Claim("forward, copies into existing memory", forward[OURS] / forward[COPY], 4, "at most"),
            Claim("forward, copies into new memory", forward[OURS] / forward[CLONE], 4, "at most"),
            Claim(f"forward and backward, times faster than {fastest['both']}", both[fastest["both"]] / both[OURS], 40),
            Claim("forward, times faster than torch.compile", forward[COMPILED] / forward[OURS], 1),
            Claim("forward and backward, times faster than torch.compile", both[COMPILED] / both[OURS], 1),
        ],
        data={"forward": forward, "both": both},
    )


def _pair(medians: dict[str, float], name: str) -> tuple[str, str]:
    return digits(medians[name]), digits(medians[name] / medians[OURS])
