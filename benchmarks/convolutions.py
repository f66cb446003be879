"""What the convolutions take of the network's training step, and how near they come to what the processor can do."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.network import training_step
from benchmarks.results import Result, Table, digits, size
from benchmarks.timing import interleaved
from spikefill.models.scnn import KERNEL, SCNN

WAYS = {"forward": "aten::convolution", "backward": "aten::convolution_backward"}
"""The passes, and what the profiler calls them."""
FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


@dataclass(frozen=True)
class Shape:
    """A convolution of the network, kernel 3 x 3, padding 1.

    Attributes:
        batch: Images.
        inputs: Channels in.
        outputs: Channels out.
        side: Height and width.
        image_gradient: Whether the backward pass needs the gradient of the input (not in the first layer).
    """

    batch: int
    inputs: int
    outputs: int
    side: int
    image_gradient: bool = True

    @property
    def operations(self) -> dict[str, int]:
        """Floating-point operations of the passes; a multiplication and an addition are two."""
        forward = 2 * self.batch * self.inputs * self.outputs * KERNEL**2 * self.side**2
        return {"forward": forward, "backward": forward * (2 if self.image_gradient else 1)}

    @property
    def intensity(self) -> float:
        """Operations of the forward pass for a byte of float32 that it must at least read or write."""
        weights = self.inputs * self.outputs * KERNEL**2
        touched = self.batch * (self.inputs + self.outputs) * self.side**2 + weights
        return self.operations["forward"] / (4 * touched)

    @property
    def channels(self) -> str:
        """The channels as text."""
        return f"{self.inputs} to {self.outputs}"

    def images(self) -> Tensor:
        """An input."""
        return torch.rand(self.batch, self.inputs, self.side, self.side)


def run(*, quick: bool) -> Result:
    """Share of the step, GFLOP/s of its convolutions and of torch's other ways to compute them, what bounds them."""
    batch, width, side, repeats = (2, 4, 16, 1) if quick else (8, 64, 128, 3)
    middle = Shape(batch, width, width, side)
    shapes = [Shape(batch, 3, width, side, image_gradient=False), middle, Shape(batch, width, 3, side)]
    peak, bandwidth = _peak(256 if quick else 2048, repeats), _bandwidth(1 << (16 if quick else 26), repeats)
    in_step, share, whole = _profiled(shapes[0])
    alone: dict[str, dict[str, float]] = {}
    rows = []
    for shape in shapes:
        medians = _alone(shape, repeats)
        for way, operations in shape.operations.items():
            name = f"{shape.channels}, {way}"
            alone[name] = {form: operations / 1e6 / found[way] for form, found in medians.items()}
            reached = operations / 1e6 / in_step[name]
            best = max(alone[name], key=alone[name].__getitem__)
            rows.append([name, digits(in_step[name]), *map(digits, (reached, *alone[name].values())), best])
    half = Shape(1, width, width, side // 4)
    return Result(
        title="The convolutions",
        tables=[
            Table(
                f"convolutions of the training step, {size(middle.images().shape)} float32, GFLOP/s",
                ["channels", "ms in the step", "in the step", *next(iter(alone.values())), "best alone"],
                rows,
            )
        ],
        notes=[
            f"The convolutions take {share:.0%} of the step, {digits(whole)} ms under the profiler.",
            _bound(middle, in_step[f"{middle.channels}, forward"], peak, bandwidth),
            f"In bfloat16, measured once on {size(half.images().shape)}: {digits(_bfloat16(half))} GFLOP/s forward.",
        ],
        data={"peak": peak, "bandwidth": bandwidth, "share": share, "in the step, ms": in_step, "alone": alone},
    )


def _bound(shape: Shape, forward: float, peak: float, bandwidth: float) -> str:
    """The roofline of a convolution whose forward pass takes so many ms, as a text."""
    reached = shape.operations["forward"] / 1e6 / forward
    balance = peak / bandwidth
    bound = "arithmetic" if shape.intensity > balance else "memory bandwidth"
    attainable = min(peak, shape.intensity * bandwidth)
    return (
        f"The peak of the processor by a large matrix product is {digits(peak)} GFLOP/s, its memory bandwidth by a "
        f"copy {digits(bandwidth)} GB/s: they balance at {digits(balance)} operations for a byte. A convolution of "
        f"{shape.channels} channels does {digits(shape.intensity)}, so it is bound by {bound}; its forward pass in "
        f"the step reaches {reached / attainable:.0%} of what that allows."
    )


def _peak(side: int, repeats: int) -> float:
    """GFLOP/s of a product of square float32 matrices."""
    a, b = torch.rand(side, side), torch.rand(side, side)
    return 2 * side**3 / 1e6 / interleaved("peak", {"matrix product": lambda: a @ b}, repeats)["matrix product"]


def _bandwidth(count: int, repeats: int) -> float:
    """GB/s of a copy, which reads and writes each byte."""
    source, target = torch.rand(count), torch.rand(count)
    return 8 * count / 1e6 / interleaved("bandwidth", {"copy": lambda: target.copy_(source)}, repeats)["copy"]


def _profiled(first: Shape) -> tuple[dict[str, float], float, float]:
    """Mean ms of each convolution in a training step, the share of all in the step, and the step's ms."""
    step = training_step(SCNN(width=first.outputs), first.images())
    step()
    print("convolutions: a step under the profiler", flush=True)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        start = time.perf_counter()
        step()
        whole = 1000 * (time.perf_counter() - start)
    found: dict[str, float] = {}
    total = 0.0
    for event in profiler.key_averages(group_by_input_shape=True):
        for way, key in WAYS.items():
            if event.key == key:
                outputs, inputs = event.input_shapes[1 if way == "forward" else 2][:2]  # of the weights
                found[f"{inputs} to {outputs}, {way}"] = event.cpu_time_total / event.count / 1000
                total += event.cpu_time_total / 1000
    return found, total / whole, whole


def _alone(shape: Shape, repeats: int) -> dict[str, dict[str, float]]:
    """Median ms of the passes by form: with or without oneDNN, and by memory format."""
    forms = {
        f"{library}, {name}": _passes(shape, memory_format, context)
        for library, context in (("oneDNN", nullcontext), ("no oneDNN", _without_onednn))
        for name, memory_format in FORMATS.items()
    }
    calls = {f"{form}, {way}": call for form, passes in forms.items() for way, call in passes.items()}
    medians = interleaved(f"convolution {shape.channels}", calls, repeats)
    return {form: {way: medians[f"{form}, {way}"] for way in passes} for form, passes in forms.items()}


def _passes(
    shape: Shape, memory_format: torch.memory_format, context: Callable[[], AbstractContextManager[None]]
) -> dict[str, Callable[[], object]]:
    """The forward and the backward pass as calls."""
    images = shape.images().contiguous(memory_format=memory_format).requires_grad_(shape.image_gradient)
    layer = nn.Conv2d(shape.inputs, shape.outputs, KERNEL, padding=1)
    layer.weight.data = layer.weight.data.contiguous(memory_format=memory_format)
    sources = [*layer.parameters(), *([images] if shape.image_gradient else [])]
    with context():
        output = layer(images)
    gradient = torch.rand_like(output)

    def forward() -> object:
        with torch.no_grad(), context():
            return layer(images)

    def backward() -> object:
        with context():
            return torch.autograd.grad(output, sources, gradient, retain_graph=True)

    return {"forward": forward, "backward": backward}


@contextmanager
def _without_onednn() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "TF32 acceleration", UserWarning)  # of Intel's GPUs, whatever the processor
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def _bfloat16(shape: Shape) -> float:
    """GFLOP/s of a single forward pass: without AVX-512 it is a hundred times slower than float32."""
    print("convolutions: bfloat16, once", flush=True)
    layer = nn.Conv2d(shape.inputs, shape.outputs, KERNEL, padding=1).bfloat16()
    images = shape.images().bfloat16()
    with torch.no_grad():
        start = time.perf_counter()
        layer(images)
        return shape.operations["forward"] / 1e9 / (time.perf_counter() - start)
