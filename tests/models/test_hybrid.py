"""The hybrid network: its sizes, what feeds its convolutions, and that it holds at any size of image and hole."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikefill import InputError, models
from spikefill.models import Hybrid
from spikefill.models.core import Core
from spikefill.models.firing import Firing
from spikefill.models.hybrid import NEURON
from spikefill.neurons import LIF


def hybrid(**arguments: Any) -> Hybrid:
    """A network with fresh weights, the same at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return Hybrid(**arguments).eval()


def masked_image(*size: int, seed: int = 1, share: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    """An image, a mask of pixels at random, and the image with zeros in the holes."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, *size, generator=generator)
    mask = (torch.rand(1, 1, *size, generator=generator) < share).float()
    return image, mask, image * (1 - mask)


@pytest.mark.parametrize(("size", "least", "most"), [("tiny", 1e5, 2e5), ("small", 0.5e6, 1e6), ("base", 2e6, 4e6)])
def test_sizes_have_the_parameters_that_they_promise(size: str, least: float, most: float) -> None:
    assert least < sum(parameter.numel() for parameter in Hybrid(size=size).parameters()) < most


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 3), (17, 130), (33, 16), (64, 64)])
def test_any_size_keeps_its_known_pixels(size: tuple[int, int]) -> None:
    image, mask, masked = masked_image(*size)
    with torch.no_grad():
        restored = hybrid()(masked, mask)
    assert restored.shape == image.shape
    assert torch.isfinite(restored).all()
    known = (mask == 0).expand_as(image)
    torch.testing.assert_close(restored[known], image[known], rtol=0, atol=1e-6)


@pytest.mark.parametrize("hole", ["a pixel", "half", "all but a pixel", "everything"])
def test_holes_of_every_extent(hole: str) -> None:
    image, mask, _ = masked_image(48, 80, share=0.0)
    if hole == "a pixel":
        mask[..., 20, 30] = 1
    elif hole == "half":
        mask[..., :, 40:] = 1
    else:
        mask[:] = 1
        if hole == "all but a pixel":
            mask[..., 20, 30] = 0
    with torch.no_grad():
        restored = hybrid()(image * (1 - mask), mask)
    assert torch.isfinite(restored).all()
    assert restored.min() > -1
    assert restored.max() < 2


def test_what_lies_under_the_mask_has_no_influence() -> None:
    image, mask, masked = masked_image(40, 56)
    model = hybrid()
    with torch.no_grad():
        assert torch.equal(model(image, mask), model(masked, mask))


def test_a_plain_surface_stays_one_at_first() -> None:
    """Fresh weights correct little: what they begin from is the fill from coarse to fine."""
    _, mask, _ = masked_image(64, 64)
    image = torch.full((1, 3, 64, 64), 0.6)
    with torch.no_grad():
        restored = hybrid()(image * (1 - mask), mask)
    assert (restored - image).abs().max() < 0.3
    assert (restored - image).abs().mean() < 0.03


def test_levels_have_halved_sides_and_begin_where_asked() -> None:
    _, mask, masked = masked_image(50, 70)
    model = hybrid()
    with torch.no_grad():
        every, coarse = model.levels(masked, mask), model.levels(masked, mask, finest=2)
        only = model.levels(masked, mask, finest=99)
    assert [tuple(level.shape[-2:]) for level in every] == [(50, 70), (25, 35), (13, 18), (7, 9), (4, 5)]
    assert all(torch.equal(a, b) for a, b in zip(every[2:], coarse, strict=True))
    assert len(only) == 1
    assert torch.equal(only[0], every[-1])


def test_all_convolutions_but_a_cores_first_are_fed_by_spike_rates() -> None:
    model = hybrid()
    fed: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda _, inputs, name=name: fed.update({name: inputs[0]}))
    _, mask, masked = masked_image(64, 64)
    with torch.no_grad():
        model(masked, mask)
    analog = {name for name, value in fed.items() if not torch.equal(value * 8, (value * 8).round().clamp(0, 8))}
    assert analog == {"fine.entry", "coarse.entry"}
    assert len(fed) == sum(isinstance(module, nn.Conv2d) for module in model.modules())


@pytest.mark.parametrize("activation", ["lif", "relu"])
def test_what_convolutions_take_and_make_lies_channels_last(activation: str) -> None:
    """Which is the faster layout on a CPU; a core's first convolution turns its input itself."""
    model = hybrid(activation=activation)
    turned: list[str] = []

    def check(name: str, *tensors: Tensor) -> None:
        turned.extend(name for t in tensors if not t.is_contiguous(memory_format=torch.channels_last))

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            first = name.endswith("entry")
            module.register_forward_hook(
                lambda module, inputs, output, name=name, first=first: check(
                    name, module.weight, output, *(() if first else inputs)
                )
            )
    _, mask, masked = masked_image(37, 50)
    with torch.no_grad():
        model(masked, mask)
    assert turned == []


def test_most_multiply_accumulates_of_3x3_convolutions_are_fed_by_spikes() -> None:
    counted = {"spikes": 0, "analog": 0}
    model = hybrid()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            kind = "analog" if name.endswith("entry") else "spikes"

            def count(module: Any, _: Any, output: Tensor, kind: str = kind) -> None:
                counted[kind] += output[0].numel() * module.in_channels * 9

            module.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(1, 3, 256, 256), torch.ones(1, 1, 256, 256))
    assert counted["spikes"] / sum(counted.values()) > 0.5


