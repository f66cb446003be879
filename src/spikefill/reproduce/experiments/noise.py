"""Whether noise on the spiking layer helps: none or 0.1, added or multiplied, in training only or always."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from spikefill.neurons import RateCurve
from spikefill.reproduce import networks, variants
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.findings import Answer, Findings, Plot
from spikefill.reproduce.measuring import TOY_MEASURING, MeasuringSettings
from spikefill.reproduce.networks import TrainingSettings
from spikefill.reproduce.rebuilding import measure_rebuilt
from spikefill.reproduce.settings import Seeds
from spikefill.reproduce.trials import Done, Result, Trial
from spikefill.reproduce.wording import gain, verdict
from spikefill.training.recipe import Settings

_MODES = ("additive", "multiplicative")
_NONE = "no noise"


class NoiseSettings(Settings):
    """The noise, and how often each network is trained."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    deviation: float = Field(default=0.1, gt=0, le=10, description="Standard deviation; the paper's is 0.1.")
    seeds: Seeds = Field(default=variants.SEEDS, description="A training for each.")


def trials(settings: NoiseSettings) -> list[Trial]:
    """A training without noise and one with each kind, all measured without and with it."""
    return [
        trial
        for seed in settings.seeds
        for trial in (
            *_measured(settings, seed, "", 0.0),
            *(one for mode in _MODES for one in _measured(settings, seed, mode, settings.deviation)),
        )
    ]


def _measured(settings: NoiseSettings, seed: int, mode: str, deviation: float) -> Iterator[Trial]:
    changes = [f"model.arguments.noise={deviation}", *([f"model.arguments.noise_mode={mode}"] if mode else [])]
    trained = networks.train(
        f"training, {mode or _NONE}, seed {seed}", variants.changed(settings.training, *changes, seed=seed)
    )
    for variant, noise in _uses(mode, settings.deviation).items():
        yield measure_rebuilt(f"{variant}, seed {seed}", settings.measuring, trained, noise)


def _uses(mode: str, deviation: float) -> dict[str, dict[str, float | str | bool]]:
    """How a network is used that was trained with noise of a mode, or without for ""; by the variant's name."""
    if not mode:
        return {_NONE: {}, f"{_NONE} in training, additive in use": {"noise": deviation, "noise_in_eval": True}}
    return {f"{mode}, in training only": {}, f"{mode}, always": {"noise_in_eval": True}}


def findings(settings: NoiseSettings, done: Mapping[str, Done]) -> Findings:
    """Each way to have noise, against none."""
    names = [name for mode in ("", *_MODES) for name in _uses(mode, settings.deviation)]
    measured = {name: variants.of_seeds(done, name, settings.seeds) for name in names}
    return Findings(
        answers=[Answer(9, _sentence(settings, measured))],
        tables=[variants.table("noise", "Hole PSNR with noise and without", measured, _NONE)],
        plots=[
            Plot(
                "noise",
                "Hole PSNR by the noise on the spiking layer, less that without; lines: 95 % intervals.",
                variants.bars({"": measured}, _NONE),
            )
        ],
        notes=[_note(settings)],
    )


def _sentence(settings: NoiseSettings, measured: Mapping[str, Sequence[Result]]) -> str:
    parts = []
    for name in (f"{mode}, {when}" for mode in _MODES for when in ("in training only", "always")):
        found = variants.versus(measured[name], measured[_NONE])
        parts.append(f"{name} {gain(found)}: {verdict(found)}")
    return f"Noise of {settings.deviation:g} against none, {variants.trainings(settings.seeds)}: {'; '.join(parts)}."


def _note(settings: NoiseSettings) -> str:
    """Beside which currents the noise stands: those between which neurons fire once, and in every step."""
    neuron = variants.first_neuron(variants.untrained(settings.training))
    low, high = RateCurve().onset_and_saturation(neuron.parameters_now(), neuron.steps)
    return (
        f"The rate of the neurons rises between the currents {low:.1f} and {high:.1f}, beside which the noise has a "
        f"standard deviation of {settings.deviation:g}."
    )


EXPERIMENT = Experiment(
    name="noise",
    title="Does the noise help?",
    question="Does noise on the spiking layer's current make the restoration better: added or multiplied, in training "
    "only or always?",
    objections=(9,),
    full=NoiseSettings(),
    quick=NoiseSettings(training=variants.SHORT_TRAINING, measuring=TOY_MEASURING, seeds=(0,)),
    trials=trials,
    findings=findings,
)
