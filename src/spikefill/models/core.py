"""A core of the hybrid network: what is applied at each level of the pyramid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models import pyramid
from spikefill.models.firing import Firing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spikefill.models.streaming import Stream

UNSHUFFLE = 2
"""Pixels on a side of the square that becomes a cell's channels."""

_INPUTS = 4
"""Channels of a core's input: red, green, blue, known fraction."""

FINENESS = 512
"""Steps from 0 to 1 of a core's input outside training."""

Part: TypeAlias = tuple[Tensor, Callable[[Tensor], Tensor]]
"""Channels of some cells, N x C, and a convolution of what is seen of a cell, see `of_neighbours`."""

COARSENESS = 16
"""Steps from 0 to 1 of the larger part of it: of either part, sums with weights of eight bits are exact."""


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


class Entry(nn.Conv2d):
    """A core's first convolution, of 3 x 3 without a bias: outside training of its input in two parts (`in_two`)."""

    def __init__(self, outputs: int) -> None:
        super().__init__(_INPUTS * UNSHUFFLE**2, outputs, 3, padding=1, bias=False)
        _start(self)

    def forward(self, signal: Tensor) -> Tensor:
        """N x 16 x H x W to N x C x H x W."""
        if self.training:
            return super().forward(signal)
        most, rest = (super(Entry, self).forward(part) for part in in_two(signal))
        return most.add_(rest)

    def parts(self, rows: Tensor) -> list[Part]:
        """N x 16 in parts, to be added up."""
        weight = of_neighbours(self.weight)
        return [(part, partial(F.conv2d, weight=weight)) for part in in_two(rows)]


class Block(nn.Module):
    """A residual block whose convolutions are both fed by spikes, beside an analog shortcut.

    After the membrane shortcut of MS-ResNet (Hu et al., IEEE TNNLS 2024), with rates instead of steps.
    """

    def __init__(self, channels: int, fire: Callable[[int], Firing]) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            fire(channels),
            convolution(channels, channels),
            fire(channels),
            convolution(channels, channels, gain=0.2),
        )

    def forward(self, current: Tensor) -> Tensor:
        """N x C x H x W to the same shape."""
        changed: Tensor = self.residual(current).add_(current)
        return changed


class State(NamedTuple):
    """What a core hands to the next finer level: the spike rates of its half and its quarter resolution.

    A streaming network hands on the spikes of all steps, which lie in the batch.
    """

    half: Tensor
    quarter: Tensor


class Core(nn.Module):
    """The network that is applied at each of some levels: a U of two resolutions, the first one half the level's.

    Args:
        size: Its channels and blocks.
        before: Sizes of the cores that may come before it, by a name of each.
        fire: Makes a layer of neurons for a number of channels.
        stream: How it runs in time; None for rates.
    """

    def __init__(
        self,
        size: CoreSize,
        before: Mapping[str, CoreSize],
        fire: Callable[[int], Firing],
        stream: Stream | None = None,
    ) -> None:
        super().__init__()
        self.stream = stream
        first, middle, last = size.blocks
        self.entry = Entry(size.half)
        self.before = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    [
                        convolution(coarser.half, size.half, kernel=1, gain=0.4),
                        convolution(coarser.quarter, size.quarter, kernel=1, gain=0.4),
                    ]
                )
                for name, coarser in before.items()
            }
        )
        self.encoder = nn.Sequential(*(Block(size.half, fire) for _ in range(first)))
        self.down = nn.Sequential(fire(size.half), convolution(size.half, size.quarter, stride=2, gain=0.6))
        self.middle = nn.Sequential(*(Block(size.quarter, fire) for _ in range(middle)))
        self.up = nn.Sequential(fire(size.quarter), convolution(size.quarter, size.half, kernel=1, gain=0.4))
        self.decoder = nn.Sequential(*(Block(size.half, fire) for _ in range(last)))
        self.handed = nn.ModuleList([fire(size.half), fire(size.quarter)])
        self.exit = nn.Sequential(fire(size.half), convolution(size.half, 3 * UNSHUFFLE**2, gain=0.05))

    def forward(self, image: Tensor, known: Tensor, state: State | None, before: str) -> tuple[Tensor, State]:
        """A correction of the level's image, and the state for the next.

        Args:
            image: N x 3 x H x W in [0, 1], the level with its holes filled from the coarser one; sides are
                multiples of 4.
            known: N x 1 x H x W, the known fraction.
            state: The coarser level's, or None.
            before: The name of the core that gave it.
        """
        signal = torch.cat([2 * image - 1, known], dim=1)
        signal = F.pixel_unshuffle(signal, UNSHUFFLE)
        half = self.entry(signal)
        if self.stream is not None:
            half = self.stream.constant(half)
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
        correction = self.exit(half)
        if self.stream is not None:
            correction = self.stream.mean(correction)
        return F.pixel_shuffle(correction.contiguous(), UNSHUFFLE), state  # an image lies channel by channel

    def parts(self) -> dict[str, list[Firing]]:
        """Its layers of neurons by where they stand: before the middle (the first of them: the stem), in it, after."""

        def within(*modules: nn.Module) -> list[Firing]:
            return [layer for module in modules for layer in module.modules() if isinstance(layer, Firing)]

        encoder = within(self.encoder, self.down)
        return {
            "stem": encoder[:1],
            "encoder": encoder,
            "bottleneck": within(self.middle, self.up, self.handed[1]),
            "decoder": within(self.decoder, self.exit, self.handed[0]),
        }

    @property
    def depth(self) -> int:
        """Layers of neurons one after the other, from the first to those that hand on and correct."""
        return 2 * (len(self.encoder) + len(self.middle) + len(self.decoder)) + 3


def in_two(signal: Tensor) -> tuple[Tensor, Tensor]:
    """A core's input, rounded to multiples of 1 / 512, as multiples of 1 / 16 and what is left of it.

    Where the weights of the entry are whole numbers of eight bits times a scale (`integers`), its sums over either part
    are exact, in whatever order they are added up, and the sum of both is rounded once. An image has steps of 1 / 255,
    so that little is lost. The gradient passes unchanged.
    """
    rounded = signal.detach().mul(FINENESS).round_().div_(FINENESS)
    most = rounded.mul(COARSENESS).round_().div_(COARSENESS)
    rest = rounded.sub_(most)
    return most, rest + (signal - signal.detach()) if signal.requires_grad else rest


def of_neighbours(weight: Tensor) -> Tensor:
    """Weights O x C x K x K for what is seen of a cell as K K C channels, row by row: O x K K C x 1 x 1."""
    return weight.permute(0, 2, 3, 1).flatten(1)[..., None, None]


def convolution(channels: int, outputs: int, *, kernel: int = 3, stride: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution without a bias (that is the neurons'), started as He et al. (ICCV 2015) have it, times a gain."""
    convolution = nn.Conv2d(channels, outputs, kernel, stride, padding=kernel // 2, bias=False)
    _start(convolution, gain)
    return convolution


def _start(convolution: nn.Conv2d, gain: float = 1.0) -> None:
    nn.init.normal_(convolution.weight, std=gain * math.sqrt(2 / convolution.weight[0].numel()))
