"""Measuring: figures of merit, baselines, the fixed protocol and its report.

    document = evaluate(inpainter, photographs, name="scnn", size=128)
    write_json(document, "scnn.json")
    write_report(document, "report", cases=render_cases(document, photographs, {"scnn": inpainter}))

It needs the extra ``eval``: ``pip install 'spikefill[eval]'``.
"""

from __future__ import annotations

from spikefill.evaluation.baselines import BASELINES, DEFAULT_BASELINES, baseline
from spikefill.evaluation.bootstrap import paired_difference
from spikefill.evaluation.cases import Case, Choice, choose_cases, ranking_method, render_cases
from spikefill.evaluation.denoisers import DENOISERS
from spikefill.evaluation.masked import evaluation_mask
from spikefill.evaluation.measuring import SMALLEST_SIDE, Denoiser, Restorer, centre_crop
from spikefill.evaluation.metrics import FLIP_MISSING, flip, measures_flip, mse, psnr, ssim
from spikefill.evaluation.protocol import DEFAULT_FAMILIES, DEFAULT_REPEATS, evaluate, write_json
from spikefill.evaluation.report import PAGE, render_report, write_report

__all__ = [
    "BASELINES",
    "DEFAULT_BASELINES",
    "DEFAULT_FAMILIES",
    "DEFAULT_REPEATS",
    "DENOISERS",
    "FLIP_MISSING",
    "PAGE",
    "SMALLEST_SIDE",
    "Case",
    "Choice",
    "Denoiser",
    "Restorer",
    "baseline",
    "centre_crop",
    "choose_cases",
    "evaluate",
    "evaluation_mask",
    "flip",
    "measures_flip",
    "mse",
    "paired_difference",
    "psnr",
    "ranking_method",
    "render_cases",
    "render_report",
    "ssim",
    "write_json",
    "write_report",
]
