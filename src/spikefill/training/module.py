"""The network in training, as Lightning sees it: loss, optimiser, mean weights, random state."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from spikefill.errors import InputError
from spikefill.models.dormant import Fires, revive
from spikefill.training.losses import learning_rate_factor, loss_over_levels, loss_per_image
from spikefill.training.random_state import step_seed
from spikefill.training.stages import Stages
from spikefill.training.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from spikefill.training.recipe import Recipe

Batch = dict[str, Tensor]

_OTHERS = 2
"""Stream of the random numbers of the processes other than the first."""


class DivergenceError(RuntimeError):
    """The loss or the weights are no longer finite; the last good checkpoint is kept."""


class InpaintingModule(pl.LightningModule):
    """A network, its recipe, and the place in the run.

    Args:
        model: Called as ``model(masked, mask)``.
        recipe: How it is trained.
        total_steps: Length of the whole run.
        world: The processes that train it together.

    Attributes:
        first_step: Steps done before this process.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, *, total_steps: int, world: World | None = None) -> None:
        super().__init__()
        self.world = world or World()
        self.recipe = recipe
        self.total_steps = total_steps
        self.first_step = 0
        self._optimiser_state: dict[str, Any] | None = None
        self._step = 0
        self._stages = Stages(recipe, total_steps)
        self._reviving = {int(share * total_steps) for share in recipe.revive}
        if recipe.loss.coarser is not None and not hasattr(model, "levels"):
            raise InputError(f"loss.coarser is {recipe.loss.coarser}; a {type(model).__name__} has no levels: null")
        if recipe.revive and not isinstance(model, Fires):
            raise InputError(f"revive is {list(recipe.revive)}; a {type(model).__name__} has no normalised neurons: []")
        self.model = model
        self.averaged = copy.deepcopy(model) if recipe.ema is not None else None
        if self.averaged is not None:
            self.averaged.requires_grad_(requires_grad=False)
        if recipe.channels_last:
            self.to(memory_format=torch.channels_last)

    @property
    def steps_done(self) -> int:
        """Optimiser steps done in the whole run, those before a resumption too."""
        return self.first_step + int(self.trainer.global_step)

    @property
    def product(self) -> nn.Module:
        """The network that the run gives: the running mean where the recipe asks for one."""
        return self.model if self.averaged is None else self.averaged

    def resume_from(self, step: int, weights: dict[str, Any], optimiser: dict[str, Any]) -> None:
        """Goes on after ``step`` steps, with the weights and the optimiser's state of then."""
        self.load_state_dict(weights)
        self.first_step = step
        self._optimiser_state = optimiser

    @property
    def batch_size(self) -> int:
        """Samples of the present step, those of all processes together."""
        return self._stages.at(self._step).batch_size

    def prepare_step(self, optimiser: torch.optim.Optimizer, step: int) -> None:
        """Sets everything that a step has from its number: random state, learning rate, mode of the layers.

        Since the random state is a function of (seed, step), nothing that draws random numbers between two
        steps (validation, loaders, loggers) can shift it, and a resumed run has it without any being stored.
        Each process has a random state of its own: the noise of their samples must not be the same.
        """
        self._step = step
        stream = () if self.world.is_first else (_OTHERS, self.world.rank)
        torch.manual_seed(step_seed(self.recipe.seed, step, *stream))
        factor = learning_rate_factor(self.recipe.schedule, step, self.total_steps)
        for group in optimiser.param_groups:
            group["lr"] = self.recipe.optimiser.learning_rate * factor
        self.model.train()

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the batch of the recipe's loss.

        With several processes it is this one's part, such that the mean over the processes, which is what becomes of
        their gradients, is the mean over all samples of the step, though shares may differ by one sample.

        Raises:
            DivergenceError: It is not finite in any of the processes; all of them raise it. (On a GPU, only the steps
                that are logged are looked at.)
        """
        masked, mask, target, settings = batch["masked"], batch["mask"], batch["target"], self.recipe.loss
        if settings.coarser is None:
            loss = loss_per_image(settings, self.model(masked, mask), target, mask).mean()
        else:
            finest = self._stages.at(self._step).finest
            levels = self.model.levels(masked, mask, finest=finest)  # type: ignore[operator]
            loss = loss_over_levels(settings, levels, target, mask, finest=finest).mean()
        if self.world.size > 1:
            loss = loss * (self.world.size * len(mask) / self.batch_size)
        looks = loss.device.type == "cpu" or self._step % self.recipe.log_every_steps == 0  # a GPU is waited for
        if looks and self.world.any(not torch.isfinite(loss)):
            raise DivergenceError("the loss is not finite" if torch.isfinite(loss) else f"the loss is {loss.item()}")
        return loss

    def laid_out(self, batch: Batch) -> Batch:
        """The batch in the recipe's memory layout."""
        if not self.recipe.channels_last:
            return batch
        return {name: value.contiguous(memory_format=torch.channels_last) for name, value in batch.items()}

    def update_average(self) -> None:
        """Moves the running mean of the weights towards the present ones."""
        if self.averaged is None or self.recipe.ema is None:
            return
        decay = min(self.recipe.ema, (1 + self._step) / (10 + self._step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay)
            for kept, present in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
                kept.copy_(present)

    def _revive(self, batch: Batch) -> None:
        """Revives by all samples of the step, in the first process for all of them."""
        whole = self.world.gathered(batch)
        if self.world.is_first:
            revive(self.model, whole["masked"], whole["mask"], also=self.averaged)  # type: ignore[arg-type]
        self.world.copy_first(self.parameters())

    def check_finite(self) -> None:
        """Raises `DivergenceError` if a weight is not finite."""
        for name, weight in self.model.named_parameters():
            if not torch.isfinite(weight).all():
                raise DivergenceError(f"the weights {name} are not finite")

    # Lightning's hooks.

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The recipe's optimiser; `prepare_step` sets its learning rate."""
        optimiser = make_optimiser(self.model, self.recipe)
        if self._optimiser_state is not None:
            optimiser.load_state_dict(self._optimiser_state)
        return optimiser

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Lays the batch out once it is on the device."""
        return self.laid_out(batch)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Prepares the step."""
        optimiser = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimiser, torch.optim.Optimizer)
        self.prepare_step(optimiser, self.steps_done)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss to minimise."""
        if self._step in self._reviving:
            self._revive(batch)
        return self.loss(batch)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Callable[[], Any] | None = None
    ) -> None:
        """The optimiser's step, then that of the running mean."""
        optimizer.step(closure=optimizer_closure)
        self.update_average()


def make_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over the model's trainable weights."""
    settings = recipe.optimiser
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    kind = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
    return kind(weights, lr=settings.learning_rate, betas=settings.betas, weight_decay=settings.weight_decay)
