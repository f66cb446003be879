"""Normalisation and neurons in one pass over memory against one after the other."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from spikefill.models import firing as module
from spikefill.models.firing import Firing
from spikefill.neurons import LIF
from spikefill.neurons.kernels import channel_norm

SETTINGS = {"beta": 1.0, "reset": "soft", "v_init": 0.5, "surrogate": {"name": "rate", "outside": 0.1}}
SIZES = [(1, 1, 1), (1, 4, 4), (1, 5, 7), (3, 1, 2), (2, 33, 31), (2, 64, 64), (3, 41, 100)]
CHANNELS = [1, 24, 96]


def firing_of(channels: int, neuron: nn.Module, seed: int = 0) -> Firing:
    generator = torch.Generator().manual_seed(seed)
    firing = Firing(channels, neuron)
    with torch.no_grad():
        firing.norm.weight.uniform_(0.2, 0.7, generator=generator)
        firing.norm.bias.uniform_(-0.2, 0.7, generator=generator)
    return firing


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 3 + 2


def plain(firing: Firing, current: Tensor) -> Tensor:
    """Normalisation, then neurons."""
    result: Tensor = firing.neuron(firing.norm(current.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    return result


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the currents that the kernels have served."""
    shapes: list[tuple[int, ...]] = []
    fired = channel_norm.fired

    def counted(current: Tensor, *others: object) -> Tensor:
        shapes.append(tuple(current.shape))
        return fired(current, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module.channel_norm, "fired", counted)
    return shapes


