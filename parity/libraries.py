"""One function a library: it draws a configuration and returns our neuron with the library's that should equal it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import norse.torch
import sinabs.activation
import sinabs.layers
import snntorch
import snntorch.surrogate
import torch
from norse.torch.functional.reset import reset_subtract, reset_value
from spikingjelly.activation_based import neuron as spikingjelly_neuron
from spikingjelly.activation_based import surrogate as spikingjelly_surrogate
from torch import Tensor

from spikefill.neurons import ArcTan, FastSigmoid, LIFParameters, Sigmoid, Surrogate, Triangle, membrane_factors


@dataclass(frozen=True)
class Pair:
    """Two neurons that should do the same.

    Attributes:
        ours: Our neuron.
        theirs: Called once, from currents T x N to the library's spikes T x N and its last membrane potential N.
        arguments: The library's arguments, for the messages.
        same_order: Both do the same operations in the same order, so that rounding agrees too.
        v_init: Our potential before the first step.
        before_reset: The library's last potential is that before the reset.
        largest_current: The current up to which the two are equal; None for no limit.
    """

    ours: LIFParameters
    theirs: Callable[[Tensor], tuple[Tensor, Tensor]]
    arguments: dict[str, Any]
    same_order: bool = False
    v_init: float = 0.0
    before_reset: bool = False
    largest_current: float | None = None


class Draw:
    """Random settings, a function of the library's name and the seed alone."""

    def __init__(self, library: str, seed: int) -> None:
        self._random = random.Random(f"{library} {seed}")
        self.choice = self._random.choice
        self.dtype = torch.float64
        self.dyadic = False

    def precision(self, *among: str) -> None:
        """Chooses ``float32``, ``float64`` or ``dyadic`` for all that follows.

        ``dyadic`` is float32 with numbers of so few bits that no sum or product of a short run is rounded. The order
        of operations does not matter then, and potentials hit the threshold exactly.
        """
        chosen = self.choice(among)
        self.dyadic = chosen == "dyadic"
        self.dtype = torch.float64 if chosen == "float64" else torch.float32

    def number(self, low: float, high: float) -> float:
        """A number of the range, rounded to 1/8 if dyadic, else so that float32 holds it."""
        grid = 8 if self.dyadic else 1 << 16
        return round(self._random.uniform(low, high) * grid) / grid

    def leak_rate(self) -> float:
        """1 - beta, within (0, 1)."""
        return self.choice([0.25, 0.5]) if self.dyadic else self._random.uniform(0.02, 0.9)

    def steps(self) -> int:
        """How many steps."""
        return self._random.randint(1, 6 if self.dyadic else 20)

    def surrogate(self) -> Surrogate:
        """Any of our surrogates."""
        size = self.choice([1.0, 2.0, 4.0])
        return self.choice(
            [ArcTan(size), FastSigmoid(size), Sigmoid(size), Triangle(1 / size, size), Triangle(size, 0.3)]
        )

    def tensor(self, value: float) -> Tensor:
        """The number as a tensor of this precision."""
        return torch.tensor(value, dtype=self.dtype)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers in float32 precision, as float64."""
        generator = torch.Generator().manual_seed(self._random.getrandbits(60))
        return torch.randn(shape, generator=generator).double()

    def currents(self, pair: Pair, *shape: int) -> Tensor:
        """Currents under which our neuron fires now and then."""
        values = (0.3 + 0.6 * self.normal(*shape)) * pair.ours.threshold / pair.ours.gain
        if pair.largest_current is not None:
            values = values.clamp(max=pair.largest_current)
        return ((values * 8).floor() / 8 if self.dyadic else values).to(self.dtype)


def snntorch_leaky(draw: Draw) -> Pair:
    """`snntorch.Leaky`. With the delayed reset its membrane is H, and the reset is detached; else V, and attached.

    Subtraction of the threshold after the leak (delayed) is ours only without leak. Without delay it is ours as long as
    no potential is above the threshold after a reset: H = beta V + I <= 2 threshold.
    """
    mechanism, delay = draw.choice(["zero", "subtract"]), draw.choice([True, False])
    delayed_subtraction = mechanism == "subtract" and delay
    draw.precision("dyadic", "float64", *(() if delayed_subtraction else ("float32",)))
    beta = 1.0 if delayed_subtraction else 1 - draw.leak_rate()
    threshold = draw.number(0.4, 2)
    ours = LIFParameters(
        beta=beta,
        threshold=threshold,
        reset="hard" if mechanism == "zero" else "soft",
        detach_reset=delay,
        strict=True,
        surrogate=draw.surrogate(),
    )
    node = snntorch.Leaky(
        beta=draw.tensor(beta),
        threshold=draw.tensor(threshold),
        spike_grad=_snntorch_surrogate(ours.surrogate),
        reset_mechanism=mechanism,
        reset_delay=delay,
    )

    def theirs(currents: Tensor) -> tuple[Tensor, Tensor]:
        membrane, spikes = torch.zeros_like(currents[0]), []
        for current in currents:
            spike, membrane = node(current, membrane)
            spikes.append(spike)
        return torch.stack(spikes), membrane

    return Pair(
        ours=ours,
        theirs=theirs,
        arguments={"beta": beta, "threshold": threshold, "reset_mechanism": mechanism, "reset_delay": delay},
        same_order=not delayed_subtraction,
        before_reset=delay,
        largest_current=0.99 * threshold * (2 - beta) if mechanism == "subtract" and not delay else None,
    )


def _snntorch_surrogate(ours: Surrogate) -> Callable[[Tensor], Tensor]:
    """The library's own where it has one, else our derivative through its hook."""
    match ours:
        case ArcTan(alpha=alpha):
            return snntorch.surrogate.atan(alpha)
        case FastSigmoid(slope=slope):
            return snntorch.surrogate.fast_sigmoid(slope)
        case Sigmoid(alpha=alpha):
            return snntorch.surrogate.sigmoid(alpha)
    return snntorch.surrogate.custom_surrogate(lambda u, gradient, _: gradient * ours.derivative(u))


