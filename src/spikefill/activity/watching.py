"""Looking on while a network restores a picture, without changing what it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from spikefill.activity.layers import Call, SpikingLayer, spiking_layers
from spikefill.errors import InputError
from spikefill.models import pyramid
from spikefill.models.core import Core


class Levels:
    """The levels of a picture that a network has worked on so far: the coarsest comes first.

    Attributes:
        seen: What the network was given of each: an image N x 3 x H x W, and what is known of it, N x 1 x H x W.
    """

    def __init__(self, masked: Tensor, mask: Tensor, *, pyramidal: bool) -> None:
        self._longer = max(mask.shape[-2:])
        self.seen: list[pyramid.Level] = [] if pyramidal else [pyramid.Level(masked, 1 - mask)]

    @property
    def now(self) -> int:
        """The number of the level that is being worked on, 0 for the picture itself.

        It is the least number of doublings after which the level covers the picture: levels are padded, but never so
        far that one doubling less would do.
        """
        side = max(self.seen[-1].known.shape[-2:])
        return (-(-self._longer // side) - 1).bit_length()

    def scale(self, width: int) -> int:
        """How many of the picture's pixels are the side of a cell, where ``width`` cells are the level's width."""
        return max(1, round(self.seen[-1].known.shape[-1] / width)) << self.now


@contextmanager
def watching(
    model: nn.Module,
    masked: Tensor,
    mask: Tensor,
    on_call: Callable[[Call], None],
    *,
    layers: Sequence[SpikingLayer] | None = None,
) -> Iterator[Levels]:
    """Calls ``on_call`` after each call of a spiking layer of ``model`` within the block.

    Args:
        model: A network of `spikefill.models`, or any that is made of `SNNConv2d` and `LIF` layers.
        masked: N x 3 x H x W, what the network will be given.
        mask: N x 1 x H x W, the same.
        on_call: Must not change the call's tensors.
        layers: Those that are watched; None for all, of which there must be one.

    Yields:
        The levels, which are added as the network works.

    Raises:
        InputError: The network has no spiking layer, or runs one step by step: by a sequence, or from state to state.
    """
    layers = spiking_layers(model) if layers is None else layers
    cores = [module for module in model.modules() if isinstance(module, Core)]
    levels = Levels(masked, mask, pyramidal=bool(cores))

    def begins(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        levels.seen.append(pyramid.Level(inputs[0], inputs[1]))

    def ends(layer: SpikingLayer, inputs: tuple[Any, ...], options: dict[str, Any], result: Any) -> None:
        if options.pop("sequence", False) or options.pop("return_state", False):
            raise InputError(
                f"model is a {type(model).__name__}, whose neurons run step by step; only networks whose neurons get "
                "one current for all steps can be inspected, such as hybrid and scnn"
            )
        given = dict(zip(("current", "state"), inputs, strict=False)) | options
        current = given.pop("current")
        on_call(Call(layer, levels.now, levels.scale(current.shape[-1]), current, given, result))

    hooks = [core.register_forward_pre_hook(begins) for core in cores]
    hooks += [
        layer.module.register_forward_hook(
            lambda _, inputs, options, result, layer=layer: ends(layer, inputs, dict(options), result),
            with_kwargs=True,
        )
        for layer in layers
    ]
    try:
        with torch.no_grad():
            yield levels
    finally:
        for hook in hooks:
            hook.remove()
