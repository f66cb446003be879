"""A network whose neurons go on from one picture to the next; what they carry is kept outside of the network.

Under a constant current the T steps of a neuron give the current rounded to a multiple of 1 / T, and what was rounded
off is left in its membrane. A neuron that starts the next picture from there rounds the other way next: over many
pictures that are the same, the mean of what it gives tends to the current itself (error feedback, as in a sigma-delta
modulator: Inose and Yasuda, Proceedings of the IEEE 1963).
"""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.neurons import LIF, LIFParameters, LIFState


class Potentials:
    """What the neurons of a network carry from picture to picture.

    A core of the hybrid network is called at each level, and an inpainter may call the network several times for a
    picture, so states are told apart by the order of the calls.

    Attributes:
        states: After the last picture, in the order in which the neurons were called; empty before the first. They
            may be changed between pictures.
    """

    def __init__(self) -> None:
        self.states: list[LIFState] = []
        self._next = 0

    def begin(self) -> None:
        """Another picture begins."""
        self._next = 0

    def answer(self, neuron: LIF, current: Tensor, **options: Any) -> Tensor:
        """What neurons answer that go on from where the same call for the picture before left them.

        Potentials are kept within the range from the reset to the threshold. What lies beyond is not rounding: a
        current below 0 pulls a potential down without end, and its neuron would stay silent for many pictures after
        the current has risen.

        Args:
            neuron: The neurons.
            current: N x ..., of the shape that this call had for the picture before.
            **options: As for `LIF`.
        """
        before = self.states[self._next] if self._next < len(self.states) else None
        answer, after = cast("tuple[Tensor, LIFState]", neuron(current, before, return_state=True, **options))
        self.states[self._next : self._next + 1] = [_within_range(after, neuron.parameters_now())]
        self._next += 1
        return answer


def carrying(model: nn.Module, potentials: Potentials) -> nn.Module:
    """A network with the weights of another one, whose neurons start from ``potentials`` and leave theirs there.

    Args:
        model: A network of `spikefill.models` with neurons. It stays as it is, and shares its weights.
        potentials: `Potentials.begin` must be called before each picture.

    Returns:
        A network that takes the same. It computes whole pictures, everywhere, all of one size.

    Raises:
        InputError: The network has no neurons, or passes spikes on step by step (``streaming``).
    """
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    network = copy.deepcopy(model, shared)
    neurons = [(name, module) for name, module in network.named_modules() if isinstance(module, LIF)]
    if not neurons:
        raise InputError("the model has no neurons, so there are no potentials to carry")
    if getattr(model, "stream", None) is not None or any(neuron.readout == "spikes" for _, neuron in neurons):
        raise InputError(
            "the model is a streaming one, whose neurons start afresh with each picture; take one of rates"
        )
    for name, neuron in neurons:
        network.set_submodule(name, Carrying(neuron, potentials))
    return _Whole(network)


class Carrying(nn.Module):
    """Stands in the place of neurons."""

    def __init__(self, neuron: LIF, potentials: Potentials) -> None:
        super().__init__()
        self.neuron = neuron
        self._potentials = potentials

    def forward(self, current: Tensor, state: None = None, *, return_state: bool = False, **options: Any) -> Tensor:
        """The neurons' answer alone; their state is none of the caller's."""
        return self._potentials.answer(self.neuron, current, **options)


class _Whole(nn.Module):
    """Of a network the `forward` alone, without what says how a picture may be computed in part."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, masked: Tensor, mask: Tensor) -> Tensor:
        """As the network's."""
        restored: Tensor = self.network(masked, mask)
        return restored


def _within_range(state: LIFState, parameters: LIFParameters) -> LIFState:
    low = torch.as_tensor(parameters.v_reset, dtype=state.v.dtype, device=state.v.device)
    high = torch.as_tensor(parameters.threshold, dtype=state.v.dtype, device=state.v.device)
    return state._replace(v=state.v.clamp(low, high))
