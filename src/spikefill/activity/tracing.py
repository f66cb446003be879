"""The membranes and spikes of the neurons at one pixel, step by step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from spikefill.activity.layers import Call
from spikefill.activity.watching import watching
from spikefill.errors import InputError


@dataclass(frozen=True, eq=False)
class Trace:
    """The neurons of a spiking layer at one cell.

    Attributes:
        name: The layer's path in the network.
        level: As in `LayerActivity`.
        threshold: Potential from which the neurons fire.
        membrane: T x C, float32: the potential H of each channel's neuron in each step, before a reset.
        spikes: T x C, float32: 1 where it fired.
    """

    name: str
    level: int
    threshold: float
    membrane: Tensor
    spikes: Tensor


def trace(model: nn.Module, masked: Tensor, mask: Tensor, pixel: tuple[int, int]) -> tuple[Trace, ...]:
    """Restores a picture and follows the neurons at one pixel through time, in each layer and level.

    The neurons run again by their definition. Normalised currents may differ from those of the first run by rounding,
    and with them, rarely, a spike.

    Args:
        model: As for `record`.
        masked: 1 x 3 x H x W in [0, 1], zero in the holes.
        mask: 1 x 1 x H x W, 1 in the holes.
        pixel: Row and column in the picture; in coarser layers, the cell that it lies in.

    Returns:
        The traces, in the order in which the layers fired.

    Raises:
        InputError: The network has no spiking layer, there is more than one picture, or the pixel lies outside.
    """
    height, width = mask.shape[-2:]
    row, column = pixel
    if len(mask) != 1:
        raise InputError(f"mask has shape {tuple(mask.shape)}; one picture is traced at a time")
    if not (0 <= row < height and 0 <= column < width):
        raise InputError(f"pixel is {row},{column}; it must be a row from 0 to {height - 1}, a column to {width - 1}")
    traces: list[Trace] = []

    def follow(call: Call) -> None:
        rows, columns = (slice(place // call.scale, place // call.scale + 1) for place in pixel)
        pointwise, state = call.given.get("pointwise"), call.given.get("state")
        current = call.current if pointwise is None else pointwise.apply(call.current)
        if state is not None:
            state = state._make(None if part is None else part[..., rows, columns] for part in state)
        here = current[..., rows, columns]
        membrane, spikes = (call.layer.readout(here, kind, state)[:, 0, :, 0, 0] for kind in ("membrane", "spikes"))
        threshold = float(call.layer.neuron.parameters_now().threshold)
        traces.append(Trace(call.layer.name, call.level, threshold, membrane, spikes))

    with watching(model, masked, mask, follow):
        model(masked, mask)
    return tuple(traces)
