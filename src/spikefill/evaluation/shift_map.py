"""OpenCV's shift maps, called so that a crash stays theirs. Run as a script, this file is the process that may crash.

As such it imports no Spikefill, and so starts quickly.
"""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LARGEST_SHORT_SIDE = 600
_SMALLEST_SIDE = 128
# From float CIELab to the ranges of the 8-bit one: no colour is (0, 0, 0) in them.
_SCALE = np.array([2.55, 1, 1], dtype=np.float32)
_OFFSET = np.array([0, 128, 128], dtype=np.float32)


def shift_map(image: Array, mask: Array) -> tuple[Array, Array]:
    """Holes filled with shifted copies of the picture, by the 60 shifts at which it is most like itself.

    He and Sun, ECCV 2012, as OpenCV has it, in CIELab. What makes OpenCV's code crash or go on for hours is kept from
    it: a picture whose shorter side is more than 600 pixels, which it shrinks, is filled in strips; one with a side
    below 128 pixels, in which it may not find 60 shifts and then reads beyond the end of their list, is continued by
    its mirror image. Pictures of other kinds have few shifts, too (a plain gradient), so it runs in a process of its
    own; where that dies, the holes stay.

    Args:
        image: (H, W, 3) uint8, RGB, zeros in the holes.
        mask: (H, W) bool, True = hole.

    Returns:
        The picture (H, W, 3) uint8, and where it still has holes (H, W) bool: where no shift leads to a known pixel.
    """
    axis = int(np.argmin(mask.shape))
    strips = -(-mask.shape[axis] // _LARGEST_SHORT_SIDE)
    parts = [
        _fill(picture, hole) if hole.any() and not hole.all() else (picture, hole)
        for picture, hole in zip(np.array_split(image, strips, axis), np.array_split(mask, strips, axis), strict=True)
    ]
    return np.concatenate([part[0] for part in parts], axis), np.concatenate([part[1] for part in parts], axis)


def _fill(image: Array, mask: Array) -> tuple[Array, Array]:
    height, width = mask.shape
    margins = ((0, max(0, _SMALLEST_SIDE - height)), (0, max(0, _SMALLEST_SIDE - width)))
    unit = np.pad(image, (*margins, (0, 0)), mode="symmetric").astype(np.float32) / 255
    known = np.pad(~mask, margins, mode="symmetric").astype(np.uint8) * np.uint8(255)
    result = _in_a_process(cv2.cvtColor(unit, cv2.COLOR_RGB2Lab) * _SCALE + _OFFSET, known)
    if result is None:
        return image, mask
    result = np.ascontiguousarray(result[:height, :width])
    filled = cv2.cvtColor((result - _OFFSET) / _SCALE, cv2.COLOR_Lab2RGB)
    return np.rint(filled.clip(0, 1) * 255).astype(np.uint8), mask & ~result.any(axis=2)


def _in_a_process(lab: Array, known: Array) -> Array | None:
    """What OpenCV returns, or None where its process was killed by its own fault."""
    task = io.BytesIO()
    np.save(task, lab)
    np.save(task, known)
    command = [sys.executable, "-P", __file__, str(cv2.getNumThreads())]
    done = subprocess.run(command, input=task.getvalue(), capture_output=True, check=False)  # noqa: S603
    if done.returncode == 1:  # an exception: not a crash
        raise RuntimeError(done.stderr.decode(errors="replace"))
    result: Array | None = np.load(io.BytesIO(done.stdout)) if done.returncode == 0 else None
    return result


def _main() -> None:
    cv2.setNumThreads(int(sys.argv[1]))
    task = io.BytesIO(sys.stdin.buffer.read())
    lab, known = np.load(task), np.load(task)
    filled = np.zeros_like(lab)
    cv2.xphoto.inpaint(lab, known, filled, cv2.xphoto.INPAINT_SHIFTMAP)
    np.save(sys.stdout.buffer, filled)


if __name__ == "__main__":
    _main()
