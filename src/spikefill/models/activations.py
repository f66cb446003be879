"""What may stand behind a convolution: neurons, or what takes their place in a twin without time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import nn

from spikefill.errors import check_choice
from spikefill.neurons import Quantiser

if TYPE_CHECKING:
    from spikefill.neurons import LIF

Activation = Literal["lif", "relu", "quantised", "quantised-lif"]
ACTIVATIONS: tuple[str, ...] = ("lif", "relu", "quantised", "quantised-lif")
"""Neurons; ReLU; a clipped line rounded to T + 1 uniform levels; the same rounded to the levels that the neurons have.

The last two differ for a hard reset alone: with a soft one, neurons have all T + 1 levels."""


def activation(name: str, neuron: LIF) -> nn.Module:
    """The neurons themselves, or what stands in for them.

    Raises:
        InputError: The name is none of `ACTIVATIONS`, or the neurons' levels are not known.
    """
    check_choice("activation", name, ACTIVATIONS)
    if name == "lif":
        return neuron
    if name == "relu":
        return nn.ReLU()
    return Quantiser(neuron, levels="uniform" if name == "quantised" else "neuron")