def spikingjelly_lif_node(draw: Draw) -> Pair:
    """`LIFNode`: leaks to where it resets to and starts from there; 0 for the soft reset."""
    draw.precision("dyadic", "float64")
    tau, decay_input = 1 / draw.leak_rate(), draw.choice([True, False])
    threshold, v_reset = draw.number(0.4, 2), draw.choice([None, 0.0, draw.number(-1, 0.2)])
    rest = v_reset or 0.0
    beta, gain = membrane_factors(tau, 1.0, 1.0, "euler")
    ours = LIFParameters(
        beta=beta,
        gain=gain if decay_input else 1.0,
        threshold=threshold,
        reset="soft" if v_reset is None else "hard",
        v_reset=rest,
        v_leak=rest,
        detach_reset=draw.choice([True, False]),
        surrogate=draw.surrogate(),
    )
    arguments = {
        "tau": tau,
        "decay_input": decay_input,
        "v_threshold": threshold,
        "v_reset": v_reset,
        "detach_reset": ours.detach_reset,
    }
    node = spikingjelly_neuron.LIFNode(
        **arguments, surrogate_function=_spikingjelly_surrogate(ours.surrogate), step_mode="m"
    )

    def theirs(currents: Tensor) -> tuple[Tensor, Tensor]:
        return node(currents), node.v

    return Pair(ours=ours, theirs=theirs, arguments=arguments, v_init=rest)


def _spikingjelly_surrogate(ours: Surrogate) -> Callable[[Tensor], Tensor]:
    """The library's own where it has one, else our derivative in a function of ours: it takes any callable."""
    match ours:
        case ArcTan(alpha=alpha):
            return spikingjelly_surrogate.ATan(alpha)
        case Sigmoid(alpha=alpha):
            return spikingjelly_surrogate.Sigmoid(alpha)
        case FastSigmoid(slope=1.0):
            return spikingjelly_surrogate.SuperSpike(1.0)
        case FastSigmoid(slope=2.0):
            return spikingjelly_surrogate.SoftSign(2.0)
        case Triangle(width=width, scale=scale) if scale * width == 1:
            return spikingjelly_surrogate.PiecewiseQuadratic(scale)
    return lambda u: _Spike.apply(u, ours)


