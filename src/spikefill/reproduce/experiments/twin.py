"""The network beside its twins without time: ReLU, and lines rounded to the neurons' levels, or to more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from spikefill.models.activations import ACTIVATIONS
from spikefill.neurons import rate_levels
from spikefill.reproduce import networks, variants
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.experiments.twin_training import attempt, chosen_rate, train_with
from spikefill.reproduce.findings import Answer, Findings, Plot, Table
from spikefill.reproduce.measuring import TOY_MEASURING, MeasuringSettings, interval, measure
from spikefill.reproduce.networks import TrainingSettings
from spikefill.reproduce.rebuilding import measure_rebuilt
from spikefill.reproduce.settings import Seeds, unique
from spikefill.reproduce.trials import Done, Result, Trial
from spikefill.reproduce.wording import decibels, gain, verdict
from spikefill.training.recipe import Settings

_NEURONS = "lif"
_STEPS, _TIME = "equal steps", "equal time"
_HYBRID = "hybrid-small"


class Seconds(Settings):
    """Seconds of a training step with each activation; only their ratios count.

    As measured of the paper's network with two samples of 128 px on one thread of a processor. They are settings, so
    that a run is the same on every machine.
    """

    lif: float = Field(default=1.12, gt=0, description="Neurons: a fused kernel, which adds the bias as well.")
    relu: float = Field(default=1.22, gt=0, description="ReLU.")
    quantised: float = Field(default=1.21, gt=0, description="Uniform levels.")
    quantised_lif: float = Field(default=1.20, gt=0, description="The neurons' levels.")

    def of(self, activation: str) -> float:
        """Those of an activation, relative to the neurons'."""
        return float(getattr(self, activation.replace("-", "_"))) / self.lif


