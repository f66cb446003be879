"""A training step of the paper's network with our neurons, with those of other libraries, and with ReLU.

The other libraries get the same weights, noise, loss and optimiser, and torch's own convolutions, in three forms:

- *whole network at every step*, as their documentation has it: all layers are called T times and the outputs averaged
  (the ordinary layers see spikes, not rates, so this computes another function);
- *spiking layer at every step*, called as documented too, but only the convolution before the neurons is repeated:
  the spikes are averaged to a rate, which goes through the ordinary layers once. The same function as ours;
- *tuned*: that convolution runs once as well, and the library's fastest way to run several steps follows.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.neuron import OURS, uniform
from benchmarks.results import Claim, Result, Table, digits, size
from benchmarks.rivals import Layer, Norse, Rival, SnnTorch, SpikingJelly
from benchmarks.timing import interleaved
from spikefill.models.scnn import SCNN
from spikefill.neurons import PRESETS

Connect = Callable[[Tensor, Layer, Layer], Tensor]

LIBRARIES: tuple[type[Rival], ...] = (SnnTorch, SpikingJelly, Norse)
WHOLE, LAYER, TUNED = "whole network at every step", "spiking layer at every step", "tuned"
FORMS: Mapping[str, Callable[[Rival], Connect]] = {
    LAYER: lambda rival: lambda images, convolve, ordinary: ordinary(rival.documented(images, convolve)),
    TUNED: lambda rival: lambda images, convolve, ordinary: ordinary(rival.tuned(convolve(images))),
    WHOLE: lambda rival: lambda images, convolve, ordinary: rival.documented(images, convolve, ordinary),
}
BETA = math.exp(-PRESETS["working"]["dt"] / PRESETS["working"]["tau"])
TOLERANCE = 1e-3


class OtherNetwork(nn.Module):
    """The layers of an `SCNN` without its neurons.

    Args:
        network: Whose layers are copied.
        connect: Makes the restored images from the damaged ones, the first convolution, and the ordinary layers.
    """

    def __init__(self, network: SCNN, connect: Connect) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self.connect = connect

    def forward(self, images: Tensor) -> Tensor:
        """The restored images."""
        noise = self._noise(images) if self.training else None

        def convolve(images: Tensor) -> Tensor:
            spiking = self.network.spiking
            current = F.conv2d(images, spiking.weight, spiking.bias, padding=spiking.padding)
            return current if noise is None else (current.unflatten(0, (-1, len(noise))) + noise).flatten(0, 1)

        return self.connect(images, convolve, self.network.convolutions)

    def _noise(self, images: Tensor) -> Tensor:
        """Drawn once for all steps, by torch's generator."""
        spiking = self.network.spiking
        return torch.randn(len(images), spiking.out_channels, *images.shape[2:]).mul_(spiking.noise)


def run(*, quick: bool) -> Result:
    """Medians of a training step in every form."""
    width, images, steps, repeats, whole_repeats = _sizes(quick)
    network = _network(width, steps)
    calls: dict[str, dict[str, Callable[[], None]]] = {form: {} for form in FORMS}
    for library in LIBRARIES:
        rival = library(BETA, steps)
        for form, connect in FORMS.items():
            model = OtherNetwork(network, connect(rival))
            name = f"{rival.name}, {form}"
            if form != WHOLE:
                _check(name, model, network, images[:1])
            calls[form][name] = training_step(model, images)
    own = {OURS: training_step(network, images)}
    fast = interleaved("network", own | calls[LAYER] | calls[TUNED], repeats)
    slow = interleaved("network, whole", own | calls[WHOLE], whole_repeats)
    milliseconds = slow | fast
    ratios = {name: value / slow[OURS] for name, value in slow.items()}
    ratios |= {name: value / fast[OURS] for name, value in fast.items()}
    fastest = {form: min(members, key=ratios.__getitem__) for form, members in calls.items()}
    return Result(
        title="The network",
        tables=[
            Table(
                _caption(width, images, steps),
                ["", "ms", "times ours"],
                [[name, digits(milliseconds[name]), digits(ratios[name])] for name in (*fast, *calls[WHOLE])],
            )
        ],
        claims=[
            Claim(f"times faster than {fastest[form]}", ratios[fastest[form]], bound)
            for form, bound in ((WHOLE, 8), (LAYER, 8), (TUNED, 3.5))
        ],
        notes=[
            (
                "Forward pass, mean squared error, backward pass, Adam. The outputs of the forms with one pass through "
                f"the ordinary layers differ from ours by at most {TOLERANCE:g} of their norm, which is tested first. "
                "A network that runs whole at every step computes another function: its ordinary layers see spikes."
            )
        ],
        data={"milliseconds": milliseconds},
    )


def run_twin(*, quick: bool) -> Result:
    """Medians of a training step with LIF and with ReLU in its place, as the twin and in plain torch."""
    width, images, steps, repeats, _ = _sizes(quick)
    network = _network(width, steps)
    lif, twin, plain = "LIF", 'ReLU, SCNN(activation="relu")', "ReLU, plain torch"
    models = {
        lif: network,
        twin: _network(width, steps, activation="relu"),
        plain: OtherNetwork(network, lambda images, convolve, ordinary: ordinary(convolve(images).relu())),
    }
    medians = interleaved("twin", {name: training_step(model, images) for name, model in models.items()}, 2 * repeats)
    return Result(
        title="LIF and ReLU",
        tables=[
            Table(
                _caption(width, images, steps),
                ["", "ms", "LIF takes times as long"],
                [[name, digits(value), f"{medians[lif] / value:.3f}"] for name, value in medians.items()],
            )
        ],
        claims=[
            Claim(f"time with LIF over time with {name}", medians[lif] / medians[name], 1.15, "at most")
            for name in (twin, plain)
        ],
        notes=["All add the noise of the paper to the current; in plain torch it comes from `torch.randn`."],
        data={"milliseconds": medians},
    )


def _sizes(quick: bool) -> tuple[int, Tensor, int, int, int]:
    """Width, images, T, rounds, and rounds of the networks that run whole at every step."""
    if quick:
        return 4, uniform((2, 3, 16, 16), 1.0), 2, 1, 1
    return 64, uniform((8, 3, 128, 128), 1.0), 8, 5, 3


def _caption(width: int, images: Tensor, steps: int) -> str:
    return f"training step of the paper's network, width {width}, {size(images.shape)} float32, T = {steps}"


def _network(width: int, steps: int, activation: Literal["lif", "relu"] = "lif") -> SCNN:
    """The same weights at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SCNN(width=width, steps=steps, activation=activation)


def training_step(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """A call that trains the model for a step to restore a quarter of the pixels, with its own optimiser."""
    damaged = images * (uniform((len(images), 1, *images.shape[2:]), 1.0) > 0.25)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimiser.zero_grad()
        loss: Any = F.mse_loss(model(damaged), images)
        loss.backward()
        optimiser.step()

    return step


def _check(name: str, model: nn.Module, network: SCNN, images: Tensor) -> None:
    """Compares a network's output with ours, without noise.

    Raises:
        RuntimeError: They differ.
    """
    with torch.no_grad():
        expected, found = network.eval()(images), model.eval()(images)
    network.train()
    model.train()
    difference = ((found - expected).norm() / expected.norm()).item()
    if not difference <= TOLERANCE:
        raise RuntimeError(f"{name}: the output differs by {difference:.2g} of its norm")
