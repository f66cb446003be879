"""What a training run is made of, as validated settings: each with its range, default and meaning.

Reading recipes from files and changing single settings is in `spikefill.training.recipe_files`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from spikefill import masks
from spikefill.degradation import Degradation
from spikefill.errors import InputError


class Settings(BaseModel):
    """The base of all settings: a misspelt field is an error, and settings never change once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _known_families(families: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [family for family in families if family not in masks.FAMILIES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no family of masks; there are: {', '.join(masks.FAMILIES)}")
    return families


def _known_degradation(text: str) -> str:
    try:
        return str(Degradation.parse(text))
    except InputError as error:
        raise ValueError(str(error).partition("; ")[2]) from error  # without what the line begins with


class ModelSettings(Settings):
    """The network to train."""

    architecture: str = Field(default="scnn", description="A name that `spikefill.models.create` knows.")
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Constructor arguments but the degradation, which is that of the data; what is left out has the "
        "architecture's default.",
    )

    @model_validator(mode="after")
    def _without_degradation(self) -> Self:
        if "degradation" in self.arguments:
            raise ValueError("arguments names a degradation; it is set by data.degradation")
        return self


class DataSettings(Settings):
    """The samples: squares out of photographs, with holes made by mask families or under noise."""

    degradation: Annotated[str, AfterValidator(_known_degradation)] = Field(
        default="holes",
        description="What is to be restored: holes, or noise:SIGMA, white Gaussian noise of that many grey levels of "
        "255, for which there are no masks.",
    )
    size: int = Field(default=128, ge=16, le=1024, description="Side of the square samples, in pixels.")
    families: Annotated[tuple[str, ...], AfterValidator(_known_families)] = Field(
        default=("thin", "medium", "thick"),
        min_length=1,
        description="Families of masks, each as likely as the others.",
    )
    mask_size: int | None = Field(
        default=None,
        ge=16,
        le=2048,
        description="Half of the masks are cut out of masks of this size, where samples are smaller, so that holes are "
        "as large in pixels as in use; the others are drawn at the size of the samples. Null: all of them are.",
    )
    shorter_side: int = Field(
        default=512,
        ge=16,
        le=8192,
        description="Larger photographs are first reduced to this shorter side, or to a sample's where that is larger, "
        "so that a sample shows more than a patch of sky.",
    )
    augment: bool = Field(
        default=True, description="Random crops, scales, flips and rotations; otherwise centre crops."
    )
    order: Literal["random", "epochs"] | None = Field(
        default=None,
        description="Draw a photograph for each sample, or show all of them once before any comes again; null: the "
        "latter where the photographs are in shards.",
    )
    workers: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Processes that make samples; 0: the main one does (1 or 2 % of a step on a processor). "
        "Changes no sample.",
    )
    resident_masks: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="For a GPU, which processes cannot feed: keep all photographs and this many masks of each family "
        "in its memory, and make the samples there. Null: processes make them, each with a mask of its own.",
    )

    @model_validator(mode="after")
    def _resident_fits(self) -> Self:
        if self.resident_masks is not None and (self.mask_size is not None or not self.augment):
            raise ValueError("resident_masks goes with augment and without mask_size")
        if self.resident_masks is not None and self.order == "epochs":
            raise ValueError("resident_masks draws photographs at random; leave order out")
        return self


class OptimiserSettings(Settings):
    """How gradients change weights."""

    name: Literal["adam", "adamw"] = Field(default="adam", description="Adam, or with decoupled weight decay.")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="Before the schedule's factor.")
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=(0.9, 0.999), description="Decay of the running means of the gradient and of its square."
    )
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="Pull of the weights towards zero.")


class ScheduleSettings(Settings):
    """How the learning rate changes over the run; a function of the step alone."""

    name: Literal["constant", "cosine", "trapezoid"] = Field(
        default="constant",
        description="Constant; half a cosine down to zero; or constant and then a straight line down to zero.",
    )
    decay: float = Field(
        default=0.25, gt=0, le=1, description="Share of the run that the straight line of the trapezoid takes."
    )
    warmup_steps: int = Field(default=0, ge=0, description="Steps of a linear rise from zero before that.")


