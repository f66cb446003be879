"""SC-NN, the network of Sanaullah et al., NLDL 2024 (Fig. 1): one spiking convolution, then five ordinary ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from spikefill.degradation import Degradation
from spikefill.errors import InputError, check_choice
from spikefill.layers import SNNConv2d
from spikefill.models.activations import activation as stands_for
from spikefill.neurons import PRESETS, plain_settings

if TYPE_CHECKING:
    from spikefill.models.activations import Activation
    from spikefill.neurons.constant import Readout
    from spikefill.neurons.pointwise import NoiseMode

LAYERS = 6
KERNEL = 3


class SCNN(nn.Module):
    """Six layers, kernel 3 x 3, stride 1, padding 1; no pooling, no skip, no mask channel.

    The paper fixes the layers; what it leaves open is an argument, and its default is our choice:

    Args:
        width: Channels of the five hidden layers.
        steps: T, time steps of the spiking layer.
        noise: Standard deviation of the noise on the spiking layer's current (the paper: 0.1).
        noise_mode: ``"additive"`` or ``"multiplicative"``.
        noise_in_eval: Noise outside training too.
        readout: What the spiking layer hands on: ``"rate"`` or ``"latency"``.
        neuron: Arguments of `neurons.LIF`; None takes the preset ``"working"``.
        final_relu: ReLU after the last layer, as in the paper; with it nothing below zero can be predicted.
        current_scale: The spiking layer's initial weights are PyTorch's times this, so that its currents reach the
            range in which the neuron's rate changes (1.6 to 8.5 for the preset). The twin starts from the same.
        activation: ``"lif"``, or for a twin, the same graph and weights, what takes the neurons' place: ``"relu"``,
            ``"quantised"`` (T + 1 uniform levels) or ``"quantised-lif"`` (the levels that the neurons have).
        degradation: What it is trained to restore, ``"holes"`` or ``"noise:SIGMA"`` (`spikefill.degradation`); the
            network is the same.

    Attributes:
        context: Pixels on each side on which an output pixel depends: 6 (a view of 13 x 13).
        arguments: The constructor's arguments, as JSON can hold them.

    Shape:
        Masked image N x 3 x H x W in [0, 1] (zero in the holes), or noisy one, not clipped, to N x 3 x H x W, not
        clipped. A mask is accepted as the second argument, as every model here does, and ignored, since the paper's
        network has no mask channel.

    Raises:
        InputError: An argument is out of its range.
    """

    context: int = LAYERS * (KERNEL // 2)
    arguments: dict[str, Any]

    def __init__(
        self,
        *,
        width: int = 64,
        steps: int = 8,
        noise: float = 0.1,
        noise_mode: NoiseMode = "additive",
        noise_in_eval: bool = False,
        readout: Readout = "rate",
        neuron: dict[str, Any] | None = None,
        final_relu: bool = True,
        current_scale: float = 8.0,
        activation: Activation = "lif",
        degradation: str = "holes",
    ) -> None:
        super().__init__()
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise InputError(f"width is {width!r}; it must be a whole number, 1 or more")
        check_choice("readout", readout, ("rate", "latency"))
        if not (math.isfinite(current_scale) and current_scale > 0):
            raise InputError(f"current_scale is {current_scale!r}; it must be positive and finite")
        self.degradation = Degradation.parse(degradation)
        self.arguments = {
            "width": width,
            "steps": steps,
            "noise": noise,
            "noise_mode": noise_mode,
            "noise_in_eval": noise_in_eval,
            "readout": readout,
            "neuron": None if neuron is None else plain_settings(neuron),
            "final_relu": final_relu,
            "current_scale": current_scale,
            "activation": activation,
            "degradation": str(self.degradation),
        }
        self.spiking = SNNConv2d(
            3,
            width,
            KERNEL,
            padding=1,
            steps=steps,
            noise=noise,
            noise_mode=noise_mode,
            noise_in_eval=noise_in_eval,
            readout=readout,
            **(PRESETS["working"] if neuron is None else neuron),
        )
        self.spiking.neuron = stands_for(activation, self.spiking.neuron)  # type: ignore[assignment]
        layers: list[nn.Module] = []
        for _ in range(LAYERS - 2):
            layers += [nn.Conv2d(width, width, KERNEL, padding=1), nn.ReLU()]
        layers.append(nn.Conv2d(width, 3, KERNEL, padding=1))
        if final_relu:
            layers.append(nn.ReLU())
        self.convolutions = nn.Sequential(*layers)
        self._initialise(current_scale)

    def _initialise(self, current_scale: float) -> None:
        """The weights from which training starts, the same for both activations.

        Ordinary layers start as He et al. (ICCV 2015) have it for ReLU. The last one starts near the middle grey: with
        PyTorch's start a final ReLU may be shut for a whole channel, which then never learns.
        """
        ordinary = [layer for layer in self.convolutions if isinstance(layer, nn.Conv2d)]
        with torch.no_grad():
            for parameter in (self.spiking.weight, self.spiking.bias):
                if parameter is not None:
                    parameter.mul_(current_scale)
            for layer in ordinary:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    layer.bias.fill_(0.5 if layer is ordinary[-1] else 0.0)
            ordinary[-1].weight.mul_(0.1)

    def latency(self, height: int, width: int) -> int:
        """Time steps until an image is restored: those of the spiking layer, whatever the size.

        It streams as it is: all that its spikes pass on to ordinary layers is their mean.
        """
        return int(self.arguments["steps"])

    def forward(self, masked: Tensor, mask: Tensor | None = None) -> Tensor:
        """Restores ``masked``; see the class for shapes. ``mask`` is not looked at."""
        if self.arguments["activation"] == "lif":
            hidden = self.spiking(masked)
        else:
            hidden = self.spiking.neuron(self.spiking.current(masked))
        restored: Tensor = self.convolutions(hidden)
        return restored
