"""The rate as a table: at and around every boundary, and everywhere else, what the definition gives."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefill.neurons import LIFParameters, lif_constant
from spikefill.neurons.kernels import table
from spikefill.neurons.kernels.table import Bounds, Buckets, rate_table


def rates(current: torch.Tensor, steps: int, parameters: LIFParameters, v_init: float, backend: str) -> torch.Tensor:
    return lif_constant(current, steps, parameters, v_init=v_init, backend=backend, final_state=False)[0]


def check(current: torch.Tensor, steps: int, parameters: LIFParameters, v_init: float = 0.0) -> None:
    expected = rates(current, steps, parameters, v_init, "reference")
    assert torch.equal(rates(current, steps, parameters, v_init, "fused"), expected)


def around(bounds: torch.Tensor, places: int) -> torch.Tensor:
    """The numbers up to ``places`` places away from each bound in the order of floating-point numbers."""
    integer = torch.int64 if bounds.dtype == torch.float64 else torch.int32
    near = bounds.view(integer)[:, None] + torch.arange(-places, places + 1, dtype=integer)
    return near.view(bounds.dtype).flatten()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", [1, 8, 33])
@pytest.mark.parametrize("beta", [0.5, 0.9, 0.975, 1.0])
@pytest.mark.parametrize("change", [{}, {"strict": True}, {"refractory": 2}, {"v_reset": -0.5, "v_leak": 0.3}])
def test_each_bound_of_a_hard_reset_is_the_first_number_that_fires_more(beta, steps, dtype, change):
    parameters = LIFParameters(beta=beta, gain=0.3, **change)
    for v_init in (0.0, 0.4):
        bounds, added = table._hard_bounds(parameters, steps, v_init, dtype)
        below = bounds.nextafter(torch.tensor(-math.inf, dtype=dtype))
        assert torch.equal(table._count(bounds, steps, parameters, v_init), added.cumsum(0).to(dtype))
        assert torch.equal(table._count(below, steps, parameters, v_init), (added.cumsum(0) - added).to(dtype))
        assert table._count(torch.tensor(torch.inf, dtype=dtype), steps, parameters, v_init) == added.sum()
        check(torch.cat([bounds, below, bounds + 1e-3]), steps, parameters, v_init)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", [6, 31, 64])
@pytest.mark.parametrize("change", [{}, {"strict": True}, {"v_leak": 0.3}])
def test_around_each_bound_of_a_soft_reset(steps, dtype, change):
    """With beta 0.5 and 1 potentials meet the threshold exactly; with 0.9 rounding decides."""
    for beta in (0.5, 0.9, 1.0):
        for v_init in (0.0, 0.5):
            parameters = LIFParameters(beta=beta, gain=0.25, reset="soft", **change)
            bounds, margin = table._soft_bounds(parameters, steps, v_init, dtype)
            edges = torch.cat([bounds - margin, bounds + margin]).to(dtype)
            check(torch.cat([around(bounds.to(dtype), 20), around(edges, 3)]), steps, parameters, v_init)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([0.1, 0.5, 0.83, 0.9, 0.975, 0.999, 1.0]),
    st.sampled_from([1.0, 0.1, 3.7]),
    st.sampled_from([1.0, 0.3]),
    st.sampled_from(["hard", "soft"]),
    st.sampled_from([0.0, -0.3]),
    st.sampled_from([0.0, 0.5, -1.0]),
    st.integers(1, 100),
    st.integers(0, 1000),
)
def test_any_neuron(beta, gain, threshold, reset, v_leak, v_init, steps, seed):
    parameters = LIFParameters(beta=beta, gain=gain, threshold=threshold, reset=reset, v_leak=v_leak, v_reset=-0.1)
    generator = torch.Generator().manual_seed(seed)
    current = torch.cat([torch.randn(1500, generator=generator) * scale / gain for scale in (0.1, 1, 3)])
    odd = torch.tensor([torch.nan, torch.inf, -torch.inf, 3e38, -3e38, 0.0, -0.0])
    check(torch.cat([current, odd]), steps, parameters, v_init)


def test_which_table_is_taken():
    hard, soft = LIFParameters(beta=0.9), LIFParameters(beta=0.9, reset="soft")
    assert isinstance(rate_table(hard, 8, 0.0, torch.float32), Bounds)
    assert isinstance(rate_table(LIFParameters(beta=0.99), 1024, 0.0, torch.float32), Buckets)
    assert isinstance(rate_table(soft, 64, 0.0, torch.float32), Buckets)
    assert rate_table(soft, 4, 0.0, torch.float32) is None
    for change in ({"gain": -1.0}, {"alpha": 0.5}, {"threshold": torch.tensor(1.0)}):
        assert not table.usable(LIFParameters(beta=0.9, **change))
    for change in ({"refractory": 1}, {"beta": 0.0}, {"threshold": -0.5, "v_reset": -1.0}):
        assert not table.usable(LIFParameters(**{"beta": 0.9, "reset": "soft", **change}))


def test_four_steps_have_the_levels_0_1_2_4():
    bounds, added = rate_table(LIFParameters(beta=0.9), 4, 0.0, torch.float32)
    assert added.tolist() == [1, 1, 2, 0]
    assert bounds[:3].tolist() == pytest.approx([0.1 / (1 - 0.9**4), 0.1 / (1 - 0.9**2), 1])


def test_a_thousand_steps_have_few_levels():
    assert len(table._hard_bounds(LIFParameters(beta=0.999), 1024, 0.0, torch.float32)[0]) <= 64


def test_a_neuron_that_hardly_fires():
    check(torch.tensor([1e30, 3e38, torch.inf]), 3, LIFParameters(beta=0.5, gain=1e-45))
