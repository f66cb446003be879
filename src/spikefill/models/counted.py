"""Convolutions of spike counts in whole numbers, by oneDNN.

A rate is a number of spikes, from 0 to T, over T: a whole number already. Where the weights are whole numbers of eight
bits, too, times a scale for each output channel, a convolution is a sum of products of small whole numbers, of which
processors make several times as many in a second as of floats. Nothing but the weights is rounded for that: there are
no ranges of activations to calibrate, and no error in them, as networks without spikes have it (Jacob et al., CVPR
2018).
"""

from __future__ import annotations

import platform
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikefill.models.core import COARSENESS, FINENESS, Entry, Part, of_neighbours
from spikefill.models.firing import Firing

LARGEST = 127
"""Of a weight, as a whole number."""

MOST_STEPS = 128
"""T up to which two products fit into the 16 bits that processors without VNNI add them up in."""

_ZERO = MOST_STEPS // 2
"""What stands for 0 in an input that has negative numbers."""

_LIKELY = 64
"""Height and width that weights are packed for. Other ones go with the same packing, but very few pixels."""

_FEW = 256
"""Pixels of a result below which oneDNN may pack the weights anew in every call: that takes longer than the sums."""


class CountedConvolution(nn.Module):
    """A convolution without a bias whose weights are whole numbers, of the numbers of spikes.

    Args:
        weight: int8, O x C x K x K.
        scales: float32 (O,), what the weights of an output channel are to be multiplied by.
        steps: T.
        stride: Of the convolution, which is padded by K // 2.

    Shape:
        uint8 N x C x H x W, at most T, to float32 N x O x H' x W'.
    """

    def __init__(self, weight: Tensor, scales: Tensor, steps: int, stride: int = 1) -> None:
        super().__init__()
        self.out_channels, self.stride = len(weight), (stride, stride)
        self._whole = _Packed(weight, scales, 1 / steps, stride)
        self._flat = self._whole
        if weight.shape[-1] > 1:
            self._flat = _Packed(of_neighbours(weight), scales, 1 / steps)

    def forward(self, counts: Tensor) -> Tensor:
        """See the class."""
        return self._whole.convolved(counts)

    def of_neighbours(self, counts: Tensor) -> Tensor:
        """The same for what the convolution sees, pixel by pixel, as K K C channels: N x K K C x H x W."""
        return self._flat.convolved(counts)


class _Packed:
    """Weights as oneDNN wants them, and as they are for few pixels, for which it wants others."""

    def __init__(self, weight: Tensor, scales: Tensor, share: float, stride: int = 1, zero: int = 0) -> None:
        self._scales, self._zeros = scales, torch.zeros_like(scales, dtype=torch.int32)
        self._share, self._stride, self._padding = share, stride, weight.shape[-1] // 2
        self._plain, self._units, self._zero = weight, (scales * share)[:, None, None], zero
        likely = [1, weight.shape[1], _LIKELY, _LIKELY]
        self._packed: Tensor = torch.ops.onednn.qconv_prepack(
            weight, scales, share, zero, [stride] * 2, [self._padding] * 2, [1, 1], 1, likely
        )

    def convolved(self, counts: Tensor) -> Tensor:
        """As `CountedConvolution`."""
        images, _, height, width = counts.shape
        if images * height * width < _FEW * self._stride**2:
            sums = F.conv2d(
                counts.float() - self._zero, self._plain.float(), stride=self._stride, padding=self._padding
            )
            return sums * self._units
        current: Tensor = torch.ops.onednn.qconv2d_pointwise(
            counts, self._share, self._zero, self._packed, self._scales, self._zeros, None,
            [self._stride] * 2, [self._padding] * 2, [1, 1], 1, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return current


class CountedEntry(nn.Module):
    """A core's first convolution, of its input in two parts (`core.in_two`), which are whole numbers as well.

    Args:
        entry: Whose place it takes: where the input is too large, it is asked.
        weight: int8, O x C x K x K.
        scales: As for `CountedConvolution`.
    """

    def __init__(self, entry: Entry, weight: Tensor, scales: Tensor) -> None:
        super().__init__()
        self.out_channels, self.stride = len(weight), (1, 1)
        self._entry = entry
        self._whole, self._flat = (
            [_Packed(each, scales, 1 / steps, zero=_ZERO) for steps in (COARSENESS, FINENESS)]
            for each in (weight, of_neighbours(weight))
        )

    def forward(self, signal: Tensor) -> Tensor:
        """As `core.Entry`."""
        counts = _counts(signal)
        if counts is None:
            answer: Tensor = self._entry(signal)
            return answer
        most, rest = (packed.convolved(part) for packed, part in zip(self._whole, counts, strict=True))
        return most.add_(rest)

    def parts(self, rows: Tensor) -> list[Part]:
        """As `core.Entry`."""
        counts = _counts(rows)
        if counts is None:
            return self._entry.parts(rows)
        return [(part, packed.convolved) for part, packed in zip(counts, self._flat, strict=True)]


def _counts(signal: Tensor) -> tuple[Tensor, Tensor] | None:
    """What `core.in_two` gives as whole numbers, uint8, of which `_ZERO` is 0; None where they are too large."""
    steps = signal.mul(FINENESS).round_()
    most = steps.mul(COARSENESS / FINENESS).round_()
    if signal.numel() and max(-float(most.min()), float(most.max())) > _ZERO:
        return None
    rest = steps.sub_(most, alpha=FINENESS // COARSENESS)
    return most.add_(_ZERO).to(torch.uint8), rest.add_(_ZERO).to(torch.uint8)


class CountingFiring(nn.Module):
    """A layer of neurons that gives the numbers of spikes: uint8 in place of rates."""

    def __init__(self, layer: Firing, steps: int) -> None:
        super().__init__()
        self.layer, self._steps = layer, steps

    def forward(self, current: Tensor) -> Tensor:
        """N x C x H x W, float32, to the same shape."""
        counts = self.layer.counted(current)
        return (self.layer(current) * self._steps).round().to(torch.uint8) if counts is None else counts


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether this torch convolves whole numbers on this processor, which should be faster than floats, and exactly."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not torch.backends.cpu.get_cpu_capability().startswith(("AVX2", "AVX512", "AMX")):
        return False
    generator = np.random.default_rng(0)
    counts = torch.from_numpy(generator.integers(0, MOST_STEPS + 1, (1, 16, 20, 20), np.uint8))
    weight = torch.from_numpy(generator.integers(-LARGEST, LARGEST + 1, (8, 16, 3, 3), np.int8))
    weight[0], counts[..., :4] = LARGEST, MOST_STEPS  # the largest sums
    scales = torch.from_numpy(np.ones(8, np.float32))
    try:
        with torch.inference_mode():
            found = [_Packed(weight, scales, 1.0, zero=zero).convolved(counts) for zero in (0, _ZERO)]
            expected = [F.conv2d(counts.float() - zero, weight.float(), padding=1) for zero in (0, _ZERO)]
            return all(map(torch.equal, found, expected))
    except (AttributeError, RuntimeError):  # another version of torch has these operations in another form
        return False
