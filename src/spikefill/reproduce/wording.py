"""Figures in sentences: decibels, differences with their intervals, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def decibels(value: float | None) -> str:
    """A PSNR, or that there is none."""
    return "no figure" if value is None else f"{value:.2f} dB"


def gain(found: Mapping[str, float | None]) -> str:
    """A difference of `measuring.difference`, with its interval where there is one."""
    mean, bounds = found["mean"], bounds_of(found)
    if mean is None:
        return "no finite figure"
    return f"{mean:+.2f} dB" + (f" (95 % interval {bounds[0]:+.2f} to {bounds[1]:+.2f})" if bounds else "")


def verdict(found: Mapping[str, float | None]) -> str:
    """Whether a difference is sure: its interval lies on one side of zero."""
    bounds = bounds_of(found)
    if bounds is None:
        return "too few photographs or trainings to be sure"
    return "a sure gain" if bounds[0] > 0 else "a sure loss" if bounds[1] < 0 else "no sure difference"


def bounds_of(found: Mapping[str, float | None]) -> tuple[float, float] | None:
    """The ends of an interval, or None where there is none."""
    low, high = found["low"], found["high"]
    return None if low is None or high is None else (low, high)


def listed(names: Sequence[str]) -> str:
    """Names with commas, or "none"."""
    return ", ".join(names) or "none"
