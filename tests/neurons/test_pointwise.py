"""Bias, scale, shift and noise as the kernels load them: the values and gradients of doing them before."""

from __future__ import annotations

import pytest
import torch

from spikefill.neurons import LIF, LIFParameters, Noise, Pointwise, lif_constant, lif_varying
from tests.neurons.neurons import NEURONS, random

CHANNELS = 5
EVERYTHING = {"bias": True, "scale": True, "noise": 0.3, "noise_mode": "multiplicative"}


def pointwise(settings: dict, dtype: torch.dtype = torch.float32) -> Pointwise:
    settings = dict(settings)
    values = {}
    if settings.pop("bias", False):
        values["bias"] = random(CHANNELS, seed=1, dtype=dtype).requires_grad_()
    if settings.pop("scale", False):
        values["scale"] = random(CHANNELS, seed=2, dtype=dtype)
        values["shift"] = random(CHANNELS, seed=3, dtype=dtype)
    return Pointwise(**values, seed=11, **settings)


SETTINGS = [
    {"bias": True},
    {"scale": True},
    {"noise": 0.3},
    {"bias": True, "noise": 0.1},
    EVERYTHING,
]


@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels last"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_constant_current(settings, last):
    for shape in ((2, CHANNELS, 17, 19), (CHANNELS, 40, 33), (3, CHANNELS, 1, 1), (1, CHANNELS, 1, 600)):
        results = []
        for backend in ("reference", "fused"):
            joined = pointwise(settings)
            x = random(*shape, seed=4)
            if last and len(shape) == 4 and backend == "fused":
                x = x.contiguous(memory_format=torch.channels_last)
            x = x.detach().requires_grad_()
            weights = random(*shape, seed=5)
            rate, after = lif_constant(x, 6, NEURONS["soft"], pointwise=joined, backend=backend)
            leaves = (x,) if joined.bias is None else (x, joined.bias)
            plain, _ = lif_constant(x, 6, NEURONS["plain"], pointwise=joined, backend=backend, final_state=False)
            results.append((rate, after.v, plain, *torch.autograd.grad((rate * weights).sum(), leaves)))
        for k, (reference, ours) in enumerate(zip(*results, strict=True)):
            if k < 3:
                assert torch.equal(reference, ours)
            else:
                assert (reference - ours).norm() <= 1e-5 * reference.norm() + 1e-6


@pytest.mark.parametrize("settings", [{"bias": True}, EVERYTHING], ids=str)
def test_a_current_that_varies(settings):
    results = []
    for backend in ("reference", "fused"):
        joined = pointwise(settings)
        x = random(4, 2, CHANNELS, 9, 8, seed=4).requires_grad_()
        spikes, _ = lif_varying(x, NEURONS["plain"], pointwise=joined, backend=backend)
        weights = random(*x.shape, seed=5)
        results.append((spikes, *torch.autograd.grad((spikes * weights).sum(), (x, joined.bias))))
    assert torch.equal(results[0][0], results[1][0])
    for reference, ours in zip(results[0][1:], results[1][1:], strict=True):
        assert (reference - ours).norm() <= 1e-5 * reference.norm()


def test_the_gain_is_learnt_from_what_the_neuron_receives():
    found = []
    for backend in ("reference", "fused"):
        neuron = LIF(steps=5, tau=8.0, learnable=("tau", "threshold"), backend=backend).double()
        joined = pointwise({"bias": True, "noise": 0.2}, torch.float64)
        neuron(random(2, CHANNELS, 6, 6, dtype=torch.float64), pointwise=joined).sum().backward()
        found.append([parameter.grad.item() for parameter in neuron.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-10)


def test_float64_noise_and_a_plain_current_of_any_shape():
    for shape in ((7,), (3, 4), (2, 3, 4, 5, 6)):
        x = random(*shape, dtype=torch.float64)
        noisy = Pointwise(noise=0.5, seed=3)
        ours = lif_constant(x, 4, NEURONS["plain"], pointwise=noisy, backend="fused")[0]
        assert torch.equal(ours, lif_constant(x, 4, NEURONS["plain"], pointwise=noisy, backend="reference")[0])


def test_a_memory_order_that_the_kernels_do_not_read_is_copied():
    x = random(2, CHANNELS, 6, 4).permute(0, 3, 2, 1).contiguous().permute(0, 3, 2, 1).transpose(2, 3)
    joined = pointwise(EVERYTHING)
    ours = lif_constant(x, 4, NEURONS["plain"], pointwise=joined, backend="fused")[0]
    assert torch.equal(ours, lif_constant(x, 4, NEURONS["plain"], pointwise=joined, backend="reference")[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    x, joined = random(2, CHANNELS, 6, 6).to(dtype), pointwise({"bias": True, "noise": 0.2})
    expected = lif_constant(x.float(), 4, NEURONS["plain"], pointwise=joined, backend="reference")[0]
    assert torch.equal(lif_constant(x, 4, NEURONS["plain"], pointwise=joined)[0], expected.to(dtype))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"noise": -1.0}, "noise is -1.0"),
        ({"noise_mode": "pink"}, "additive, multiplicative"),
        ({"scale": torch.ones(3, requires_grad=True)}, "scale requires a gradient"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        Pointwise(**arguments)


def test_noise_is_drawn_in_training_and_where_it_is_asked_for():
    assert [Noise(0.1).drawn(training=mode) for mode in (True, False)] == [True, False]
    assert Noise(0.1, in_eval=True).drawn(training=False)
    assert not Noise(0.0, in_eval=True).drawn(training=True)
    torch.manual_seed(1)
    first, second = Noise(0.1, "multiplicative").pointwise(), Noise(0.1, "multiplicative").pointwise(seed=4)
    torch.manual_seed(1)
    assert Noise(0.1, "multiplicative").pointwise() == first != second
    assert second == Pointwise(noise=0.1, noise_mode="multiplicative", seed=4)
    with pytest.raises(ValueError, match="noise is -1"):
        Noise(-1)


def test_a_bias_that_does_not_fit():
    for current in (torch.zeros(2, 4, 3, 3), torch.zeros(5)):
        for backend in ("fused", "reference"):
            with pytest.raises(ValueError, match=r"bias has shape \(5,\)"):
                lif_constant(current, 2, LIFParameters(beta=0.5), pointwise=Pointwise(bias=torch.zeros(5)),
                             backend=backend)  # fmt: skip
