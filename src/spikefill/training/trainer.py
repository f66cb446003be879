"""Lightning's trainer as a run needs it, the device it works on, and its silence."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy

from spikefill.devices import find_device
from spikefill.errors import InputError
from spikefill.training.keeper import make_loggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikefill.training.recipe import Recipe
    from spikefill.training.run_folder import RunFolder
    from spikefill.training.world import World


def make_trainer(
    folder: RunFolder,
    recipe: Recipe,
    *,
    steps: int,
    device: torch.device,
    callbacks: list[pl.Callback],
    world: World,
) -> pl.Trainer:
    """A trainer for ``steps`` steps, one pass over a loader; the callbacks validate and save."""
    return pl.Trainer(
        default_root_dir=folder.path,
        max_epochs=1,
        max_steps=steps,
        logger=make_loggers(folder) if world.is_first else False,
        callbacks=callbacks,
        precision="bf16-mixed" if recipe.precision == "bfloat16" else "32-true",
        gradient_clip_val=recipe.gradient_clip,
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **_trainer_device(device, recipe, world),
    )


def training_device(name: str | None, world: World) -> torch.device:
    """The device of that name; without one, a GPU of NVIDIA where there is one, and the processor elsewhere.

    Of several processes on a machine each has a GPU of its own.

    Raises:
        InputError: This machine has no such device, too few of them, or training does not run on it.
    """
    device = find_device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device is {name!r}; training runs on cpu or cuda")
    if device.type == "cpu" or world.size == 1:
        return device
    if world.local_size > torch.cuda.device_count():
        raise InputError(
            f"{world.local_size} processes were started on a machine with {torch.cuda.device_count()} GPUs; start as "
            "many (--nproc-per-node), or train on the processor (--device cpu)"
        )
    return torch.device("cuda", world.local_rank)


def _trainer_device(device: torch.device, recipe: Recipe, world: World) -> dict[str, Any]:
    if world.size > 1:
        return {
            "accelerator": "gpu" if device.type == "cuda" else "cpu",
            "devices": world.local_size,
            "num_nodes": world.size // world.local_size,
            # Stages of coarse levels alone do not use the weights of the finer ones.
            "strategy": DDPStrategy(find_unused_parameters=any(part.finest for part in recipe.parts)),
        }
    if device.type == "cuda":
        return {"accelerator": "gpu", "devices": [device.index or 0]}
    return {"accelerator": "cpu", "devices": 1}


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Torch's number of threads inside the block; None leaves it."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silences Lightning's tips, its list of devices, and its advice on settings that are so on purpose."""
    logger = logging.getLogger("pytorch_lightning")
    fabric = logging.getLogger("lightning_fabric")
    before = logger.level, fabric.level
    logger.setLevel(logging.WARNING)
    fabric.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message, category in (
                (".*does not have many workers", UserWarning),
                ("GPU available but not used", UserWarning),
                (".*LeafSpec.* is deprecated", FutureWarning),  # Lightning's own use of torch's pytree
                ("find_unused_parameters=True was specified", UserWarning),  # a stage in which all are used
            ):
                warnings.filterwarnings("ignore", message, category)
            yield
    finally:
        logger.setLevel(before[0])
        fabric.setLevel(before[1])
