from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from spikefill import InputError, models
from spikefill.layers import SNNConv2d
from spikefill.models import SCNN
from spikefill.neurons import LIF


def tiny(**arguments: Any) -> SCNN:
    """A small network, the same at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return SCNN(**{"width": 8, "steps": 4, **arguments})


def image(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_the_six_layers_of_the_papers_figure() -> None:
    model = SCNN()
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in layers] == [(3, 64), *[(64, 64)] * 4, (64, 3)]
    for layer in layers:
        assert layer.kernel_size == (3, 3)
        assert layer.stride == layer.padding == layer.dilation == (1, 1)
        assert layer.groups == 1
        assert layer.bias is not None
    assert [isinstance(layer, SNNConv2d) for layer in layers] == [True] + [False] * 5
    spiking = layers[0]
    assert isinstance(spiking, SNNConv2d)
    assert isinstance(spiking.neuron, LIF)
    assert (spiking.neuron.steps, spiking.noise, spiking.noise_mode, spiking.noise_in_eval) == (
        8,
        0.1,
        "additive",
        False,
    )
    assert sum(isinstance(module, nn.ReLU) for module in model.modules()) == 5
    kinds = {type(module) for module in model.modules()}
    assert kinds == {SCNN, SNNConv2d, LIF, nn.Sequential, nn.Conv2d, nn.ReLU}


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (13, 32), (33, 16)])
def test_output_is_of_the_size_of_the_input(size: tuple[int, int]) -> None:
    output = tiny().eval()(image(2, 3, *size))
    assert output.shape == (2, 3, *size)
    assert output.dtype == torch.float32


def test_the_twin_has_the_same_weights_and_another_activation_only() -> None:
    model, twin = tiny(), tiny(activation="relu")
    weights, twins = model.state_dict(), twin.state_dict()
    assert list(weights) == list(twins)
    assert all(torch.equal(weights[name], twins[name]) for name in weights)
    assert isinstance(model.spiking.neuron, LIF)
    assert isinstance(twin.spiking.neuron, nn.ReLU)
    twin.spiking.neuron = model.spiking.neuron
    picture = image(1, 3, 20, 20)
    assert torch.equal(model.eval()(picture), twin.eval()(picture))
    twin.spiking.neuron = nn.ReLU()  # type: ignore[assignment]
    assert not torch.equal(model(picture), twin(picture))


@pytest.mark.parametrize(
    ("activation", "levels"), [("quantised", [0, 0.25, 0.5, 0.75, 1]), ("quantised-lif", [0, 0.25, 0.5, 1])]
)
def test_the_quantised_twins_differ_in_their_levels(activation: str, levels: list[float]) -> None:
    model, twin = tiny(width=32, noise=0.0), tiny(width=32, noise=0.0, activation=activation)
    assert all(torch.equal(weight, twin.state_dict()[name]) for name, weight in model.state_dict().items())
    seen: dict[str, torch.Tensor] = {}
    for name, network in (("model", model), ("twin", twin)):
        network.convolutions.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0]}))
        network(image(1, 3, 64, 64) * 2)
    assert seen["twin"].unique().tolist() == levels
    assert seen["model"].unique().tolist() == [0, 0.25, 0.5, 1]
    assert (seen["twin"] - seen["model"]).abs().mean() < 0.25
    twin(image(1, 3, 8, 8)).sum().backward()
    assert twin.spiking.weight.grad is not None
    assert twin.spiking.weight.grad.abs().sum() > 0


def test_the_final_relu_is_an_option() -> None:
    picture = image(1, 3, 20, 20)
    with_it, without = tiny().eval(), tiny(final_relu=False).eval()
    for model in (with_it, without):
        model.convolutions[8].bias.data.fill_(-0.01)
    assert with_it(picture).min() == 0
    assert without(picture).min() < 0
    assert torch.equal(without(picture).relu(), with_it(picture))


def test_the_mask_is_not_looked_at() -> None:
    model, picture = tiny().eval(), image(1, 3, 9, 9)
    assert torch.equal(model(picture), model(picture, torch.ones(1, 1, 9, 9)))


def test_an_output_pixel_sees_13_x_13_inputs() -> None:
    assert SCNN.context == 6
    model = tiny(width=16, steps=16).eval()
    picture = image(1, 3, 31, 31).requires_grad_()
    model(picture)[0, :, 15, 15].sum().backward()  # the surrogate is above zero wherever a current has influence
    assert picture.grad is not None
    seen = picture.grad.abs().sum((0, 1)) > 0
    rows, columns = seen.any(1).nonzero().flatten().tolist(), seen.any(0).nonzero().flatten().tolist()
    assert rows == columns == list(range(9, 22))


@pytest.mark.parametrize("activation", ["lif", "relu"])
def test_what_lies_beyond_the_context_has_no_influence(activation: str) -> None:
    model, picture = tiny(activation=activation).eval(), image(1, 3, 31, 31)
    other = 1 - picture
    other[..., 9:22, 9:22] = picture[..., 9:22, 9:22]
    with torch.no_grad():
        before, after = model(picture), model(other)
    assert torch.equal(before[..., 15, 15], after[..., 15, 15])
    if activation == "relu":  # of spikes, one more row need not change any
        for row, column in ((14, 15), (16, 15), (15, 14), (15, 16)):
            assert not torch.equal(before[..., row, column], after[..., row, column])


def test_eval_is_deterministic_and_training_noise_follows_the_seed_of_torch() -> None:
    model, picture = tiny(), image(1, 3, 24, 24)
    model.eval()
    torch.manual_seed(0)
    first = model(picture)
    torch.manual_seed(1)
    assert torch.equal(model(picture), first)

    model.train()

    def with_seed(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return model(picture)

    assert torch.equal(with_seed(3), with_seed(3))
    assert not torch.equal(with_seed(3), with_seed(4))
    assert not torch.equal(with_seed(3), first)
    noisy = tiny(noise_in_eval=True).eval()
    assert not torch.equal(noisy(picture), noisy(picture))
    quiet = tiny(noise=0.0).train()
    assert torch.equal(quiet(picture), first)


def test_every_parameter_learns() -> None:
    model = tiny(width=16).train()
    (model(image(2, 3, 16, 16)) ** 2).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_neuron_settings_reach_the_layer_and_the_arguments() -> None:
    model = tiny(neuron={"beta": 0.9, "reset": "soft", "surrogate": "triangle"}, readout="latency")
    assert isinstance(model.spiking.neuron, LIF)
    assert model.spiking.neuron.parameters_now().beta == 0.9
    assert model.spiking.neuron.readout == "latency"
    again = models.create("scnn", **model.arguments)
    assert again.arguments == model.arguments


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"width": 0}, "width is 0; it must be a whole number, 1 or more"),
        ({"width": True}, "width is True"),
        ({"width": 2.5}, "width is 2.5"),
        ({"steps": 0}, "steps is 0; it must be a whole number, 1 or more"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"noise_mode": "pink"}, "noise_mode is 'pink'; it must be one of: additive, multiplicative"),
        ({"readout": "spikes"}, "readout is 'spikes'; it must be one of: rate, latency"),
        ({"activation": "gelu"}, "activation is 'gelu'; it must be one of: lif, relu, quantised, quantised-lif"),
        ({"activation": "quantised", "readout": "latency"}, "readout of the neuron is 'latency'"),
        ({"current_scale": 0}, "current_scale is 0"),
        ({"current_scale": float("inf")}, "current_scale is inf"),
        ({"neuron": {"tau": -1}}, "tau is -1"),
        ({"neuron": {"reset": "never"}}, "reset is 'never'"),
        ({"neuron": {"colour": 1}}, "colour"),
        ({"depth": 3}, "architecture 'scnn': .*depth"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        models.create("scnn", **arguments)
    assert "\n" not in str(error.value)


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(InputError, match="architecture is 'unet'; it must be one of: scnn"):
        models.create("unet")
    with pytest.raises(InputError, match="model is a Linear; it must be one of: scnn"):
        models.architecture_of(nn.Linear(1, 1))
