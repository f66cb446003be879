"""The neuron of the spiking layer: leak, reset and surrogate, and the rates that each of them can have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args

import torch
from pydantic import Field

from spikefill.neurons import LIF, PRESETS, SURROGATES, membrane_factors
from spikefill.neurons.lif import Reset
from spikefill.reproduce import networks, plots, variants
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.findings import Answer, Findings, Plot
from spikefill.reproduce.measuring import TOY_MEASURING, MeasuringSettings, measure
from spikefill.reproduce.networks import TrainingSettings
from spikefill.reproduce.settings import Seeds, each_of
from spikefill.reproduce.trials import Context, Done, Result, Trial
from spikefill.reproduce.wording import gain, verdict
from spikefill.training.recipe import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TAU, DT = float(PRESETS["working"]["tau"]), float(PRESETS["working"]["dt"])
"""Of the working preset, in ms."""

LEAKS: Mapping[str, Mapping[str, Any]] = {
    "no leak": {"beta": 1.0, "gain": membrane_factors(TAU, DT, 1.0)[1]},
    "fixed leak": {"tau": TAU, "dt": DT},
    "learnt leak": {"tau": TAU, "dt": DT, "learnable": ["tau"]},
}
"""Neurons of the same gain at first."""

RESETS: tuple[Reset, ...] = get_args(Reset)
_PLAIN = "fixed leak, hard reset, arctan"
_LARGEST = 10.0
"""Of the currents of the curves."""


class DynamicsSettings(Settings):
    """The surrogates, and how often each network is trained."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    surrogates: Annotated[tuple[str, ...], each_of("surrogate", SURROGATES)] = Field(
        default=tuple(SURROGATES), description="With a fixed leak and a hard reset, beside arctan with every neuron."
    )
    seeds: Seeds = Field(default=variants.SEEDS, description="A training for each.")

    @property
    def neurons(self) -> dict[str, dict[str, Any]]:
        """The neurons' arguments by variant."""
        every = [(leak, reset, "arctan") for leak in LEAKS for reset in RESETS]
        every += [("fixed leak", "hard", surrogate) for surrogate in self.surrogates if surrogate != "arctan"]
        return {
            f"{leak}, {reset} reset, {surrogate}": {**LEAKS[leak], "reset": reset, "surrogate": surrogate}
            for leak, reset, surrogate in every
        }


def trials(settings: DynamicsSettings) -> list[Trial]:
    """A training for each neuron and seed, and the time constants that were learnt."""
    made = []
    for variant, neuron in settings.neurons.items():
        for seed in settings.seeds:
            change = f"model.arguments.neuron={json.dumps(neuron)}"
            trained = networks.train(
                f"training, {variant}, seed {seed}", variants.changed(settings.training, change, seed=seed)
            )
            made.append(measure(f"{variant}, seed {seed}", settings.measuring, network=trained))
            made.append(Trial(f"leak of {variant}, seed {seed}", read_leak, {"network": trained}))
    return made


def read_leak(context: Context, *, network: networks.Network) -> Result:
    """The first neurons' ``beta``, the share of the potential that remains after a step."""
    neuron = variants.first_neuron(networks.read(network))
    return {"beta": torch.as_tensor(neuron.parameters_now().beta).item()}


def findings(settings: DynamicsSettings, done: Mapping[str, Done]) -> Findings:
    """Each neuron against that of the paper's network."""
    measured = {variant: variants.of_seeds(done, variant, settings.seeds) for variant in settings.neurons}
    betas = {
        variant: sum(done[f"leak of {variant}, seed {seed}"].result["beta"] for seed in settings.seeds)
        / len(settings.seeds)
        for variant in settings.neurons
    }
    steps = variants.first_neuron(variants.untrained(settings.training)).steps
    return Findings(
        answers=[Answer(6, _sentence(settings, measured))],
        tables=[
            variants.table("dynamics", "Hole PSNR by the neuron", measured, _PLAIN, further={"beta": (".3f", betas)})
        ],
        plots=[
            Plot(
                "dynamics",
                f"Hole PSNR by the neuron, less that of {_PLAIN}; lines: 95 % intervals.",
                variants.bars({"": measured}, _PLAIN),
            ),
            Plot(
                "rates",
                f"Rate of a neuron in {steps} steps by its constant current, f(I); the learnt leak as it was in the "
                "mean at the end.",
                _curves(steps, betas),
            ),
            Plot(
                "surrogates",
                f"What each surrogate takes for the slope of the rate in {steps} steps, with a fixed leak and a hard "
                "reset.",
                _slopes(steps, settings.surrogates),
            ),
        ],
        notes=["beta is the share of the potential that remains after a step: 1 without leak; mean over seeds."],
    )


def _sentence(settings: DynamicsSettings, measured: Mapping[str, Sequence[Result]]) -> str:
    parts = []
    for variant in measured:
        if variant != _PLAIN:
            found = variants.versus(measured[variant], measured[_PLAIN])
            parts.append(f"{variant} {gain(found)}: {verdict(found)}")
    return f"Against {_PLAIN}, {variants.trainings(settings.seeds)}: {'; '.join(parts)}."


def _curves(steps: int, betas: Mapping[str, float]) -> Figure:
    current = torch.linspace(0, _LARGEST, 2001)
    figure, axes = plots.axes_of("current I", "rate f(I)")
    for number, (leak, reset) in enumerate((leak, reset) for leak in LEAKS for reset in RESETS):
        neuron = dict(LEAKS[leak])
        if neuron.pop("learnable", None):
            beta = betas[f"{leak}, {reset} reset, arctan"]
            neuron = {"beta": beta, "gain": 1 - beta}
        rate = LIF(steps=steps, reset=reset, **neuron)(current)
        axes.plot(
            current, rate, drawstyle="steps-mid", label=f"{leak}, {reset} reset",
            **plots.style(number) | {"marker": ""},
        )  # fmt: skip
    plots.legend(figure, len(LEAKS) * len(RESETS))
    return figure


def _slopes(steps: int, surrogates: Sequence[str]) -> Figure:
    figure, axes = plots.axes_of("current I", "slope of the rate taken")
    for number, surrogate in enumerate(surrogates):
        current = torch.linspace(0, _LARGEST, 401, requires_grad=True)
        LIF(steps=steps, reset="hard", surrogate=surrogate, **LEAKS["fixed leak"])(current).sum().backward()
        assert current.grad is not None
        axes.plot(current.detach(), current.grad, label=surrogate, **plots.style(number) | {"marker": ""})
    plots.legend(figure, len(surrogates))
    return figure


EXPERIMENT = Experiment(
    name="dynamics",
    title="Do the neuron's dynamics matter?",
    question="Does it matter to the restoration of a still image whether the neuron leaks, learns its leak, how it is "
    "reset, and through which surrogate it learns?",
    objections=(6,),
    full=DynamicsSettings(),
    quick=DynamicsSettings(
        training=variants.SHORT_TRAINING, measuring=TOY_MEASURING, surrogates=("arctan", "rate"), seeds=(0,)
    ),
    trials=trials,
    findings=findings,
)
