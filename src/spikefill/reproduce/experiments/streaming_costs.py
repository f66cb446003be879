"""What a network that takes rates, or that streams, would cost spiking hardware: operations, and time steps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from spikefill import models
from spikefill.activity.reading import as_tensors
from spikefill.energy import HOROWITZ, Operations, count, ledger
from spikefill.models import Hybrid
from spikefill.reproduce import networks
from spikefill.reproduce.cases import cases
from spikefill.reproduce.trials import Context, Result

_PRECISION = "int8"
_MEMORY = "32 kB SRAM"


def count_costs(
    context: Context,
    *,
    network: networks.Network,
    changes: Mapping[str, Any],
    settings: Mapping[str, Any],
    pictures: int,
) -> Result:
    """Counts the operations for the first pictures, each under a mask of every family.

    The result has the means ``accumulates`` and ``multiply_accumulates`` a picture, ``estimated_uJ`` (in int8, operands
    fetched from a small memory), and ``latency`` in time steps.
    """
    model = models.rebuilt(networks.read(network), **changes)
    assert isinstance(model, Hybrid)
    total: Operations | None = None
    latency = 0
    on = {**settings, "repeats": 1}
    for case in islice(cases(context, on, "counting"), pictures * len(settings["families"])):
        operations = count(model, *as_tensors(case.image, case.mask))
        total = operations if total is None else total.plus(operations)
        latency = model.latency(*case.mask.shape)
    assert total is not None  # `cases` gives one, or raises
    work = ledger.spiking(total, _PRECISION)
    return {
        "accumulates": work.accumulates,
        "multiply_accumulates": work.multiply_accumulates,
        "estimated_uJ": work.energy(HOROWITZ, "fetched", HOROWITZ.memory[_MEMORY]),
        "latency": latency,
    }
