"""How many time steps a still image needs: T from 1 to 32, with the weights of one T and with weights tuned to each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from spikefill import models
from spikefill.reproduce import networks, plots, variants
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.findings import Answer, Findings, Plot, Table
from spikefill.reproduce.measuring import TOY_MEASURING, MeasuringSettings, difference, interval, measure
from spikefill.reproduce.networks import TOY_TRAINING, TrainingSettings
from spikefill.reproduce.settings import TimeSteps
from spikefill.reproduce.trials import Context, Done, Result, Trial
from spikefill.reproduce.wording import bounds_of, gain
from spikefill.training.recipe import Settings

_TRAINING = "training"
_LARGEST_CURRENT, _CURRENTS = 64.0, 1 << 16
"""Of the currents under which rates are counted: several times what fires in every step."""


class StepsSettings(Settings):
    """The numbers of time steps, and how long the weights are tuned to each."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    time_steps: TimeSteps = Field(default=(1, 2, 4, 8, 16, 32), min_length=2, description="The values of T.")
    tuning_steps: int = Field(default=500, ge=1, description="Length of the tuning, the same for every T.")


def trials(settings: StepsSettings) -> list[Trial]:
    """One training; for each T its weights as they are, and tuned."""
    trained = networks.train(_TRAINING, settings.training)
    made = []
    for steps in settings.time_steps:
        tuning = settings.training.model_copy(
            update={
                "changes": (*settings.training.changes, f"model.arguments.steps={steps}"),
                "steps": settings.tuning_steps,
            }
        )
        tuned = networks.train(f"tuning to T = {steps}", tuning, start=trained)
        made += [
            measure(f"T = {steps}", settings.measuring, network=trained, time_steps=steps),
            measure(f"T = {steps}, tuned", settings.measuring, network=tuned),
            Trial(f"rates of T = {steps}", count_rates, {"network": trained, "time_steps": steps}),
        ]
    return made


def count_rates(context: Context, *, network: networks.Network, time_steps: int) -> Result:
    """How many ``rates`` the first neuron layer can tell apart, by counting them under 65,536 constant currents."""
    model = models.rebuilt(networks.read(network), steps=time_steps)
    neuron = variants.first_neuron(model)
    with torch.inference_mode():
        rates = neuron(torch.linspace(0, _LARGEST_CURRENT, _CURRENTS))
    return {"rates": len(rates.unique())}


def findings(settings: StepsSettings, done: Mapping[str, Done]) -> Findings:
    """Hole PSNR by T, and how much of it tuning changes."""
    given = {steps: done[f"T = {steps}"].result for steps in settings.time_steps}
    tuned = {steps: done[f"T = {steps}, tuned"].result for steps in settings.time_steps}
    rates = {steps: done[f"rates of T = {steps}"].result["rates"] for steps in settings.time_steps}
    own = variants.first_neuron(variants.untrained(settings.training)).steps
    return Findings(
        answers=[_answer(given, tuned, rates)],
        tables=[_table(given, tuned, rates)],
        plots=[
            Plot(
                "steps",
                "Hole PSNR by the number of time steps T, with the weights as trained "
                f"(T = {own}) and tuned to each T; lines: 95 % intervals.",
                _plot({"as trained": given, "tuned to each T": tuned}),
            )
        ],
        notes=[
            f"Trained for {settings.training.steps} steps, T = {own}; tuned for {settings.tuning_steps} more to each T."
        ],
    )


def _answer(given: Mapping[int, Result], tuned: Mapping[int, Result], rates: Mapping[int, int]) -> Answer:
    least, most = min(tuned), max(tuned)
    tuned_gain, untuned = (
        difference({"least": part[least], "most": part[most]}, "most", "least") for part in (tuned, given)
    )
    return Answer(
        6,
        f"A still image is a constant current, and T sets how many rates a neuron tells apart: {rates[least]} with "
        f"T = {least}, {rates[most]} with T = {most}. Tuned to each, the hole PSNR of T = {most} less that of "
        f"T = {least} is {gain(tuned_gain)}, of one training and tuning; with the same weights for both, "
        f"{gain(untuned)}.",
    )


def _table(given: Mapping[int, Result], tuned: Mapping[int, Result], rates: Mapping[int, int]) -> Table:
    rows = []
    for steps in given:
        as_trained, after = interval(given[steps]), interval(tuned[steps])
        by_tuning = difference({"tuned": tuned[steps], "given": given[steps]}, "tuned", "given")
        rows.append((
            f"{steps}", rates[steps], as_trained["mean"], as_trained["low"], as_trained["high"],
            after["mean"], after["low"], after["high"], by_tuning["mean"], by_tuning["low"], by_tuning["high"],
        ))  # fmt: skip
    return Table(
        "steps",
        "Hole PSNR by the number of time steps, dB",
        {
            "T": "",
            "rates": "d",
            "as trained": ".2f",
            "from": ".2f",
            "to": ".2f",
            "tuned": ".2f",
            "tuned, from": ".2f",
            "tuned, to": ".2f",
            "tuned minus as trained": "+.2f",
            "at least": "+.2f",
            "at most": "+.2f",
        },
        rows,
    )


def _plot(series: Mapping[str, Mapping[int, Result]]) -> Any:
    found = {name: {float(steps): interval(one) for steps, one in by_t.items()} for name, by_t in series.items()}
    means = {name: {steps: one["mean"] for steps, one in by_t.items()} for name, by_t in found.items()}
    bounds = {
        name: {steps: ends for steps, one in by_t.items() if (ends := bounds_of(one))} for name, by_t in found.items()
    }
    return plots.lines(means, "time steps T", "hole PSNR, dB", bounds=bounds, doubling=True)


EXPERIMENT = Experiment(
    name="steps",
    title="How many time steps?",
    question="What do more time steps give to the restoration of a still image, with the weights as they are and with "
    "weights tuned to each number of steps?",
    objections=(6,),
    full=StepsSettings(),
    quick=StepsSettings(training=TOY_TRAINING, measuring=TOY_MEASURING, time_steps=(1, 8, 32), tuning_steps=10),
    trials=trials,
    findings=findings,
)
