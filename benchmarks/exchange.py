"""How near ONNX Runtime comes to torch: exported networks on the embedded photographs, of even and odd sizes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Claim, Result, Table
from spikefill import data, masks, models
from spikefill.export import agreement, onnx

NETWORKS = ("scnn", "hybrid-tiny", "hybrid-small", "hybrid-free", "hybrid-base")
SIZES = ((256, 256), (151, 201))
"""Heights and widths: one that every level halves evenly, and one that none does."""

FAMILIES = ("thin", "thick")
SHARE, DECIBELS = 0.999, 0.01
"""Of the values, which must be within `agreement.CLOSE`; and by what PSNR may differ."""

NOTE = (
    "The centres of the embedded photographs, 256 x 256 and 201 x 151 px, with a thin and a thick mask each. *Values* "
    f"counts the restorations of which {SHARE:.1%} of the values are within {agreement.CLOSE:g} of torch's, *PSNR* "
    f"those whose PSNR is within {DECIBELS:g} dB of it. Double precision is torch's own; the last two columns have the "
    "worst of ONNX Runtime's. [Exports](export.md#how-near-it-is-to-torch) says what decides."
)


class Case(NamedTuple):
    """A photograph, H x W x 3, and its holes, H x W."""

    photograph: NDArray[np.uint8]
    holes: NDArray[np.bool_]


def run(*, quick: bool) -> Result:
    """How many restorations agree, by network."""
    return measured(NETWORKS[:2], _cases(((41, 54),), 1)) if quick else measured(NETWORKS, _cases(SIZES))


def measured(networks: Sequence[str], cases: Sequence[Case]) -> Result:
    """The same for some networks and some photographs."""
    rows, claims, found = [], [], {}
    for name in networks:
        print(f"exchange: {name}, {len(cases)} restorations", flush=True)
        agreements = _compared(name, cases)
        kept = [_kept(agreements, part) for part in ("onnx", "double")]
        least = min(one.onnx.everywhere for one in agreements)
        farthest = max(abs(one.onnx.psnr - one.psnr) for one in agreements)
        rows.append([name, *(str(count) for pair in kept for count in pair), f"{least:.1%}", f"{farthest:.3f}"])
        for what, count in zip((f"{SHARE:.1%} of the values", "PSNR"), kept[0], strict=True):
            claims.append(Claim(f"{name}: share of restorations that keep {what}", count / len(cases), 1))
        found[name] = [one._asdict() for one in agreements]
    kept_by = [f"{which}: {what}" for which in ("ONNX Runtime", "double precision") for what in ("values", "PSNR")]
    columns = [*kept_by, "least share of values", "most dB"]
    return Result(
        title="ONNX Runtime beside torch",
        tables=[Table(f"of {len(cases)} restorations, those that agree with torch's", ["", *columns], rows)],
        claims=claims,
        notes=[NOTE],
        data=found,
    )


def _cases(sizes: Sequence[tuple[int, int]], number: int | None = None) -> list[Case]:
    """The centres of the photographs, of each size, with a mask of each family."""
    photographs = data.open_photographs(data.EMBEDDED)[:number]
    return [
        Case(_centre(photograph, size), masks.sample(family, size, seed=0, index=index))
        for size in sizes
        for family in FAMILIES
        for index, photograph in enumerate(photographs)
    ]


def _centre(photograph: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    top, left = ((whole - part) // 2 for whole, part in zip(photograph.shape[:2], size, strict=True))
    return photograph[top : top + size[0], left : left + size[1]]


def _compared(name: str, cases: Sequence[Case]) -> list[agreement.Agreement]:
    model = models.read(name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.onnx")
        onnx.write(onnx.to_onnx(model, name=name), file)
        return [agreement.compare(model, file, *case) for case in cases]


def _kept(agreements: Sequence[agreement.Agreement], part: str) -> tuple[int, int]:
    """How many keep the share of values, and how many PSNR."""
    pairs = [(getattr(one, part), one.psnr) for one in agreements]
    return (
        sum(close.everywhere >= SHARE for close, _ in pairs),
        sum(abs(close.psnr - psnr) <= DECIBELS for close, psnr in pairs),
    )
