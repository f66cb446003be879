"""Measures the bundled weights again where they have changed, and writes what it found into their pages.

``python docs/weights.py KODAK`` runs `spikefill evaluate` on a folder with Kodak's 24 photographs for every document in
docs/science whose weights are not those of the package (``--all``: for every one), then writes the tables of
docs/science/hybrid.md, of docs/comparison.md and of the model cards; without a folder it writes the tables alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikefill import models
from spikefill.evaluation.bootstrap import paired_difference
from spikefill.files import atomic_write
from spikefill.models.presets import RELEASED

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SCIENCE = DOCS / "science"
IMAGES = DOCS / "images"
FAMILIES = ("thin", "medium", "thick")
FAST = ("telea", "navier-stokes", "pull-push")
CLASSICAL = (*FAST, "biharmonic", "frequency-selective")
NEAR = ("mean", *CLASSICAL)
"""What a table of a model card has beside networks."""

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """A call of `spikefill evaluate`, whose document is ``docs/science/NAME.json``."""

    name: str
    models: tuple[str, ...]
    baselines: tuple[str, ...] = ()
    families: tuple[str, ...] = FAMILIES
    size: str = "256"
    repeats: int = 5
    limit: int | None = None
    quality: str | None = None

    @property
    def file(self) -> Path:
        """Where its document is."""
        return SCIENCE / f"{self.name}.json"

    @property
    def stale(self) -> bool:
        """Whether the weights that were measured are not those of the package."""
        measured = self.read()["protocol"]["models"] if self.file.exists() else {}
        return any(name not in measured or measured[name]["sha256"] != checksum(name) for name in self.models)

    def read(self) -> Document:
        """Its document."""
        document: Document = json.loads(self.file.read_text("utf-8"))
        return document

    def run(self, images: Path) -> None:
        """Measures, and writes the document, which names the folder of photographs without its path."""
        options = [word for name in self.models for word in ("--model", name)]
        options += ["--images", images.name, "--size", self.size, "--masks", ",".join(self.families)]
        options += ["--baselines", ",".join(self.baselines) or "none", "--repeats", str(self.repeats)]
        options += ["--limit", str(self.limit)] if self.limit else []
        options += ["--quality", self.quality] if self.quality else []
        command = [sys.executable, "-m", "spikefill", "evaluate", *options, "--json", str(self.file), "--overwrite"]
        subprocess.run(command, check=True, cwd=images.parent)  # noqa: S603


CENTRE = Evaluation(
    "hybrid-kodak24-256", ("hybrid-small", "hybrid-base", "hybrid-tiny", "hybrid-free"), ("identity", *NEAR)
)
WHOLE = Evaluation(
    "hybrid-kodak24-full", ("hybrid-small", "hybrid-base", "hybrid-tiny"), ("mean", *FAST), size="full", repeats=1
)
BEST = Evaluation("hybrid-kodak24-best", ("hybrid-small",), quality="best")
OTHERS = Evaluation(
    "hybrid-kodak24-families",
    ("hybrid-small",),
    FAST,
    families=(
        "boxes", "scratches", "text", "blocks", "blobs", "irregular-01-10", "irregular-10-20", "irregular-20-30",
        "irregular-30-40", "irregular-40-50", "irregular-50-60",
    ),
    repeats=1,
)  # fmt: skip
SHIFT_MAP = Evaluation("hybrid-kodak24-shift-map", ("hybrid-small",), ("telea", "pull-push", "shift-map"), repeats=1)
FREQUENCIES = Evaluation(
    "hybrid-kodak8-frequency-selective-best",
    (),
    ("frequency-selective", "frequency-selective-best"),
    repeats=1,
    limit=8,
)
"""Without a network, since it takes an hour: what a network has under the same masks is in `CENTRE`'s document."""
EVALUATIONS = (CENTRE, WHOLE, BEST, OTHERS, SHIFT_MAP, FREQUENCIES)


def checksum(name: str) -> str:
    """The SHA-256 of a bundled model's weights."""
    return next(model.sha256 for model in RELEASED if model.name == name)


