"""Counts again what networks of the package would cost, and writes the figures of docs/science/energy.md.

``python docs/ledger.py`` runs `spikefill.energy.measure` on the embedded photographs for every document whose weights
are not those of the package (``--all``: for every one), on one thread; it measures CPU time and memory, too, so that
nothing else should be at work. Then it draws the plots and writes what stands between the page's marks.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from weights import FAMILIES, IMAGES, SCIENCE, between, checksum

from spikefill import data, energy, models
from spikefill.evaluation import write_json
from spikefill.files import atomic_write

PAGE = SCIENCE / "energy.md"

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Ledger:
    """What is measured, of which ``docs/science/NAME.json`` has every figure."""

    name: str
    model: str
    families: tuple[str, ...] = FAMILIES
    size: int | Literal["full"] = 256

    @property
    def file(self) -> Path:
        """Where its document is."""
        return SCIENCE / f"{self.name}.json"

    @property
    def stale(self) -> bool:
        """Whether the weights that were measured are not those of the package."""
        return not self.file.exists() or self.read()["protocol"]["model"]["sha256"] != checksum(self.model)

    def read(self) -> Document:
        """Its document."""
        document: Document = json.loads(self.file.read_text("utf-8"))
        return document

    def measure(self) -> None:
        """Measures, and writes the document."""
        document = energy.measure(
            models.read(self.model), data.open_photographs("embedded", part="val"), name=self.model, size=self.size,
            families=self.families, source="embedded", references={"model": self.model},
        )  # fmt: skip
        write_json(document, self.file, overwrite=True)


CENTRE = Ledger("energy-hybrid-small", "hybrid-small")
WHOLE = Ledger("energy-hybrid-small-whole", "hybrid-small", ("scratches", "text"), "full")
PAPER = Ledger("energy-scnn", "scnn")
LEDGERS = (CENTRE, WHOLE, PAPER)


def total(layers: Iterable[Document], key: str) -> float:
    """The sum of a figure over layers and levels."""
    return float(sum(layer[key] for layer in layers))


def percent(share: float) -> str:
    """A share as the pages write it."""
    return f"{100 * share:.0f} %"


def fed(document: Document) -> list[Document]:
    """The convolutions that get spikes."""
    return [layer for layer in document["layers"] if layer["fed_by"]]


def table(number: int) -> Callable[[], str]:
    """One of the tables of the ledger, without the line above it."""
    return lambda: energy.tables(CENTRE.read())[number].grid_as_markdown()


def rates() -> str:
    """How often neurons fire, and what that spares."""
    document = CENTRE.read()
    neurons, layers = document["neurons"], fed(document)
    (steps,) = {layer["steps"] for layer in neurons}
    inside, outside = (
        total(neurons, f"spikes_{where}") / total(neurons, where) / steps for where in ("inside", "outside")
    )
    synapses, accumulates = total(layers, "synapses"), total(layers, "accumulates")
    return (
        f"A neuron fires {total(neurons, 'spikes') / total(neurons, 'neurons'):.2f} times in {steps} steps "
        f"({inside:.3f} in holes, {outside:.3f} outside, mean over all neurons), so\n{synapses / 1e6:.0f} million "
        f"synapses that spikes feed take {accumulates / 1e6:.0f} million accumulates: {accumulates / synapses:.2f} of "
        "what the twin multiplies."
    )


def needed() -> str:
    """What restoring computes, in crops and in whole photographs."""
    centre, whole = CENTRE.read(), WHOLE.read()
    accumulates = total(fed(centre), "computed_accumulates")
    shares = (
        total(fed(whole), "computed_accumulates") / total(fed(whole), "accumulates"),
        total(whole["neurons"], "computed_neurons") / total(whole["neurons"], "neurons"),
    )
    return (
        f"Restoring a photograph computes only what the holes need: {accumulates / 1e6:.0f} million of the accumulates "
        f"here, where {_holes(centre)} of\nthe picture is hole. On the whole photographs with scratches and text "
        f"({_holes(whole)} hole; [every figure]({WHOLE.file.name})) it is\n{percent(shares[0])} of all accumulates and "
        f"{percent(shares[1])} of the neurons. The energies below are those of the whole network."
    )


def comparison() -> str:
    """The network beside its twins, in the precision of each."""
    document = CENTRE.read()
    designs = {name: design["estimated_uJ"] for name, design in document["designs"].items()}

    def ratio(precision: str, twin: str) -> str:
        return f"{designs[f'spiking, {precision}']['arithmetic'] / designs[twin]['arithmetic']:.2f}"

    active = percent(total(fed(document), "twin_active") / total(fed(document), "synapses"))
    skipping = "quantised twin, int8, zeros skipped"
    ours, theirs = designs["spiking, int8"], designs[skipping]
    fetched = [band["fetched"] / theirs["with_memory"][kind]["fetched"] for kind, band in ours["with_memory"].items()]
    return (
        f"- **Arithmetic alone, float32**: an estimated {ratio('float32', 'ReLU twin, float32')} of the ReLU twin; "
        "this is the comparison that most papers print.\n  Of a twin with the network's own weights that skips zeros "
        f"it is {ratio('float32', 'ReLU twin, float32, zeros skipped')}: {active} of that twin's inputs are not zero.\n"
        f"- **Arithmetic alone, int8**: an estimated {ratio('int8', 'ReLU twin, int8')} of the ReLU twin, and "
        f"{ratio('int8', skipping)} of the quantised twin that skips zeros,\n  which gives the same picture: "
        f"{ours['arithmetic']:.0f} and {theirs['arithmetic']:.0f} µJ.\n"
        "- **With memory**: where operands are fetched, an accumulate reads and writes 8 bytes of current for each "
        "byte of weight, and the\n  spiking network in int8 costs an estimated "
        f"{min(fetched):.1f} to {max(fetched):.1f} times the quantised twin that skips zeros."
    )


def weighted() -> str:
    """The rate with which break-even rates are to be compared."""
    return f"The rate of the network, weighted by synapses, is {CENTRE.read()['weighted_rate']:.3f}."


def sizes() -> str:
    """How far the rate hangs on the picture."""
    centre, whole = (ledger.read()["weighted_rate"] for ledger in (CENTRE, WHOLE))
    return (
        f"- Six pictures of two photographs; of other sizes and holes the weighted rate is another: {centre:.3f} here, "
        f"{whole:.3f} on the\n  whole photographs with scratches and text."
    )


def machine() -> str:
    """On what time and memory were measured."""
    protocol = CENTRE.read()["protocol"]
    on = protocol["machine"]
    threads = "one thread" if on["threads"] == 1 else f"{on['threads']} threads"
    return f"On this CPU ({on['cpu']}, {threads}, float32, {protocol['size']} px), without an estimate:"


def measured() -> str:
    """CPU time and memory; time by the clock hangs on what else is at work."""
    found = energy.tables(CENTRE.read())[4]
    kept = [number for number, heading in enumerate(found.headings) if "clock" not in heading]
    cells = ([cells[number] for number in kept] for cells in (found.headings, *found.rows))
    return energy.Table("", next(cells), list(cells)).grid_as_markdown()


def _holes(document: Document) -> str:
    return percent(document["protocol"]["masks"]["mean_hole_ratio"])


BLOCKS: Mapping[str, Callable[[], str]] = {
    "layers": table(0),
    "sums": table(1),
    "rates": rates,
    "needed": needed,
    "designs": table(2),
    "comparison": comparison,
    "weighted": weighted,
    "break-even": table(3),
    "machine": machine,
    "measured": measured,
    "sizes": sizes,
}
"""What stands in the page between ``<!-- NAME: by docs/ledger.py -->`` and ``<!-- end -->``."""


def page() -> str:
    """The page, as it should be."""
    text = PAGE.read_text("utf-8")
    for name, block in BLOCKS.items():
        text = between(text, f"<!-- {name}: by docs/ledger.py -->\n\n", "\n\n<!-- end -->", block())
    return text


def main() -> None:
    """Measures what is to be measured, draws, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="measure again what has not changed, too")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for ledger in LEDGERS:
        if chosen.all or ledger.stale:
            ledger.measure()
    for name, plot in energy.PLOTS.items():
        plot(CENTRE.read()).savefig(IMAGES / f"energy-{name}", dpi=90)
    text = page()
    with atomic_write(PAGE, overwrite=True) as temporary:
        temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
