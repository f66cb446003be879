"""Surrogates: their values written out, their area, and how they are named."""

from __future__ import annotations

import math

import pytest
import torch

from spikefill.neurons import SURROGATES, ArcTan, FastSigmoid, Sigmoid, Triangle
from spikefill.neurons.surrogate import as_surrogate, plain_settings


@pytest.mark.parametrize(
    ("surrogate", "at", "value"),
    [
        (ArcTan(), 0.0, 1.0),
        (ArcTan(), 1 / math.pi, 0.5),
        (ArcTan(alpha=4.0), 0.0, 2.0),
        (FastSigmoid(), 0.0, 1.0),
        (FastSigmoid(slope=1.0), -1.0, 0.25),
        (Triangle(), 0.25, 0.75),
        (Triangle(width=2.0, scale=0.3), 1.0, 0.15),
        (Triangle(), -1.5, 0.0),
        (Sigmoid(), 0.0, 1.0),
        (Sigmoid(alpha=1.0), math.log(3), 3 / 16),
    ],
)
def test_values(surrogate, at, value):
    u = torch.tensor([at, -at], dtype=torch.float64)
    assert surrogate.derivative(u).tolist() == pytest.approx([value, value])


@pytest.mark.parametrize("surrogate", [ArcTan(), Triangle(), Sigmoid()])
def test_these_integrate_to_one(surrogate):
    u = torch.linspace(-2000, 2000, 2_000_001, dtype=torch.float64)
    assert torch.trapezoid(surrogate.derivative(u), u).item() == pytest.approx(1, abs=1e-3)


def test_equal_settings_are_equal_objects():
    assert ArcTan() == ArcTan(alpha=2.0) != ArcTan(alpha=3.0)
    assert len({Triangle(), Triangle(width=1.0)}) == 1


@pytest.mark.parametrize("name", SURROGATES)
def test_by_name_and_by_mapping(name):
    surrogate = as_surrogate(name)
    assert surrogate == SURROGATES[name]() == as_surrogate(surrogate)
    assert as_surrogate(plain_settings({"surrogate": surrogate})["surrogate"]) == surrogate


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("atan", "arctan, fast_sigmoid"), ({"name": "arctan", "slope": 1.0}, "alpha"), ({}, "arctan")],
)
def test_unknown(wrong, words):
    with pytest.raises(ValueError, match=words):
        as_surrogate(wrong)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_settings_are_positive(value):
    with pytest.raises(ValueError, match="alpha is"):
        ArcTan(alpha=value)
