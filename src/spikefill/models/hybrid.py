"""The hybrid network: small spiking cores applied from coarse to fine over an image pyramid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.errors import InputError, check_choice
from spikefill.models import pyramid, sparse
from spikefill.models.cells import Features
from spikefill.models.firing import Firing
from spikefill.neurons import LIF, plain_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NEURON: Mapping[str, Any] = MappingProxyType(
    {"beta": 1.0, "reset": "soft", "v_init": 0.5, "surrogate": {"name": "rate", "outside": 0.1}}
)
"""No leak, soft reset, half the threshold to begin with: the rate of T steps is the current rounded to a multiple of
1 / T and clipped to [0, 1]. The gradient is the slope of that line, and a tenth of it outside."""

FINE_LEVELS = 2
"""How many of the finest levels have a core of their own."""

_UNSHUFFLE = 2
MULTIPLE = 2 * _UNSHUFFLE
"""The sides of every level are padded to multiples of this."""

COARSEST = 8
"""Pixels of the longer side up to which there is no coarser level."""

_INPUTS = 4
"""Channels of a core's input: red, green, blue, known fraction."""


@dataclass(frozen=True)
class CoreSize:
    """How large a core is.

    Attributes:
        half: Channels at half the level's resolution.
        quarter: Channels at a quarter of it.
        blocks: Residual blocks: at half resolution, then at a quarter, then again at half.
    """

    half: int
    quarter: int
    blocks: tuple[int, int, int]


SIZES: Mapping[str, tuple[CoreSize, CoreSize]] = MappingProxyType(
    {
        "tiny": (CoreSize(16, 32, (0, 1, 0)), CoreSize(24, 48, (1, 2, 1))),
        "small": (CoreSize(24, 64, (0, 1, 0)), CoreSize(48, 96, (1, 4, 1))),
        "base": (CoreSize(48, 96, (1, 2, 1)), CoreSize(64, 160, (2, 6, 2))),
    }
)
"""The fine and the coarse core by the name of a size."""


class Block(nn.Module):
    """A residual block whose convolutions are both fed by spikes, beside an analog shortcut.

    After the membrane shortcut of MS-ResNet (Hu et al., IEEE TNNLS 2024), with rates instead of steps.
    """

    def __init__(self, channels: int, neuron: nn.Module) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            Firing(channels, neuron),
            _convolution(channels, channels),
            Firing(channels, neuron),
            _convolution(channels, channels, gain=0.2),
        )

    def forward(self, current: Tensor) -> Tensor:
        """N x C x H x W to the same shape."""
        changed: Tensor = self.residual(current).add_(current)
        return changed


class State(NamedTuple):
    """What a core hands to the next finer level: the spike rates of its half and its quarter resolution."""

    half: Tensor
    quarter: Tensor


class Core(nn.Module):
    """The network that is applied at each of some levels: a U of two resolutions, the first one half the level's.

    Args:
        size: Its channels and blocks.
        before: Sizes of the cores that may come before it, by a name of each.
        neuron: What its layers fire with.
    """

    def __init__(self, size: CoreSize, before: Mapping[str, CoreSize], neuron: nn.Module) -> None:
        super().__init__()
        first, middle, last = size.blocks
        self.entry = _convolution(_INPUTS * _UNSHUFFLE**2, size.half)
        self.before = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    [
                        _convolution(coarser.half, size.half, kernel=1, gain=0.4),
                        _convolution(coarser.quarter, size.quarter, kernel=1, gain=0.4),
                    ]
                )
                for name, coarser in before.items()
            }
        )
        self.encoder = nn.Sequential(*(Block(size.half, neuron) for _ in range(first)))
        self.down = nn.Sequential(Firing(size.half, neuron), _convolution(size.half, size.quarter, stride=2, gain=0.6))
        self.middle = nn.Sequential(*(Block(size.quarter, neuron) for _ in range(middle)))
        self.up = nn.Sequential(Firing(size.quarter, neuron), _convolution(size.quarter, size.half, kernel=1, gain=0.4))
        self.decoder = nn.Sequential(*(Block(size.half, neuron) for _ in range(last)))
        self.handed = nn.ModuleList([Firing(size.half, neuron), Firing(size.quarter, neuron)])
        self.exit = nn.Sequential(Firing(size.half, neuron), _convolution(size.half, 3 * _UNSHUFFLE**2, gain=0.05))

    def forward(self, image: Tensor, known: Tensor, state: State | None, before: str) -> tuple[Tensor, State]:
        """A correction of the level's image, and the state for the next.

        Args:
            image: N x 3 x H x W in [0, 1], the level with its holes filled from the coarser one; sides are
                multiples of 4.
            known: N x 1 x H x W, the known fraction.
            state: The coarser level's, or None.
            before: The name of the core that gave it.
        """
        half = self.entry(F.pixel_unshuffle(torch.cat([2 * image - 1, known], dim=1), _UNSHUFFLE))
        if state is not None:
            to_half, to_quarter = cast("nn.ModuleList", self.before[before])
            half = half.add_(pyramid.repeated(to_half(state.half), half))
        half = self.encoder(half)
        quarter = self.down(half)
        if state is not None:
            quarter = quarter.add_(pyramid.repeated(to_quarter(state.quarter), quarter))
        quarter = self.middle(quarter)
        half = self.decoder(pyramid.repeated(self.up(quarter), half).add_(half))
        state = State(self.handed[0](half), self.handed[1](quarter))
        return F.pixel_shuffle(self.exit(half).contiguous(), _UNSHUFFLE), state  # an image lies channel by channel


