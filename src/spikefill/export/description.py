"""What an exported file says about itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spikefill._version import __version__
from spikefill.neurons import LIF

if TYPE_CHECKING:
    from torch import nn

UNSTATED = "not stated"
"""The licence of weights of which none is known."""


def describe(model: nn.Module, *, name: str = "", licence: str = "") -> dict[str, str]:
    """The model's name, how it was built, the version of Spikefill, the steps T and the licence of the weights."""
    steps = sorted({module.steps for module in model.modules() if isinstance(module, LIF)})
    return {
        "model": name or type(model).__name__,
        "arguments": json.dumps(getattr(model, "arguments", {})),
        "spikefill_version": __version__,
        "steps": ", ".join(map(str, steps)),
        "licence": licence or UNSTATED,
    }
