"""Numbers as the kernels compute with them, and functions that LLVM has no vector code for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from spikefill.neurons.noise import HALF_ROOT, LOG, LOG_HIGH, LOG_LOW

Array = NDArray[Any]

EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
"""Coefficients of ``(exp(x) - 1 - x) / x^2``, highest power first (Moshier, Cephes)."""


def widen(value: Any) -> Any:
    """A number of the source as the kernels compute with it: bfloat16 becomes float32."""
    raise NotImplementedError


def narrow(value: Any, target: Array) -> Any:
    """A number as ``target`` stores it: float32 is rounded to the nearest bfloat16, ties to even."""
    raise NotImplementedError


@overload(widen, strict=False)
def _(value: Any) -> Any:
    if isinstance(value, types.Integer):
        return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)
    return lambda value: value


@overload(narrow, strict=False)
def _(value: Any, target: Any) -> Any:
    if not isinstance(target.dtype, types.Integer):
        return lambda value, target: value

    def rounded(value: Any, target: Array) -> Any:
        bits = np.float32(value).view(np.uint32)
        up = np.uint32(bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
        return np.uint16(up >> np.uint32(16)) if value == value else np.uint16(0x7FC0)

    return rounded


def log(u: Any) -> Any:
    """The natural logarithm of a positive, finite, normal number; in float32 that of `noise`, bit for bit."""
    raise NotImplementedError


def exp(u: Any) -> Any:
    """The exponential function, in float32 to about 1e-7."""
    raise NotImplementedError


@overload(log, strict=False)
def _(u: Any) -> Any:
    if u == types.float64:
        return lambda u: np.log(u)

    def float32_log(u: Any) -> Any:
        bits = np.float32(u).view(np.int32)
        exponent = np.int32(np.int32(bits - np.int32(HALF_ROOT)) >> np.int32(23))
        x = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32) - np.float32(1)
        y = np.float32(LOG[0])
        for k in range(1, 9):
            y = y * x + np.float32(LOG[k])
        z = x * x
        e = np.float32(exponent)
        y = y * x * z + e * np.float32(LOG_LOW)
        return x + (y - np.float32(0.5) * z) + e * np.float32(LOG_HIGH)

    return float32_log


@overload(exp, strict=False)
def _(u: Any) -> Any:
    if u == types.float64:
        return lambda u: np.exp(u)

    def float32_exp(u: Any) -> Any:
        x = u if u > np.float32(-87) else np.float32(-87)
        x = x if x < np.float32(88) else np.float32(88)
        whole = np.int32(x * np.float32(1.44269504) + np.float32(0.5 if x > np.float32(0) else -0.5))
        k = np.float32(whole)
        x = x - k * np.float32(LOG_HIGH) - k * np.float32(LOG_LOW)
        y = np.float32(EXP[0])
        for j in range(1, 6):
            y = y * x + np.float32(EXP[j])
        power = np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)
        return (y * x * x + x + np.float32(1)) * power

    return float32_exp
