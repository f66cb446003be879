"""The neurons of other libraries, set to the same equations, called as their documentation calls them.

All have ``beta``, ``gain = 1 - beta``, threshold 1 and a hard reset to 0. A library is imported when its class is
instantiated, so that a process that needs one loads one. `check` compares each with our reference before it is timed.
"""

from __future__ import annotations

import copy
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikefill.neurons import LIF
from spikefill.neurons.surrogate import FastSigmoid, Surrogate

Layer = Callable[[Tensor], Tensor]
AGREEMENT = 0.999


@dataclass(frozen=True)
class _TwoSidedExponential(Surrogate):
    """``exp(-|u| / width) / width``, sinabs' default: Shrestha and Orchard, SLAYER, NeurIPS 2018."""

    width: float = 0.5
    name: ClassVar[str] = "two_sided_exponential"

    def derivative(self, u: Tensor) -> Tensor:
        return torch.exp(-u.abs() / self.width) / self.width


class Rival(ABC):
    """A library's neuron.

    Attributes:
        name: The library.
        package: Its name on the package index.
        twin: Arguments of `LIF` that make its gradient ours too.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    twin: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, beta: float, steps: int) -> None:
        self.beta = beta
        self.steps = steps

    @abstractmethod
    def documented(self, image: Tensor, before: Layer | None = None, after: Layer | None = None) -> Tensor:
        """The mean over time of what comes out, the library called as its documentation calls it.

        Args:
            image: The same for every step.
            before: A layer before the neuron, run at every step; None hands the image to the neuron.
            after: A layer behind the neuron, run at every step; None takes the spikes.
        """

    @abstractmethod
    def tuned(self, current: Tensor) -> Tensor:
        """The rate under a constant current in the library's fastest way to run several steps."""


