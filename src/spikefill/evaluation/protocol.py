"""The fixed protocol: which pixels of which photographs are restored, and how figures become one table.

Every method sees the same crops and the same masks, one after the other. What the document holds is said in
`evaluate`; how it is shown is `spikefill.evaluation.report`'s business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefill import files, masks
from spikefill.errors import InputError, check_choice
from spikefill.evaluation import bootstrap, metrics, provenance
from spikefill.evaluation.averages import mean_of_each, mean_over_images
from spikefill.evaluation.baselines import BASELINES, DEFAULT_BASELINES, Image
from spikefill.evaluation.hole_ratio import by_hole_ratio
from spikefill.evaluation.measuring import SMALLEST_SIDE, Bench, Progress, Restorer, Size, centre_crop

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_FAMILIES = ("thin", "medium", "thick")
DEFAULT_REPEATS = 5
FORMAT_VERSION = 2

DEFINITIONS = {
    "psnr_hole": "PSNR over the hole of the 8-bit result in dB: mean over the masks of a photograph, "
    "then over photographs",
    "psnr": "PSNR over the whole 8-bit result in dB, averaged in the same way",
    "mse_hole": "mean squared error over the hole of the 8-bit result, in [0, 1], averaged in the same way",
    "mse": "mean squared error over the whole 8-bit result, in [0, 1], averaged in the same way",
    "ssim": "SSIM of the whole 8-bit result, averaged in the same way",
    "flip": "mean of the FLIP error map of the whole 8-bit result, in [0, 1], averaged in the same way; null without "
    "flip-evaluator",
    "hole_ratio": "part of the pixels that is hole, averaged in the same way",
    "n": "number of photographs",
    "seconds": "mean seconds of one restoration, after one that is not counted",
    "raw_mse_known": "mean squared error over the known pixels of the model's own output, before rounding, "
    "clipping and putting the known pixels back",
    "raw_psnr_known": "PSNR over the known pixels of the same output in dB",
    "raw_mse": "mean squared error over all pixels of the same output, as a loss over the whole image has it",
    "intervals": "95 % interval of the mean hole PSNR of a method: the middle of its percentile bootstrap over "
    "photographs",
    "differences": "the same of the mean difference in hole PSNR between the first method and another on the same "
    "photographs",
    "by_hole_ratio": "mean hole PSNR over the masks of all families whose hole ratio is over one bound, up to another",
    "by_distance": "PSNR over all pixels of all holes whose distance in pixels to the nearest known one is in a band",
    "null": "a figure that is infinite (or, of a raw output, not a number) for at least one mask",
}
"""What each figure of the document means; part of every document."""

_METRICS = {
    "data_range": 1.0,
    "result_bits": 8,
    "flip": {"range": "LDR", "pixels_per_degree": metrics.FLIP_PIXELS_PER_DEGREE},
    "bootstrap": {"level": bootstrap.LEVEL, "resamples": bootstrap.RESAMPLES, "seed": bootstrap.SEED},
    "ssim": {"window": "gaussian", "size": metrics.SSIM_WINDOW, "sigma": metrics.SSIM_SIGMA, "colour": "RGB"},
    "definitions": DEFINITIONS,
}


def evaluate(
    inpainter: Restorer | Mapping[str, Restorer] | None,
    photographs: Sequence[Image],
    *,
    name: str = "model",
    size: Size = 128,
    families: Sequence[str] = DEFAULT_FAMILIES,
    baselines: Sequence[str] = DEFAULT_BASELINES,
    limit: int | None = None,
    repeats: int = DEFAULT_REPEATS,
    source: str | None = None,
    references: Mapping[str, str | Path] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures models and baselines on the same photographs and masks.

    From each photograph the centre ``size`` x ``size`` is taken (or all of it), and every mask of
    `spikefill.masks.evaluation` of the photograph's number is laid over it. Nothing is random: the same call
    gives the same figures, seconds aside.

    Args:
        inpainter: One model, several by name, or None for baselines alone.
        photographs: Sequence of (H, W, 3) uint8; with an attribute ``names`` where they have names.
        name: What one model is called in the document.
        size: Side of the centre crop in pixels, at least 32, or "full". A photograph with a shorter side is
            skipped, and ``document["protocol"]["images"]["skipped"]`` says so.
        families: Mask families, of `spikefill.masks.FAMILIES`.
        baselines: Names out of `spikefill.evaluation.BASELINES`, by default the quick ones of
            `spikefill.evaluation.DEFAULT_BASELINES`; may be empty if there is a model.
        limit: The first so many photographs only.
        repeats: Masks per photograph and family, 1 to 5.
        source: Where the photographs come from, for the record.
        references: For the record, by model name: the bundled name, file or run folder of each.
        progress: Called with (restorations done, restorations in all).

    Returns:
        A dictionary that JSON can hold: ``results[METHOD][FAMILY]`` with the figures that `DEFINITIONS`
        explains (those that start with ``raw_`` for models only), ``protocol``, and ``images``, the same
        figures a photograph at a time, with the hole PSNR of every mask in ``cases``. A figure is None where
        it is infinite. Of the hole PSNR, further, ``intervals[METHOD][FAMILY]`` and
        ``differences["minus"][METHOD][FAMILY]`` (`spikefill.evaluation.bootstrap`), and the rows of
        ``by_hole_ratio`` and ``by_distance`` (`spikefill.evaluation.hole_ratio` and ``edge_distance``).

    Raises:
        InputError: An argument is out of range, or no photograph is large enough.
    """
    models = _models(inpainter, name)
    _check(models, families, baselines, size=size, limit=limit, repeats=repeats)
    methods = _methods(models, baselines)
    chosen = range(len(photographs) if limit is None else min(limit, len(photographs)))
    names = list(getattr(photographs, "names", None) or (f"{i}" for i in range(len(photographs))))
    each = len(families) * repeats * len(methods)
    bench = Bench(methods, progress, total=len(chosen) * each)

    images: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    pixels, holes = hashlib.sha256(), hashlib.sha256()
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
            | _measure(bench, image, index, families, repeats, holes)
        )
    if not images:
        raise InputError(_nothing_measured(skipped))

    return {
        "results": {
            method: {family: mean_over_images(images, method, family) for family in families} for method in methods
        },
        "intervals": bootstrap.intervals(images, methods, families),
        "differences": bootstrap.differences(images, list(methods), families),
        "by_hole_ratio": by_hole_ratio(images),
        "by_distance": bench.edge_distance.rows(),
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
            "masks": {"families": list(families), "repeats": repeats, "sha256": holes.hexdigest()},
            "models": {
                model: provenance.describe_model(restorer, (references or {}).get(model))
                for model, restorer in models.items()
            },
            "baselines": list(baselines),
            "metrics": _METRICS,
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


def _measure(
    bench: Bench, image: Image, index: int, families: Sequence[str], repeats: int, holes: Any
) -> dict[str, Any]:
    """One photograph under all its masks: the means of each method, and every mask's hole PSNR."""
    results: dict[str, dict[str, Any]] = {method: {} for method in bench.methods}
    summaries: list[dict[str, Any]] = []
    for family in families:
        cases = []
        for repeat in range(repeats):
            case, mask = bench.measure(image, index, family, repeat)
            holes.update(np.packbits(mask).tobytes())
            cases.append(case)
            summaries.append(case.summary())
        for method, figures in results.items():
            figures[family] = mean_of_each([case.figures[method] for case in cases])
    return {"results": results, "cases": summaries}


def _models(inpainter: Restorer | Mapping[str, Restorer] | None, name: str) -> dict[str, Restorer]:
    if inpainter is None:
        return {}
    return dict(inpainter) if isinstance(inpainter, Mapping) else {name: inpainter}


def _methods(models: Mapping[str, Restorer], baselines: Sequence[str]) -> dict[str, Restorer | str]:
    methods: dict[str, Restorer | str] = dict(models)
    for baseline in baselines:
        if baseline in methods:
            raise InputError(f"name is {baseline!r}, which is also a baseline; name the model otherwise")
        methods[baseline] = baseline
    return methods


def _check(
    models: Mapping[str, Restorer],
    families: Sequence[str],
    baselines: Sequence[str],
    *,
    size: Size,
    limit: int | None,
    repeats: int,
) -> None:
    for argument, values, choices in (
        ("families", families, masks.FAMILIES),
        ("baselines", baselines, BASELINES),
    ):
        for value in values:
            check_choice(argument, value, choices)
        if len(set(values)) < len(values):
            raise InputError(f"{argument} is {', '.join(values)}; each may be named once")
    if not families:
        raise InputError(f"families is empty; name at least one of: {', '.join(masks.FAMILIES)}")
    if not models and not baselines:
        raise InputError("baselines is empty and there is no model; name at least one method to measure")
    check_extent(size, limit, repeats)


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
