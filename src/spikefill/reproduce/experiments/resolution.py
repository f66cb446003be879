"""Training at one resolution and restoring at another: the same pictures, reduced to several sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from spikefill.evaluation import BASELINES, SMALLEST_SIDE
from spikefill.reproduce import networks, plots
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.experiments.reduced import measure_reduced
from spikefill.reproduce.findings import Findings, Plot, Table
from spikefill.reproduce.measuring import TOY_MEASURING, MeasuringSettings, difference, interval
from spikefill.reproduce.networks import TOY_TRAINING, TrainingSettings
from spikefill.reproduce.settings import one_of, unique
from spikefill.reproduce.trials import Done, Result, Trial
from spikefill.reproduce.wording import bounds_of, gain
from spikefill.training.recipe import Settings


class ResolutionSettings(Settings):
    """The sizes; ``measuring.size`` is not looked at."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    trained: Annotated[tuple[Annotated[int, Field(ge=16, le=1024)], ...], AfterValidator(unique)] = Field(
        default=(64, 128), min_length=2, description="Sides of training samples, in pixels."
    )
    tested: Annotated[tuple[Annotated[int, Field(ge=SMALLEST_SIDE)], ...], AfterValidator(unique)] = Field(
        default=(128, 256, 512), min_length=1, description="Sides of the pictures restored, in pixels, from 32 on."
    )
    baseline: Annotated[str, one_of(BASELINES)] = Field(
        default="pull-push", description="What learns nothing, at each size."
    )


def trials(settings: ResolutionSettings) -> list[Trial]:
    """A training at each size, and each of them and the baseline at each size of picture."""
    methods: dict[str, Mapping[str, Any]] = {settings.baseline: {"network": None, "baseline": settings.baseline}}
    for size in settings.trained:
        training = settings.training.model_copy(update={"changes": (*settings.training.changes, f"data.size={size}")})
        methods[_at(size)] = {"network": networks.train(f"training at {size} px", training), "baseline": None}
    common = {"sizes": list(settings.tested), "settings": settings.measuring.model_dump(mode="json")}
    return [
        Trial(_tested(name, size), measure_reduced, {**method, "size": size, **common})
        for name, method in methods.items()
        for size in settings.tested
    ]


def findings(settings: ResolutionSettings, done: Mapping[str, Done]) -> Findings:
    """Hole PSNR by both sizes."""
    names = [*map(_at, settings.trained), settings.baseline]
    found = {size: {name: done[_tested(name, size)].result for name in names} for size in settings.tested}
    measured = {size: by_name for size, by_name in found.items() if all(by_name.values())}
    left_out = [f"{size}" for size in settings.tested if size not in measured]
    smallest, largest = _at(min(settings.trained)), _at(max(settings.trained))
    notes = [
        f"At {size} px, {largest} minus {smallest}, one training of each: {gain(found)}."
        for size, by_name in measured.items()
        for found in [difference(by_name, largest, smallest)]
    ]
    seen = (min(settings.trained) / max(settings.trained)) ** 2
    notes.append(f"Both in as many training steps: the network {smallest} saw {seen:.0%} of the other's pixels.")
    if left_out:
        notes.append(f"No validation photograph is as large as {', '.join(left_out)} px.")
    return Findings(
        answers=[],
        tables=[_table(measured, names)],
        plots=[
            Plot(
                "resolution",
                "Hole PSNR by the size of the picture, the same pictures and holes at each, enlarged with it; lines: "
                "95 % intervals.",
                _plot(measured, names),
            )
        ],
        notes=notes,
    )


def _at(size: int) -> str:
    return f"trained at {size} px"


def _tested(name: str, size: int) -> str:
    return f"{name}, restoring {size} px"


def _table(measured: Mapping[int, Mapping[str, Result]], names: Sequence[str]) -> Table:
    columns: dict[str, str] = {"picture, px": "", "photographs": "d"}
    for name in names:
        columns |= {name: ".2f", f"{name}, from": ".2f", f"{name}, to": ".2f"}
    rows = []
    for size, by_name in measured.items():
        own = [interval(by_name[name]) for name in names]
        cells = [one[end] for one in own for end in ("mean", "low", "high")]
        rows.append((f"{size}", len(by_name[names[0]]["images"]), *cells))
    return Table("resolution", "Hole PSNR by the size of the picture, dB", columns, rows)


def _plot(measured: Mapping[int, Mapping[str, Result]], names: Sequence[str]) -> Any:
    own = {name: {float(size): interval(by_name[name]) for size, by_name in measured.items()} for name in names}
    means = {name: {size: one["mean"] for size, one in by_size.items()} for name, by_size in own.items()}
    bounds = {
        name: {size: ends for size, one in by_size.items() if (ends := bounds_of(one))} for name, by_size in own.items()
    }
    return plots.lines(means, "side of the picture, px", "hole PSNR, dB", bounds=bounds, doubling=True)


EXPERIMENT = Experiment(
    name="resolution",
    title="Trained at one size, used at another",
    question="What does a network restore of pictures that are larger than its training samples?",
    objections=(),
    full=ResolutionSettings(),
    quick=ResolutionSettings(training=TOY_TRAINING, measuring=TOY_MEASURING, trained=(32, 48), tested=(48, 96, 512)),
    trials=trials,
    findings=findings,
)
