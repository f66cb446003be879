"""The spiking layers of a network, and what can be asked of one again: its spikes, its membrane, its latency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.layers import SNNConv2d
from spikefill.models.firing import Firing
from spikefill.models.streaming import Stream
from spikefill.neurons import LIF, ArcTan, LIFState, Pointwise, initial_state
from spikefill.neurons.constant import Readout
from spikefill.neurons.lif import run_constant


@dataclass(frozen=True, eq=False)
class SpikingLayer:
    """Neurons of a network, where they stand.

    Attributes:
        name: Its path in the network; of the neurons of an `SNNConv2d`, the convolution's.
        module: What is called with the current and gives the readout: a `Firing`, or the neurons themselves.
        neuron: The neurons. Several layers may share one `LIF`, which keeps nothing.
    """

    name: str
    module: nn.Module
    neuron: LIF

    @property
    def stream(self) -> Stream | None:
        """How the layer runs in time; None for the rates of a constant current."""
        return self.module.stream if isinstance(self.module, Firing) else None

    @property
    def steps(self) -> int:
        """How many steps its neurons run."""
        return self.neuron.steps if self.stream is None else self.stream.length

    def readout(
        self, current: Tensor, kind: Readout, state: LIFState | None = None, pointwise: Pointwise | None = None
    ) -> Tensor:
        """What the layer's neurons do, by their definition, in another readout; see `lif_constant`.

        Args:
            current: N x C x H x W, what the layer's module was called with.
            kind: ``"count"``, ``"latency"``, ``"membrane"`` or ``"spikes"``.
            state: What it was called with besides.
            pointwise: The same.

        Raises:
            InputError: The layer streams: its current changes from step to step, and it gives spikes.
        """
        if self.stream is not None:
            raise InputError(
                f"model is a streaming network, whose neurons run step by step, so that {kind} is not known; name one "
                "whose neurons get one current for all steps, such as hybrid or scnn"
            )
        if isinstance(self.module, Firing):
            current = self.module.norm(current.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        if pointwise is not None:
            current = pointwise.apply(current)
        neuron = self.neuron
        # There is no gradient here, and not every surrogate has one for every readout.
        parameters = replace(neuron.parameters_now(), surrogate=ArcTan())
        if state is None:
            v_init = neuron.v_init if "v_init" in neuron.learnable else neuron.v_init_start
            state = initial_state(current, parameters, v_init)
        return run_constant(current, neuron.steps, parameters, state, kind)[0]


def spiking_layers(model: nn.Module) -> list[SpikingLayer]:
    """The spiking layers of a network, in the order of its modules.

    Raises:
        InputError: There is none.
    """
    layers: list[SpikingLayer] = []
    inside: set[nn.Module] = set()
    for name, module in model.named_modules():
        if isinstance(module, Firing) and isinstance(module.neuron, LIF):
            layers.append(SpikingLayer(name, module, module.neuron))
            inside.add(module.neuron)
        elif isinstance(module, SNNConv2d) and isinstance(module.neuron, LIF):
            layers.append(SpikingLayer(name, module.neuron, module.neuron))
            inside.add(module.neuron)
        elif isinstance(module, LIF) and module not in inside:
            layers.append(SpikingLayer(name, module, module))
    if not layers:
        raise InputError(f"model is a {type(model).__name__} without spiking neurons; name one that has some")
    return layers


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a spiking layer.

    Attributes:
        layer: Which.
        level: Of the picture, 0 for itself, 1 for that of half its resolution, and so on.
        scale: How many of the picture's pixels are the side of a cell.
        current: N x C x H x W, what it was given; of a streaming network in every step, as `streaming.Stream` has them.
        given: What its neurons were given besides: ``state`` and ``pointwise``, where they were.
        result: What it gave; the very tensor.
    """

    layer: SpikingLayer
    level: int
    scale: int
    current: Tensor
    given: dict[str, Any]
    result: Tensor

    def counts(self) -> Tensor:
        """N x C x H x W: spikes in all steps, uint8 where these are at most 255, else int32."""
        steps, kind = self.layer.steps, self.layer.neuron.readout
        if self.layer.stream is not None:
            counts = self.layer.stream.by_step(self.result).sum(0)
        elif kind == "rate":
            counts = (self.result * steps).round()
        elif kind == "count":
            counts = self.result
        else:
            counts = self.readout("count")
        return counts.byte() if steps <= 255 else counts.int()

    def readout(self, kind: Readout) -> Tensor:
        """What the layer's neurons did, in another readout."""
        return self.layer.readout(self.current, kind, **self.given)
