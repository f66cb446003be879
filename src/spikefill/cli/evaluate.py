"""``spikefill evaluate``: measures models and baselines on the same photographs under the same masks or noise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikefill.cli import console
from spikefill.cli.choices import at_least_one, crop_side, listed
from spikefill.cli.left_out import LeftOut
from spikefill.degradation import Degradation, check_holes_alone
from spikefill.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NONE = "none"
_ALL = "all"


def evaluate(
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE|RUN_DIR",
            help="What to measure; may be given several times; 'none' measures the baselines alone. "
            "SPIKEFILL_MODEL sets it, too.",
            show_default="the default model",
        ),
    ] = None,
    images: Annotated[
        str,
        typer.Option(
            metavar="DIR|embedded",
            help="A folder of photographs, or 'embedded': those two of the embedded photographs that are "
            "kept from training.",
        ),
    ] = "embedded",
    degradation: Annotated[
        str,
        typer.Option(
            metavar="holes|noise:SIGMA", help="What to restore: holes, or white noise of SIGMA of 255 grey levels."
        ),
    ] = "holes",
    size: Annotated[
        str,
        typer.Option(metavar="N|full", help="Measure the central N x N pixels, or each photograph whole."),
    ] = "128",
    masks: Annotated[
        str | None,
        typer.Option(
            metavar="FAMILY,...",
            help="Families of masks, separated by commas; not with noise.",
            show_default="thin,medium,thick",
        ),
    ] = None,
    baselines: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...|all|none",
            help="What to compare with, separated by commas. 'all' adds pull-push, and those that take seconds to "
            "minutes for a photograph: biharmonic, frequency-selective, frequency-selective-best, shift-map. Of noise "
            "there are identity, total-variation, nl-means and nl-means-opencv, by default all.",
            show_default="identity,mean,telea,navier-stokes",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Only the first N photographs.", show_default="all")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Masks of each family for every photograph, 1 to 5; not with noise.", show_default="5"
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write every figure and the protocol as JSON."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a page with tables, plots and pictures, DIR/index.html."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where models run: cpu, cuda, ...", envvar="SPIKEFILL_DEVICE")
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(help="Of models: fast, or best, the mean of eight passes; not with noise.", show_default="fast"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> int:
    """Measure models and baselines on the same photographs under the same masks, or the same noise.

    Prints hole PSNR and SSIM by method and family of masks; under noise PSNR and SSIM of the whole. Exit code 1 if
    photographs had to be skipped.
    """
    from spikefill import data, files
    from spikefill import masks as mask_families

    evaluation = _evaluation()
    suffered = Degradation.parse(degradation)
    check_holes_alone(suffered, {"--masks": masks, "--repeats": repeats, "--quality": quality})
    families = None if masks is None else listed("--masks", masks, mask_families.FAMILIES)
    known, usual = evaluation.BASELINES, evaluation.DEFAULT_BASELINES
    if suffered.is_noise:
        known = usual = evaluation.DENOISERS
    compared = list(usual) if baselines is None else _baselines(baselines, known)
    side = crop_side(size, evaluation.SMALLEST_SIDE)
    at_least_one("--limit", limit)
    at_least_one("--repeats", repeats)
    if json_file is not None:
        files.refuse_existing(json_file, overwrite=overwrite)
    if report is not None:
        if report.exists() and not report.is_dir():
            raise InputError(f"--report is {report}, a file; name a folder")
        files.refuse_existing(report / evaluation.PAGE, overwrite=overwrite)

    left_out = LeftOut()
    models, references = _load_models(model, compared, suffered, device, quality)
    photographs = data.open_photographs(images, part="val", on_problem=left_out.unreadable)
    if photographs.greyscale:
        console.note(f"{len(photographs.greyscale)} photographs are greyscale: measured as RGB of equal channels")
    with console.progress() as bar:
        task = bar.add_task("restoring", total=None)
        document = evaluation.evaluate(
            models,
            photographs,
            degradation=degradation,
            size=side,
            families=families,
            baselines=compared,
            limit=limit,
            repeats=repeats,
            source=images,
            references=references,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )

    print_table(document)
    if json_file is not None:
        evaluation.write_json(document, json_file, overwrite=overwrite)
        console.note(f"figures: {json_file}")
    if report is not None:
        cases = evaluation.render_cases(document, photographs, models)
        page = evaluation.write_report(document, report, cases=cases, overwrite=overwrite)
        console.note(f"report: {page}")
    if not evaluation.measures_flip():
        console.note(evaluation.FLIP_MISSING)
    return left_out.exit_code(document)


def _evaluation() -> Any:
    try:
        from spikefill import evaluation
    except ModuleNotFoundError as error:
        raise InputError(f"evaluate needs {error.name}; install it with: pip install 'spikefill[eval]'") from error
    return evaluation


def _load_models(
    references: Sequence[str] | None,
    baselines: Sequence[str],
    degradation: Degradation,
    device: str | None,
    quality: str | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """The inpainters or denoisers and what they were loaded from, by the names that the table shows."""
    from spikefill import denoising, inpainting, models

    wanted = list(references or [os.environ.get("SPIKEFILL_MODEL") or models.DEFAULT])
    if wanted == [_NONE]:
        if not baselines:
            raise InputError("--model and --baselines are both 'none'; name at least one method to measure")
        return {}, {}
    if _NONE in wanted:
        raise InputError("--model is 'none' and something else; 'none' stands alone")
    if len(set(wanted)) < len(wanted):
        raise InputError(f"--model names {next(w for w in wanted if wanted.count(w) > 1)} twice; once is enough")
    short = [Path(reference).name.removesuffix(".safetensors") or reference for reference in wanted]
    taken = [*short, *baselines]
    names = [name if taken.count(name) == 1 else reference for name, reference in zip(short, wanted, strict=True)]
    called = dict(zip(names, wanted, strict=True))
    if degradation.is_noise:
        return {name: denoising.load(found, degradation, device=device) for name, found in called.items()}, called
    return {name: inpainting.load(found, device=device, quality=quality) for name, found in called.items()}, called


def _baselines(text: str, choices: Sequence[str]) -> list[str]:
    if text == _ALL:
        return list(choices)
    return [] if text == _NONE else listed("--baselines", text, choices)


def print_table(document: Mapping[str, Any]) -> None:
    """Prints PSNR in dB, that of the hole where there is one, and SSIM, a row for each method."""
    from rich.table import Table

    from spikefill.evaluation.damages import damage_of, degradation_of

    damage = damage_of(document)
    families, figure = damage.conditions, damage.figure
    heading = "PSNR" if degradation_of(document).is_noise else "PSNR hole"
    table = Table(box=None, pad_edge=False)
    table.add_column("method", no_wrap=True)
    for family in families:
        table.add_column(f"{family}\n{heading}", justify="right", no_wrap=True)
        table.add_column("\nSSIM", justify="right", no_wrap=True)
    for method, results in document["results"].items():
        cells = []
        for family in families:
            value = results[family][figure]
            cells += ["inf" if value is None else f"{value:.2f}", f"{results[family]['ssim']:.4f}"]
        table.add_row(method, *cells)
    console.result(table)
