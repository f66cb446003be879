"""How much memory restoring a photograph takes, and what fits into a given amount.

Counted are, in bytes: the process itself (Python, torch, the model), the decoded picture, a byte a pixel for the mask,
what decoding and encoding hold beside the picture, and the workspace of the network, which follows the area that it
restores at a time. So a large picture is restored in parts, and what does not fit is refused by its header.
"""

from __future__ import annotations

import math
import re

from spikefill.errors import InputError

DEFAULT = 2_000_000_000
"""Bytes that ``spikefill inpaint`` takes unless told otherwise."""

PROCESS = 500_000_000
"""Bytes that Python, torch and a bundled model take before a picture is read; measured with torch 2.13 for the CPU."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def parse(text: str) -> int:
    """Bytes, from a number with a unit: ``2G``, ``800M``, ``1.5 GB``; a G is 10^9 bytes.

    Raises:
        InputError: It is no such number, or less than the process itself takes.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if found is None:
        raise InputError(f"max_memory is {text!r}; it must be a number of bytes such as 2G or 800M")
    return check(round(float(found[1]) * _UNITS[found[2]]))


def check(max_memory: int) -> int:
    """``max_memory`` itself.

    Raises:
        InputError: It is no whole number, or less than the process itself takes.
    """
    if isinstance(max_memory, bool) or not isinstance(max_memory, int):
        raise InputError(f"max_memory is {max_memory!r}; it must be a whole number of bytes")
    if max_memory <= PROCESS:
        raise InputError(f"max_memory is {said(max_memory)}; more than {said(PROCESS)} is taken before a file is read")
    return max_memory


def said(count: float) -> str:
    """A number of bytes for people, such as ``2 GB``."""
    unit = next((unit for unit in "TGM" if count >= _UNITS[unit]), "K")
    return f"{count / _UNITS[unit]:.3g} {unit}B"


def check_fits(what: str, held: float, max_memory: int | None) -> None:
    """Raises `InputError` if the process may not take what it does with some bytes more; None allows any number.

    Args:
        what: What needs them, as for `too_little`.
        held: All that is taken beside `PROCESS`.
        max_memory: Bytes that the process may take.
    """
    if max_memory is not None and PROCESS + held > max_memory:
        raise too_little(what, PROCESS + held, max_memory)


def too_little(what: str, needed: float, max_memory: int) -> InputError:
    """The error where ``what`` needs more bytes than it may take; it says how to allow them."""
    enough = math.ceil(needed / 1e8) / 10
    return InputError(
        f"{what} takes {enough:.1f} GB, but max_memory is {said(max_memory)}; "
        f"allow it with --max-memory {enough:.1f}G (max_memory={round(enough * 1e9)})"
    )
