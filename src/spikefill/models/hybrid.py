"""The hybrid network: small spiking cores applied from coarse to fine over an image pyramid."""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn

from spikefill.degradation import Degradation
from spikefill.errors import InputError, check_choice
from spikefill.models import pyramid, sparse
from spikefill.models.activations import activation as stands_for
from spikefill.models.cells import Features
from spikefill.models.core import UNSHUFFLE, Core, CoreSize, State
from spikefill.models.finest import Finest
from spikefill.models.firing import Firing
from spikefill.models.streaming import Stream
from spikefill.neurons import LIF, Noise, Quantiser, plain_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spikefill.models.activations import Activation
    from spikefill.models.stored import Stored
    from spikefill.neurons.pointwise import NoiseMode

Placement = Literal["all", "stem", "encoder", "bottleneck", "decoder"]
PLACEMENTS: tuple[str, ...] = ("all", "stem", "encoder", "bottleneck", "decoder")
"""Where neurons may be: in all layers, or in one of `Core.parts`."""

NEURON: Mapping[str, Any] = MappingProxyType(
    {"beta": 1.0, "reset": "soft", "v_init": 0.5, "surrogate": {"name": "rate", "outside": 0.1}}
)
"""No leak, soft reset, half the threshold to begin with: the rate of T steps is the current rounded to a multiple of
1 / T and clipped to [0, 1]. The gradient is the slope of that line, and a tenth of it outside."""

FINE_LEVELS = 2
"""How many of the finest levels have a core of their own."""

MULTIPLE = 2 * UNSHUFFLE
"""The sides of every level are padded to multiples of this."""

COARSEST = 8
"""Pixels of the longer side up to which there is no coarser level."""

SIZES: Mapping[str, tuple[CoreSize, CoreSize]] = MappingProxyType(
    {
        "tiny": (CoreSize(16, 32, (0, 1, 0)), CoreSize(24, 48, (1, 2, 1))),
        "small": (CoreSize(24, 64, (0, 1, 0)), CoreSize(48, 96, (1, 4, 1))),
        "base": (CoreSize(48, 96, (1, 2, 1)), CoreSize(64, 160, (2, 6, 2))),
    }
)
"""The fine and the coarse core by the name of a size."""


