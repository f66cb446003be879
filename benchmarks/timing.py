"""Times of several calls, taken in turn."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(title: str, calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Medians in ms of the calls, each called once in a round: A B C A B C ..., so that all meet the same conditions.

    Args:
        title: What is measured, to show how far the run has come.
        calls: What to time, by name.
        repeats: Rounds that count. One before them warms up and is dropped.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(repeats + 1):
        print(f"{title}, round {number} of {repeats}:", end=" ", flush=True)
        for name, call in calls.items():
            print(name, end="; ", flush=True)
            gc.collect()
            start = time.perf_counter()
            call()
            times[name].append(1000 * (time.perf_counter() - start))
        print(flush=True)
    return {name: statistics.median(values[1:]) for name, values in times.items()}
