"""How far ONNX Runtime's result of an exported file is from torch's, on a photograph."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnxruntime
import torch
from skimage.metrics import peak_signal_noise_ratio

from spikefill import data, masks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

PHOTOGRAPH = "chelsea.png"
"""The embedded photograph to compare on: 451 x 300 px, which no level divides evenly."""

CLOSE = 1e-4
"""Values nearer than this are taken for the same: an 8-bit photograph has steps of 4e-3."""


class Closeness(NamedTuple):
    """How near a result is to that of torch.

    Attributes:
        everywhere: The share of all values that are nearer than `CLOSE`.
        in_holes: The same of the values in the holes; the others are the photograph's in both.
        psnr: PSNR of the result in dB.
    """

    everywhere: float
    in_holes: float
    psnr: float


class Agreement(NamedTuple):
    """Results for one photograph.

    Attributes:
        onnx: How near ONNX Runtime comes.
        double: How near torch itself comes in double precision: where spikes hang on the last bit of a current, no
            other order of adding up can come nearer.
        psnr: PSNR of torch's result, in dB.
    """

    onnx: Closeness
    double: Closeness
    psnr: float


def session(file: str | Path) -> onnxruntime.InferenceSession:
    """ONNX Runtime on the processor, with all optimisations but those of memory layout.

    These save an eighth of the time, but add up a convolution's products in an order that rounds more; more neurons
    then fire differently than in torch.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def compare(model: nn.Module, file: str | Path, photograph: NDArray[np.uint8], holes: NDArray[np.bool_]) -> Agreement:
    """Restores a photograph by a model and by the file that was made of it.

    Args:
        model: In ``eval()`` mode.
        file: The ONNX file.
        photograph: H x W x 3.
        holes: H x W, True in the holes, at least one of them.
    """
    image = np.ascontiguousarray(photograph.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    mask = holes[None, None].astype(np.float32)

    def composed(network: nn.Module, precision: torch.dtype) -> NDArray[np.float32]:
        with torch.inference_mode():
            masked, where = (torch.from_numpy(part).to(precision) for part in (image * (1 - mask), mask))
            return np.where(holes, network(masked, where).clamp(0, 1).float().numpy(), image)

    def psnr(result: NDArray[np.float32]) -> float:
        return float(peak_signal_noise_ratio(image, result, data_range=1))  # type: ignore[no-untyped-call]

    expected = composed(model, torch.float32)

    def closeness(result: NDArray[np.float32]) -> Closeness:
        close = np.abs(result - expected) < CLOSE
        return Closeness(float(close.mean()), float(close[..., holes].mean()), psnr(result))

    (found,) = session(file).run(["restored"], {"image": image, "mask": mask})
    double = composed(copy.deepcopy(model).double(), torch.float64)
    return Agreement(closeness(found), closeness(double), psnr(expected))


def compare_on_photograph(model: nn.Module, file: str | Path) -> Agreement:
    """`compare` on the embedded `PHOTOGRAPH` with thin holes.

    Raises:
        InputError: scikit-image, which carries it, is not installed.
    """
    photographs = data.open_photographs(data.EMBEDDED, part="val")
    photograph = photographs[photographs.names.index(PHOTOGRAPH)]
    return compare(model, file, photograph, masks.sample("thin", photograph.shape[:2], seed=0, index=0))
