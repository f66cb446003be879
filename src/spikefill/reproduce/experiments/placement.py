"""Which part of the hybrid network should spike: stem, encoder, bottleneck, decoder, all, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from spikefill.models.hybrid import PLACEMENTS
from spikefill.neurons import LIF
from spikefill.reproduce import networks, variants
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.findings import Answer, Findings, Plot
from spikefill.reproduce.measuring import TOY_MEASURING, MeasuringSettings, measure
from spikefill.reproduce.networks import TrainingSettings
from spikefill.reproduce.settings import Seeds, each_of
from spikefill.reproduce.trials import Done, Result, Trial
from spikefill.reproduce.wording import gain, verdict
from spikefill.training.recipe import Settings

_ALL, _NOTHING = "all", "nothing (ReLU)"
_PARTS = tuple(placement for placement in PLACEMENTS if placement != _ALL)


class PlacementSettings(Settings):
    """Which parts, and how often each network is trained."""

    training: TrainingSettings = TrainingSettings(recipe="hybrid-tiny", steps=8_000)
    measuring: MeasuringSettings = MeasuringSettings()
    parts: Annotated[tuple[str, ...], each_of("placement", _PARTS)] = Field(
        default=("stem", "encoder", "bottleneck", "decoder"), min_length=1, description="Each of them spikes alone."
    )
    seeds: Seeds = Field(default=variants.SEEDS, description="A training for each.")


def _changes(settings: PlacementSettings) -> dict[str, str]:
    """By variant, what is changed in its recipe."""
    placed = {part: f"model.arguments.placement={part}" for part in (_ALL, *settings.parts)}
    return {**placed, _NOTHING: "model.arguments.activation=relu"}


def trials(settings: PlacementSettings) -> list[Trial]:
    """A training for each part and seed, and of all parts and none."""
    return [
        measure(
            f"{variant}, seed {seed}",
            settings.measuring,
            network=networks.train(
                f"training, {variant}, seed {seed}", variants.changed(settings.training, change, seed=seed)
            ),
        )
        for variant, change in _changes(settings).items()
        for seed in settings.seeds
    ]


def findings(settings: PlacementSettings, done: Mapping[str, Done]) -> Findings:
    """Each placement against ReLU everywhere."""
    measured = {variant: variants.of_seeds(done, variant, settings.seeds) for variant in _changes(settings)}
    layers = {variant: _spiking_layers(settings, change) for variant, change in _changes(settings).items()}
    return Findings(
        answers=[Answer(5, _sentence(settings, measured))],
        tables=[
            variants.table(
                "placement",
                "Hole PSNR by what spikes",
                measured,
                _NOTHING,
                further={"layers that spike": ("d", layers)},
            )
        ],
        plots=[
            Plot(
                "placement",
                "Hole PSNR by what spikes, less that of ReLU everywhere; lines: 95 % intervals.",
                variants.bars({"": measured}, _NOTHING),
            )
        ],
        notes=["The stem is the first layer of neurons of each core, and part of the encoder."],
    )


def _sentence(settings: PlacementSettings, measured: Mapping[str, Sequence[Result]]) -> str:
    parts = []
    for variant in (_ALL, *settings.parts):
        found = variants.versus(measured[variant], measured[_NOTHING])
        parts.append(f"{variant} {gain(found)}: {verdict(found)}")
    return (
        "Neurons in parts of the hybrid network against ReLU everywhere, the same graph and first weights, "
        f"{variants.trainings(settings.seeds)}: {'; '.join(parts)}."
    )


def _spiking_layers(settings: PlacementSettings, change: str) -> int:
    network = variants.untrained(variants.changed(settings.training, change))
    return sum(isinstance(module, LIF) for module in network.modules())


EXPERIMENT = Experiment(
    name="placement",
    title="What should spike?",
    question="What does it cost, or give, to have neurons in the hybrid network's stem, encoder, bottleneck or decoder "
    "alone, everywhere, or nowhere?",
    objections=(5,),
    full=PlacementSettings(),
    quick=PlacementSettings(
        training=variants.TOY_HYBRID, measuring=TOY_MEASURING, parts=("encoder", "decoder"), seeds=(0,)
    ),
    trials=trials,
    findings=findings,
)
