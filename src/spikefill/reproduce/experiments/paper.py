"""The paper's network and training, Table 2 on the same photographs and masks, and Fig. 3."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from spikefill import energy
from spikefill.evaluation import BASELINES
from spikefill.reproduce import networks
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.experiments import paper_tables
from spikefill.reproduce.experiments.false_colours import KINDS, panels_of_photographs
from spikefill.reproduce.experiments.paper_tables import NETWORK, PAPER_TRAINING, PAPER_VALIDATION
from spikefill.reproduce.findings import Answer, Findings, Plot
from spikefill.reproduce.measuring import (
    TOY_MEASURING,
    Baselines,
    MeasuringSettings,
    difference,
    mean_over_families,
    measure,
)
from spikefill.reproduce.networks import TOY_TRAINING, TrainingSettings
from spikefill.reproduce.trials import Context, Done, Result, Trial
from spikefill.reproduce.wording import bounds_of, gain, listed
from spikefill.training.recipe import Settings

_TRAINING, _COLOURS, _ENERGY = "training", "false colours", "energy"


class PaperSettings(Settings):
    """What is trained and compared."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    baselines: Baselines = Field(
        default=tuple(BASELINES), min_length=1, description="What the network is compared with."
    )
    panels: int = Field(default=3, ge=1, le=12, description="Photographs in the figure.")


def trials(settings: PaperSettings) -> list[Trial]:
    """The training, each method on the same masks, the colours of Fig. 3, and the operations."""
    trained = networks.train(_TRAINING, settings.training)
    on = {"network": trained, "settings": settings.measuring.model_dump(mode="json")}
    return [
        measure(NETWORK, settings.measuring, network=trained),
        *(measure(name, settings.measuring, baseline=name) for name in settings.baselines),
        Trial(_COLOURS, panels_of_photographs, {**on, "panels": settings.panels}),
        Trial(_ENERGY, count_operations, on),
    ]


def count_operations(context: Context, *, network: networks.Network, settings: Mapping[str, Any]) -> Result:
    """What the network and its twins would cost: the ``designs`` of `spikefill.energy.measure`, a mask a family."""
    with context.progress("counting operations") as progress:
        document = energy.measure(
            networks.read(network),
            context.val_photographs,
            progress=progress,
            **{name: settings[name] for name in ("size", "families", "limit")},
        )
    return {"designs": document["designs"], "times": {"measured": document["measured"]}}


def findings(settings: PaperSettings, done: Mapping[str, Done]) -> Findings:
    """The tables and plots, and what they say to the objections."""
    training = done[_TRAINING].result
    measured = {name: done[name].result for name in (NETWORK, *settings.baselines)}
    colours = done[_COLOURS]
    return Findings(
        answers=[
            _answer_losses(training),
            _answer_table(measured),
            _answer_regions(measured[NETWORK]),
            _answer_baselines(measured),
            _answer_energy(done[_ENERGY].result["designs"]),
        ],
        tables=[
            paper_tables.losses(training),
            paper_tables.methods(measured),
            paper_tables.regions(measured[NETWORK]),
            paper_tables.colours(colours.result),
            paper_tables.energies(done[_ENERGY].result["designs"]),
        ],
        plots=[
            Plot(
                "losses",
                "Losses in the course of the training, both in evaluation mode.",
                paper_tables.curves(training),
            ),
            Plot(
                "methods",
                "Hole PSNR of every method on the same photographs, by family of masks; black: 95 % intervals.",
                paper_tables.bars(measured, settings.measuring.families),
            ),
            Plot(
                "panels",
                "Fig. 3 on our photographs. Right: what bytes make of an image in [-1, 1], and what a final ReLU "
                "leaves of one.",
                paper_tables.panels(colours),
            ),
        ],
        notes=_notes(colours.result),
    )


def _answer_losses(training: Result) -> Answer:
    train, val = training["train"], training["val"]
    return Answer(
        1,
        f"Measured in the same mode, without noise or augmentation, the loss is {train:.4f} on training and {val:.4f} "
        f"on validation photographs, a ratio of {train / val:.2f}, where the paper's {PAPER_TRAINING} and "
        f"{PAPER_VALIDATION} have one of {PAPER_TRAINING / PAPER_VALIDATION:.1f}; the running loss in training mode "
        f"was {training['running']:.4f}.",
    )


