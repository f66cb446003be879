"""Neurons and currents that the tests of several backends share."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from spikefill.neurons import ArcTan, FastSigmoid, LIFParameters, Sigmoid, Triangle

# Every reset, surrogate and option at least twice, and every pair of resets and options.
NEURONS: dict[str, LIFParameters] = {
    "plain": LIFParameters(beta=0.9, gain=0.3),
    "soft": LIFParameters(beta=0.5, reset="soft"),
    "hard, attached": LIFParameters(beta=0.975, gain=0.25, detach_reset=False, surrogate=FastSigmoid(4.0)),
    "soft, attached": LIFParameters(beta=0.9, reset="soft", detach_reset=False, surrogate=Triangle(2.0, 0.5)),
    "hard, refractory": LIFParameters(beta=0.5, refractory=2, strict=True, surrogate=Sigmoid()),
    "soft, refractory": LIFParameters(beta=0.975, gain=0.7, reset="soft", refractory=1, surrogate=FastSigmoid(10.0)),
    "hard, leak, attached": LIFParameters(
        beta=0.9, gain=0.4, v_leak=0.1, v_reset=-0.2, threshold=0.8, detach_reset=False, surrogate=Triangle()
    ),
    "soft, leak, refractory, attached": LIFParameters(
        beta=0.8, gain=0.5, v_leak=-0.1, reset="soft", refractory=1, detach_reset=False, surrogate=Sigmoid(2.0)
    ),
    "negative gain": LIFParameters(beta=0.5, gain=-0.7, strict=True, surrogate=ArcTan(1.0)),
    "no leak at all": LIFParameters(beta=1.0, reset="soft", surrogate=Triangle()),
    "no memory": LIFParameters(beta=0.0, surrogate=FastSigmoid()),
}


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Currents around the range in which `NEURONS` fire."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype) * 2


SHAPES = st.one_of(
    st.just(()),
    st.lists(st.integers(0, 5), min_size=1, max_size=5).map(tuple),
    st.sampled_from([(511,), (512,), (513,), (3000,), (2, 5, 17, 19), (40_000,)]),
)


def laid_out(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    """The same values, lying otherwise in memory."""
    if layout == "channels last" and tensor.ndim == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    if layout == "transposed" and tensor.ndim > 1:
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "strided" and tensor.ndim > 0:
        return tensor.repeat_interleave(2, dim=-1)[..., ::2]
    return tensor


LAYOUTS = st.sampled_from(["contiguous", "channels last", "transposed", "strided"])


def with_ties(current: torch.Tensor, seed: int) -> torch.Tensor:
    """Rounded to eighths, so that potentials meet thresholds exactly, with NaN and infinities here and there."""
    generator = torch.Generator().manual_seed(seed)
    odd = torch.tensor([torch.nan, torch.inf, -torch.inf], dtype=current.dtype)
    which = torch.randint(60, current.shape, generator=generator)
    return torch.where(which < 3, odd[which.clamp(max=2)], (current * 8).round() / 8)
