"""What is recorded of a network's neurons, on a photograph, and that looking on changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill import InputError, data, masks
from spikefill.activity import Activity, record, spiking_layers, trace
from spikefill.layers import SNNConv2d
from spikefill.models import SCNN, Hybrid, PartialConvUNet, read
from spikefill.neurons import LIF


@pytest.fixture(scope="module")
def damaged() -> tuple[Tensor, Tensor]:
    """A crop of a photograph, 1 x 3 x 64 x 80, under a mask that covers some of it; zero in the holes."""
    photograph = data.open_photographs("embedded", part="val")[0][100:164, 150:230]
    mask = torch.from_numpy(masks.evaluation("thick", (64, 80), image_index=1, repeat=0).copy())[None, None].float()
    return torch.from_numpy(photograph.copy()).permute(2, 0, 1)[None].float() / 255 * (1 - mask), mask


@pytest.fixture(scope="module")
def hybrid() -> nn.Module:
    return read("hybrid-small")


@pytest.fixture(scope="module")
def activity(hybrid: nn.Module, damaged: tuple[Tensor, Tensor]) -> Activity:
    return record(hybrid, *damaged, first_spikes=True)


@pytest.mark.parametrize("name", ["hybrid-small", "scnn"])
def test_looking_on_changes_nothing(name: str, damaged: tuple[Tensor, Tensor]) -> None:
    model = read(name)
    with torch.no_grad():
        before = model(*damaged)
        recorded = record(model, *damaged).output
        after = model(*damaged)
    assert torch.equal(recorded, before)
    assert torch.equal(after, before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_hooks_are_taken_away_after_an_error(damaged: tuple[Tensor, Tensor]) -> None:
    model = Hybrid().eval()
    with pytest.raises(RuntimeError):
        record(model, damaged[0][:, :2], damaged[1])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_counts_are_the_rates_that_a_layer_hands_on(hybrid: nn.Module, damaged: tuple[Tensor, Tensor]) -> None:
    handed: list[Tensor] = []
    layer = hybrid.get_submodule("fine.up.0")
    hook = layer.register_forward_hook(lambda _, __, rate: handed.append(rate.clone()))
    activity = record(hybrid, *damaged)
    hook.remove()
    found = [one for one in activity.layers if one.name == "fine.up.0"]
    assert [one.level for one in found] == [1, 0]
    for one, rate in zip(found, handed, strict=True):
        assert one.counts.dtype == torch.uint8
        torch.testing.assert_close(one.counts / 8, rate, rtol=0, atol=0)
        torch.testing.assert_close(one.rate_map, rate.mean(1))
        assert one.rate == pytest.approx(float(rate.double().mean()), rel=1e-6)


def test_levels_and_scales_are_those_of_the_picture(activity: Activity) -> None:
    """64 x 80: levels of 64 x 80, 32 x 40, 16 x 20, 8 x 12 and 4 x 8 pixels, each at a half and a quarter."""
    assert activity.levels == (0, 1, 2, 3, 4)
    sizes = {(one.level, one.scale): tuple(one.counts.shape[-2:]) for one in activity.layers}
    assert sizes == {
        (0, 2): (32, 40), (0, 4): (16, 20), (1, 4): (16, 20), (1, 8): (8, 10), (2, 8): (8, 10), (2, 16): (4, 5),
        (3, 16): (4, 6), (3, 32): (2, 3), (4, 32): (2, 4), (4, 64): (1, 2),
    }  # fmt: skip
    assert [one.level for one in activity.layers] == sorted((one.level for one in activity.layers), reverse=True)


@pytest.mark.parametrize("size", [(1, 1), (4, 9), (8, 8), (9, 3), (24, 250), (33, 31), (65, 5)])
def test_any_size_has_its_levels(size: tuple[int, int]) -> None:
    """As many as the network itself has, numbered from 0."""
    model, mask = Hybrid().eval(), torch.zeros(1, 1, *size)
    mask[..., 0, 0] = 1
    with torch.no_grad():
        levels = len(model.levels(torch.zeros(1, 3, *size), mask))
    found = record(model, torch.zeros(1, 3, *size), mask)
    assert found.levels == tuple(range(levels))
    per_level = [len(found.at_level(level)) for level in found.levels]
    assert per_level == [7, 7, *[17] * levels][:levels]


def test_rates_inside_and_outside_weigh_cells_by_their_share_of_hole(
    activity: Activity, damaged: tuple[Tensor, Tensor]
) -> None:
    """Every cell's rate given to each of its pixels, and the mean over the hole and over the rest of the picture."""
    _, mask = damaged
    for layer in activity.layers:
        pixels = layer.counts.double().repeat_interleave(layer.scale, 2).repeat_interleave(layer.scale, 3) / 8
        by_pixel = pixels[..., :64, :80].mean(1)[0]
        hole = mask[0, 0] == 1
        assert layer.rate_inside == pytest.approx(float(by_pixel[hole].mean()), rel=1e-5, abs=1e-9)
        assert layer.rate_outside == pytest.approx(float(by_pixel[~hole].mean()), rel=1e-5, abs=1e-9)


def test_without_a_hole_there_is_no_rate_inside(hybrid: nn.Module, damaged: tuple[Tensor, Tensor]) -> None:
    found = record(hybrid, damaged[0], torch.zeros_like(damaged[1])).summary()["layers"][-1]
    assert found["rate_inside"] is None
    assert found["rate_outside"] > 0


