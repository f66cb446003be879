"""Leaky integrate-and-fire neurons: exactly defined, differentiable by surrogates, without hidden state."""

from spikefill.neurons.backends import BACKENDS
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
from spikefill.neurons.packing import pack_spikes, unpack_spikes
from spikefill.neurons.pointwise import Noise, Pointwise
from spikefill.neurons.presets import PRESETS
from spikefill.neurons.quantiser import Quantiser, rate_levels
from spikefill.neurons.surrogate import (
    SURROGATES,
    ArcTan,
    FastSigmoid,
    RateCurve,
    Sigmoid,
    Surrogate,
    Triangle,
    plain_settings,
)
from spikefill.neurons.varying import lif_varying

__all__ = [
    "BACKENDS",
    "LIF",
    "PRESETS",
    "READOUTS",
    "SURROGATES",
    "ArcTan",
    "FastSigmoid",
    "LIFParameters",
    "LIFState",
    "Noise",
    "Pointwise",
    "Quantiser",
    "RateCurve",
    "Sigmoid",
    "Surrogate",
    "Triangle",
    "initial_state",
    "lif_constant",
    "lif_sequence",
    "lif_step",
    "lif_varying",
    "membrane_factors",
    "normal_noise",
    "pack_spikes",
    "plain_settings",
    "rate_levels",
    "unpack_spikes",
]
