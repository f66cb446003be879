"""Devices by name."""

from __future__ import annotations

import torch

from spikefill.errors import InputError


def find_device(name: str) -> torch.device:
    """The device of that name, such as ``"cpu"`` or ``"cuda"``.

    Raises:
        InputError: This machine has no such device, or it holds no numbers (``"meta"``).
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"device is {name!r}, which this machine does not have; cpu is always there") from error
    return device
