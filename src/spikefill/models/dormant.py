"""Channels that never fire, and how they are brought back in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models.firing import FRESH_BIAS, FRESH_SCALE, Firing

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEAST_SPREAD = 1e-3
"""A channel that varies less than this is given no larger scale than one that varies so."""


@runtime_checkable
class Fires(Protocol):
    """A network of `Firing` layers that knows who reads them."""

    def readers(self) -> Iterable[tuple[Firing, list[nn.Conv2d]]]:
        """Each layer of neurons, with the convolutions that take its rates."""

    def __call__(self, masked: Tensor, mask: Tensor) -> Tensor:
        """Restores."""


class _Activity:
    """What the channels of one layer did: sums of the normalised current and of its square, and the largest rate."""

    def __init__(self, channels: int, device: torch.device) -> None:
        self.pixels = 0
        self.sums = torch.zeros(2, channels, dtype=torch.float64, device=device)
        self.peak = torch.zeros(channels, device=device)

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor], rate: Tensor) -> None:
        current = inputs[0].detach().float().permute(0, 2, 3, 1).flatten(0, 2)
        normalised = F.layer_norm(current, current.shape[1:], eps=layer.norm.eps)  # type: ignore[union-attr, arg-type]
        self.pixels += len(normalised)
        self.sums += torch.stack([normalised.sum(0), normalised.square().sum(0)])
        self.peak = torch.maximum(self.peak, rate.detach().amax((0, 2, 3)).float())

    @property
    def silent(self) -> Tensor:
        """Which channels never fired."""
        return self.peak == 0

    def mean_and_spread(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each channel's normalised current."""
        mean, square = self.sums / self.pixels
        return mean.float(), (square - mean.square()).clamp(min=_LEAST_SPREAD**2).sqrt().float()


@torch.no_grad()
def revive(model: Fires, masked: Tensor, mask: Tensor, *, also: Fires | None = None) -> tuple[int, int]:
    """Brings the channels back that never fire while ``model`` restores a batch.

    What a channel's normalised current varies by becomes what a fresh channel's does: it gets a new scale and bias. The
    weights that read it begin at 0, so that the network restores as before. (After ReDo: Sokar et al., ICML 2023, who
    draw the weights that lead to it anew; here these stay, since normalisation couples them with other channels.)

    Args:
        model: The network; its weights are changed in place.
        masked: N x 3 x H x W in [0, 1], zero in the holes.
        mask: N x 1 x H x W, 1 in the holes.
        also: A running mean of the network, whose channels become those of the network where these are revived.

    Returns:
        How many channels were silent, and how many there are.
    """
    layers = [(layer, readers, _Activity(len(layer.norm.weight), masked.device)) for layer, readers in model.readers()]
    hooks = [layer.register_forward_hook(activity) for layer, _, activity in layers]
    try:
        model(masked, mask)
    finally:
        for hook in hooks:
            hook.remove()
    layers = [found for found in layers if found[2].pixels]  # what a small image does not reach stays
    revived: dict[nn.Module, Tensor] = {}
    for layer, readers, activity in layers:
        silent = revived[layer] = activity.silent
        mean, spread = activity.mean_and_spread()
        scale = torch.where(silent, FRESH_SCALE / spread, layer.norm.weight)
        layer.norm.bias.copy_(torch.where(silent, FRESH_BIAS - scale * mean, layer.norm.bias))
        layer.norm.weight.copy_(scale)
        for reader in readers:
            reader.weight.mul_(~silent[:, None, None])
    if also is not None:
        for (layer, _), (kept, kept_readers) in zip(model.readers(), also.readers(), strict=True):
            if layer in revived:
                silent = revived[layer]
                kept.norm.weight.copy_(torch.where(silent, layer.norm.weight, kept.norm.weight))
                kept.norm.bias.copy_(torch.where(silent, layer.norm.bias, kept.norm.bias))
                for reader in kept_readers:
                    reader.weight.mul_(~silent[:, None, None])
    return sum(int(activity.silent.sum()) for _, _, activity in layers), sum(len(a.peak) for _, _, a in layers)
