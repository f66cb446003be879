"""Restoring many photographs on the machines of a Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from spikefill import inpainting
from spikefill.batch.jobs import Job
from spikefill.batch.outcome import Outcome, Status
from spikefill.batch.restoring import ModelChoice, RestoreSettings, restore_one
from spikefill.errors import InputError

_PHOTOGRAPHS_A_TASK = 8
"""Photographs that are handed over together: what a worker that is lost does again at most."""


def restore_all_on_ray(
    jobs: Sequence[Job],
    model: ModelChoice,
    settings: RestoreSettings | None = None,
    *,
    address: str | None,
    processes: int,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """Restores photographs as `restore_all` does, by Ray Data.

    The machines must reach the files: by addresses such as ``s3://``, or by paths of a file system that they share.
    What a worker that is lost had in work is done again by another one; files that it had written stay, and their
    outcome is then `Status.EXISTS`, unless they may be replaced. Ray Data does so without end: a photograph that ends
    every worker, for want of memory for instance, keeps the call from returning.

    Args:
        jobs: The photographs.
        model: What restores them; a bundled model, or a file that every machine reaches.
        settings: As for `restore_all`.
        address: Of the cluster; None starts one on this machine. A cluster that this process is connected to is used.
        processes: How many photographs at a time, each on one processor core.
        stop: As for `restore_all`; what is in work is then left unfinished.

    Yields:
        The outcomes, in the order in which photographs are done.

    Raises:
        InputError: Ray is not installed, or there is no cluster at the address.
    """
    ray, ours = _started(address, processes)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        tasks = max(1, min(len(jobs), max(2 * processes, len(jobs) // _PHOTOGRAPHS_A_TASK)))
        outcomes = ray.data.from_items([asdict(job) for job in jobs], override_num_blocks=tasks).map(
            _Worker,
            fn_constructor_args=(model, settings or RestoreSettings()),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=processes),
            num_cpus=1,
        )
        for row in outcomes.iter_rows():
            yield Outcome(**{**row, "status": Status(row["status"])})
            if stop():
                return
    finally:
        if ours:
            ray.shutdown()


class _Worker:
    """Restores photographs on one core of some machine."""

    def __init__(self, model: ModelChoice, settings: RestoreSettings) -> None:
        import cv2
        import torch

        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self._inpainter: Callable[[], inpainting.Inpainter] = lru_cache(maxsize=1)(model.load)
        self._settings = settings

    def __call__(self, row: dict[str, str]) -> dict[str, Any]:
        """The outcome of a job, each as a mapping."""
        outcome = restore_one(Job(**row), self._inpainter, self._settings)
        return {**asdict(outcome), "status": outcome.status.value}


def _started(address: str | None, processes: int) -> tuple[Any, bool]:
    """Ray, and whether it was started, or connected to, here."""
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise InputError("the engine ray is not installed; install it with: pip install 'spikefill[scale]'") from error
    if ray.is_initialized():
        return ray, False
    here: dict[str, Any] = {"num_cpus": processes, "include_dashboard": False} if address is None else {}
    try:
        ray.init(address=address or "local", logging_level=logging.ERROR, log_to_driver=False, **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"there is no Ray cluster at {address or 'this machine'}: {error}") from error
    return ray, True