def table(document: Document, methods: tuple[str, ...]) -> str:
    """Hole PSNR, SSIM and FLIP of methods, a row each, a column for each of LaMa's families."""
    heading = " | ".join(f"{family}: hole PSNR / SSIM / FLIP" for family in FAMILIES)
    rows = [f"| method | {heading} |", "| --- | --- | --- | --- |"]
    for method in methods:
        figures = [document["results"][method][family] for family in FAMILIES]
        cells = [f"{of['psnr_hole']:.2f} / {of['ssim']:.3f} / {of['flip']:.3f}" for of in figures]
        rows.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(rows)


def best_of(document: Document, methods: tuple[str, ...], family: str) -> str:
    """The method with the highest hole PSNR."""
    return max(methods, key=lambda method: document["results"][method][family]["psnr_hole"])


def ahead(document: Document, model: str, other: str, family: str) -> str:
    """By how much a model is ahead of another method, with the 95 % interval."""
    found = paired_difference(document["images"], model, other, family)
    return "{mean:+.2f} dB ({low:+.2f} to {high:+.2f})".format(**found)


def against_classical(document: Document, model: str) -> str:
    """How far a model is from the best classical method of each family, and from Telea's."""
    best = {family: best_of(document, CLASSICAL, family) for family in FAMILIES}
    lines = [
        "Against the best of the classical methods of each family, paired over the photographs, with the 95 % interval:"
    ]
    lines += [f"{family} {ahead(document, model, other, family)} over {other}," for family, other in best.items()]
    telea = ", ".join(f"{family} {ahead(document, model, 'telea', family)}" for family in FAMILIES)
    return "\n".join([*lines[:-1], f"{lines[-1].removesuffix(',')}.", f"Against Telea: {telea}."])


def means(document: Document, method: str, figure: str = "psnr_hole", digits: int = 2) -> str:
    """A figure of a method on thin, medium and thick masks."""
    return " / ".join(f"{document['results'][method][family][figure]:.{digits}f}" for family in FAMILIES)


def centre() -> str:
    """The block of the 256 px crops."""
    document = CENTRE.read()
    return "\n\n".join(
        [
            table(document, (*CENTRE.models, *CENTRE.baselines)),
            f"`hybrid-small`. {against_classical(document, 'hybrid-small')}",
            f"`hybrid-base`. {against_classical(document, 'hybrid-base')}",
        ]
    )


def under_first_masks(name: str, evaluation: Evaluation) -> str:
    """A network's hole PSNR as `means` has it, on the photographs and masks of an evaluation that `CENTRE` has, too."""
    cases = [case for image in CENTRE.read()["images"][: evaluation.limit] for case in image["cases"]]
    of = {family: [case["psnr_hole"][name] for case in cases if case["family"] == family and not case["repeat"]]
          for family in evaluation.families}  # fmt: skip
    return " / ".join(f"{sum(values) / len(values):.2f}" for values in of.values())


def slow() -> str:
    """The block of the methods that take too long for the whole protocol."""
    shift, eight = SHIFT_MAP.read(), FREQUENCIES.read()
    return (
        f"With one mask of each family, `shift-map` has {means(shift, 'shift-map')} dB where `hybrid-small` has "
        f"{means(shift, 'hybrid-small')}\n([every figure]({SHIFT_MAP.file.name})). On the first eight photographs, "
        f"`frequency-selective-best` has {means(eight, 'frequency-selective-best')},\n`frequency-selective` "
        f"{means(eight, 'frequency-selective')}, `hybrid-small` {under_first_masks('hybrid-small', FREQUENCIES)} "
        f"([every figure]({FREQUENCIES.file.name}))."
    )


def whole() -> str:
    """The block of the whole photographs."""
    document = WHOLE.read()
    ahead_of = ", ".join(
        f"{family} {ahead(document, 'hybrid-small', best, family)} over {best}"
        for family in FAMILIES
        for best in [best_of(document, FAST, family)]
    )
    return f"{table(document, (*WHOLE.models, *WHOLE.baselines))}\n\nAgainst the best of these: {ahead_of}."