def test_first_spikes_are_the_step_in_which_the_potential_meets_the_threshold(activity: Activity) -> None:
    """No leak and half the threshold to begin with: k spikes in 8 steps, the first in step ceil(0.5 / current)."""
    for layer in activity.layers:
        first, counts = layer.first, layer.counts
        assert first is not None
        assert torch.equal(first == 9, counts == 0)
        # A neuron that fires k times first fires when T (8) currents make k, rounded: 0.5 / I is within these bounds.
        fired = (counts > 0) & (counts < 8)
        k, step = counts[fired].float(), first[fired]
        assert (step >= torch.ceil(4 / (k + 0.5)) - 1e-3).all()
        assert (step <= torch.ceil(4 / (k - 0.5)) + 1e-3).all()
    plain = record(Hybrid().eval(), torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))
    with pytest.raises(InputError, match="first spikes were not recorded"):
        _ = plain.layers[0].first_map


def test_first_map_is_the_mean_over_the_channels_that_fire(damaged: tuple[Tensor, Tensor]) -> None:
    layer = record(read("scnn"), *damaged, first_spikes=True).layers[0]
    assert layer.name == "spiking"
    first = layer.first
    assert first is not None
    for row, column in ((0, 0), (30, 41), (63, 79)):
        steps = [float(step) for step in first[0, :, row, column] if step <= 8]
        expected = sum(steps) / len(steps) if steps else float("nan")
        assert float(layer.first_map[0, row, column]) == pytest.approx(expected, nan_ok=True)


def test_a_trace_is_the_definition_step_by_step(hybrid: nn.Module, damaged: tuple[Tensor, Tensor]) -> None:
    currents: list[Tensor] = []
    layer = hybrid.get_submodule("fine.exit.0")
    hook = layer.register_forward_hook(lambda _, inputs, __: currents.append(inputs[0].clone()))
    found = trace(hybrid, *damaged, (21, 50))[-1]
    hook.remove()
    assert (found.name, found.level, found.threshold) == ("fine.exit.0", 0, 1.0)
    norm = layer.norm
    current = F.layer_norm(currents[-1][0, :, 10, 25], (24,), norm.weight, norm.bias, norm.eps)
    v = torch.full((24,), 0.5)
    for membrane, spikes in zip(found.membrane, found.spikes, strict=True):
        h = v + current
        torch.testing.assert_close(membrane, h, rtol=1e-4, atol=1e-5)
        v = h - spikes
        assert torch.equal(spikes, (membrane >= 1).float())


@pytest.mark.parametrize("name", ["hybrid-small", "scnn"])
def test_traces_have_the_recorded_counts(name: str, damaged: tuple[Tensor, Tensor]) -> None:
    model = read(name)
    activity, traces = record(model, *damaged), trace(model, *damaged, (40, 33))
    assert [(t.name, t.level) for t in traces] == [(layer.name, layer.level) for layer in activity.layers]
    same = [
        t.spikes.sum(0) == layer.counts[0, :, 40 // layer.scale, 33 // layer.scale]
        for t, layer in zip(traces, activity.layers, strict=True)
    ]
    assert torch.cat(same).float().mean() > 0.999  # but for a potential that rounding brings over the threshold


@pytest.mark.parametrize("readout", ["rate", "count", "latency", "spikes", "membrane"])
def test_layers_of_any_readout_are_counted(readout: Any) -> None:
    """Currents of 1 and 0.3, no leak, hard reset: 4 spikes of 4, and 1 of 4."""
    model = LIF(steps=4, beta=1.0, readout=readout)
    image = torch.tensor([1.0, 0.3]).view(1, 2, 1, 1)
    with torch.no_grad():
        found = record(_Alone(model), image, torch.zeros(1, 1, 1, 1))
    assert found.layers[0].counts.flatten().tolist() == [4, 1]


def test_many_steps_are_counted() -> None:
    model = _Alone(LIF(steps=300, beta=1.0))
    found = record(model, torch.ones(1, 3, 2, 2), torch.zeros(1, 1, 2, 2))
    assert found.layers[0].counts.unique().tolist() == [300]


def test_layers_are_named_by_where_they_stand() -> None:
    assert [layer.name for layer in spiking_layers(SCNN())] == ["spiking"]
    model = nn.Sequential(nn.Conv2d(3, 4, 3), LIF(), SNNConv2d(4, 4, 3))
    assert [layer.name for layer in spiking_layers(model)] == ["1", "2"]
    assert len(spiking_layers(Hybrid())) == 24


@pytest.mark.parametrize("model", [PartialConvUNet(), Hybrid(activation="relu"), SCNN(activation="relu")])
def test_networks_without_neurons_are_refused(model: nn.Module) -> None:
    with pytest.raises(InputError, match="without spiking neurons; name one that has some"):
        record(model, torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize("pixel", [(64, 0), (0, 80), (-1, 0)])
def test_pixels_outside_are_refused(pixel: tuple[int, int], damaged: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(
        InputError, match=f"pixel is {pixel[0]},{pixel[1]}; it must be a row from 0 to 63, a column to 79"
    ):
        trace(SCNN(), *damaged, pixel)


def test_sequences_and_batches_are_refused() -> None:
    with pytest.raises(InputError, match="one picture is traced at a time"):
        trace(SCNN(), torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8), (0, 0))
    sequence = _Alone(SNNConv2d(3, 3, 1))
    with pytest.raises(InputError, match="model is a _Alone, whose neurons run step by step"):
        record(sequence, torch.zeros(2, 1, 3, 8, 8), torch.zeros(1, 1, 8, 8))


class _Alone(nn.Module):
    """A layer that is given the picture."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, masked: Tensor, mask: Tensor) -> Any:
        return self.layer(masked)
