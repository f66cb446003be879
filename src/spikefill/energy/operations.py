"""What a network computes for a picture: operations of every layer, counted one by one where spikes decide.

How many of a convolution's outputs an input cell reaches, at borders and strides too, is exact (`fan_out`); what a
spike costs is then counted, not taken from a mean rate. Padding is no input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from spikefill.neurons import LIFParameters


@dataclass(frozen=True)
class Counts:
    """Of one layer at one level, over some pictures.

    Attributes:
        name: The layer's path in the network.
        level: 0 for the picture itself, 1 for that of half its resolution, and so on.
    """

    name: str
    level: int

    SUMMED: ClassVar[tuple[str, ...]] = ()
    """The numbers that add up over pictures."""

    def plus(self, other: Self) -> Self:
        """The sum of both, of the same layer."""
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in self.SUMMED})


@dataclass(frozen=True)
class Convolution(Counts):
    """Operations of a convolution.

    Attributes:
        fed_by: The spiking layer whose spikes it gets; None for an analog input.
        synapses: Products of a weight and an input cell, zero or not: multiply-accumulates where the input is analog.
        active: Those of them whose input is not zero.
        accumulates: Weights that spikes add to currents in all T steps; 0 for an analog input.
        computed_synapses: As ``synapses``, where the network computes only what the holes need.
        computed_accumulates: As ``accumulates``, in the same way.
        weights: Weights, each time that the convolution is called.
        inputs: Input cells times channels.
        outputs: Output cells times channels.
        biases: Additions of a bias to an output.
    """

    fed_by: str | None
    synapses: int
    active: int
    accumulates: int
    computed_synapses: int
    computed_accumulates: int
    weights: int
    inputs: int
    outputs: int
    biases: int

    SUMMED = (
        "synapses", "active", "accumulates", "computed_synapses", "computed_accumulates", "weights", "inputs",
        "outputs", "biases",
    )  # fmt: skip


@dataclass(frozen=True)
class Neurons(Counts):
    """Operations of a layer of neurons, and where they fire.

    Attributes:
        steps: T.
        neurons: How many there are.
        spikes: How often they fire.
        firing: How many of them fire at all.
        computed_neurons: As ``neurons``, where the network computes only what the holes need.
        inside: Neurons in holes, those at an edge by the part of their cell that is hole.
        spikes_inside: Spikes of these.
        outside: Neurons in what is known, in the same way.
        spikes_outside: Spikes of these.
        multiplies: Multiply-accumulates that all steps take.
        adds: Accumulates and comparisons that all steps take.
    """

    steps: int
    neurons: int
    spikes: int
    firing: int
    computed_neurons: int
    inside: float
    spikes_inside: float
    outside: float
    spikes_outside: float
    multiplies: int
    adds: int

    SUMMED = (
        "neurons", "spikes", "firing", "computed_neurons", "inside", "spikes_inside", "outside", "spikes_outside",
        "multiplies", "adds",
    )  # fmt: skip

    @property
    def updates(self) -> int:
        """Updates of a membrane: one for each neuron and step."""
        return self.steps * self.neurons


@dataclass(frozen=True)
class Analog(Counts):
    """What is neither a convolution nor neurons, counted as multiply-accumulates; it is the same in every twin.

    Attributes:
        kind: ``"normalisation"``, ``"shortcut"``, ``"joins"`` or ``"image"``.
        multiply_accumulates: How many.
    """

    kind: str
    multiply_accumulates: int

    SUMMED = ("multiply_accumulates",)


@dataclass(frozen=True)
class Operations:
    """All that a network computes for some pictures.

    Attributes:
        convolutions: By layer and level, in the order in which they run.
        neurons: The same.
        analog: The same.
        pictures: How many.
    """

    convolutions: tuple[Convolution, ...]
    neurons: tuple[Neurons, ...]
    analog: tuple[Analog, ...]
    pictures: int

    def plus(self, other: Operations) -> Operations:
        """Those of more pictures of the same network; layers that some pictures do not reach are kept."""
        return Operations(
            _joined((*self.convolutions, *other.convolutions)),
            _joined((*self.neurons, *other.neurons)),
            _joined((*self.analog, *other.analog)),
            self.pictures + other.pictures,
        )


def _joined(layers: Iterable[Any]) -> tuple[Any, ...]:
    found: dict[tuple[str, ...], Any] = {}
    for layer in layers:
        key = (layer.name, layer.level, getattr(layer, "kind", ""))
        found[key] = found[key].plus(layer) if key in found else layer
    return tuple(found.values())


def fan_out(convolution: nn.Conv2d, size: tuple[int, int], outputs: Tensor | None = None) -> Tensor:
    """How many output values an input value at each cell takes part in.

    A convolution of ones with the same geometry is differentiated: its gradient is the number of output cells that a
    cell reaches, whatever stride, dilation and kind of padding.

    Args:
        convolution: The layer; its weights are not looked at.
        size: Height and width of its input.
        outputs: H' x W', 1 at the output cells that are computed; None for all.

    Returns:
        H x W, int64: output cells reached times the output channels of a group.
    """
    alike = nn.Conv2d(
        1, 1, convolution.kernel_size, convolution.stride, convolution.padding,  # type: ignore[arg-type]
        convolution.dilation, bias=False, padding_mode=convolution.padding_mode,  # type: ignore[arg-type]
    ).double()  # fmt: skip
    nn.init.ones_(alike.weight)
    with torch.enable_grad():
        cells = torch.zeros(1, 1, *size, dtype=torch.float64, requires_grad=True)
        reached = alike(cells)
        total = reached.sum() if outputs is None else (reached * outputs).sum()
        (gradient,) = torch.autograd.grad(total, cells)
    return gradient[0, 0].round().long() * (convolution.out_channels // convolution.groups)


def update_costs(parameters: LIFParameters, neurons: int, spikes: int, steps: int) -> tuple[int, int]:
    """Multiply-accumulates and accumulates of all steps of some neurons.

    The gain is applied once, since the current is constant. A step is an accumulate to the membrane, with a product if
    there is a leak, one more accumulate for a potential to leak to, one multiply-accumulate for a synapse, and a
    comparison, counted as an accumulate. A soft reset is one accumulate a spike; a hard one costs nothing here.
    """
    p = parameters
    leaks = isinstance(p.beta, Tensor) or p.beta != 1
    multiplies = steps * neurons * (leaks + (p.alpha is not None))
    multiplies += neurons * (isinstance(p.gain, Tensor) or p.gain != 1)
    adds = steps * neurons * ((not leaks) + (p.v_leak != 0) + 1)
    return multiplies, adds + spikes * (p.reset == "soft")