class TwinSettings(Settings):
    """The training, which is the same for all but for the learning rate."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    learning_rates: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], AfterValidator(unique)] = Field(
        default=(3e-4, 1e-3, 3e-3), min_length=1, description="Of which each twin gets the best."
    )
    choosing_steps: int = Field(default=1_500, ge=1, description="Length of the trainings by which rates are chosen.")
    seconds: Seconds = Seconds()
    seeds: Seeds = Field(default=variants.SEEDS, description="A training for each.")

    def steps_in_equal_time(self, activation: str) -> int:
        """Training steps in the time that those of the neurons take."""
        return max(1, round(self.training.steps / self.seconds.of(activation)))


def trials(settings: TwinSettings) -> list[Trial]:
    """For each activation the choice of a learning rate, then trainings of as many steps, and of as much time."""
    made = []
    for activation in ACTIVATIONS:
        wanted = variants.changed(settings.training, f"model.arguments.activation={activation}")
        choice = chosen_rate(
            f"{activation}, learning rate",
            {
                rate: attempt(
                    f"training, {activation}, learning rate {rate}",
                    variants.changed(wanted, f"optimiser.learning_rate={rate}", steps=settings.choosing_steps),
                )
                for rate in settings.learning_rates
            },
        )
        for seed in settings.seeds:
            for budget, steps in _budgets(settings, activation).items():
                trained = train_with(
                    f"training, {activation}, {budget}, seed {seed}",
                    variants.changed(wanted, steps=steps, seed=seed),
                    choice,
                )
                made.append(measure(f"{activation}, {budget}, seed {seed}", settings.measuring, network=trained))
    hybrid = networks.released(_HYBRID)
    made.append(measure(_HYBRID, settings.measuring, network=hybrid))
    made.append(
        measure_rebuilt(f"{_HYBRID}, quantised", settings.measuring, hybrid, {"activation": "quantised"}),
    )
    return made


def _budgets(settings: TwinSettings, activation: str) -> dict[str, int]:
    """The steps of each budget; that of equal time only where it differs."""
    steps, in_time = settings.training.steps, settings.steps_in_equal_time(activation)
    return {_STEPS: steps} if in_time == steps else {_STEPS: steps, _TIME: in_time}


def findings(settings: TwinSettings, done: Mapping[str, Done]) -> Findings:
    """The network against each twin."""
    measured = {
        budget: {activation: _measured(settings, done, activation, budget) for activation in ACTIVATIONS}
        for budget in (_STEPS, _TIME)
    }
    hybrid = {name: interval(done[name].result)["mean"] for name in (_HYBRID, f"{_HYBRID}, quantised")}
    return Findings(
        answers=[Answer(5, _sentence(settings, measured))],
        tables=[_table(settings, done, budget, results) for budget, results in measured.items()],
        plots=[
            Plot(
                "twin",
                "Hole PSNR of the twins, less that of the network; lines: 95 % intervals.",
                variants.bars(measured, _NEURONS),
            ),
        ],
        notes=_notes(settings, hybrid),
    )


def _notes(settings: TwinSettings, hybrid: Mapping[str, float | None]) -> list[str]:
    own, quantised = hybrid[_HYBRID], hybrid[f"{_HYBRID}, quantised"]
    of_hybrid = (
        "The hybrid network's neurons neither leak nor forget what is beyond their threshold, so that a quantiser in "
        f"their place should change nothing: {_HYBRID} has a hole PSNR of {decibels(own)}, and of "
        f"{decibels(quantised)} with one."
    )
    of_rates = (
        "Of the learning rates each has the one with the lowest loss on training photographs after "
        f"{settings.choosing_steps} steps."
    )
    relative = ", ".join(f"{one} {settings.seconds.of(one):.2f}" for one in ACTIVATIONS)
    of_time = f"Equal time counts on these seconds of a step, relative to the neurons': {relative}."
    return [of_hybrid, of_rates, of_time]


def _measured(settings: TwinSettings, done: Mapping[str, Done], activation: str, budget: str) -> Sequence[Result]:
    found = budget if budget in _budgets(settings, activation) else _STEPS
    return variants.of_seeds(done, f"{activation}, {found}", settings.seeds)


def _sentence(settings: TwinSettings, measured: Mapping[str, Mapping[str, Sequence[Result]]]) -> str:
    said = []
    for budget, results in measured.items():
        parts = []
        for twin, called in _called(settings).items():
            if twin != _NEURONS:
                found = variants.versus(results[_NEURONS], results[twin])
                parts.append(f"{gain(found)} against {called} ({verdict(found)})")
        said.append(f"with {budget} {', '.join(parts)}")
    return f"The network with neurons, {variants.trainings(settings.seeds)}: {'; '.join(said)}."


def _called(settings: TwinSettings) -> dict[str, str]:
    """What the activations are called, by the number of levels of the network's neurons."""
    neuron = variants.first_neuron(variants.untrained(settings.training))
    levels = len(rate_levels(neuron.parameters_now(), neuron.steps))
    return {
        _NEURONS: "neurons",
        "relu": "ReLU",
        "quantised-lif": f"the same {levels} levels without time",
        "quantised": f"{neuron.steps + 1} uniform levels",
    }


def _table(
    settings: TwinSettings, done: Mapping[str, Done], budget: str, measured: Mapping[str, Sequence[Result]]
) -> Table:
    rates = {one: done[f"{one}, learning rate"].result["learning_rate"] for one in measured}
    steps = {one: _budgets(settings, one).get(budget, settings.training.steps) for one in measured}
    return variants.table(
        budget.replace(" ", "-"),
        f"Hole PSNR of the network and its twins, {budget}",
        measured,
        _NEURONS,
        further={"learning rate": ("g", rates), "training steps": ("d", steps)},
    )


EXPERIMENT = Experiment(
    name="twin",
    title="What do the neurons add to their levels?",
    question="Does the network restore better than the same graph with ReLU, with the neurons' own levels but without "
    "time, or with T + 1 uniform levels, each with its best learning rate?",
    objections=(5,),
    full=TwinSettings(),
    quick=TwinSettings(
        training=variants.SHORT_TRAINING,
        measuring=TOY_MEASURING,
        learning_rates=(1e-3, 3e-3),
        choosing_steps=3,
        seeds=(0,),
    ),
    trials=trials,
    findings=findings,
)