def _answer_table(measured: Mapping[str, Result]) -> Answer:
    errors = {name: _error(result, "mse") for name, result in measured.items()}
    ranked = sorted(errors, key=lambda name: errors[name])
    return Answer(
        2,
        f"On the same {len(measured[NETWORK]['images'])} photographs and masks the paper's network is number "
        f"{ranked.index(NETWORK) + 1} of {len(ranked)} methods by mean squared error ({errors[NETWORK]:.4f}); the "
        f"best is {ranked[0]} ({errors[ranked[0]]:.4f}).",
    )


def _answer_regions(network: Result) -> Answer:
    whole, known, hole = (_error(network, name) for name in ("raw_mse", "raw_mse_known", "mse_hole"))
    by_family = network["results"].values()
    of_known = sum((1 - figures["hole_ratio"]) * _finite(figures["raw_mse_known"]) for figures in by_family)
    return Answer(
        3,
        f"Holes are {_error(network, 'hole_ratio'):.0%} of the image: the mean squared error of the network's own "
        f"output is {whole:.4f} over the whole image, of which known pixels make up about "
        f"{of_known / len(by_family) / whole:.0%}, and {known:.4f} over these. Over the hole of the 8-bit result, in "
        f"which known pixels are put back, it is {hole:.4f}.",
    )


def _answer_baselines(measured: Mapping[str, Result]) -> Answer:
    others = {name: difference(measured, NETWORK, name) for name in measured if name != NETWORK}
    bounds = {name: bounds_of(found) for name, found in others.items()}
    better = [name for name, ends in bounds.items() if ends and ends[0] > 0]
    worse = [name for name, ends in bounds.items() if ends and ends[1] < 0]
    unclear = [name for name in others if name not in better and name not in worse]
    best = min(others, key=lambda name: _finite(others[name]["mean"]))
    ranks = (
        f"By hole PSNR the network is surely better than {listed(better)}, surely worse than {listed(worse)}, and not "
        f"surely different from {listed(unclear)}"
        if any(bounds.values())
        else f"On so few photographs ({len(measured[NETWORK]['images'])}) nothing is sure of the network against the "
        f"{len(others)} baselines"
    )
    return Answer(4, f"{ranks}; its difference in hole PSNR from the best of them, {best}, is {gain(others[best])}.")


def _answer_energy(designs: Mapping[str, Any]) -> Answer:
    spiking, twin = (designs[name]["estimated_uJ"]["arithmetic"] for name in ("spiking, int8", "ReLU twin, int8"))
    return Answer(
        10,
        f"Counted spike by spike, a picture's arithmetic is estimated at {spiking:.1f} µJ with 8-bit weights and at "
        f"{twin:.1f} µJ for the INT8 ReLU twin, {spiking / twin:.3f} times as much; nothing was measured on hardware.",
    )


def _notes(colours: Result) -> list[str]:
    bright, mixed, dark = (colours["kinds"][kind] for kind in KINDS)
    floor = colours["floor"]
    bytes_ = (
        "Fig. 3's test panels are consistent with an image in [-1, 1] turned into bytes: on our photographs "
        f"{_share(mixed['false'])} of the colourful pixels with values on both sides of the middle grey get another "
        f"strongest channel, of those with all values above it {_share(bright['false'])}, and of those below "
        f"{_share(dark['false'])}; the latter's mean level goes from {_level(dark['original'])} to "
        f"{_level(dark['wrapped'])}."
    )
    relu = (
        "Its restored panels are consistent with a final ReLU on such an image: values below the middle grey become "
        f"black. Of our pixels {dark['share']:.0%} have three such values, and {mixed['share']:.0%} one or two."
    )
    losses = (
        f"But after a final ReLU no mean squared error below {floor:.4f} can be reached on our photographs in [-1, 1], "
        f"{floor / PAPER_TRAINING:.1f} times the paper's training loss and {floor / PAPER_VALIDATION:.0f} times its "
        "validation loss."
    )
    return [bytes_, relu, losses]


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"


def _level(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f}"


def _error(result: Result, figure: str) -> float:
    """The mean over families of a figure; what has none counts as the worst."""
    return _finite(mean_over_families(result, figure))


def _finite(value: float | None) -> float:
    return math.inf if value is None else value


EXPERIMENT = Experiment(
    name="paper",
    title="The paper's network, Table 2 and Fig. 3",
    question="What does the paper's network reach when both losses are measured in the same mode and every method "
    "restores the same photographs under the same masks? How can the false colours of Fig. 3 come about?",
    objections=(1, 2, 3, 4, 10),
    full=PaperSettings(),
    quick=PaperSettings(
        training=TOY_TRAINING,
        measuring=TOY_MEASURING,
        baselines=tuple(name for name in BASELINES if name not in ("frequency-selective-best", "shift-map")),
        panels=2,
    ),
    trials=trials,
    findings=findings,
)
