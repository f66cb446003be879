"""The fixed protocol: which pixels of which photographs are restored, and how figures become one table.

Every method sees the same crops and the same masks, or the same noise, one after the other. What the document holds is
said in `evaluate`; how it is shown is `spikefill.evaluation.report`'s business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spikefill import files, masks
from spikefill.degradation import Degradation, check_holes_alone, check_trained_for
from spikefill.errors import InputError, check_choice
from spikefill.evaluation import bootstrap, metrics, provenance
from spikefill.evaluation.averages import finite, mean_of_each, mean_over_images
from spikefill.evaluation.baselines import BASELINES, DEFAULT_BASELINES, Image
from spikefill.evaluation.damages import damage as damage_by
from spikefill.evaluation.denoisers import DENOISERS
from spikefill.evaluation.measuring import (
    SMALLEST_SIDE,
    Bench,
    Damage,
    Denoiser,
    Method,
    Progress,
    Restorer,
    Size,
    centre_crop,
)

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_FAMILIES = ("thin", "medium", "thick")
DEFAULT_REPEATS = 5
FORMAT_VERSION = 2

_METRICS = {
    "data_range": 1.0,
    "result_bits": 8,
    "flip": {"range": "LDR", "pixels_per_degree": metrics.FLIP_PIXELS_PER_DEGREE},
    "bootstrap": {"level": bootstrap.LEVEL, "resamples": bootstrap.RESAMPLES, "seed": bootstrap.SEED},
    "ssim": {"window": "gaussian", "size": metrics.SSIM_WINDOW, "sigma": metrics.SSIM_SIGMA, "colour": "RGB"},
}


def evaluate(
    model: Restorer | Denoiser | Mapping[str, Restorer | Denoiser] | None,
    photographs: Sequence[Image],
    *,
    degradation: str = "holes",
    name: str = "model",
    size: Size = 128,
    families: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    limit: int | None = None,
    repeats: int | None = None,
    source: str | None = None,
    references: Mapping[str, str | Path] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures models and baselines on the same photographs under the same masks or the same noise.

    From each photograph the centre ``size`` x ``size`` is taken (or all of it), and every mask of
    `spikefill.masks.evaluation` of the photograph's number is laid over it, or the noise of its number is added.
    Nothing is random: the same call gives the same figures, seconds aside.

    Args:
        model: One model, several by name, or None for baselines alone.
        photographs: Sequence of (H, W, 3) uint8; with an attribute ``names`` where they have names.
        degradation: ``"holes"``, or ``"noise:SIGMA"`` (`spikefill.degradation`).
        name: What one model is called in the document.
        size: Side of the centre crop in pixels, at least 32, or "full". A photograph with a shorter side is
            skipped, and ``document["protocol"]["images"]["skipped"]`` says so.
        families: Mask families, of `spikefill.masks.FAMILIES`; None takes `DEFAULT_FAMILIES`. Noise has none.
        baselines: Names out of `spikefill.evaluation.BASELINES`, by default the quick ones of
            `spikefill.evaluation.DEFAULT_BASELINES`; for noise out of `spikefill.evaluation.DENOISERS`, by default
            all. May be empty if there is a model.
        limit: The first so many photographs only.
        repeats: Masks per photograph and family, 1 to 5; None takes `DEFAULT_REPEATS`. Noise is added once.
        source: Where the photographs come from, for the record.
        references: For the record, by model name: the bundled name, file or run folder of each.
        progress: Called with (restorations done, restorations in all).

    Returns:
        A dictionary that JSON can hold: ``results[METHOD][FAMILY]`` with the figures that the definitions in its
        ``protocol`` explain (those that start with ``raw_`` for models only), ``protocol``, and ``images``, the
        same figures a photograph at a time, with the hole PSNR of every mask in ``cases``. A figure is None where
        it is infinite. Of the hole PSNR, further, ``intervals[METHOD][FAMILY]`` and
        ``differences["minus"][METHOD][FAMILY]`` (`spikefill.evaluation.bootstrap`), and the rows of
        ``by_hole_ratio`` and ``by_distance`` (`spikefill.evaluation.hole_ratio` and ``edge_distance``). With noise,
        the degradation stands where a family does, PSNR where hole PSNR does, and the last two are left out.

    Raises:
        InputError: An argument is out of range or goes with holes alone, a model was trained for something else, or
            no photograph is large enough.
    """
    models = _models(model, name)
    suffered = Degradation.parse(degradation)
    for called, one in models.items():
        network = getattr(one, "model", None)
        if hasattr(network, "degradation"):  # others than ours say nothing
            check_trained_for(network, suffered, name=called)
    check_holes_alone(suffered, {"families": families, "repeats": repeats})
    families = DEFAULT_FAMILIES if families is None else families
    repeats = DEFAULT_REPEATS if repeats is None else repeats
    known: Iterable[str] = DENOISERS if suffered.is_noise else BASELINES
    if baselines is None:
        baselines = tuple(known) if suffered.is_noise else DEFAULT_BASELINES
    _check(models, families, baselines, known)
    check_extent(size, limit, repeats)
    methods = _methods(models, baselines)
    damage = damage_by(suffered, families, repeats, methods)
    chosen = range(len(photographs) if limit is None else min(limit, len(photographs)))
    names = list(getattr(photographs, "names", None) or (f"{i}" for i in range(len(photographs))))
    each = len(damage.conditions) * damage.repeats * len(methods)
    bench = Bench(methods, progress, total=len(chosen) * each)

    images: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    pixels, damages = hashlib.sha256(), hashlib.sha256()
    for index in chosen:
        try:
            image = centre_crop(photographs[index], size)
        except (InputError, OSError) as error:  # a file that cannot be decoded is one, too
            skipped.append({"name": names[index], "reason": str(error)})
            bench.total -= each
            continue
        pixels.update(image.tobytes())
        images.append(
            {"index": index, "name": names[index], "height": image.shape[0], "width": image.shape[1]}
            | _measure(bench, damage, image, index, damages)
        )
    if not images:
        raise InputError(_nothing_measured(skipped))

    return {
        "results": {
            method: {condition: mean_over_images(images, method, condition) for condition in damage.conditions}
            for method in methods
        },
        "intervals": bootstrap.intervals(images, methods, damage.conditions, figure=damage.figure),
        "differences": bootstrap.differences(images, list(methods), damage.conditions, figure=damage.figure),
        **damage.further(images),
        "protocol": {
            "format_version": FORMAT_VERSION,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "size": size,
            "crop": "none" if size == "full" else "centre",
            "limit": limit,
            "images": {
                "source": source,
                "names": [image["name"] for image in images],
                "sha256": pixels.hexdigest(),
                "skipped": skipped,
            },
            "degradation": str(suffered),
            **damage.protocol(damages.hexdigest()),
            "models": {
                called: provenance.describe_model(one, (references or {}).get(called)) for called, one in models.items()
            },
            "baselines": list(baselines),
            "metrics": {**_METRICS, "definitions": dict(damage.definitions)},
            "versions": provenance.versions(),
            "machine": provenance.machine(),
        },
        "images": images,
    }


