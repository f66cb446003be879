"""Channels that never fire are brought back, and the network restores as before."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from spikefill.models import Hybrid
from spikefill.models.dormant import Fires, revive
from spikefill.models.firing import Firing

SILENCED = {"coarse.middle.1.residual.2": [0, 5, 40], "fine.down.0": [3], "coarse.handed.1": [7, 8]}


def a_batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    image = torch.nn.functional.interpolate(torch.rand(2, 3, 12, 12, generator=generator), size=(64, 64))
    mask = (torch.rand(2, 1, 64, 64, generator=generator) < 0.3).float()
    return image * (1 - mask), mask


def partly_silent(activation: str) -> Hybrid:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = Hybrid(activation=activation)  # type: ignore[arg-type]
    revive(model, *a_batch())  # a fresh network has some silent channels, too
    with torch.no_grad():
        for name, channels in SILENCED.items():
            model.get_submodule(name).norm.bias[channels] = -1e4  # type: ignore[union-attr, operator]
    return model


def peaks(model: Hybrid, masked: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """The largest rate of each channel of each layer."""
    found: dict[str, Tensor] = {}

    def keep(name: str, rate: Tensor) -> None:
        highest = rate.amax((0, 2, 3))
        found[name] = torch.maximum(found.get(name, highest), highest)

    hooks = [
        module.register_forward_hook(lambda _, __, rate, name=name: keep(name, rate))
        for name, module in model.named_modules()
        if isinstance(module, Firing)
    ]
    with torch.no_grad():
        model(masked, mask)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("activation", ["lif", "relu"])
def test_silent_channels_fire_again_and_nothing_else_changes(activation: str) -> None:
    model, (masked, mask) = partly_silent(activation), a_batch()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.no_grad():
        restored = model(masked, mask)
    peak = peaks(model, masked, mask)
    silent, all_channels = revive(model, masked, mask)
    assert silent == sum(int((highest == 0).sum()) for highest in peak.values())
    assert all_channels == sum(len(m.norm.weight) for m in model.modules() if isinstance(m, Firing))
    with torch.no_grad():
        torch.testing.assert_close(model(masked, mask), restored, rtol=0, atol=1e-6)
    after = peaks(model, masked, mask)
    assert all((highest > 0).all() for highest in after.values())
    for name, channels in SILENCED.items():
        assert (peak[name][channels] == 0).all()
    for name, highest in peak.items():
        for part in ("weight", "bias"):
            key = f"{name}.norm.{part}"
            assert torch.equal(model.state_dict()[key][highest > 0], before[key][highest > 0])
    assert revive(model, masked, mask) == (0, all_channels)


def test_what_a_revived_channel_does_is_like_a_fresh_one() -> None:
    model, (masked, mask) = partly_silent("relu"), a_batch()
    revive(model, masked, mask)
    layer = model.get_submodule("coarse.middle.1.residual.2")
    seen: list[Tensor] = []

    def keep(_: object, inputs: tuple[Tensor], __: Tensor) -> None:
        seen.append(layer.norm(inputs[0].permute(0, 2, 3, 1)).flatten(0, 2))  # type: ignore[operator]

    layer.register_forward_hook(keep)
    with torch.no_grad():
        model(masked, mask)
    currents = torch.cat(seen)[:, SILENCED["coarse.middle.1.residual.2"]]
    torch.testing.assert_close(currents.mean(0), torch.full((3,), 0.25), rtol=0, atol=1e-3)
    torch.testing.assert_close(currents.std(0, correction=0), torch.full((3,), 0.5), rtol=1e-3, atol=0)


def test_the_weights_that_read_it_learn() -> None:
    model, (masked, mask) = partly_silent("lif"), a_batch()
    revive(model, masked, mask)
    model(masked, mask).square().mean().backward()
    reader = model.get_submodule("coarse.middle.1.residual.3")
    silenced = SILENCED["coarse.middle.1.residual.2"]
    assert (reader.weight[:, silenced] == 0).all()  # type: ignore[index]
    assert (reader.weight.grad[:, silenced].abs().amax((0, 2, 3)) > 0).all()  # type: ignore[union-attr, index]


def test_what_a_small_image_does_not_reach_stays() -> None:
    model = Hybrid()
    before = {name: weight.clone() for name, weight in model.coarse.state_dict().items()}
    _, channels = revive(model, torch.rand(1, 3, 12, 16), torch.ones(1, 1, 12, 16))
    assert channels == sum(len(m.norm.weight) for m in model.fine.modules() if isinstance(m, Firing))
    assert all(torch.equal(weight, before[name]) for name, weight in model.coarse.state_dict().items())
    assert all(weight.isfinite().all() for weight in model.parameters())


def test_a_running_mean_gets_the_same_channels() -> None:
    model, (masked, mask) = partly_silent("lif"), a_batch()
    mean = copy.deepcopy(model)
    with torch.no_grad():
        for weight in mean.parameters():
            weight.mul_(1.5)
    before, peak = copy.deepcopy(mean.state_dict()), peaks(model, masked, mask)
    revive(model, masked, mask, also=mean)
    for name in SILENCED:
        silent = peak[name] == 0
        for part in ("weight", "bias"):
            key = f"{name}.norm.{part}"
            assert torch.equal(mean.state_dict()[key][silent], model.state_dict()[key][silent])
            assert torch.equal(mean.state_dict()[key][~silent], before[key][~silent])
    reader = "coarse.middle.1.residual.3.weight"
    silenced = SILENCED["coarse.middle.1.residual.2"]
    assert (mean.state_dict()[reader][:, silenced] == 0).all()
    fires = peak["coarse.middle.1.residual.2"] > 0
    assert torch.equal(mean.state_dict()[reader][:, fires], before[reader][:, fires])


def test_every_layer_of_neurons_has_readers() -> None:
    model = Hybrid()
    read = {id(layer): readers for layer, readers in model.readers()}
    assert set(read) == {id(module) for module in model.modules() if isinstance(module, Firing)}
    assert isinstance(model, Fires)
    for layer, readers in model.readers():
        assert readers
        assert all(reader.in_channels == len(layer.norm.weight) for reader in readers)
