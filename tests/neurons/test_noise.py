"""Counter-based noise: its distribution, and that it depends on seed, step and position alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefill.neurons import LIFParameters, Pointwise, lif_constant, normal_noise


def test_distribution():
    noise = normal_noise(torch.empty(4, 8, 100, 100, dtype=torch.float64), seed=1)
    assert noise.mean().abs().item() < 0.006
    assert noise.std().item() == pytest.approx(1, abs=0.005)
    assert (noise**3).mean().abs().item() < 0.03
    assert (noise**4).mean().item() == pytest.approx(3, abs=0.06)
    for probability in (0.01, 0.25, 0.5, 0.75, 0.99):
        quantile = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(probability)).item()
        assert (noise < quantile).double().mean().item() == pytest.approx(probability, abs=0.004)


def test_neighbours_seeds_and_steps_are_independent():
    like = torch.empty(200_000)
    noise = normal_noise(like, seed=5)
    others = [normal_noise(like, seed=6), normal_noise(like, seed=5, step=1), *(noise.roll(k) for k in (1, 2, 64, 512))]
    for other in others:
        assert (noise * other).mean().abs().item() < 0.012


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.permutations(range(4)), st.integers(0, 2**63 - 1))
def test_memory_layout_does_not_matter(shape, order, seed):
    order = [axis for axis in order if axis < len(shape)]
    plain = normal_noise(torch.empty(shape), seed=seed)
    inverse = [order.index(axis) for axis in range(len(shape))]
    other = normal_noise(torch.empty(shape).permute(order).contiguous().permute(inverse), seed=seed)
    assert torch.equal(plain, other)


def test_blocks_and_threads_do_not_matter():
    like = torch.empty(3, 2, 300, 301)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = normal_noise(like, seed=9)
        torch.set_num_threads(2)
        two = normal_noise(like.contiguous(memory_format=torch.channels_last), seed=9)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, two)
    assert torch.equal(one[0, 0, :100], normal_noise(like[0, 0], seed=9)[:100])


def test_scalars_and_nothing():
    assert normal_noise(torch.tensor(0.0), seed=1).shape == ()
    assert normal_noise(torch.empty(0, 3), seed=1).shape == (0, 3)


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"seed": 2**63}, {"seed": 0, "step": -1}])
def test_out_of_range(arguments):
    with pytest.raises(ValueError, match="must be at least 0"):
        normal_noise(torch.empty(2), **arguments)


def test_the_kernels_draw_the_same_numbers():
    """Bit for bit, through a neuron whose potential after one step is its current."""
    for shape in ((3,), (2, 5, 40, 30)):
        zero = torch.zeros(shape)
        for layout in (zero, zero.transpose(0, -1).contiguous().transpose(0, -1)):
            membrane, _ = lif_constant(
                layout, 1, LIFParameters(beta=0.5), readout="membrane", backend="fused",
                pointwise=Pointwise(noise=1.0, seed=1 << 61),
            )  # fmt: skip
            assert torch.equal(membrane[0], normal_noise(zero, seed=1 << 61))
