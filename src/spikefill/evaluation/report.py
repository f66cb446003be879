"""The report of an evaluation: one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import io
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup
from PIL import Image as PillowImage

from spikefill import files
from spikefill.errors import InputError
from spikefill.evaluation import plots
from spikefill.evaluation.cases import Case, ranking_method
from spikefill.evaluation.damages import damage_of, degradation_of
from spikefill.evaluation.metrics import FLIP_MISSING
from spikefill.evaluation.protocol import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spikefill.evaluation.baselines import Image

PAGE = "index.html"

_LONGEST_SIDE = 512
_WEBP_QUALITY = 90

# key, heading, whether higher is better (None: nobody wins), how a figure is written; the first two are the overview's
_Column = tuple[str, str, bool | None, str]
_OF_HOLES: tuple[_Column, ...] = (
    ("psnr_hole", "PSNR hole, dB", True, "{:.2f}"),
    ("ssim", "SSIM", True, "{:.4f}"),
    ("flip", "FLIP", False, "{:.4f}"),
    ("psnr", "PSNR whole, dB", True, "{:.2f}"),
    ("mse_hole", "MSE hole", False, "{:.5f}"),
    ("mse", "MSE whole", False, "{:.5f}"),
    ("seconds", "ms each", None, "{:.1f}"),
    ("raw_psnr_known", "raw known, dB", None, "{:.2f}"),
    ("raw_mse_known", "raw MSE known", None, "{:.5f}"),
    ("raw_mse", "raw MSE", None, "{:.5f}"),
)
_OF_NOISE: tuple[_Column, ...] = (
    ("psnr", "PSNR, dB", True, "{:.2f}"),
    ("ssim", "SSIM", True, "{:.4f}"),
    ("flip", "FLIP", False, "{:.4f}"),
    ("mse", "MSE", False, "{:.5f}"),
    ("seconds", "ms each", None, "{:.1f}"),
)
_IN_OVERVIEW = 2
_INFINITE = "\N{INFINITY}"
_NOT_MEASURED = "\N{EN DASH}"


def write_report(
    document: Mapping[str, Any],
    folder: str | Path,
    *,
    cases: Sequence[Case] = (),
    overwrite: bool = False,
) -> Path:
    """Writes the page ``index.html`` into a folder: tables, plots and cases, everything inlined.

    Args:
        document: What `spikefill.evaluation.evaluate` returned.
        folder: Made where it is missing.
        cases: What `spikefill.evaluation.render_cases` returned; without them the page has no pictures.
        overwrite: Replace a page that exists.

    Returns:
        The path of the page.

    Raises:
        InputError: The page exists and ``overwrite`` is false, or it cannot be written; or the document is of
            another version of the format.
    """
    path = Path(folder) / PAGE
    page = render_report(document, cases)
    with files.atomic_write(path, overwrite=overwrite) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render_report(document: Mapping[str, Any], cases: Sequence[Case] = ()) -> str:
    """The page as text; arguments as in `write_report`.

    Raises:
        InputError: The document is of another version of the format.
    """
    version = document["protocol"]["format_version"]
    if version != FORMAT_VERSION:
        raise InputError(f"document has format version {version}, not {FORMAT_VERSION}; evaluate again")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("spikefill.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    families = damage_of(document).conditions
    holes = not degradation_of(document).is_noise
    return environment.from_string(source).render(
        protocol=document["protocol"],
        holes=holes,
        title=", ".join(document["protocol"]["models"]) or "Baselines",
        families=families,
        chief="hole PSNR" if holes else "PSNR",
        overview_headings=[heading for _, heading, *_ in _columns(document)[:_IN_OVERVIEW]],
        overview=_overview(document),
        tables={family: _table(document, family) for family in families},
        intervals=_interval_rows(document["intervals"], families),
        differences=_interval_rows(document["differences"]["minus"], families),
        flip_missing=FLIP_MISSING if _lacks_flip(document) else None,
        titles={family: _title(document, family) for family in families},
        # matplotlib wrote these, from numbers and names that it escapes
        plot_methods=Markup(plots.plot_methods(document)),  # noqa: S704
        plot_hole_ratio=Markup(plots.plot_hole_ratio(document)) if holes else None,  # noqa: S704
        plot_distance=Markup(plots.plot_distance(document)) if holes else None,  # noqa: S704
        cases=[_shown(case, holes=holes) for case in cases],
        ranked_by=ranking_method(document),
        longest_side=_LONGEST_SIDE,
    )


def _columns(document: Mapping[str, Any]) -> tuple[_Column, ...]:
    return _OF_NOISE if degradation_of(document).is_noise else _OF_HOLES


def _title(document: Mapping[str, Any], family: str) -> str:
    """A family and how much of the pictures its holes are; or the noise."""
    if degradation_of(document).is_noise:
        return family
    figures = next(iter(document["results"].values()))[family]
    return f"{family}, {100 * figures['hole_ratio']:.1f} % hole"


def _overview(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of (hole) PSNR and SSIM, a pair of columns for each family."""
    wanted = _columns(document)[:_IN_OVERVIEW]
    columns = [_column(document, family, *column) for family in damage_of(document).conditions for column in wanted]
    return _rows(document["results"], columns)