def write_json(document: Mapping[str, Any], path: str | Path, *, overwrite: bool = False) -> None:
    """Writes a document of `evaluate` as JSON (UTF-8, indented), all of it or nothing.

    Raises:
        InputError: ``path`` exists and ``overwrite`` is false, or cannot be written.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    with files.atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _measure(bench: Bench, damage: Damage, image: Image, index: int, damages: Any) -> dict[str, Any]:
    """One photograph under all its damages: the means of each method, and the chief figure of each damage."""
    results: dict[str, dict[str, Any]] = {method: {} for method in bench.methods}
    summaries: list[dict[str, Any]] = []
    for condition in damage.conditions:
        rows = []
        for repeat in range(damage.repeats):
            damaged = damage.of(image, index, condition, repeat)
            figures, restored = bench.measure(damaged)
            damage.add(damaged, restored)
            damages.update(damaged.digest)
            rows.append(figures)
            chief = {method: finite(values[damage.figure]) for method, values in figures.items()}
            summaries.append(damaged.facts | {damage.figure: chief})
        for method, means in results.items():
            means[condition] = mean_of_each([row[method] for row in rows])
    return {"results": results, "cases": summaries}


def _models(
    model: Restorer | Denoiser | Mapping[str, Restorer | Denoiser] | None, name: str
) -> dict[str, Restorer | Denoiser]:
    if model is None:
        return {}
    return dict(model) if isinstance(model, Mapping) else {name: model}


def _methods(models: Mapping[str, Restorer | Denoiser], baselines: Sequence[str]) -> dict[str, Method]:
    methods: dict[str, Method] = dict(models)
    for baseline in baselines:
        if baseline in methods:
            raise InputError(f"name is {baseline!r}, which is also a baseline; name the model otherwise")
        methods[baseline] = baseline
    return methods


def _check(
    models: Mapping[str, object], families: Sequence[str], baselines: Sequence[str], known: Iterable[str]
) -> None:
    """Raises `InputError` unless families and baselines are known, each named once, and there is a method."""
    for argument, values, choices in (("families", families, masks.FAMILIES), ("baselines", baselines, known)):
        for value in values:
            check_choice(argument, value, choices)
        if len(set(values)) < len(values):
            raise InputError(f"{argument} is {', '.join(values)}; each may be named once")
    if not families:
        raise InputError(f"families is empty; name at least one of: {', '.join(masks.FAMILIES)}")
    if not models and not baselines:
        raise InputError("baselines is empty and there is no model; name at least one method to measure")


def check_extent(size: Size, limit: int | None, repeats: int) -> None:
    """Raises `InputError` if what is measured is too small, or no number that there can be."""
    if size != "full" and size < SMALLEST_SIDE:
        raise InputError(f"size is {size}; it must be at least {SMALLEST_SIDE}, or 'full'")
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; it must be at least 1")
    if not 1 <= repeats <= masks.EVALUATION_REPEATS:
        raise InputError(f"repeats is {repeats}; it must be from 1 to {masks.EVALUATION_REPEATS}")


def _nothing_measured(skipped: Sequence[Mapping[str, str]]) -> str:
    if not skipped:
        return "photographs is empty; there is nothing to measure"
    return f"photographs: none of {len(skipped)} could be used ({skipped[0]['name']}: {skipped[0]['reason']})"
