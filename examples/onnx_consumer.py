"""Restores a photograph with an exported model; needs numpy, onnxruntime and Pillow, and neither torch nor Spikefill.

    spikefill export --model hybrid --format onnx -o hybrid.onnx
    python onnx_consumer.py hybrid.onnx photograph.jpg mask.png restored.png

The photograph may have any height and width. The mask is of the same size, white in the holes.
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image


def restore(model: str, photograph: Image.Image, mask: Image.Image) -> Image.Image:
    """The photograph with its holes restored; all other pixels are the photograph's own."""
    options = onnxruntime.SessionOptions()  # without changes of memory layout: the results are nearer to torch's
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    pixels = np.asarray(photograph.convert("RGB"), np.float32) / 255  # height x width x 3
    holes = np.asarray(mask.convert("L")) >= 128  # height x width
    inputs = {"image": pixels.transpose(2, 0, 1)[None], "mask": holes[None, None].astype(np.float32)}
    (restored,) = session.run(["restored"], inputs)
    return Image.fromarray(np.round(restored[0].transpose(1, 2, 0) * 255).astype(np.uint8))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: onnx_consumer.py MODEL.onnx PHOTOGRAPH MASK RESULT")
    restore(sys.argv[1], Image.open(sys.argv[2]), Image.open(sys.argv[3])).save(sys.argv[4])
