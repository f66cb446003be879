"""Layer normalisation over the channels, then neurons, in one kernel on a GPU: by ``torch.compile``."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.neurons.kernels import compiled

_VARYING = (0, 2, 3)
"""Dimensions of the current that one kernel serves in any size: images, rows, columns."""


def fired(current: Tensor, norm: nn.LayerNorm, neuron: nn.Module) -> Tensor:
    """What ``neuron`` answers to the normalised current, N x C x H x W; with gradients.

    Half precision is computed in float32; the result has the dtype of the current.
    """
    for dimension in _VARYING:
        torch._dynamo.maybe_mark_dynamic(current, dimension)
    return _compiled(current.shape[1], compiled.ENGINE)(current, norm.weight, norm.bias, norm.eps, neuron)


@lru_cache(maxsize=256)
def _compiled(channels: int, engine: str) -> Callable[..., Tensor]:
    """The compiled function for a number of channels.

    PyTorch limits how often it compiles a piece of code anew: each number has a piece of its own.
    """
    own = types.FunctionType(_fired.__code__.replace(), _fired.__globals__)
    return torch.compile(own, backend=engine, fullgraph=True)


def _fired(current: Tensor, weight: Tensor, bias: Tensor, eps: float, neuron: nn.Module) -> Tensor:
    normalised = F.layer_norm(current.permute(0, 2, 3, 1).float(), weight.shape, weight, bias, eps)
    rate: Tensor = neuron(normalised.permute(0, 3, 1, 2))
    return rate.to(current.dtype)