class StepByStep(Rival):
    """A library whose user writes the loop over time."""

    @abstractmethod
    def start(self) -> Any:
        """The state before the first step."""

    @abstractmethod
    def step(self, current: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The spikes and the state after a step."""

    def documented(self, image: Tensor, before: Layer | None = None, after: Layer | None = None) -> Tensor:
        """The spikes of all steps are collected in a list, stacked and averaged."""
        state = self.start()
        outputs = []
        for _ in range(self.steps):
            spikes, state = self.step(image if before is None else before(image), state)
            outputs.append(spikes if after is None else after(spikes))
        return torch.stack(outputs).mean(0)

    def tuned(self, current: Tensor) -> Tensor:
        """The spikes are added up as they come."""
        total, state = self.step(current, self.start())
        for _ in range(1, self.steps):
            spikes, state = self.step(current, state)
            total = total + spikes
        return total / self.steps


class WholeSequence(Rival):
    """A library that is given all steps at once."""

    @abstractmethod
    def sequence(self, currents: Tensor) -> Tensor:
        """The spikes T x N x ... of currents T x N x ..., from the initial state."""

    def documented(self, image: Tensor, before: Layer | None = None, after: Layer | None = None) -> Tensor:
        """The image is repeated T times; other layers see time and batch as one dimension."""
        images = image.expand(self.steps, *image.shape)
        spikes = self.sequence(images if before is None else _over_time(before, images))
        return (spikes if after is None else _over_time(after, spikes)).mean(0)

    def tuned(self, current: Tensor) -> Tensor:
        """As `documented`: the current is repeated as a view, which takes no memory."""
        return self.documented(current)


def _over_time(layer: Layer, sequence: Tensor) -> Tensor:
    return layer(sequence.flatten(0, 1)).unflatten(0, sequence.shape[:2])


class SnnTorch(StepByStep):
    """snnTorch's gain is 1; a threshold of 1 / gain is the same neuron with all potentials divided by the gain."""

    name = "snnTorch"
    package = "snntorch"

    def __init__(self, beta: float, steps: int) -> None:
        super().__init__(beta, steps)
        import snntorch
        from snntorch.surrogate import atan

        gain = 1 - beta
        self.neuron = snntorch.Leaky(beta, threshold=1 / gain, spike_grad=atan(alpha=2 * gain), reset_mechanism="zero")

    def start(self) -> Tensor:
        """The membrane at rest."""
        return self.neuron.reset_mem()

    def step(self, current: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The module's own step."""
        return self.neuron(current, state)


class SpikingJelly(WholeSequence):
    """SpikingJelly, as documented in its multi-step mode."""

    name = "SpikingJelly"
    package = "spikingjelly"

    def __init__(self, beta: float, steps: int) -> None:
        super().__init__(beta, steps)
        from spikingjelly.activation_based import functional, neuron, surrogate

        self.reset = functional.reset_net
        self.neuron = neuron.LIFNode(
            tau=1 / (1 - beta),
            decay_input=True,
            surrogate_function=surrogate.ATan(),
            detach_reset=True,
            step_mode="m",
        )
        self.single = copy.deepcopy(self.neuron)
        self.single.step_mode = "s"

    def sequence(self, currents: Tensor) -> Tensor:
        """The module's own sequence, its state reset first."""
        self.reset(self.neuron)
        return self.neuron(currents)

    def tuned(self, current: Tensor) -> Tensor:
        """The single-step mode, the spikes added up as they come, which is faster on a processor."""
        self.reset(self.single)
        total = self.single(current)
        for _ in range(1, self.steps):
            total = total + self.single(current)
        return total / self.steps


class Norse(StepByStep):
    """Norse's neuron without a synaptic current; its reset passes the gradient."""

    name = "Norse"
    package = "norse"
    twin: ClassVar = {"surrogate": FastSigmoid(slope=1.0), "detach_reset": False}

    def __init__(self, beta: float, steps: int) -> None:
        super().__init__(beta, steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it compiles functions with torch.jit.script
            from norse.torch import LIFBoxCell, LIFBoxParameters

        dt = 0.001
        self.cell = LIFBoxCell(LIFBoxParameters(tau_mem_inv=torch.as_tensor((1 - beta) / dt)), dt=dt)

    def start(self) -> None:
        """None: the cell makes its state."""

    def step(self, current: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The cell's own step."""
        return self.cell(current, state)


class Sinabs(WholeSequence):
    """sinabs with a single spike a step and a reset to 0; its time constant, a parameter by default, is frozen."""

    name = "sinabs"
    package = "sinabs"
    twin: ClassVar = {"surrogate": _TwoSidedExponential()}

    def __init__(self, beta: float, steps: int) -> None:
        super().__init__(beta, steps)
        from sinabs.activation import MembraneReset, SingleSpike
        from sinabs.layers import LIF as SinabsLIF  # noqa: N811

        self.neuron = SinabsLIF(tau_mem=-1 / math.log(beta), spike_fn=SingleSpike, reset_fn=MembraneReset())
        self.neuron.requires_grad_(False)

    def sequence(self, currents: Tensor) -> Tensor:
        """The layer's own sequence, N x T x ..., its state reset first."""
        self.neuron.reset_states()
        return self.neuron(currents.transpose(0, 1)).transpose(0, 1)


RIVALS: tuple[type[Rival], ...] = (SnnTorch, SpikingJelly, Norse, Sinabs)


def ours(beta: float, steps: int, **settings: Any) -> LIF:
    """The same neuron in this package."""
    return LIF(steps=steps, beta=beta, gain=1 - beta, **settings)


def forward_and_backward(neuron: Layer, current: Tensor, gradient: Tensor) -> Tensor:
    """The gradient of the current where ``gradient`` is that of the rate."""
    leaf = current.detach().requires_grad_()
    return torch.autograd.grad(neuron(leaf), leaf, gradient)[0]


def check(rival: Rival, current: Tensor) -> None:
    """Compares rate and gradient with our reference.

    Raises:
        RuntimeError: Fewer than 99.9 % of the values agree.
    """
    reference = ours(rival.beta, rival.steps, backend="reference", **rival.twin)
    gradient = torch.ones_like(current)
    for form in (rival.documented, rival.tuned):
        for what, found, expected in (
            ("rates", form(current), reference(current)),
            (
                "gradients",
                forward_and_backward(form, current, gradient),
                forward_and_backward(reference, current, gradient),
            ),
        ):
            agree = torch.isclose(found, expected, rtol=1e-4, atol=1e-6).double().mean().item()
            if agree < AGREEMENT:
                raise RuntimeError(f"{rival.name}: only {agree:.2%} of the {what} are those of the reference")


def checked_rivals(beta: float, steps: int, current: Tensor) -> list[Rival]:
    """All rivals, compared with our reference on ``current``."""
    found = [rival(beta, steps) for rival in RIVALS]
    for rival in found:
        check(rival, current)
    return found
