"""Bytes to and from memory, counted in two ways, the ends of a band.

*Reused*: each layer reads its weights and inputs once and writes its outputs once; membranes stay in registers for all
T steps. *Fetched*: nothing stays; each operation reads its weight, each accumulate reads and writes the current that it
adds to, each multiply-accumulate reads its input (its sum stays in a register), each update of a neuron reads its
current, and reads and writes its membrane. Spikes are bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from spikefill.energy.operations import Convolution, Neurons

SUM = 4
"""Bytes of a current, a membrane and a sum, in every precision."""

Dataflow = Literal["reused", "fetched"]
DATAFLOWS: tuple[Dataflow, ...] = ("reused", "fetched")


@dataclass(frozen=True)
class Traffic:
    """Bytes read and written.

    Attributes:
        weights: Of weights.
        state: Of inputs, currents, membranes and outputs.
    """

    weights: float
    state: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.weights + self.state


def total(parts: Iterable[Traffic], pictures: int = 1) -> Traffic:
    """The sum of all parts, a picture."""
    parts = list(parts)
    return Traffic(sum(part.weights for part in parts) / pictures, sum(part.state for part in parts) / pictures)


def of_spiking(layer: Convolution, steps: int, size: int, flow: Dataflow) -> Traffic:
    """That of a convolution in the network with neurons.

    Args:
        layer: The convolution.
        steps: T of the neurons that feed it; of no matter for an analog input.
        size: Bytes of a weight and an analog input.
        flow: What is reused.
    """
    if layer.fed_by is None:
        return of_multiplying(layer, layer.synapses, size, flow)
    spikes = layer.inputs * steps / 8
    if flow == "reused":
        return Traffic(size * layer.weights, spikes + SUM * layer.outputs)
    return Traffic(size * layer.accumulates, spikes + 2 * SUM * layer.accumulates)


def of_multiplying(layer: Convolution, products: int, size: int, flow: Dataflow) -> Traffic:
    """That of a convolution which computes so many products."""
    outputs = SUM * layer.outputs
    if flow == "reused":
        return Traffic(size * layer.weights, size * layer.inputs + outputs)
    return Traffic(size * products, size * products + outputs)


def of_neurons(layer: Neurons, flow: Dataflow) -> Traffic:
    """That of neurons: currents in, spikes out, and membranes."""
    currents = SUM * layer.neurons if flow == "reused" else 3 * SUM * layer.updates
    return Traffic(0, currents + layer.updates / 8)
