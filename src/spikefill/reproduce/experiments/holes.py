"""How restorations depend on the hole: its share of the image, the distance to its edge, its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from spikefill import masks, models
from spikefill.errors import InputError
from spikefill.reproduce import networks, plots
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.experiments.view_distance import measure_distances
from spikefill.reproduce.findings import Answer, Findings, Plot, Table
from spikefill.reproduce.measuring import (
    TOY_MEASURING,
    Baselines,
    Families,
    MeasuringSettings,
    Released,
    difference,
    hole_ratio_rows,
    interval,
    measure,
)
from spikefill.reproduce.networks import TOY_TRAINING, TrainingSettings
from spikefill.reproduce.trials import Done, Result, Trial
from spikefill.reproduce.wording import decibels, gain
from spikefill.training import load_recipe
from spikefill.training.recipe import Settings

_TRAINING, _NETWORK = "training", "network"

HELD_OUT = ("boxes", "scratches", "blocks")
"""Kinds of holes on which no recipe trains, of the package's networks neither."""

IRREGULAR = tuple(family for family in masks.FAMILIES if family.startswith("irregular-"))
"""Those whose hole ratios cover 1 to 60 % evenly."""


class HolesSettings(Settings):
    """On which holes what is measured; the recipe of ``training`` says on which it was trained."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    held_out: Families = Field(default=HELD_OUT, min_length=1, description="Families that are not trained on.")
    ratios: Families = Field(default=IRREGULAR, min_length=1, description="Families for the hole ratio.")
    baselines: Baselines = Field(default=("mean", "telea", "pull-push"), min_length=1, description="Classical methods.")
    released: Released = Field(default=("hybrid-small",), description="Further networks, with a wider view.")
    distance: int = Field(default=24, ge=7, le=128, description="The largest distance to the edge, in pixels.")


def trials(settings: HolesSettings) -> list[Trial]:
    """The training, and each method on trained, held-out and irregular families, and by distance.

    Raises:
        InputError: A family is not held out: a network was trained on it.
    """
    _check_held_out(settings)
    trained = networks.train(_TRAINING, settings.training)
    sources: dict[str, Any] = {_NETWORK: trained, **{name: networks.released(name) for name in settings.released}}
    methods: dict[str, dict[str, Any]] = {
        **{name: {"network": source, "baseline": None} for name, source in sources.items()},
        **{name: {"network": None, "baseline": name} for name in settings.baselines},
    }
    on = settings.measuring
    made = []
    for name, method in methods.items():
        made += [
            measure(f"{name}, {part}", on.model_copy(update={"families": families}), **method)
            for part, families in (
                ("trained on", on.families), ("held out", settings.held_out), ("hole ratio", settings.ratios)
            )
        ]  # fmt: skip
        inputs = {**method, "settings": on.model_dump(mode="json"), "largest": settings.distance}
        made.append(Trial(f"{name}, distance", measure_distances, inputs))
    return made


def _check_held_out(settings: HolesSettings) -> None:
    recipes = {_NETWORK: settings.training.load()}
    recipes |= {name: load_recipe(models.read_header(models.find(name))["recipe"]) for name in settings.released}
    for name, recipe in recipes.items():
        for family in settings.held_out:
            if family in recipe.data.families:
                raise InputError(f"held_out has {family!r}, on which {name} was trained by the recipe {recipe.name}")


def findings(settings: HolesSettings, done: Mapping[str, Done]) -> Findings:
    """Tables and plots of the three questions."""
    methods = [_NETWORK, *settings.released, *settings.baselines]
    trained, held_out, ratio, distance = (
        {name: done[f"{name}, {part}"].result for name in methods}
        for part in ("trained on", "held out", "hole ratio", "distance")
    )
    ratios = [row for row in hole_ratio_rows(ratio) if row["over"] is not None]
    return Findings(
        answers=[_answer_ratio(ratios), _answer_distance(distance, settings.baselines[0])],
        tables=[_family_table(settings, trained, held_out), _ratio_table(ratios), _distance_table(distance)],
        plots=[
            Plot("ratio", "Hole PSNR against the share of the image that is hole.", _ratio_plot(ratios, methods)),
            Plot(
                "distance",
                "PSNR by distance to the nearest known pixel; a dotted line where the network's view ends.",
                _distance_plot(distance),
            ),
        ],
        notes=[_note_held_out(settings, trained, held_out)],
    )


def _answer_ratio(ratios: list[dict[str, Any]]) -> Answer:
    first, last = ratios[0], ratios[-1]
    return Answer(
        3,
        "By hole ratio: the network's hole PSNR is "
        f"{decibels(first['psnr_hole'][_NETWORK])} where {first['hole_ratio']:.0%} of the image is hole and "
        f"{decibels(last['psnr_hole'][_NETWORK])} where it is {last['hole_ratio']:.0%}.",
    )


def _answer_distance(distance: Mapping[str, Result], baseline: str) -> Answer:
    network = distance[_NETWORK]
    view, largest = network["view"], len(network["psnr"])
    far = largest if view is None else min(view + 1, largest)
    if network["spread"] is None:
        beyond = "no pixel of these holes has a view that is all hole"
    else:
        beyond = (
            f"at {network['blind']:,} pixels whose view of {2 * view + 1} x {2 * view + 1} is all hole, in whatever "
            f"photograph, its output differs by at most {network['spread']:.3g} of 255 levels"
        )
    return Answer(
        7,
        f"The network's PSNR is {decibels(network['psnr'][0])} next to a known pixel and "
        f"{decibels(network['psnr'][far - 1])} at {far} px from one, where {baseline} has "
        f"{decibels(distance[baseline]['psnr'][far - 1])}; {beyond}.",
    )


def _note_held_out(settings: HolesSettings, trained: Mapping[str, Result], held_out: Mapping[str, Result]) -> str:
    baseline = settings.baselines[-1]
    on, off = (gain(difference(part, _NETWORK, baseline)) for part in (trained, held_out))
    return (
        f"Against {baseline}, which learns nothing, the network's hole PSNR differs by {on} on the families of its "
        f"training and by {off} on those held out."
    )


def _family_table(settings: HolesSettings, trained: Mapping[str, Result], held_out: Mapping[str, Result]) -> Table:
    parts = (("trained on", trained, settings.measuring.families), ("held out", held_out, settings.held_out))
    rows = []
    for part, measured, families in parts:
        for family in families:
            values = [measured[name]["results"][family]["psnr_hole"] for name in measured]
            ratio = measured[_NETWORK]["results"][family]["hole_ratio"]
            rows.append((f"{family} ({part})", ratio, *values))
        means = [interval(result)["mean"] for result in measured.values()]
        rows.append((f"all {part}", None, *means))
    return Table(
        "families",
        "Hole PSNR by family of masks, dB",
        {"masks": "", "hole ratio": ".3f", **dict.fromkeys(trained, ".2f")},
        rows,
    )


def _ratio_table(ratios: list[dict[str, Any]]) -> Table:
    return Table(
        "ratio",
        "Hole PSNR by hole ratio, dB",
        {"hole ratio": "", "masks": "d", **dict.fromkeys(ratios[0]["psnr_hole"], ".2f")},
        [(f"{row['over']:.0%} to {row['up_to']:.0%}", row["cases"], *row["psnr_hole"].values()) for row in ratios],
    )


def _distance_table(distance: Mapping[str, Result]) -> Table:
    pixels = distance[_NETWORK]["pixels"]
    return Table(
        "distance",
        "PSNR by distance to the nearest known pixel (the larger of the horizontal and the vertical), dB",
        {"distance, px": "", "pixels": ",d", **dict.fromkeys(distance, ".2f")},
        [
            (f"{place + 1}", count, *(result["psnr"][place] for result in distance.values()))
            for place, count in enumerate(pixels)
            if count
        ],
    )


def _ratio_plot(ratios: list[dict[str, Any]], methods: list[str]) -> Any:
    series = {name: {100 * row["hole_ratio"]: row["psnr_hole"][name] for row in ratios} for name in methods}
    return plots.lines(series, "hole, % of the image", "hole PSNR, dB")


def _distance_plot(distance: Mapping[str, Result]) -> Any:
    series = {
        name: {float(place): value for place, value in enumerate(result["psnr"], 1)}
        for name, result in distance.items()
    }
    figure = plots.lines(series, "distance to the nearest known pixel, px", "PSNR, dB")
    view = distance[_NETWORK]["view"]
    if view is not None and view < len(distance[_NETWORK]["psnr"]):
        figure.axes[0].axvline(view + 0.5, color="black", linewidth=1, linestyle=":")
    return figure


EXPERIMENT = Experiment(
    name="holes",
    title="Restorations by hole",
    question="How does the hole PSNR depend on the share of the image that is hole, on the distance to its edge, and "
    "on whether holes of the kind were trained on?",
    objections=(3, 7),
    full=HolesSettings(),
    quick=HolesSettings(
        training=TOY_TRAINING,
        measuring=TOY_MEASURING.model_copy(update={"families": ("thin", "thick"), "size": 64}),
        held_out=("text", "blobs"),
        ratios=("irregular-10-20", "irregular-40-50"),
        baselines=("mean", "pull-push"),
        released=(),
        distance=12,
    ),
    trials=trials,
    findings=findings,
)
