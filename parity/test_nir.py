"""The NIR definition of a LIF neuron as three libraries import it: all of them integrate by Euler's method."""

from __future__ import annotations

import nir
import norse.torch
import numpy as np
import pytest
import snntorch.import_nir
import torch
from spikingjelly.activation_based import nir_exchange

from spikefill.neurons import LIFParameters, lif_sequence


def graph(tau: float, threshold: float) -> nir.NIRGraph:
    """``tau dV/dt = -V + I``, tau in seconds, hard reset to 0, for 100 neurons."""
    same = np.ones(100)
    return nir.NIRGraph.from_list(nir.LIF(tau=tau * same, r=same, v_leak=0 * same, v_threshold=threshold * same))


def run(module, currents: torch.Tensor) -> torch.Tensor:
    """Spikes, the state handed from step to step."""
    state, spikes = None, []
    for current in currents:
        spike, state = module(current, state)
        spikes.append(spike)
    return torch.stack(spikes)


@pytest.mark.parametrize(
    ("load", "tau", "dt", "strict"),
    [
        pytest.param(
            lambda g: norse.torch.from_nir(g, dt=2**-9),
            *(2**-7, 2**-9, True),
            marks=pytest.mark.filterwarnings(r"ignore:nirtorch\.load is being deprecated:DeprecationWarning"),
            id="norse",
        ),
        pytest.param(lambda g: nir_exchange.import_from_nir(g, dt=2**-9), *(2**-7, 2**-9, False), id="spikingjelly"),
        # Its time step is fixed.
        pytest.param(snntorch.import_nir.import_from_nir, *(4e-4, 1e-4, True), id="snntorch"),
    ],
)
def test_importers_integrate_by_euler(load, tau, dt, strict):
    generator = torch.Generator().manual_seed(1)
    currents = 1 + 2 * torch.randn(15, 100, generator=generator, dtype=torch.float64)
    theirs = run(load(graph(tau, 0.5)), currents)

    def spikes(integration: str) -> torch.Tensor:
        parameters = LIFParameters.from_time_constant(
            1000 * tau, dt=1000 * dt, integration=integration, threshold=0.5, strict=strict
        )
        return lif_sequence(currents, parameters)[0]

    assert torch.equal(theirs.double(), spikes("euler"))
    assert 0.1 < theirs.mean() < 0.9
    assert not torch.equal(theirs.double(), spikes("exact"))