class Hybrid(nn.Module):
    """Restores from coarse to fine, with spiking cores and analog shortcuts.

    The known pixels are averaged down a pyramid until its longer side is 8 px at most, so that any hole closes. From
    there up, each level's holes are filled from the coarser result, and a core corrects them: one core shared by all
    coarse levels, another one by the two finest. A core also hands its spikes to the next level. No statistics are
    taken over space but the mean of what is known, which fills the coarsest level.

    Every convolution but a core's first is fed by spike rates. Analog are that first one, the normalisation before the
    neurons, the shortcuts of the residual blocks, and the image itself.

    Args:
        size: ``"tiny"`` (0.16 M parameters), ``"small"`` (under 1 M) or ``"base"`` (under 4 M).
        steps: T, time steps of the neurons; may be changed at any time by `set_steps`.
        activation: ``"lif"``, or ``"relu"`` for the twin: the same graph and weights with ReLU in place of the neurons.
        neuron: Arguments of `neurons.LIF`; None takes `NEURON`.

    Attributes:
        context: Pixels on each side that a hole is given to be restored from. What is farther away has an influence,
            too, but a small one.
        tile: Side of the squares that a large picture is divided into.
        arguments: The constructor's arguments, as JSON can hold them.

    Shape:
        Masked images N x 3 x H x W in [0, 1] (zero in the holes) and masks N x 1 x H x W (1 in the holes) to
        N x 3 x H x W, not clipped; known pixels are those of the input. Any height and width.

    Raises:
        InputError: An argument is out of its range.
    """

    context: int = 256
    tile: int = 1536
    arguments: dict[str, Any]

    def __init__(
        self,
        *,
        size: str = "small",
        steps: int = 8,
        activation: Literal["lif", "relu"] = "lif",
        neuron: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_choice("size", size, SIZES)
        check_choice("activation", activation, ("lif", "relu"))
        self.arguments = {
            "size": size,
            "steps": steps,
            "activation": activation,
            "neuron": None if neuron is None else plain_settings(neuron),
        }
        lif = LIF(steps=steps, **(NEURON if neuron is None else neuron))
        shared = lif if activation == "lif" else nn.ReLU()
        fine, coarse = SIZES[size]
        self.fine = Core(fine, {"fine": fine, "coarse": coarse}, shared)
        self.coarse = Core(coarse, {"coarse": coarse}, shared)
        # Convolutions then make channels-last currents throughout, which is faster on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def set_steps(self, steps: int) -> None:
        """Changes T, with the same weights; without effect on the twin.

        Raises:
            InputError: ``steps`` is not a whole number from 1 on.
        """
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError(f"steps is {steps!r}; it must be a whole number, 1 or more")
        self.arguments["steps"] = steps
        for module in self.modules():
            if isinstance(module, LIF):
                module.steps = steps

    def readers(self) -> Iterator[tuple[Firing, list[nn.Conv2d]]]:
        """Each layer of neurons, with the convolutions that take its rates."""
        for module in self.modules():
            if isinstance(module, nn.Sequential):
                for layer, reader in pairwise(module):
                    if isinstance(layer, Firing):
                        yield layer, [cast("nn.Conv2d", reader)]
        cores = {"fine": self.fine, "coarse": self.coarse}
        for name, core in cores.items():
            next_to = [cast("nn.ModuleList", core.before[name]) for core in cores.values() if name in core.before]
            for number, layer in enumerate(core.handed):
                yield cast("Firing", layer), [cast("nn.Conv2d", convolutions[number]) for convolutions in next_to]

    def forward(self, masked: Tensor, mask: Tensor) -> Tensor:
        """Restores ``masked``; see the class for shapes."""
        return self.levels(masked, mask)[0]

    def restored(self, masked: Tensor, mask: Tensor) -> Tensor:
        """What `forward` gives, computed where the holes need it (`spikefill.models.sparse`).

        It differs by rounding, and by what lies farther away than `sparse.REACH` says.

        Of one image, without gradients, in float32; otherwise it is `forward`.
        """
        if len(masked) != 1 or torch.is_grad_enabled() or torch.is_autocast_enabled(masked.device.type):
            return self.forward(masked, mask)
        levels = pyramid.build(masked, mask, multiple=MULTIPLE, coarsest=COARSEST)
        needed = self.needed(levels)
        image, state, before = self._dense(levels, len(needed))[-1]
        here = sparse.State(*map(Features.everywhere, state))
        for number in range(len(needed) - 1, -1, -1):
            core, name = self._core(number)
            image, here = sparse.refined(core, levels[number], needed[number], image, here, before)
            before = name
        return image[..., : masked.shape[-2], : masked.shape[-1]]

    def needed(self, levels: Sequence[pyramid.Level]) -> list[sparse.Needs]:
        """What `restored` computes of the finest levels of a picture, from the finest on; all of the coarser ones."""
        needed: list[sparse.Needs] = []
        handed = None
        for number, level in enumerate(levels[:-1]):
            need = sparse.needs(level, self._core(number)[0], handed)
            if need.share >= sparse.DENSE_FROM:
                break
            needed.append(need)
            handed = need.of_coarser(levels[number + 1])
        return needed

    def levels(self, masked: Tensor, mask: Tensor, *, finest: int = 0) -> list[Tensor]:
        """The restored images of level ``finest`` and of all coarser ones, in this order.

        That of level i has sides of ``ceil(H / 2^i)`` and ``ceil(W / 2^i)``. The last level is always computed.
        """
        levels = pyramid.build(masked, mask, multiple=MULTIPLE, coarsest=COARSEST)
        results = self._dense(levels, min(finest, len(levels) - 1))
        return [
            image[..., : _shrunk(masked.shape[-2], number), : _shrunk(masked.shape[-1], number)]
            for number, (image, _, _) in zip(range(len(levels) - 1, -1, -1), results, strict=False)
        ][::-1]

    def _dense(self, levels: Sequence[pyramid.Level], finest: int) -> list[tuple[Tensor, State, str]]:
        """Image, state and core of the coarsest level, and so on to the level ``finest``, computed everywhere."""
        image, state, before = levels[-1].mean().expand_as(levels[-1].light), None, "coarse"
        results: list[tuple[Tensor, State, str]] = []
        for number in range(len(levels) - 1, finest - 1, -1):
            level = levels[number]
            if results:
                image = pyramid.enlarged(image, level.light)
            filled = level.composed(level.first_guess(image))
            core, name = self._core(number)
            correction, state = core(filled, level.known, state, before)
            image, before = torch.addcmul(filled, 1 - level.known, correction), name
            results.append((image, state, before))
        return results

    def _core(self, number: int) -> tuple[Core, str]:
        """The core of a level, and its name."""
        return (self.fine, "fine") if number < FINE_LEVELS else (self.coarse, "coarse")


def _shrunk(side: int, halvings: int) -> int:
    """A side after that many halvings, rounded up."""
    return -(-side // (1 << halvings))


def _convolution(channels: int, outputs: int, *, kernel: int = 3, stride: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution without a bias (that is the neurons'), started as He et al. (ICCV 2015) have it, times a gain."""
    convolution = nn.Conv2d(channels, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.normal_(convolution.weight, std=gain * math.sqrt(2 / (channels * kernel**2)))
    return convolution
