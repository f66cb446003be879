"""Named settings of the neuron, with where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Table 1 of Sanaullah et al., NLDL 2024, read literally: threshold 1, reset 0, tau 40 ms, refractory period
        # 1 ms; "capacitance 80 ms" with tau = R C gives R = 0.5; a step of 1 ms. Nothing fires within 8 steps below a
        # current of 11. The table's post-synaptic current (60 ms) has no place in the paper's equations.
        "table1": MappingProxyType(
            {"tau": 40.0, "R": 0.5, "dt": 1.0, "threshold": 1.0, "v_reset": 0.0, "refractory": 1, "reset": "hard"}
        ),
        # The working preset, which is ours: the table's neuron with a step of 5 ms and R = 1, so that a current of
        # 1.6 to 8.5 gives 1 to 8 spikes in 8 steps. The refractory period of 1 ms is shorter than a step: none.
        "working": MappingProxyType(
            {"tau": 40.0, "R": 1.0, "dt": 5.0, "threshold": 1.0, "v_reset": 0.0, "refractory": 0, "reset": "hard"}
        ),
    }
)
"""Keyword arguments of `LIF` by name: ``"table1"`` (the paper's Table 1 to the letter) and ``"working"``."""