def others() -> str:
    """The block of the other families of masks."""
    document = OTHERS.read()
    methods = (*OTHERS.models, *OTHERS.baselines)
    rows = [f"| family | hole ratio | {' | '.join(methods)} | over the best of the three |"]
    rows.append("| --- " * (len(methods) + 3) + "|")
    for family in OTHERS.families:
        psnr = {method: document["results"][method][family]["psnr_hole"] for method in methods}
        lead = psnr["hybrid-small"] - max(psnr[method] for method in FAST)
        ratio = document["results"]["hybrid-small"][family]["hole_ratio"]
        figures = " | ".join(f"{value:.2f}" for value in psnr.values())
        rows.append(f"| {family} | {ratio:.2f} | {figures} | {lead:+.2f} |")
    return "\n".join(rows)


def best() -> str:
    """The block of the best quality."""
    document = BEST.read()
    return (
        "In the best quality (`--quality best`, the mean of eight passes) `hybrid-small` has "
        f"{means(document, 'hybrid-small')} dB at 256 px on thin, medium and\nthick masks, "
        f"SSIM {means(document, 'hybrid-small', 'ssim', 3)} ([every figure]({BEST.file.name}))."
    )


def card(name: str) -> str:
    """The figures of a model card."""
    document = CENTRE.read()
    shown = (name, *(() if name == "hybrid-small" else ("hybrid-small",)), *NEAR)
    return f"{table(document, shown)}\n\n{against_classical(document, name)}"


def beside() -> str:
    """The block of the comparison with other tools."""
    ours = "hybrid-small"
    lead = f"`{ours}` is ahead of it by, dB over the hole: thin / medium / thick"
    rows = [f"| method | {lead} | its SSIM | that of `{ours}` |", "| --- | --- | --- | --- |"]
    for methods, document in ((CLASSICAL, CENTRE.read()), (("shift-map",), SHIFT_MAP.read())):
        for method in methods:
            leads = (paired_difference(document["images"], ours, method, family)["mean"] for family in FAMILIES)
            ssim = " | ".join(means(document, one, "ssim", 3) for one in (method, ours))
            rows.append(f"| `{method}` | {' / '.join(f'{each:+.2f}' for each in leads)} | {ssim} |")
    return "\n".join(rows)


BLOCKS: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    SCIENCE / "hybrid.md": {
        "centre crops": centre,
        "slow methods": slow,
        "whole photographs": whole,
        "other masks": others,
        "best quality": best,
    },
    DOCS / "comparison.md": {"beside classical methods": beside},
}
"""What stands in pages between ``<!-- NAME: by docs/weights.py -->`` and ``<!-- end -->``."""


def page(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """A page with its blocks written anew.

    Raises:
        ValueError: A block has no place in it.
    """
    for name, block in blocks.items():
        text = between(text, f"<!-- {name}: by docs/weights.py -->\n\n", "\n\n<!-- end -->", block())
    return text


def with_figures(name: str, text: str) -> str:
    """A model card whose table, and what stands below it, are written anew."""
    end = "\n\n## "
    return between(f"{text}\n## ", "FLIP: lower is better.\n\n", end, card(name)).removesuffix("\n## ")


def between(text: str, begin: str, end: str, content: str) -> str:
    """A text with other content between two marks.

    Raises:
        ValueError: They are not both there.
    """
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"the marks {begin!r} and {end!r} are not both there")
    return f"{before}{first}{content}{last}{after}"


def pages() -> dict[Path, str]:
    """Every page with figures of the bundled weights, as it should be."""
    written = {path: page(path.read_text("utf-8"), blocks) for path, blocks in BLOCKS.items()}
    for name in CENTRE.models:
        path = models.weights_file(name).with_suffix(".md")
        written[path] = with_figures(name, path.read_text("utf-8"))
    return written


def main() -> None:
    """Measures what is to be measured, and writes the pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="?", type=Path, help="folder with Kodak's 24 photographs")
    parser.add_argument("--all", action="store_true", help="measure again what has not changed, too")
    chosen = parser.parse_args()
    for evaluation in EVALUATIONS:
        if chosen.images is not None and (chosen.all or evaluation.stale):
            evaluation.run(chosen.images.resolve())
    for path, text in pages().items():
        with atomic_write(path, overwrite=True) as temporary:
            temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