class Hybrid(nn.Module):
    """Restores from coarse to fine, with spiking cores and analog shortcuts.

    The known pixels are averaged down a pyramid until its longer side is 8 px at most, so that any hole closes. From
    there up, each level's holes are filled from the coarser result, and a core corrects them: one core shared by all
    coarse levels, another one by the two finest. A core also hands its spikes to the next level. No statistics are
    taken over space but the mean of what is known, which fills the coarsest level.

    Every convolution but a core's first is fed by spike rates. Analog are that first one, the normalisation before the
    neurons, the shortcuts of the residual blocks, and the image itself. Outside training the input of that first
    convolution is rounded to multiples of 1 / 512 (`core.in_two`).

    Args:
        size: ``"tiny"`` (0.16 M parameters), ``"small"`` (under 1 M) or ``"base"`` (under 4 M).
        steps: T, time steps of the neurons; may be changed at any time by `set_steps`.
        activation: ``"lif"``, or for a twin, the same graph and weights, what takes the neurons' place: ``"relu"``, or
            ``"quantised"`` and ``"quantised-lif"`` (`activations.ACTIVATIONS`), which give what `NEURON` gives, since
            those neurons have T + 1 uniform levels.
        neuron: Arguments of `neurons.LIF`; None takes `NEURON`. What is learnt, each layer learns for itself.
        placement: Which layers have neurons: ``"all"``, or of each core the first (``"stem"``), those before its middle
            (``"encoder"``), in it (``"bottleneck"``) or after it (``"decoder"``); the others have ReLU.
        noise: Standard deviation of the noise on the normalised current, for ReLU as well.
        noise_mode: ``"additive"`` or ``"multiplicative"``.
        noise_in_eval: Noise outside training too.
        streaming: None for layers that take the rates of those before them; else ``{"warm_up": 0, "statistics":
            "step"}``, of which both may be left out, for a network that runs step by step, see `streaming.Stream`. A
            twin has no time, and is the same.
        degradation: ``"holes"``, or ``"noise:SIGMA"`` (`spikefill.degradation`) for a network that denoises: the same
            graph and weights. At each level the noisy image, averaged, stands where otherwise a filled one does, and
            the core corrects all of it.

    Attributes:
        context: Pixels on each side that a hole is given where parts of a picture are restored by themselves, as those
            of a network are that is not `divisible`. What is farther away has an influence, too, but a small one.
        tile: Side of the square, with the context around, beside whose memory no more is taken unless it must be.
        arguments: The constructor's arguments, as JSON can hold them.

    Shape:
        Masked images N x 3 x H x W in [0, 1] (zero in the holes) and masks N x 1 x H x W (1 in the holes) to
        N x 3 x H x W, not clipped; known pixels are those of the input. Any height and width. Where there is noise
        in place of holes, noisy images N x 3 x H x W, not clipped, and masks of 1, since no pixel is known exactly.

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
        activation: Activation = "lif",
        neuron: dict[str, Any] | None = None,
        placement: Placement = "all",
        noise: float = 0.0,
        noise_mode: NoiseMode = "additive",
        noise_in_eval: bool = False,
        streaming: dict[str, Any] | None = None,
        degradation: str = "holes",
    ) -> None:
        super().__init__()
        check_choice("size", size, SIZES)
        check_choice("placement", placement, PLACEMENTS)
        self.degradation = Degradation.parse(degradation)
        self.arguments = {
            "size": size,
            "steps": steps,
            "activation": activation,
            "neuron": None if neuron is None else plain_settings(neuron),
            "placement": placement,
            "noise": noise,
            "noise_mode": noise_mode,
            "noise_in_eval": noise_in_eval,
            "streaming": None if streaming is None else dict(streaming),
            "degradation": str(self.degradation),
        }
        self.stream = None if streaming is None or activation != "lif" else Stream.of(streaming, steps)
        self.noise = drawn = Noise(noise, noise_mode, noise_in_eval)

        def fire(channels: int) -> Firing:
            neurons = LIF(steps=steps, **(NEURON if neuron is None else neuron))
            return Firing(channels, stands_for(activation, neurons), noise=drawn, stream=self.stream)

        fine, coarse = SIZES[size]
        self.fine = Core(fine, {"fine": fine, "coarse": coarse}, fire, self.stream)
        self.coarse = Core(coarse, {"coarse": coarse}, fire, self.stream)
        if placement != "all":
            for core in (self.fine, self.coarse):
                parts = core.parts()
                for layer in {layer for part in parts.values() for layer in part}.difference(parts[placement]):
                    layer.neuron = nn.ReLU()
        # Convolutions then make channels-last currents throughout, which is faster on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def set_steps(self, steps: int) -> None:
        """Changes T, with the same weights; without effect on the ReLU twin.

        Raises:
            InputError: ``steps`` is not a whole number from 1 on.
        """
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError(f"steps is {steps!r}; it must be a whole number, 1 or more")
        self.arguments["steps"] = steps
        for module in self.modules():
            if isinstance(module, LIF):
                module.steps = steps
            elif isinstance(module, Quantiser):
                module.set_steps(steps)
        if self.stream is not None:
            self.stream.steps = steps

    def latency(self, height: int, width: int) -> int:
        """Time steps of the neurons until an image of this size is restored, its levels one after the other.

        Where layers take rates, each waits for the T steps of the one before. A streaming network takes its T steps and
        the warm-up; hardware on which a spike reaches the next layer a step later takes ``depth - 1`` more a level.
        """
        blank = torch.empty(1, 1, height, width, device="meta")
        levels = len(pyramid.build(blank, blank, multiple=MULTIPLE, coarsest=COARSEST))
        if self.stream is not None:
            return levels * self.stream.length
        return sum(self.core(number)[0].depth for number in range(levels)) * int(self.arguments["steps"])

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

        It differs by what lies farther away than `sparse.REACH` says; and by rounding, where sums of convolutions are
        not exact (see `integers`).

        Of one image with holes, without gradients, in float32, by rates, without noise on the currents; otherwise it is
        `forward`.
        """
        if len(masked) != 1 or not self._computes_in_part(masked.device.type):
            return self.forward(masked, mask)
        levels = self._pyramid(masked, mask)
        needed = self.needed(levels)
        image = self.refined(levels, needed)[0] if needed else self._dense(levels, 0)[-1][0]
        return image[..., : masked.shape[-2], : masked.shape[-1]]

    def in_holes(self, picture: Stored) -> Tensor:
        """3 x N: what `restored` gives in the holes of a picture as it is stored, row by row; on the CPU alone.

        No more of the picture becomes float than is needed.
        """
        if self._computes_in_part("cpu") and max(picture.holes.shape) > COARSEST:
            finest = Finest(picture, MULTIPLE)
            coarser = pyramid.continued(finest.halved(MULTIPLE), multiple=MULTIPLE, coarsest=COARSEST)
            levels: list[pyramid.Level | Finest] = [finest, *coarser]
            needed = self.needed(levels)
            if needed:
                return self.refined(levels, needed)[0]
        return picture.in_holes(self(*picture.planes()))

    @property
    def divisible(self) -> bool:
        """Whether, outside training, a part of an image may be computed alone: in float32, by rates, without noise."""
        return not (
            self.degradation.is_noise
            or self.stream is not None
            or self.noise.drawn(training=False)
            or next(self.parameters()).dtype != torch.float32
        )

    def _computes_in_part(self, device: str) -> bool:
        """Whether one image may be computed where its holes need it."""
        return self.divisible and not (self.training or torch.is_grad_enabled() or torch.is_autocast_enabled(device))

    def refined(
        self, levels: Sequence[pyramid.Level | Finest], needed: Sequence[sparse.Needs], finest: int = 0
    ) -> tuple[Tensor, sparse.State]:
        """Image and state of the finest of some levels: computed where they are needed, the coarsest ones everywhere.

        Args:
            levels: From that of number ``finest`` on, 0 being the picture's own, to the coarsest.
            needed: Of the finer ones of them, not of the coarsest.
            finest: A number.
        """
        last = len(needed)
        image, dense, before = self._dense(cast("Sequence[pyramid.Level]", levels[last:]), finest + last)[-1]
        state = sparse.State(*map(Features.everywhere, dense))
        for number in range(last - 1, -1, -1):
            core, name = self.core(finest + number)
            image, state = sparse.refined(core, levels[number], needed[number], image, state, before)
            before = name
        return image, state

    def needed(
        self,
        levels: Sequence[pyramid.Level | Finest],
        finest: int = 0,
        handed: tuple[Tensor, Tensor] | None = None,
    ) -> list[sparse.Needs]:
        """What must be computed of the finer ones of some levels for their holes; all must be of the coarser ones.

        Args:
            levels: As for `refined`.
            finest: The same.
            handed: What a finer level needs of the first, as for `sparse.needs`.
        """
        needed: list[sparse.Needs] = []
        for number, (level, coarser) in enumerate(pairwise(levels), finest):
            height, width = level.size
            # A cell has something unknown if the coarser level's pixel has.
            unknown = cast("pyramid.Level", coarser).known[0, 0, : height // 2, : width // 2] < 1
            need = sparse.needs(unknown, self.core(number)[0], handed)
            if need.share >= sparse.DENSE_FROM:
                break
            needed.append(need)
            handed = need.of_coarser(coarser.size)
        return needed

    def radii(self, number: int) -> list[int]:
        """How far so many of the finest levels look around what they are asked for, each in its own pixels."""
        return [sparse.radius(self.core(level)[0]) for level in range(number)]

    def levels(self, masked: Tensor, mask: Tensor, *, finest: int = 0) -> list[Tensor]:
        """The restored images of level ``finest`` and of all coarser ones, in this order.

        That of level i has sides of ``ceil(H / 2^i)`` and ``ceil(W / 2^i)``. The last level is always computed.
        """
        levels = self._pyramid(masked, mask)
        finest = min(finest, len(levels) - 1)
        results = self._dense(levels[finest:], finest)
        return [
            image[..., : _shrunk(masked.shape[-2], number), : _shrunk(masked.shape[-1], number)]
            for number, (image, _, _) in zip(range(len(levels) - 1, -1, -1), results, strict=False)
        ][::-1]

    def _pyramid(self, masked: Tensor, mask: Tensor) -> list[pyramid.Level]:
        """The levels of what is given of an image: what is not hole, or all of it where it is noisy."""
        missing = torch.zeros_like(mask) if self.degradation.is_noise else mask
        return pyramid.build(masked, missing, multiple=MULTIPLE, coarsest=COARSEST)

    def _dense(self, levels: Sequence[pyramid.Level], finest: int) -> list[tuple[Tensor, State, str]]:
        """Image, state and core of each level from the coarsest on, computed everywhere.

        Args:
            levels: The level ``finest`` and all that are coarser.
            finest: Its number, 0 for that of the image's own size.
        """
        image, state, before = levels[-1].mean().expand_as(levels[-1].light), None, "coarse"
        results: list[tuple[Tensor, State, str]] = []
        for number, level in reversed(list(enumerate(levels, finest))):
            if results:
                image = pyramid.enlarged(image, level.light)
            filled = level.composed(level.first_guess(image))
            core, name = self.core(number)
            correction, state = core(filled, level.known, state, before)
            exact = torch.zeros_like(level.known) if self.degradation.is_noise else level.known
            image, before = filled + (1 - exact) * correction, name
            results.append((image, state, before))
        return results

    def core(self, number: int) -> tuple[Core, str]:
        """The core of a level, and its name."""
        return (self.fine, "fine") if number < FINE_LEVELS else (self.coarse, "coarse")


def _shrunk(side: int, halvings: int) -> int:
    """A side after that many halvings, rounded up."""
    return -(-side // (1 << halvings))
