"""Measuring in experiments: the fixed protocol of `spikefill.evaluation`, a method at a time, as trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from spikefill import evaluation, masks, models
from spikefill.evaluation import bootstrap
from spikefill.evaluation.hole_ratio import by_hole_ratio
from spikefill.reproduce import networks
from spikefill.reproduce.settings import each_of
from spikefill.reproduce.trials import Context, Result, Trial
from spikefill.training.recipe import Settings

if TYPE_CHECKING:
    from spikefill.evaluation import Restorer
    from spikefill.evaluation.baselines import Image
    from spikefill.evaluation.bootstrap import Interval

FEWEST_PHOTOGRAPHS = 8
"""With fewer there are no intervals: those of the bootstrap would be far too narrow, and call chance sure."""

_METHOD = "method"


Families = Annotated[tuple[str, ...], each_of("family", masks.FAMILIES)]
"""Settings that name families of masks."""
Baselines = Annotated[tuple[str, ...], each_of("baseline", evaluation.BASELINES)]
"""Settings that name baselines."""
Released = Annotated[tuple[str, ...], each_of("network", models.BUNDLED)]
"""Settings that name networks of the package."""


class MeasuringSettings(Settings):
    """On what an experiment measures, of the validation photographs."""

    size: int = Field(default=128, ge=evaluation.SMALLEST_SIDE, description="Side of the centre crops, in pixels.")
    families: Families = Field(
        default=evaluation.DEFAULT_FAMILIES, min_length=1, description="Families of the fixed masks."
    )
    repeats: int = Field(
        default=evaluation.DEFAULT_REPEATS,
        ge=1,
        le=evaluation.DEFAULT_REPEATS,
        description="Masks of each family for every photograph.",
    )
    limit: int | None = Field(default=None, ge=1, description="Only the first so many photographs; null: all.")


TOY_MEASURING = MeasuringSettings(size=48, repeats=1)
"""On what quick experiments measure."""


def measure(
    name: str,
    settings: MeasuringSettings,
    *,
    network: Trial | Mapping[str, str] | None = None,
    time_steps: int | None = None,
    baseline: str | None = None,
) -> Trial:
    """A trial that measures one method: what `spikefill.evaluation.evaluate` gives of it, but for times.

    Args:
        name: Of the trial, and the method's in `merged`.
        settings: On what.
        network: A training, or `networks.released`.
        time_steps: T of the network; None for its own.
        baseline: A name out of `spikefill.evaluation.BASELINES`, in place of a network.
    """
    inputs: dict[str, Any] = {"network": network, "time_steps": time_steps, "baseline": baseline}
    return Trial(name, evaluate_method, {**inputs, "settings": settings.model_dump(mode="json")})


def evaluate_method(
    context: Context,
    *,
    network: networks.Network | None,
    time_steps: int | None,
    baseline: str | None,
    settings: Mapping[str, Any],
) -> Result:
    """Evaluates one method; its seconds are the result's times."""
    method = str(baseline) if network is None else networks.inpainter(context, network, time_steps=time_steps)
    return evaluate_on(context, context.val_photographs, method, settings)


def evaluate_on(
    context: Context, photographs: Sequence[Image], method: Restorer | str, settings: Mapping[str, Any]
) -> Result:
    """What `evaluate_method` gives, on any photographs: for trials that prepare these themselves.

    Args:
        context: Shows the progress.
        photographs: As for `spikefill.evaluation.evaluate`.
        method: A network's inpainter, or the name of a baseline.
        settings: The fields of `MeasuringSettings`.
    """
    baselines, models = ([method], None) if isinstance(method, str) else ([], {_METHOD: method})
    name = method if isinstance(method, str) else _METHOD
    with context.progress("restoring") as progress:
        document = evaluation.evaluate(models, photographs, baselines=baselines, progress=progress, **settings)
    seconds = {family: figures.pop("seconds") for family, figures in document["results"][name].items()}
    return {
        "results": document["results"][name],
        "by_distance": [{**band, "psnr": band["psnr"][name]} for band in document["by_distance"]],
        "images": [_of_image(image, name) for image in document["images"]],
        "photographs": document["protocol"]["images"]["sha256"],
        "skipped": document["protocol"]["images"]["skipped"],
        "masks": document["protocol"]["masks"]["sha256"],
        "times": {"restoration": seconds},
    }


def merged(measured: Mapping[str, Result]) -> list[dict[str, Any]]:
    """The photographs with all methods side by side, as `evaluate` gives them: for intervals and tables.

    Args:
        measured: Results of `measure` by method; all of the same settings.
    """
    first = next(iter(measured.values()))
    return [
        {
            "name": image["name"],
            "results": {method: result["images"][number]["results"] for method, result in measured.items()},
            "cases": [
                {
                    **case,
                    "psnr_hole": {
                        method: result["images"][number]["cases"][place]["psnr_hole"]
                        for method, result in measured.items()
                    },
                }
                for place, case in enumerate(image["cases"])
            ],
        }
        for number, image in enumerate(first["images"])
    ]


def hole_ratio_rows(measured: Mapping[str, Result]) -> list[dict[str, Any]]:
    """`spikefill.evaluation.hole_ratio.by_hole_ratio` of methods measured one at a time."""
    return by_hole_ratio(merged(measured))


def mean_over_families(result: Result, figure: str) -> float | None:
    """The mean over families of one figure of a method; None where one of them is."""
    values = [figures[figure] for figures in result["results"].values()]
    return None if None in values else sum(values) / len(values)


def difference(measured: Mapping[str, Result], first: str, second: str) -> Interval:
    """By how much the hole PSNR of one method, the mean over families, is higher than another's.

    The difference is paired, and so is its 95 % interval: photograph by photograph (`spikefill.evaluation.bootstrap`).
    It has no bounds with fewer than `FEWEST_PHOTOGRAPHS`.
    """
    pairs = zip(_hole_psnr(measured[first]), _hole_psnr(measured[second]), strict=True)
    return _interval([a - b for a, b in pairs])


def interval(result: Result, family: str | None = None) -> Interval:
    """The mean hole PSNR of a method over photographs, of one family or of all, with its 95 % interval.

    It has no bounds with fewer than `FEWEST_PHOTOGRAPHS`.
    """
    return _interval(_hole_psnr(result, family))


def _interval(values: Sequence[float]) -> Interval:
    found = bootstrap.interval(values)
    return found if len(values) >= FEWEST_PHOTOGRAPHS else {"mean": found["mean"], "low": None, "high": None}


def _hole_psnr(result: Result, family: str | None = None) -> Sequence[float]:
    """Of each photograph, the mean over the families that are asked for; NaN where it is infinite."""
    return [
        sum(float("nan") if (value := figures["psnr_hole"]) is None else value for figures in by_family.values())
        / len(by_family)
        for image in result["images"]
        for by_family in [image["results"] if family is None else {family: image["results"][family]}]
    ]


def _of_image(image: Mapping[str, Any], method: str) -> dict[str, Any]:
    """A photograph's figures of the one method."""
    return {
        "name": image["name"],
        "results": {
            family: {name: value for name, value in figures.items() if name != "seconds"}
            for family, figures in image["results"][method].items()
        },
        "cases": [{**case, "psnr_hole": case["psnr_hole"][method]} for case in image["cases"]],
    }
