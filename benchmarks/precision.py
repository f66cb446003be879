"""What fewer bits give: the network in bfloat16, and convolutions like the network's in eight bits by ONNX Runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from benchmarks.restoring import scratched
from benchmarks.results import Claim, Result, Table, digits
from benchmarks.timing import interleaved
from spikefill import inpainting, models
from spikefill.evaluation.metrics import psnr

FASTER, LOST = 1.3, 0.05
"""A precision is offered if it is so many times faster and loses no more dB."""

SHAPES = ((96, 64), (48, 128), (64, 128))
"""Channels and side of the chains of convolutions: those of the coarse core and of the fine one."""

LENGTH = 6
"""Convolutions in a chain."""

NOTE = (
    "Eight bits: unsigned rates and signed weights, a scale for each output channel, as `quantize_static` of ONNX "
    "Runtime makes them; chains of six convolutions and ReLUs, the most that a whole network can gain. A precision is "
    "worth having from 1.3 times the speed of float32 at a loss under 0.05 dB. So eight bits are left out; bfloat16 "
    "can be asked for, on processors that compute in it, and gains nothing elsewhere."
)


def run(*, quick: bool) -> Result:
    """The time of a whole photograph in bfloat16, and of chains of convolutions in eight bits."""
    photograph, holes = scratched(0.05 if quick else 1.0, 0.05)
    calls = {
        precision: partial(inpainting.load(models.DEFAULT, precision=precision).restore, photograph, holes)
        for precision in ("float32", "bfloat16")
    }
    repeats = 1 if quick else 5
    times = interleaved("photograph", calls, repeats)
    quality = {precision: psnr(call(), photograph, holes) for precision, call in calls.items()}
    table = Table(
        "A photograph with 5% holes",
        ["", "s", "PSNR over the hole, dB"],
        [[precision, digits(times[precision] / 1000), f"{quality[precision]:.3f}"] for precision in calls],
    )
    claims = [
        Claim("bfloat16: times as fast as float32", times["float32"] / times["bfloat16"], FASTER),
        Claim("bfloat16: dB lost", quality["float32"] - quality["bfloat16"], LOST, "at most"),
    ]
    rows = []
    for channels, side in SHAPES[:1] if quick else SHAPES:
        medians = interleaved(f"{channels} channels", _chains(channels, side), 2 if quick else 20)
        rows.append([f"{channels} x {side} x {side}", *(digits(value) for value in medians.values())])
        best = min(medians["torch, float32"], medians["ONNX Runtime, float32"])
        claims.append(
            Claim(
                f"{channels} x {side} x {side}, eight bits: times as fast as the best in float32",
                best / medians["ONNX Runtime, eight bits"],
                FASTER,
            )
        )
    chains = Table("Six convolutions, ms", ["", *medians], rows)
    data = {
        "milliseconds": times,
        "psnr": quality,
        "chains": [dict(zip(chains.columns, row, strict=True)) for row in rows],
    }
    return Result(title="Precision", tables=[table, chains], claims=claims, notes=[NOTE], data=data)


def _chains(channels: int, side: int) -> dict[str, Callable[[], object]]:
    """The same chain of convolutions in torch and in ONNX Runtime, there in two precisions."""
    generator = np.random.default_rng(0)
    weights = generator.normal(0, (2 / (9 * channels)) ** 0.5, (LENGTH, channels, channels, 3, 3)).astype(np.float32)
    rates = generator.integers(0, 9, (1, channels, side, side)).astype(np.float32) / 8
    with tempfile.TemporaryDirectory() as folder:
        whole, quantised = Path(folder, "float.onnx"), Path(folder, "eight-bits.onnx")
        onnx.save(_graph(weights), whole)
        quantize_static(
            whole, quantised, _Examples(rates), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, extra_options={"WeightSymmetric": True},
        )  # fmt: skip
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        sessions = [onnxruntime.InferenceSession(path, options) for path in (whole, quantised)]
    return {
        "torch, float32": partial(_in_torch, torch.from_numpy(weights), torch.from_numpy(rates)),
        "ONNX Runtime, float32": partial(sessions[0].run, None, {"rates": rates}),
        "ONNX Runtime, eight bits": partial(sessions[1].run, None, {"rates": rates}),
    }


def _in_torch(weights: torch.Tensor, rates: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        rates = rates.contiguous(memory_format=torch.channels_last)
        for weight in weights:
            weight = weight.contiguous(memory_format=torch.channels_last)
            rates = torch.nn.functional.conv2d(rates, weight, padding=1).relu_()
    return rates


def _graph(weights: NDArray[np.float32]) -> onnx.ModelProto:
    nodes, name, channels = [], "rates", weights.shape[1]
    for number in range(len(weights)):
        nodes += [
            helper.make_node("Conv", [name, f"weight{number}"], [f"current{number}"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"current{number}"], [f"rates{number}"]),
        ]
        name = f"rates{number}"
    shape = [1, channels, "height", "width"]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("rates", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weight, f"weight{number}") for number, weight in enumerate(weights)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


class _Examples(CalibrationDataReader):  # type: ignore[misc]
    """What the range of each layer is taken from."""

    def __init__(self, rates: NDArray[np.float32]) -> None:
        self._left: Iterator[dict[str, NDArray[np.float32]]] = iter([{"rates": rates}])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._left, None)
