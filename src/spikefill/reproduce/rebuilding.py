"""Measuring a network with other arguments than it was trained with: other noise, neurons, time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from spikefill import models
from spikefill.inpainting import Inpainter
from spikefill.reproduce import networks
from spikefill.reproduce.measuring import MeasuringSettings, evaluate_on
from spikefill.reproduce.trials import Context, Result, Trial

if TYPE_CHECKING:
    from torch import nn

_SEED = 0
"""Of the noise that some networks draw as they restore."""


def measure_rebuilt(
    name: str, settings: MeasuringSettings, network: Trial | Mapping[str, str], changes: Mapping[str, Any]
) -> Trial:
    """A trial like `measuring.measure`, of a network some of whose arguments are changed.

    Args:
        name: Of the trial.
        settings: On what.
        network: A training, or `networks.released`.
        changes: As for `models.rebuilt`.
    """
    inputs = {"network": network, "changes": dict(changes), "settings": settings.model_dump(mode="json")}
    return Trial(name, evaluate_rebuilt, inputs)


def evaluate_rebuilt(
    context: Context, *, network: networks.Network, changes: Mapping[str, Any], settings: Mapping[str, Any]
) -> Result:
    """Evaluates the network; its seconds are the result's times."""
    model: nn.Module = models.rebuilt(networks.read(network), **changes)
    torch.manual_seed(_SEED)
    return evaluate_on(context, context.val_photographs, Inpainter(model, device=context.device), settings)
