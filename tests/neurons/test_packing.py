"""Spikes as bits."""

from __future__ import annotations

import pytest
import torch

from spikefill.neurons import pack_spikes, unpack_spikes


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 20])
def test_there_and_back(steps):
    spikes = (torch.rand(steps, 3, 4, generator=torch.Generator().manual_seed(steps)) > 0.5).float()
    packed = pack_spikes(spikes)
    assert packed.shape == (-(-steps // 8), 3, 4)
    assert packed.dtype == torch.uint8
    assert torch.equal(unpack_spikes(packed, steps), spikes)


def test_the_order_of_the_bits():
    spikes = torch.tensor([1, 0, 1, 0, 0, 0, 0, 1, 1]).reshape(9, 1)
    assert pack_spikes(spikes).flatten().tolist() == [0b10000101, 1]


def test_wrong_calls():
    with pytest.raises(ValueError, match=r"torch\.uint8"):
        unpack_spikes(torch.zeros(1, 3), 8)
    with pytest.raises(ValueError, match="between 9 and 16"):
        unpack_spikes(torch.zeros(2, 3, dtype=torch.uint8), 8)
