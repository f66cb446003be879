"""Counting what a network does, in one pass over a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from spikefill.activity import Call, LayerActivity, Levels, SpikingLayer, watching
from spikefill.energy.computed import Cells, computed_cells
from spikefill.energy.operations import Analog, Convolution, Neurons, Operations, fan_out, update_costs
from spikefill.models.core import Block, Core
from spikefill.models.firing import Firing
from spikefill.models.hybrid import Hybrid

NORMALISATION = 5
"""Multiply-accumulates a value of a normalisation: mean, deviation, its square, scaling, the learnt scale and bias."""

IMAGE = 25
"""The same a pixel of a level for what is done to the image itself: averages of four channels on the way down (4), a
first guess (3) and its composition (3), enlargement of the coarser result (12), and the correction (3)."""


def count(model: nn.Module, masked: Tensor, mask: Tensor, *, layers: list[SpikingLayer] | None = None) -> Operations:
    """The operations that a network takes to restore a picture.

    Args:
        model: In ``eval()`` mode.
        masked: 1 x 3 x H x W in [0, 1], zero in the holes.
        mask: 1 x 1 x H x W, 1 in the holes.
        layers: Spiking layers; None for those of the network. None at all, ``[]``, for a twin without neurons.

    Raises:
        InputError: ``layers`` is None and the network has none.
    """
    found = _Pass({module: name for name, module in model.named_modules()}, mask)
    with watching(model, masked, mask, found.fired, layers=layers) as levels:
        hooks = [hook for kind, see in found.hooks(levels).items() for hook in _hooked(model, kind, see)]
        try:
            model(masked, mask)
        finally:
            for hook in hooks:
                hook.remove()
    some = isinstance(model, Hybrid) and model.stream is None
    cells = computed_cells(cast("Hybrid", model), levels.seen[::-1]) if some else []
    return found.operations(cells)


@dataclass(frozen=True, eq=False)
class _Convolved:
    """A call of a convolution, its input summed over the channels: H x W, int64."""

    module: nn.Conv2d
    level: int
    fed_by: str | None
    spikes: Tensor
    not_zero: Tensor
    inputs: int
    outputs: int


class _Pass:
    """What the hooks of one pass find."""

    def __init__(self, names: dict[nn.Module, str], mask: Tensor) -> None:
        self._names = names
        self._mask = mask
        self._activities: list[tuple[SpikingLayer, LayerActivity]] = []
        self._spikes: dict[
            int, tuple[Tensor, LayerActivity]
        ] = {}  # the tensors are kept, so that no other has their id
        self._convolved: list[_Convolved] = []
        self._analog: list[Analog] = []

    def fired(self, call: Call) -> None:
        activity = LayerActivity.of(call, self._mask)
        self._activities.append((call.layer, activity))
        self._spikes[id(call.result)] = call.result, activity

    def hooks(self, levels: Levels) -> dict[type[nn.Module], Callable[..., None]]:
        """What is to be called after each call of a module of some kind."""

        def convolved(module: nn.Conv2d, inputs: tuple[Any, ...], result: Tensor) -> None:
            (image, *_) = inputs
            activity = self._spikes.get(id(image), (None, None))[1]
            self._convolved.append(
                _Convolved(
                    module,
                    levels.now,
                    None if activity is None else activity.name,
                    _over_channels(torch.zeros_like(image[:, :1]) if activity is None else activity.counts),
                    _over_channels(image != 0),
                    image.numel(),
                    result.numel(),
                )
            )

        def analog(kind: str, module: nn.Module, number: int) -> None:
            self._analog.append(Analog(self._names[module], levels.now, kind, number))

        def worked(core: Core, inputs: tuple[Any, ...], _: Any) -> None:
            image, _, state, _ = inputs
            pixels = image.shape[0] * image.shape[-2] * image.shape[-1]
            half, quarter = pixels // 4 * core.entry.out_channels, pixels // 16 * core.down[1].out_channels
            times = 1 if core.stream is None else core.stream.length
            analog("joins", core, times * (half if state is None else 2 * half + quarter))
            analog("image", core, IMAGE * pixels)

        return {
            nn.Conv2d: convolved,
            Firing: lambda module, _, result: analog("normalisation", module, NORMALISATION * result.numel()),
            Block: lambda module, _, result: analog("shortcut", module, result.numel()),
            Core: worked,
        }

    def operations(self, cells: list[Cells]) -> Operations:
        """All of it; ``cells`` as `computed_cells` gives them, for the levels where not all are computed."""
        everywhere: Cells = {}
        return Operations(
            tuple(
                self._convolution(call, (cells[call.level] if call.level < len(cells) else everywhere).get(call.module))
                for call in self._convolved
            ),
            tuple(
                _neurons(layer, activity, (cells[activity.level] if activity.level < len(cells) else everywhere))
                for layer, activity in self._activities
            ),
            tuple(self._analog),
            pictures=1,
        )

    def _convolution(self, call: _Convolved, computed: Tensor | None) -> Convolution:
        module = call.module
        height, width = call.spikes.shape
        reached = fan_out(module, (height, width))
        here = reached if computed is None else fan_out(module, (height, width), computed)
        return Convolution(
            name=self._names[module],
            level=call.level,
            fed_by=call.fed_by,
            synapses=int(reached.sum()) * module.in_channels,
            active=int((call.not_zero * reached).sum()),
            accumulates=int((call.spikes * reached).sum()),
            computed_synapses=int(here.sum()) * module.in_channels,
            computed_accumulates=int((call.spikes * here).sum()),
            weights=module.weight.numel(),
            inputs=call.inputs,
            outputs=call.outputs,
            biases=0 if module.bias is None else call.outputs,
        )


def _neurons(layer: SpikingLayer, activity: LayerActivity, cells: Cells) -> Neurons:
    counts, steps = activity.counts, activity.steps
    computed = cells.get(layer.module)
    channels = counts.shape[1]
    by_cell = counts.sum(1, keepdim=True, dtype=torch.float64)
    spikes = int(by_cell.sum())
    multiplies, adds = update_costs(layer.neuron.parameters_now(), counts.numel(), spikes, steps)
    return Neurons(
        name=activity.name,
        level=activity.level,
        steps=steps,
        neurons=counts.numel(),
        spikes=spikes,
        firing=int((counts > 0).sum()),
        computed_neurons=counts.numel() if computed is None else int(computed.sum()) * channels,
        inside=float(activity.inside.double().sum()) * channels,
        spikes_inside=float((by_cell * activity.inside).sum()),
        outside=float(activity.outside.double().sum()) * channels,
        spikes_outside=float((by_cell * activity.outside).sum()),
        multiplies=multiplies,
        adds=adds,
    )


def _over_channels(values: Tensor) -> Tensor:
    """Sums over pictures and channels, H x W, int64."""
    return values.sum((0, 1), dtype=torch.int64)


def _hooked(model: nn.Module, kind: type[nn.Module], see: Callable[..., None]) -> list[Any]:
    return [module.register_forward_hook(see) for module in model.modules() if isinstance(module, kind)]