def test_the_twin_has_the_same_weights_and_another_activation_only() -> None:
    model, twin = hybrid(), hybrid(activation="relu")
    weights, twins = model.state_dict(), twin.state_dict()
    assert list(weights) == list(twins)
    assert all(torch.equal(weights[name], twins[name]) for name in weights)
    assert not any(isinstance(module, LIF) for module in twin.modules())
    twin.set_steps(3)
    _, mask, masked = masked_image(32, 32)
    with torch.no_grad():
        assert not torch.equal(model(masked, mask), twin(masked, mask))


@pytest.mark.parametrize("activation", ["quantised", "quantised-lif"])
def test_the_quantised_twins_are_the_network_itself(activation: str) -> None:
    """Its neurons keep all of their current and have T + 1 levels: time adds nothing."""
    _, mask, masked = masked_image(32, 40)
    found = []
    for model in (hybrid(size="tiny", steps=4), hybrid(size="tiny", steps=2, activation=activation)):
        model.set_steps(4)
        restored = model(masked, mask)
        restored.square().sum().backward()
        gradient = torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])
        found.append((restored.detach(), gradient))
    assert ((found[0][0] - found[1][0]).abs() < 1e-5).float().mean() > 0.999
    assert (found[0][1] - found[1][1]).norm() < 1e-2 * found[0][1].norm()


def test_neurons_are_where_they_are_placed() -> None:
    whole, masked = hybrid(size="tiny"), masked_image(32, 32)[1:]
    everywhere = {name for name, layer in whole.named_modules() if isinstance(layer, Firing)}
    found, outputs = {}, []
    for placement in ("stem", "encoder", "bottleneck", "decoder"):
        model = hybrid(size="tiny", placement=placement)
        firing = {name: layer.neuron for name, layer in model.named_modules() if isinstance(layer, Firing)}
        found[placement] = {name for name, neuron in firing.items() if isinstance(neuron, LIF)}
        assert all(isinstance(firing[name], nn.ReLU) for name in everywhere - found[placement])
        assert all(torch.equal(weight, model.state_dict()[name]) for name, weight in whole.state_dict().items())
        with torch.no_grad():
            outputs.append(model(masked[1], masked[0]))
    assert found["stem"] == {"fine.down.0", "coarse.encoder.0.residual.0"}
    assert found["encoder"] > found["stem"]
    assert found["encoder"] | found["bottleneck"] | found["decoder"] == everywhere
    assert sum(len(found[part]) for part in ("encoder", "bottleneck", "decoder")) == len(everywhere)
    assert "coarse.handed.1" in found["bottleneck"]
    assert not any(torch.equal(a, b) for a, b in pairwise(outputs))
    with pytest.raises(InputError, match="placement is 'middle'; it must be one of: all, stem, encoder"):
        hybrid(placement="middle")


def test_noise_follows_the_seed_of_torch_and_is_drawn_in_training_alone_unless_asked_for() -> None:
    _, mask, masked = masked_image(24, 24)

    def run(seed: int, model: Hybrid) -> Tensor:
        torch.manual_seed(seed)
        with torch.no_grad():
            return model(masked, mask)

    quiet, noisy = hybrid(size="tiny"), hybrid(size="tiny", noise=0.1)
    assert torch.equal(run(1, noisy), run(1, quiet))
    always = hybrid(size="tiny", noise=0.1, noise_in_eval=True)
    times = hybrid(size="tiny", noise=0.1, noise_in_eval=True, noise_mode="multiplicative")
    twin = hybrid(size="tiny", noise=0.1, noise_in_eval=True, activation="relu")
    for model in (noisy.train(), always, times, twin):
        assert torch.equal(run(1, model), run(1, model))
        assert not torch.equal(run(1, model), run(2, model))
    assert not torch.equal(run(1, always), run(1, times))
    assert torch.equal(run(1, noisy), run(1, always.train()))
    with pytest.raises(InputError, match=r"noise is -0.1; it must be a standard deviation"):
        hybrid(noise=-0.1)


