"""A thousand random configurations: spikes, last potential and gradients of our neuron and of the library's."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from parity.libraries import LIBRARIES, Draw, Pair
from spikefill.neurons import lif_constant, lif_sequence

SEEDS = range(250)
NEAR_TIE = 1e-9
"""Where the order of operations differs, a potential this near the threshold could fire on one side alone."""


class Case(NamedTuple):
    """A configuration, and the current I (N) or currents (T x N) that drive it; ``name`` is all of it in words."""

    name: str
    draw: Draw
    pair: Pair
    steps: int
    constant: bool
    leaf: Tensor

    def currents(self) -> Tensor:
        return self.leaf.expand(self.steps, -1) if self.constant else self.leaf

    def exact(self) -> bool:
        return self.pair.same_order or self.draw.dyadic

    def gradient_tolerance(self, library: str) -> float:
        """Of the norm. The spikes of two libraries are float32, and so is every gradient that passes through them."""
        in_float64 = self.draw.dtype == torch.float64 and library in ("spikingjelly", "norse")
        return 1e-12 if in_float64 else 1e-6


def drawn(library: str, seed: int) -> Case:
    draw = Draw(library, seed)
    pair = LIBRARIES[library](draw)
    steps, constant, count = draw.steps(), draw.choice([False, True]), draw.choice(range(50, 201))
    leaf = draw.currents(pair, count) if constant else draw.currents(pair, steps, count)
    kind = f"{'constant' if constant else 'changing'} current, {steps} steps, {draw.dtype}, dyadic: {draw.dyadic}"
    name = f"{library}, seed {seed}: {kind}, {pair.arguments}, {pair.ours}"
    return Case(name, draw, pair, steps, constant, leaf)


def assert_gradients_agree(ours: Tensor, theirs: Tensor, leaf: Tensor, tolerance: float, name: str) -> None:
    (found,) = torch.autograd.grad(ours, leaf)
    (expected,) = torch.autograd.grad(theirs, leaf, retain_graph=True)
    assert (found - expected).norm() <= tolerance * expected.norm(), name


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_configuration(library: str, seed: int):
    case = drawn(library, seed)
    name, draw, pair, steps, constant, leaf = case
    leaf.requires_grad_()
    tolerance = case.gradient_tolerance(library)

    spikes, potentials, state = lif_sequence(case.currents(), pair.ours, v_init=pair.v_init)
    potential = potentials[-1] if pair.before_reset else state.v
    their_spikes, their_potential = pair.theirs(case.currents())

    if not case.exact():
        assert (potentials - pair.ours.threshold).abs().min() > NEAR_TIE, name
    assert torch.equal(spikes, their_spikes.to(draw.dtype)), name
    accuracy = 0.0 if case.exact() else 1e-12
    torch.testing.assert_close(potential, their_potential, rtol=accuracy, atol=accuracy, msg=name)

    weights, last_weights = (draw.normal(*tensor.shape).to(draw.dtype) for tensor in (spikes, potential))
    total = (spikes * weights).sum() + (potential * last_weights).sum()
    their_total = (their_spikes * weights).sum() + (their_potential * last_weights).sum()
    assert_gradients_agree(total, their_total, leaf, tolerance, name)

    if constant:
        rate, _ = lif_constant(leaf, steps, pair.ours, readout="rate", v_init=pair.v_init)
        their_rate = their_spikes.to(draw.dtype).sum(0) / steps
        assert torch.equal(rate, their_rate), name
        assert_gradients_agree((rate * last_weights).sum(), (their_rate * last_weights).sum(), leaf, tolerance, name)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_configurations_are_diverse(library: str):
    settings, rates, ties = set(), [], 0
    for case in (drawn(library, seed) for seed in SEEDS):
        p = case.pair.ours
        settings |= {p.reset, p.surrogate.name, case.draw.dtype, "constant" if case.constant else "changing"}
        spikes, potentials, _ = lif_sequence(case.currents(), p, v_init=case.pair.v_init)
        rates.append(spikes.mean().item())
        ties += (potentials == p.threshold).sum().item()
    surrogates = {"fast_sigmoid", "sigmoid", "triangle"} | ({"arctan"} if library != "norse" else set())
    assert settings == {"hard", "soft", torch.float32, torch.float64, "constant", "changing"} | surrogates
    assert 0.1 < sum(rates) / len(rates) < 0.7
    assert ties > 100 or library == "sinabs"
