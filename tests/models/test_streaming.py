"""The hybrid network step by step in time: what it gives, what it tends to, how long it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikefill import InputError, models
from spikefill.activity import record
from spikefill.activity.reading import as_tensors
from spikefill.data import open_photographs
from spikefill.energy import count
from spikefill.evaluation import centre_crop, evaluation_mask
from spikefill.models import SCNN, Hybrid, rebuilt
from spikefill.models.firing import Firing
from spikefill.models.hybrid import NEURON
from spikefill.models.streaming import Stream
from spikefill.neurons import LIF, Noise, lif_sequence


def hybrid(**arguments: Any) -> Hybrid:
    """A tiny network with fresh weights, the same at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return Hybrid(size="tiny", **arguments).eval()


def picture(*size: int, images: int = 1) -> tuple[Tensor, Tensor]:
    """Images with zeros in the holes, and masks of pixels at random."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(images, 3, *size, generator=generator)
    mask = (torch.rand(images, 1, *size, generator=generator) < 0.3).float()
    return image * (1 - mask), mask


def with_neurons(model: Hybrid, stand_in: nn.Module | None, *, but: tuple[str, ...] = ()) -> Hybrid:
    """The network with something else in place of all neurons, but in some parts of the cores."""
    for name, module in model.named_modules():
        if isinstance(module, Firing) and not any(part in name for part in but):
            module.neuron = stand_in
    return model


def test_each_layer_gets_the_spikes_of_the_step() -> None:
    """Against the definition, run over a current that a convolution makes of the first layer's spikes."""
    stream = Stream(steps=5, warm_up=2)
    first, second, mix = (
        Firing(4, LIF(**NEURON), stream=stream),
        Firing(4, LIF(**NEURON), stream=stream),
        torch.randn(4, 4),
    )
    constant = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(2))

    def through(current: Tensor) -> Tensor:
        return torch.einsum("oc,nchw->nohw", mix, current)

    with torch.no_grad():
        found = second(through(first(stream.constant(constant)))).view(7, 3, 4, 2, 2)
    parameters = LIF(beta=1.0, reset="soft").parameters_now()

    def normalised(current: Tensor) -> Tensor:
        return first.norm(current.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    spikes, _, _ = lif_sequence(normalised(constant).expand(7, -1, -1, -1, -1), parameters, v_init=0.5)
    currents = torch.stack([normalised(through(step)) for step in spikes])
    expected, _, _ = lif_sequence(currents, parameters, v_init=0.5)
    assert torch.equal(found, expected)
    assert 0 < found.mean() < 1


def test_the_mean_is_over_the_steps_after_the_warm_up() -> None:
    values = torch.arange(10.0).view(10, 1)  # five steps of two images
    assert Stream(steps=2, warm_up=3).mean(values).tolist() == [[7.0], [8.0]]
    assert Stream(steps=5).mean(values).tolist() == [[4.0], [5.0]]


def test_one_layer_of_neurons_streams_what_it_gives_as_a_rate() -> None:
    masked, mask = picture(24, 24)
    rates = with_neurons(hybrid(), nn.ReLU(), but=("exit",))
    streaming = with_neurons(hybrid(streaming={}), nn.ReLU(), but=("exit",))
    with torch.no_grad():
        torch.testing.assert_close(streaming(masked, mask), rates(masked, mask), atol=1e-5, rtol=0)


def test_layers_of_convolutions_tend_to_the_limiter_by_1_over_t() -> None:
    torch.manual_seed(3)
    layers = [nn.Conv2d(6, 6, 3, padding=1) for _ in range(3)]
    constant, neuron = torch.rand(1, 6, 9, 9), LIF(**NEURON)

    def error(steps: int) -> float:
        stream, limited = Stream(steps), constant
        spikes = stream.constant(constant)
        for layer in layers:
            limited = layer(limited.clamp(0, 1)) * 2 + 0.3
            spikes = layer(stream.fired(spikes, nn.Identity(), neuron, None)) * 2 + 0.3  # type: ignore[arg-type]
        return float((stream.mean(spikes) - limited).abs().mean())

    with torch.no_grad():
        few, many = error(32), error(512)
    assert many < 0.01
    assert many < few / 6


@torch.no_grad()
def test_with_running_statistics_the_network_tends_to_the_limiter_and_with_a_steps_own_it_does_not() -> None:
    masked, mask = picture(16, 16)
    limit = with_neurons(hybrid(), nn.Hardtanh(0, 1))(masked, mask)
    away = {
        (statistics, steps): (hybrid(steps=steps, streaming={"statistics": statistics})(masked, mask) - limit).norm()
        for statistics in ("running", "step")
        for steps in (16, 512)
    }
    assert away["running", 512] < away["running", 16] / 4
    assert away["running", 512] < away["step", 512] / 3


@torch.no_grad()
def test_images_of_a_batch_do_not_mix_and_known_pixels_stay() -> None:
    masked, mask = picture(20, 28, images=2)
    model = hybrid(streaming={"warm_up": 3})
    both = model(masked, mask)
    assert both.shape == masked.shape
    for number in range(2):
        alone = model(masked[number : number + 1], mask[number : number + 1])
        torch.testing.assert_close(both[number : number + 1], alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(both * (1 - mask), masked, atol=1e-6, rtol=0)
    other = model(masked + mask, mask)
    assert torch.equal(both, other)


def test_gradients_through_time_reach_every_weight_and_help() -> None:
    masked, mask = picture(64, 64)
    model = hybrid(steps=4, streaming={"statistics": "running"}).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(6):
        optimiser.zero_grad()
        loss = torch.stack([(level - 0.8).square().mean() for level in model.levels(masked, mask)]).sum()
        loss.backward()
        assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@torch.no_grad()
def test_the_bundled_network_streams_a_photograph() -> None:
    image = centre_crop(open_photographs("embedded")[0], 96)
    holes = evaluation_mask("thin", image, 0, 0)
    masked, mask = as_tensors(image, holes)
    target = torch.from_numpy(image).permute(2, 0, 1)[None] / 255

    def psnr(network: nn.Module) -> float:
        return float(-10 * ((network(masked, mask) - target).square() * mask).sum().div(3 * mask.sum()).log10())

    trained = models.read("hybrid-small")
    streaming = rebuilt(trained, steps=16, streaming={"warm_up": 16})
    assert psnr(streaming) > psnr(trained) - 0.5
    assert not torch.equal(streaming(masked, mask), trained(masked, mask))


def test_the_latency_in_steps() -> None:
    """Of 64 px: levels of 64, 32, 16 and 8 px; two cores of five layers (tiny, fine), two of eleven (coarse)."""
    assert hybrid(steps=8).latency(64, 64) == (2 * 5 + 2 * 11) * 8
    assert hybrid(steps=8, streaming={"warm_up": 3}).latency(64, 64) == 4 * (8 + 3)
    assert hybrid(steps=8, streaming={}).latency(5, 100) == 5 * 8
    assert SCNN(steps=6).latency(64, 64) == 6


@torch.no_grad()
def test_a_file_gives_the_same_network_again_and_steps_change(tmp_path: Path) -> None:
    masked, mask = picture(12, 12)
    model = hybrid(streaming={"warm_up": 1})
    models.save(model, tmp_path / "model.safetensors")
    again = models.read(tmp_path / "model.safetensors")
    assert again.arguments["streaming"] == {"warm_up": 1}
    assert torch.equal(model(masked, mask), again(masked, mask))
    model.set_steps(3)
    assert torch.equal(model(masked, mask), rebuilt(again, steps=3)(masked, mask))
    assert torch.equal(model.restored(masked, mask), model(masked, mask))


@torch.no_grad()
def test_noise_differs_from_step_to_step() -> None:
    stream, neuron = Stream(steps=64), nn.Identity()
    layer = Firing(2, neuron, noise=Noise(0.1), stream=stream).train()
    steps = layer(stream.constant(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))).flatten(1)
    assert len(steps.unique(dim=0)) == 64
    assert steps.std(0).mean().item() == pytest.approx(0.1, rel=0.25)


def test_a_twin_has_no_time() -> None:
    masked, mask = picture(12, 12)
    with torch.no_grad():
        assert torch.equal(
            hybrid(activation="relu", streaming={})(masked, mask), hybrid(activation="relu")(masked, mask)
        )


def test_what_its_neurons_do_is_recorded_and_counted() -> None:
    masked, mask = picture(12, 12)
    model = hybrid(steps=4, streaming={"warm_up": 2})
    spikes: list[Tensor] = []
    for module in model.modules():
        if isinstance(module, Firing):
            module.register_forward_hook(lambda _, inputs, fired: spikes.append(fired))
    activity = record(model, masked, mask)
    assert {layer.steps for layer in activity.layers} == {6}
    assert [int(layer.counts.sum()) for layer in activity.layers] == [int(fired.sum()) for fired in spikes]
    total = sum(int(fired.sum()) for fired in spikes)
    with pytest.raises(InputError, match="model is a streaming network, .* latency is not known"):
        record(model, masked, mask, first_spikes=True)
    operations = count(model, masked, mask)
    rates = count(hybrid(steps=4), masked, mask)
    assert sum(layer.spikes for layer in operations.neurons) == total
    assert operations.analog[1].kind == rates.analog[1].kind == "normalisation"
    for streamed, once in zip(operations.analog, rates.analog, strict=True):
        assert streamed.multiply_accumulates == once.multiply_accumulates * (1 if once.kind == "image" else 6)


def test_wrong_settings() -> None:
    with pytest.raises(InputError, match="warm_up is -1; it must be a whole number of steps, 0 or more"):
        hybrid(streaming={"warm_up": -1})
    with pytest.raises(InputError, match="warm_up is True"):
        hybrid(streaming={"warm_up": True})
    with pytest.raises(InputError, match="statistics is 'batch'; it must be one of: step, running"):
        hybrid(streaming={"statistics": "batch"})
    with pytest.raises(InputError, match="setting of streaming is 'steps'; it must be one of: warm_up, statistics"):
        hybrid(streaming={"steps": 4})