def assert_nearly_the_same_spikes(found: Tensor, expected: Tensor, steps: int, *, most: float = 1e-4) -> None:
    """But for a few currents that are within rounding of a boundary, and for those by one spike."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert found.is_contiguous(memory_format=torch.channels_last)
    spikes = found * steps
    assert torch.equal(spikes.round() / steps, found)
    away = (spikes - expected * steps).round().abs()
    assert away.max() <= 1
    assert away.sum() <= max(1.0, most * away.numel())


@pytest.mark.parametrize("steps", [1, 3, 8, 255])
@pytest.mark.parametrize("channels", CHANNELS)
def test_counts_are_the_rates_in_spikes(channels: int, steps: int) -> None:
    firing = firing_of(channels, LIF(steps=steps, **SETTINGS))
    with torch.no_grad():
        for images, height, width in SIZES:
            current = random(images, channels, height, width, seed=height)
            current[0, 0, 0, 0] = float("nan")
            found = firing.counted(current)
            assert found is not None
            assert found.dtype == torch.uint8
            assert found.is_contiguous(memory_format=torch.channels_last)
            assert torch.equal(found, (firing(current) * steps).round().to(torch.uint8))


def test_there_are_no_counts_of_what_the_kernels_cannot_serve() -> None:
    current = random(1, 4, 5, 6)
    with torch.no_grad():
        assert firing_of(4, nn.ReLU()).counted(current) is None
        assert firing_of(4, LIF(steps=4, beta=0.9, gain=0.1)).counted(current) is None
        watched = firing_of(4, LIF(steps=4, **SETTINGS))
        assert watched.counted(current) is not None
        watched.neuron.register_forward_hook(lambda *_: None)
        assert watched.counted(current) is None


@pytest.mark.parametrize("steps", [1, 3, 4, 8, 32])
@pytest.mark.parametrize("channels", CHANNELS)
def test_rates_are_those_of_the_normalised_current(served: list[tuple[int, ...]], channels: int, steps: int) -> None:
    firing = firing_of(channels, LIF(steps=steps, **SETTINGS))
    with torch.no_grad():
        for images, height, width in SIZES:
            current = random(images, channels, height, width, seed=height)
            found = firing(current)
            assert_nearly_the_same_spikes(found, plain(firing, current), steps)
            assert not found.requires_grad
            if images > 1:
                assert torch.equal(found[1:2], firing(current[1:2]))
    assert len(served) >= len(SIZES)


def test_of_many_rates_few_differ() -> None:
    firing = firing_of(24, LIF(steps=8, **SETTINGS))
    current = random(2, 24, 200, 200)
    with torch.inference_mode():
        found, expected = firing(current), plain(firing, current)
    assert_nearly_the_same_spikes(found, expected, 8, most=1e-5)
    assert 0.2 < found.mean() < 0.5


@pytest.mark.parametrize(
    "neuron",
    [
        LIF(steps=5, beta=1.0, reset="soft"),
        LIF(steps=8, beta=1.0, reset="soft", gain=0.7, threshold=1.5, v_reset=0.5, v_init=0.3, backend="fused"),
    ],
)
def test_other_neurons_on_a_line(served: list[tuple[int, ...]], neuron: LIF) -> None:
    firing, current = firing_of(24, neuron), random(2, 24, 30, 40)
    with torch.no_grad():
        assert_nearly_the_same_spikes(firing(current), plain(firing, current), neuron.steps)
    assert served


@pytest.mark.parametrize("channels", CHANNELS)
def test_relu(served: list[tuple[int, ...]], channels: int) -> None:
    firing = firing_of(channels, nn.ReLU())
    with torch.no_grad():
        for images, height, width in SIZES:
            current = random(images, channels, height, width, seed=height)
            torch.testing.assert_close(firing(current), plain(firing, current), rtol=1e-5, atol=1e-5)
    assert len(served) == len(SIZES)


@pytest.mark.parametrize("neuron", [LIF(**SETTINGS), nn.ReLU()])
def test_numbers_do_not_depend_on_threads_or_place(neuron: nn.Module) -> None:
    firing = firing_of(24, neuron)
    current = random(3, 24, 120, 101)
    before, found = torch.get_num_threads(), []
    try:
        with torch.no_grad():
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                found.append(firing(current))
            part = firing(current[1:2, :, 13:90, 7:60])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[0][1:2, :, 13:90, 7:60], part)


def test_channels_with_much_in_common() -> None:
    firing = firing_of(96, nn.ReLU())
    current = random(1, 96, 20, 20) * 1e-3 + 30
    with torch.no_grad():
        expected = plain(firing.double(), current.double()).float()
        torch.testing.assert_close(firing.float()(current), expected, rtol=2e-2, atol=2e-3)
        same = firing(torch.full((1, 96, 3, 5), 30.3))
        torch.testing.assert_close(same, firing.norm.bias.relu()[:, None, None].expand(same.shape))


@pytest.mark.parametrize("layout", ["channels last", "strided", "transposed"])
def test_other_layouts_in_memory(layout: str) -> None:
    firing, current = firing_of(24, LIF(**SETTINGS)), random(2, 24, 20, 20)
    other = {
        "channels last": lambda: current.contiguous(memory_format=torch.channels_last),
        "strided": lambda: current.repeat_interleave(2, -1)[..., ::2],
        "transposed": lambda: current.transpose(2, 3).contiguous().transpose(2, 3),
    }[layout]()
    assert not other.is_contiguous()
    with torch.no_grad():
        assert torch.equal(firing(other), firing(current))


def test_a_pixel_that_is_not_a_number_does_not_fire() -> None:
    firing, current = firing_of(24, LIF(steps=4, **SETTINGS)), random(1, 24, 6, 7)
    current[0, 3, 2, 4], current[0, 0, 5, 5] = torch.nan, torch.inf
    current[0, 7, 1, 1], current[0, 8, 1, 1] = -torch.inf, torch.inf
    current[0, 23, 0, 0] = 3e38
    with torch.no_grad():
        found = firing(current)
        expected = plain(deepcopy(firing).double(), current.double()).float()  # 3e38 has no square in float32
        positive = firing_of(24, nn.ReLU())(current)
    assert_nearly_the_same_spikes(found, expected, 4)
    wrong = [(2, 4), (5, 5), (1, 1)]
    for row, column in wrong:
        assert (found[0, :, row, column] == 0).all()
        assert positive[0, :, row, column].isnan().all()
    assert positive.isnan().sum() == 24 * len(wrong)


def test_no_pixels_and_no_images() -> None:
    firing = firing_of(24, LIF(**SETTINGS))
    with torch.no_grad():
        for shape in ((0, 24, 3, 3), (2, 24, 0, 3)):
            assert firing(torch.zeros(shape)).shape == shape


UNSERVED = {
    "leak": {"beta": 0.9},
    "hard reset": {"reset": "hard"},
    "strict": {"strict": True},
    "refractory": {"refractory": 1},
    "leak to another potential": {"v_leak": 0.1},
    "started above the threshold": {"v_init": 1.5},
    "learnt": {"learnable": "threshold", "surrogate": "arctan"},
    "another readout": {"readout": "count"},
    "the definition": {"backend": "reference"},
}


@pytest.mark.parametrize("name", UNSERVED)
def test_neurons_that_the_kernels_cannot_serve(served: list[tuple[int, ...]], name: str) -> None:
    firing, current = firing_of(24, LIF(**{**SETTINGS, **UNSERVED[name]})), random(2, 24, 9, 8)
    with torch.no_grad():
        assert torch.equal(firing(current), plain(firing, current))
    assert not served


@pytest.mark.parametrize("neuron", [nn.Identity(), nn.GELU(), nn.LeakyReLU()])
def test_other_activations(served: list[tuple[int, ...]], neuron: nn.Module) -> None:
    firing, current = firing_of(24, neuron), random(2, 24, 9, 8)
    with torch.no_grad():
        assert torch.equal(firing(current), plain(firing, current))
    assert not served


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(served: list[tuple[int, ...]], dtype: torch.dtype) -> None:
    firing, current = firing_of(24, LIF(**SETTINGS)).to(dtype), random(2, 24, 9, 8).to(dtype)
    with torch.no_grad():
        assert torch.equal(firing(current), plain(firing, current))
    assert not served


def test_mixed_precision_fires_in_float32(served: list[tuple[int, ...]]) -> None:
    firing = firing_of(24, LIF(**SETTINGS))
    short = random(2, 24, 9, 8).bfloat16().requires_grad_()
    whole = short.detach().float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        rate = firing(short)
    expected = firing(whole)
    assert torch.equal(rate, expected)
    assert served == [short.shape, short.shape]
    rate.sum().backward()
    expected.sum().backward()
    assert torch.equal(short.grad, whole.grad.bfloat16())


def test_steps_may_change() -> None:
    neuron = LIF(steps=8, **SETTINGS)
    firing, current = firing_of(24, neuron), random(1, 24, 16, 16)
    with torch.no_grad():
        firing(current)
        neuron.steps = 2
        assert_nearly_the_same_spikes(firing(current), plain(firing, current), 2)


def test_hooks_are_called(served: list[tuple[int, ...]]) -> None:
    firing, seen = firing_of(24, LIF(**SETTINGS)), []
    handle = firing.neuron.register_forward_hook(lambda *arguments: seen.append(arguments[2].shape))
    with torch.no_grad():
        firing(random(1, 24, 3, 4))
        handle.remove()
        firing(random(1, 24, 3, 4))
    assert seen == [(1, 24, 3, 4)]
    assert len(served) == 1


def away_from_the_ends(firing: Firing, current: Tensor, *, seed: int = 1) -> Tensor:
    """Gradients of rates, none where the slope jumps and rounding decides on which side a current is."""
    with torch.no_grad():
        normalised = firing.norm(current.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    near = (normalised.abs() < 1e-5) | ((normalised - 1).abs() < 1e-5)
    return random(*current.shape, seed=seed).masked_fill(near, 0)


def gradients(result: Tensor, firing: Firing, current: Tensor, given: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(result, [current, firing.norm.weight, firing.norm.bias], given)


@pytest.mark.parametrize("steps", [1, 4, 32])
@pytest.mark.parametrize("channels", CHANNELS)
def test_gradients_are_those_of_normalisation_and_neurons(
    served: list[tuple[int, ...]], channels: int, steps: int
) -> None:
    firing = firing_of(channels, LIF(steps=steps, **SETTINGS))
    for images, height, width in SIZES:
        current = random(images, channels, height, width, seed=height).requires_grad_()
        given = away_from_the_ends(firing, current)
        result = firing(current)
        assert_nearly_the_same_spikes(result, plain(firing, current), steps)
        found = gradients(result, firing, current, given)
        exact, precise = current.detach().double().requires_grad_(), deepcopy(firing).double()
        expected = gradients(plain(precise, exact), precise, exact, given.double())
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.shape == theirs.shape
            assert ours.dtype == torch.float32
            assert (ours - theirs).norm() <= 1e-5 * theirs.norm() + 1e-6
    assert len(served) == len(SIZES)


def test_gradients_of_another_neuron_on_a_line(served: list[tuple[int, ...]]) -> None:
    neuron = LIF(steps=8, beta=1.0, reset="soft", gain=0.7, threshold=1.5, surrogate={"name": "rate", "outside": 0.3})
    firing, current = firing_of(24, neuron), random(2, 24, 30, 40).requires_grad_()
    given = random(2, 24, 30, 40, seed=1)
    found = gradients(firing(current), firing, current, given)
    for ours, theirs in zip(found, gradients(plain(firing, current), firing, current, given), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert served


def test_gradients_do_not_depend_on_threads() -> None:
    firing, current = firing_of(24, LIF(**SETTINGS)), random(3, 24, 120, 101).requires_grad_()
    given = random(3, 24, 120, 101, seed=1)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(gradients(firing(current), firing, current, given))
    finally:
        torch.set_num_threads(before)
    for others in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], others, strict=True))


def test_a_current_and_its_gradient_in_another_layout() -> None:
    firing, current = firing_of(24, LIF(**SETTINGS)), random(2, 24, 9, 8).requires_grad_()
    given = random(2, 24, 9, 8, seed=1)
    found = gradients(firing(current), firing, current, given)
    turned = current.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    other = gradients(firing(turned), firing, turned, given.contiguous(memory_format=torch.channels_last))
    summed = gradients(firing(current).sum(), firing, current, torch.tensor(1.0))
    ones = gradients(firing(current), firing, current, torch.ones_like(current))
    for a, b in (*zip(found, other, strict=True), *zip(summed, ones, strict=True)):
        assert torch.equal(a, b)


def test_what_is_kept_for_the_gradient_is_the_current() -> None:
    firing = firing_of(24, LIF(**SETTINGS))
    current = random(2, 24, 9, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        firing(current)
    assert kept == [tensor.data_ptr() for tensor in (current, firing.norm.weight, firing.norm.bias)]


@pytest.mark.parametrize(
    "neuron", [LIF(**{**SETTINGS, "surrogate": "arctan"}), LIF(**{**SETTINGS, "beta": 0.9}), nn.ReLU()]
)
def test_gradients_that_the_kernels_cannot_serve(served: list[tuple[int, ...]], neuron: nn.Module) -> None:
    firing, current = firing_of(24, neuron), random(2, 24, 9, 8).requires_grad_()
    given = random(2, 24, 9, 8, seed=1)
    found = gradients(firing(current), firing, current, given)
    assert not served
    for ours, theirs in zip(found, gradients(plain(firing, current), firing, current, given), strict=True):
        assert torch.equal(ours, theirs)


def test_frozen_weights_and_a_current_without_a_gradient() -> None:
    firing, current = firing_of(24, LIF(**SETTINGS)), random(2, 24, 9, 8)
    assert firing(current).requires_grad
    firing.requires_grad_(requires_grad=False)
    assert not firing(current).requires_grad
    current.requires_grad_()
    assert firing(current).requires_grad
    firing(current).sum().backward()
    assert current.grad is not None
    assert firing.norm.weight.grad is None