class _Spike(torch.autograd.Function):
    """[u >= 0] with the derivative of one of our surrogates."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(u)
        ctx.surrogate = surrogate
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (u,) = ctx.saved_tensors
        return gradient * ctx.surrogate.derivative(u), None


def norse_lif_box(draw: Draw) -> Pair:
    """`LIFBoxCell`: starts from v_leak; has no hook for surrogates, so only those that both have are drawn."""
    draw.precision("dyadic", "float64")
    rate, dt = draw.leak_rate(), draw.choice([0.25, 0.5]) if draw.dyadic else 0.001
    threshold, v_leak, v_reset = draw.number(0.5, 2), draw.number(-0.5, 0.3), draw.number(-1, 0.3)
    reset = draw.choice(["hard", "soft"])
    scale = draw.choice([0.3, 1.0, 2.0])
    surrogate, method, alpha = draw.choice(
        [(FastSigmoid(1.0), "super", 100.0), (Triangle(1.0, scale), "triangle", scale), (Sigmoid(4.0), "tanh", 2.0)]
    )
    arguments = {"tau_mem_inv": rate / dt, "v_leak": v_leak, "v_th": threshold, "v_reset": v_reset, "alpha": alpha}
    cell = norse.torch.LIFBoxCell(
        norse.torch.LIFBoxParameters(
            **{name: draw.tensor(value) for name, value in arguments.items()},
            method=method,
            reset_method=reset_value if reset == "hard" else reset_subtract,
        ),
        dt=dt,
    )

    def theirs(currents: Tensor) -> tuple[Tensor, Tensor]:
        state, spikes = None, []
        for current in currents:
            spike, state = cell(current, state)
            spikes.append(spike)
        return torch.stack(spikes), state.v

    return Pair(
        ours=LIFParameters.from_time_constant(
            1 / rate,
            integration="euler",
            threshold=threshold,
            reset=reset,
            v_reset=v_reset,
            v_leak=v_leak,
            detach_reset=False,
            strict=True,
            surrogate=surrogate,
        ),
        theirs=theirs,
        arguments=arguments | {"dt": dt, "method": method},
        v_init=v_leak,
    )


def sinabs_lif(draw: Draw) -> Pair:
    """`LIF` with single spikes. A hard reset is detached, a soft one attached; derivatives are ours, by its hook.

    In float32 our beta and gain are those that the layer computed. A synapse's input is scaled by its alpha.
    """
    draw.precision("float32", "float64")
    tau = draw.choice(range(3, 160)) / 4
    tau_syn = draw.choice([None, 0.75, 2.0, 8.0]) if draw.dtype == torch.float64 else None
    threshold, norm_input = draw.number(0.4, 2), draw.choice([True, False])
    reset, surrogate = draw.choice(["hard", "soft"]), draw.surrogate()
    layer = sinabs.layers.LIF(
        tau_mem=tau,
        tau_syn=tau_syn,
        spike_threshold=draw.tensor(threshold),
        spike_fn=sinabs.activation.SingleSpike,
        reset_fn=sinabs.activation.MembraneReset() if reset == "hard" else sinabs.activation.MembraneSubtract(),
        surrogate_grad_fn=lambda membrane, threshold: surrogate.derivative(membrane - threshold),
        norm_input=norm_input,
    ).to(draw.dtype)

    def theirs(currents: Tensor) -> tuple[Tensor, Tensor]:
        return layer(currents.unsqueeze(0))[0], layer.v_mem[0]

    if draw.dtype == torch.float64:
        beta, gain = membrane_factors(tau, 1.0, 1.0)
    else:
        beta, gain = layer.alpha_mem_calculated.item(), (1 - layer.alpha_mem_calculated).item()
    alpha = None if tau_syn is None else membrane_factors(tau_syn, 1.0, 1.0)[0]
    return Pair(
        ours=LIFParameters(
            beta=beta,
            gain=(gain if norm_input else 1.0) * (alpha or 1.0),
            threshold=threshold,
            reset=reset,
            alpha=alpha,
            detach_reset=reset == "hard",
            surrogate=surrogate,
        ),
        theirs=theirs,
        arguments={"tau_mem": tau, "tau_syn": tau_syn, "norm_input": norm_input},
        same_order=draw.dtype == torch.float32,
    )


LIBRARIES: dict[str, Callable[[Draw], Pair]] = {
    "snntorch": snntorch_leaky,
    "spikingjelly": spikingjelly_lif_node,
    "norse": norse_lif_box,
    "sinabs": sinabs_lif,
}