def _table(document: Mapping[str, Any], family: str) -> dict[str, Any]:
    """Headings and rows of every figure for one family."""
    measured = {key for figures in document["results"].values() for key in figures[family]}
    wanted = [column for column in _columns(document) if column[0] in measured]
    columns = [_column(document, family, *column) for column in wanted]
    return {"headings": [column[1] for column in wanted], "rows": _rows(document["results"], columns)}


def _interval_rows(by_method: Mapping[str, Any], families: Sequence[str]) -> list[dict[str, Any]]:
    """A cell for each method and family: mean and bounds, and whether 0 lies outside of them."""
    return [
        {"method": method, "cells": [_interval_cell(intervals[family]) for family in families]}
        for method, intervals in by_method.items()
    ]


def _interval_cell(interval: Mapping[str, float | None]) -> dict[str, Any]:
    mean, low, high = interval["mean"], interval["low"], interval["high"]
    if mean is None:
        return {"text": _INFINITE, "sure": False}
    if low is None or high is None:
        return {"text": f"{mean:.2f}", "sure": False}
    return {"text": f"{mean:.2f} ({low:.2f} to {high:.2f})", "sure": low > 0 or high < 0}


def _lacks_flip(document: Mapping[str, Any]) -> bool:
    return any(figures["flip"] is None for result in document["results"].values() for figures in result.values())


def _rows(methods: Iterable[str], columns: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"method": method, "cells": cells} for method, cells in zip(methods, zip(*columns, strict=True), strict=True)
    ]


def _column(
    document: Mapping[str, Any], family: str, key: str, _heading: str, higher: bool | None, form: str
) -> list[dict[str, Any]]:
    """A cell for each method: its text, and whether it is the best of its column."""
    cells: list[dict[str, Any]] = []
    for figures in (result[family] for result in document["results"].values()):
        if key not in figures or (key == "flip" and figures[key] is None):  # FLIP is never infinite
            cells.append({"text": _NOT_MEASURED, "value": None})
            continue
        value = figures[key]
        value = float("inf") if value is None else value * (1000 if key == "seconds" else 1)
        cells.append({"text": _INFINITE if value == float("inf") else form.format(value), "value": value})
    values = [cell["value"] for cell in cells if cell["value"] is not None]
    best = None if higher is None or len(values) < 2 else max(values) if higher else min(values)
    return [{"text": cell["text"], "best": best is not None and cell["value"] == best} for cell in cells]


def _shown(case: Case, *, holes: bool) -> dict[str, Any]:
    choice = case.choice
    figures = choice.case["psnr_hole" if holes else "psnr"]
    best = max((_sortable(value) for value in figures.values()), default=None)
    pictures = [
        {"title": "original", "figure": "", "best": False, "uri": _data_uri(case.original)},
        {"title": "masked" if holes else "noisy", "figure": "", "best": False, "uri": _data_uri(case.damaged)},
    ]
    pictures += [
        {
            "title": method,
            "figure": f"{_INFINITE if figures[method] is None else format(figures[method], '.2f')} dB",
            "best": _sortable(figures[method]) == best,
            "uri": _data_uri(picture),
        }
        for method, picture in case.results.items()
    ]
    return {
        "condition": choice.condition,
        "rank": choice.rank,
        "name": choice.image["name"],
        "mask": f"mask {choice.case['repeat'] + 1}, {100 * choice.case['hole_ratio']:.1f} % hole" if holes else "",
        "pictures": pictures,
    }


def _sortable(value: float | None) -> float:
    return float("inf") if value is None else value


def _data_uri(image: Image) -> str:
    picture = PillowImage.fromarray(image)
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), PillowImage.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=_WEBP_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