@pytest.mark.parametrize(
    "neuron",
    [
        {"beta": 0.8, "reset": "soft", "learnable": ["tau"], "surrogate": "triangle"},
        {"beta": 0.8, "reset": "hard", "learnable": ["tau", "threshold"], "surrogate": "fast_sigmoid"},
    ],
)
def test_each_layer_learns_a_time_constant_of_its_own(neuron: dict[str, Any], tmp_path: Path) -> None:
    """The parametric neuron of Fang et al., ICCV 2021."""
    model = hybrid(size="tiny", neuron=neuron).train()
    learnt = {name: weight for name, weight in model.named_parameters() if "logit" in name}
    assert len(learnt) == sum(isinstance(module, Firing) for module in model.modules())
    _, mask, masked = masked_image(32, 32)
    (model(masked, mask) - 0.5).square().mean().backward()
    assert sum(weight.grad is not None and weight.grad.item() != 0 for weight in learnt.values()) > 0.9 * len(learnt)
    with torch.no_grad():
        for number, weight in enumerate(learnt.values()):
            weight.add_(number / 50)
    models.save(model, tmp_path / "model.safetensors")
    with torch.no_grad():
        assert torch.equal(models.read(tmp_path / "model.safetensors")(masked, mask), model.eval()(masked, mask))


def test_the_rate_is_the_current_rounded_to_a_multiple_of_1_over_t_and_limited() -> None:
    current = torch.linspace(-0.6, 1.7, 47)
    rate = LIF(steps=4, **NEURON)(current)
    torch.testing.assert_close(rate, (current * 4 + 0.5).floor().clamp(0, 4) / 4)


def test_neurons_get_normalised_channels_of_their_pixel_alone() -> None:
    current = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(4)) * 100 + 30
    firing = Firing(6, nn.Identity())
    expected = (current - current.mean(1, keepdim=True)) / current.var(1, keepdim=True, correction=0).sqrt()
    with torch.no_grad():
        torch.testing.assert_close(firing(current), 0.5 * expected + 0.25, rtol=1e-4, atol=1e-4)
        assert torch.equal(firing(current)[:, :, 2:4, 3:6], firing(current[:, :, 2:4, 3:6]))


def test_steps_change_at_inference() -> None:
    model = hybrid()
    model.set_steps(2)
    assert model.arguments["steps"] == 2
    assert {module.steps for module in model.modules() if isinstance(module, LIF)} == {2}
    _, mask, masked = masked_image(32, 32)
    with torch.no_grad():
        two = model(masked, mask)
        model.set_steps(32)
        assert not torch.equal(two, model(masked, mask))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "huge"}, "size is 'huge'; it must be one of: tiny, small, base"),
        ({"activation": "tanh"}, "activation is 'tanh'; it must be one of: lif, relu"),
        ({"steps": 0}, "steps is 0; it must be a whole number, 1 or more"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Hybrid(**arguments)


@pytest.mark.parametrize("steps", [0, True, 2.0])
def test_wrong_steps(steps: Any) -> None:
    with pytest.raises(InputError, match=f"steps is {steps}; it must be a whole number, 1 or more"):
        hybrid().set_steps(steps)


def test_gradients_reach_every_weight() -> None:
    model = hybrid().train()
    _, mask, masked = masked_image(64, 64)
    sum((level.square().mean() for level in model.levels(masked, mask)), torch.zeros(())).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_another_neuron_and_a_file_give_the_same_network_again(tmp_path: Any) -> None:
    model = hybrid(neuron={"tau": 40.0, "dt": 5.0}, steps=6)
    models.save(model, tmp_path / "model.safetensors")
    again = models.read(tmp_path / "model.safetensors")
    _, mask, masked = masked_image(32, 32)
    with torch.no_grad():
        assert torch.equal(model(masked, mask), again(masked, mask))
    neuron = next(module for module in again.modules() if isinstance(module, LIF))
    assert neuron.parameters_now().reset == "hard"


def test_cores_share_their_weights_over_levels() -> None:
    assert sum(isinstance(module, Core) for module in hybrid().modules()) == 2
