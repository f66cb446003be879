"""The same weights as a streaming network: spikes passed from layer to layer in each step, not rates after T steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from spikefill.errors import InputError
from spikefill.models.streaming import STATISTICS
from spikefill.reproduce import networks, plots, variants
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.experiments.streaming_costs import count_costs
from spikefill.reproduce.findings import Answer, Findings, Plot, Table
from spikefill.reproduce.measuring import TOY_MEASURING, MeasuringSettings, Released, difference, interval, measure
from spikefill.reproduce.networks import TrainingSettings
from spikefill.reproduce.rebuilding import measure_rebuilt
from spikefill.reproduce.settings import TimeSteps, unique
from spikefill.reproduce.trials import Done, Result, Trial
from spikefill.reproduce.wording import bounds_of, gain
from spikefill.training.recipe import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RATES = "rates"
_STATISTICS = (
    "step: the normalisation before the neurons takes its statistics of the currents of each step; running: of their "
    "mean so far, for which hardware would need a running sum for each neuron."
)


class StreamingSettings(Settings):
    """The numbers of time steps and of steps before them, and how long the weights are tuned."""

    training: TrainingSettings = TrainingSettings(recipe="hybrid-tiny", steps=8_000)
    measuring: MeasuringSettings = MeasuringSettings()
    time_steps: TimeSteps = Field(default=(4, 8, 16, 32), min_length=1, description="The values of T.")
    warm_ups: Annotated[tuple[Annotated[int, Field(ge=0)], ...], AfterValidator(unique)] = Field(
        default=(0, 11), min_length=1, description="Steps that are left out, to begin with."
    )
    tuning_steps: int = Field(default=800, ge=1, description="Length of the tuning, the same for all.")
    tuning_rate: float = Field(default=2e-4, gt=0, le=1, description="Learning rate of the tuning.")
    released: Released = Field(default=("hybrid-small",), description="Networks of the package, not tuned.")
    counted: int = Field(
        default=6, ge=1, description="Photographs for which operations are counted, each under a mask of every family."
    )


def _ways(settings: StreamingSettings) -> dict[str, dict[str, Any] | None]:
    """The ways to run a network, by name, as its argument ``streaming``."""
    made: dict[str, dict[str, Any] | None] = {_RATES: None}
    for statistics in STATISTICS:
        for warm_up in settings.warm_ups:
            made[_way(statistics, warm_up)] = {"statistics": statistics, "warm_up": warm_up}
    return made


def _way(statistics: str, warm_up: int) -> str:
    return f"streaming, {statistics}{f', warm-up {warm_up}' if warm_up else ''}"


def trials(settings: StreamingSettings) -> list[Trial]:
    """One training; for each T and way to run it, its weights as they are and tuned, and the operations.

    Raises:
        InputError: The recipe's network cannot stream.
    """
    architecture = settings.training.load().model.architecture
    if architecture != "hybrid":
        raise InputError(
            f"training.recipe is {settings.training.recipe!r}, of the architecture {architecture!r}, which cannot "
            "stream; name one of hybrid, such as hybrid-tiny"
        )
    trained = networks.train("training", settings.training)
    common = {"settings": settings.measuring.model_dump(mode="json"), "pictures": settings.counted}
    made = []
    for steps in settings.time_steps:
        for way, streaming in _ways(settings).items():
            changes = {"steps": steps, "streaming": streaming}
            tuning = variants.changed(
                settings.training,
                *(f"model.arguments.{name}={json.dumps(value)}" for name, value in changes.items()),
                f"optimiser.learning_rate={settings.tuning_rate}",
                steps=settings.tuning_steps,
            )
            tuned = networks.train(f"tuning to {way}, T = {steps}", tuning, start=trained)
            made += [
                measure_rebuilt(f"{way}, T = {steps}", settings.measuring, trained, changes),
                measure(f"{way}, T = {steps}, tuned", settings.measuring, network=tuned),
                Trial(
                    f"operations of {way}, T = {steps}", count_costs, {"network": tuned, "changes": changes, **common}
                ),
            ]
            for name in settings.released:
                network = networks.released(name)
                made.append(measure_rebuilt(f"{name}, {way}, T = {steps}", settings.measuring, network, changes))
    return made


def findings(settings: StreamingSettings, done: Mapping[str, Done]) -> Findings:
    """Streaming against rates, for each T."""
    given = {
        way: {steps: done[f"{way}, T = {steps}"].result for steps in settings.time_steps} for way in _ways(settings)
    }
    tuned = {
        way: {steps: done[f"{way}, T = {steps}, tuned"].result for steps in settings.time_steps}
        for way in _ways(settings)
    }
    costs = {
        way: {steps: done[f"operations of {way}, T = {steps}"].result for steps in settings.time_steps}
        for way in _ways(settings)
    }
    steps = max(settings.time_steps)
    ways = [_way(statistics, settings.warm_ups[0]) for statistics in STATISTICS]
    return Findings(
        answers=[
            Answer(6, _of_quality(given, tuned, costs, ways, steps)),
            Answer(10, _of_costs(costs, ways, steps)),
        ],
        tables=[_table(given, tuned, costs), *(_of_released(settings, done, name) for name in settings.released)],
        plots=[
            Plot("given", "Hole PSNR by the number of time steps T, with the weights as trained.", _by_steps(given)),
            Plot("tuned", "Hole PSNR by the number of time steps T, tuned to each.", _by_steps(tuned)),
            Plot(
                "latency",
                "Hole PSNR of the tuned networks by the time steps until a picture is restored: layers that take rates "
                "wait for one another.",
                _by_latency(tuned, costs),
            ),
        ],
        notes=[
            _STATISTICS,
            f"Trained for {settings.training.steps} steps, with rates; tuned for {settings.tuning_steps}.",
        ],
    )


_ByWay = Mapping[str, Mapping[int, Result]]


def _of_quality(given: _ByWay, tuned: _ByWay, costs: _ByWay, ways: Sequence[str], steps: int) -> str:
    parts = []
    for way in ways:
        untuned, after = _difference(given, way, steps), _difference(tuned, way, steps)
        parts.append(
            f"{way}, {gain(untuned)} with the same weights and {gain(after)} with both tuned, "
            f"{costs[way][steps]['latency']} time steps a picture in place of {costs[_RATES][steps]['latency']}"
        )
    return (
        f"With T = {steps}, hole PSNR of spikes passed on in each step less that of rates, one training and tuning: "
        f"{'; '.join(parts)}."
    )


def _difference(results: _ByWay, way: str, steps: int) -> Mapping[str, float | None]:
    return difference({"streaming": results[way][steps], "rates": results[_RATES][steps]}, "streaming", "rates")


def _of_costs(costs: _ByWay, ways: Sequence[str], steps: int) -> str:
    rates, parts = costs[_RATES][steps], []
    for way in ways:
        adds, products, energy = (
            costs[way][steps][name] / rates[name] for name in ("accumulates", "multiply_accumulates", "estimated_uJ")
        )
        parts.append(
            f"{way}, {adds:.2f} times the accumulates, {products:.2f} times the multiply-accumulates (analog "
            f"normalisation and shortcuts run in every step), an estimated {energy:.2f} times the energy"
        )
    return f"With T = {steps}, streaming against rates: {'; '.join(parts)}."


def _table(given: _ByWay, tuned: _ByWay, costs: _ByWay) -> Table:
    rows = []
    for way, by_steps in given.items():
        for steps, result in by_steps.items():
            cost, against = costs[way][steps], _difference(tuned, way, steps)
            rows.append((
                f"{way}, T = {steps}", cost["latency"], interval(result)["mean"], interval(tuned[way][steps])["mean"],
                *((None,) * 3 if way == _RATES else (against["mean"], against["low"], against["high"])),
                cost["accumulates"] / 1e6, cost["multiply_accumulates"] / 1e6, cost["estimated_uJ"],
            ))  # fmt: skip
    return Table(
        "streaming",
        "Hole PSNR, latency and operations, by the way in which layers pass on what they fire",
        {
            "way": "", "time steps a picture": "d", "as trained, dB": ".2f", "tuned, dB": ".2f",
            "tuned minus rates": "+.2f", "at least": "+.2f", "at most": "+.2f", "accumulates, million": ".1f",
            "multiply-accumulates, million": ".1f", "estimated, µJ": ".1f",
        },
        rows,
    )  # fmt: skip


def _of_released(settings: StreamingSettings, done: Mapping[str, Done], name: str) -> Table:
    rows = []
    for way in _ways(settings):
        for steps in settings.time_steps:
            result, rates = (done[f"{name}, {one}, T = {steps}"].result for one in (way, _RATES))
            against = difference({"streaming": result, "rates": rates}, "streaming", "rates")
            rows.append((
                f"{way}, T = {steps}", interval(result)["mean"],
                *((None,) * 3 if way == _RATES else (against["mean"], against["low"], against["high"])),
            ))  # fmt: skip
    return Table(
        name,
        f"Hole PSNR of {name} as it is",
        {"way": "", "hole PSNR, dB": ".2f", "minus rates": "+.2f", "at least": "+.2f", "at most": "+.2f"},
        rows,
    )


def _by_steps(results: _ByWay) -> Figure:
    found = {way: {float(steps): interval(one) for steps, one in by_steps.items()} for way, by_steps in results.items()}
    return plots.lines(
        {way: {steps: one["mean"] for steps, one in by_steps.items()} for way, by_steps in found.items()},
        "time steps T",
        "hole PSNR, dB",
        bounds={
            way: {steps: bounds for steps, one in by_steps.items() if (bounds := bounds_of(one)) is not None}
            for way, by_steps in found.items()
        },
        doubling=True,
    )


def _by_latency(tuned: _ByWay, costs: _ByWay) -> Figure:
    series = {
        way: {float(costs[way][steps]["latency"]): interval(one)["mean"] for steps, one in by_steps.items()}
        for way, by_steps in tuned.items()
    }
    figure = plots.lines(series, "time steps until a picture is restored", "hole PSNR, dB")
    figure.axes[0].set_xscale("log", base=2)
    figure.axes[0].xaxis.set_major_formatter("{x:g}")
    return figure


EXPERIMENT = Experiment(
    name="streaming",
    title="What does it cost to stream?",
    question="Spiking hardware passes spikes on in each step, where the network here takes rates after T steps. What "
    "does that do to the restoration, with the weights as they are and tuned, to the latency, and to the operations?",
    objections=(6, 10),
    full=StreamingSettings(),
    quick=StreamingSettings(
        training=variants.TOY_HYBRID,
        measuring=TOY_MEASURING,
        time_steps=(2, 4),
        warm_ups=(0,),
        tuning_steps=2,
        counted=1,
    ),
    trials=trials,
    findings=findings,
)