class LossSettings(Settings):
    """What is minimised."""

    name: Literal["mse", "l1", "log_mse"] = Field(
        default="mse",
        description="Mean squared or absolute difference, or the logarithm of the former: an image's PSNR but for "
        "its sign and a factor, so that smooth images count as much as others.",
    )
    region: Literal["whole", "hole"] = Field(
        default="whole", description="Over the whole image, or over its hole alone."
    )
    coarser: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="For a network with `levels`: the weight of the loss of each coarser level beside that of the "
        "finest; null for a loss of the restored image alone.",
    )
    texture: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Weight of the logarithm of the difference in local contrast over the hole "
        "(`spikefill.training.texture`), for sharper and less exact texture; null: none.",
    )


class StageSettings(Settings):
    """A part of a run with samples of its own."""

    share: float = Field(gt=0, le=1, description="Part of the run's steps; those of all stages add up to 1.")
    size: int = Field(ge=16, le=1024, description="Side of the square samples, in pixels.")
    batch_size: int | None = Field(
        default=None, ge=1, le=4096, description="Samples a step, at most the recipe's; null: as many."
    )
    finest: int = Field(
        default=0,
        ge=0,
        le=8,
        description="For a network with `levels`: the finest that is computed and learnt from, 0 for the image itself.",
    )


class ValidationSettings(Settings):
    """When and on how much the losses of both splits are measured in evaluation mode."""

    size: int | None = Field(
        default=None, ge=16, le=1024, description="Side of the square samples, in pixels; null: that of the data."
    )

    every_minutes: float | None = Field(
        default=2.0, gt=0, description="Minutes between two validations; null for none by the clock."
    )
    every_steps: int | None = Field(
        default=None, ge=1, description="Steps between two validations; null for none by steps."
    )
    count: int = Field(default=64, ge=1, le=10_000, description="Samples of each split.")
    pictures: int = Field(default=6, ge=1, le=64, description="Validation samples in the picture.")


class Recipe(Settings):
    """A training run but for its data and length. Defaults are the paper's, and ours where it is silent."""

    name: str = Field(min_length=1, description="What the run's weights call their recipe.")
    model: ModelSettings = ModelSettings()
    data: DataSettings = DataSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    loss: LossSettings = LossSettings()
    stages: tuple[StageSettings, ...] = Field(
        default=(), description="What the samples are in turn; empty: the data's, from beginning to end."
    )
    revive: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        default=(),
        description="Shares of the run, each in [0, 1), at which channels of normalised neurons that never fire for a "
        "step's samples are brought back into range (`spikefill.models.dormant`).",
    )
    validation: ValidationSettings = ValidationSettings()
    batch_size: int = Field(default=8, ge=1, le=4096, description="Samples a step.")
    steps: int = Field(default=20_000, ge=1, description="Length of the run where neither minutes nor steps are given.")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="Arithmetic of the network; with bfloat16 the weights stay float32 (mixed precision).",
    )
    channels_last: bool = Field(
        default=False,
        description="Memory layout N H W C: faster on GPUs, and for the hybrid network on processors, too.",
    )
    gradient_clip: float | None = Field(
        default=None, gt=0, description="Largest norm of the gradient; null for no limit."
    )
    ema: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Decay of a running mean of the weights, then validated and kept; null for none. It is lower in "
        "the first steps, where the mean would hold on to the first weights.",
    )
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Seed of weights, samples and noise.")
    checkpoint_seconds: float = Field(
        default=40.0,
        ge=0,
        le=60,
        description="Seconds between checkpoints; 0: after every step.",
    )
    log_every_steps: int = Field(default=10, ge=1, description="Steps between two rows of the logs.")

    @property
    def degradation(self) -> Degradation:
        """What the network learns to restore."""
        return Degradation.parse(self.data.degradation)

    @property
    def network(self) -> dict[str, Any]:
        """The arguments with which `spikefill.models.create` makes the network."""
        return {"architecture": self.model.architecture, **self.model.arguments, "degradation": self.data.degradation}

    @property
    def parts(self) -> tuple[StageSettings, ...]:
        """The stages; a recipe without any is one."""
        return self.stages or (StageSettings(share=1, size=self.data.size),)

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if self.stages and abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            raise ValueError("the shares of the stages must add up to 1")
        if any((stage.batch_size or 1) > self.batch_size for stage in self.stages):
            raise ValueError(f"a stage's batch_size must be at most the recipe's, {self.batch_size}")
        if self.loss.coarser is None and any(stage.finest for stage in self.stages):
            raise ValueError("a stage's finest needs loss.coarser, which is null")
        return self
