"""Leaky integrate-and-fire neurons: exactly defined, differentiable by surrogates, without hidden state."""

from spikefill.neurons.constant import READOUTS, lif_constant
from spikefill.neurons.lif import (
    LIFParameters,
    LIFState,
    initial_state,
    lif_sequence,
    lif_step,
    membrane_factors,
)
from spikefill.neurons.module import LIF
from spikefill.neurons.noise import normal_noise
from spikefill.neurons.presets import PRESETS
from spikefill.neurons.surrogate import SURROGATES, ArcTan, FastSigmoid, Sigmoid, Surrogate, Triangle, plain_settings

__all__ = [
    "LIF",
    "PRESETS",
    "READOUTS",
    "SURROGATES",
    "ArcTan",
    "FastSigmoid",
    "LIFParameters",
    "LIFState",
    "Sigmoid",
    "Surrogate",
    "Triangle",
    "initial_state",
    "lif_constant",
    "lif_sequence",
    "lif_step",
    "membrane_factors",
    "normal_noise",
    "plain_settings",
]
