"""The tables of a ledger, for a screen and as Markdown; every energy in them is called estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        title: What it says, in a sentence.
        headings: Of the columns; the first is that of the rows' names.
        rows: As many cells each.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_markdown(self) -> str:
        """The table with its title above."""
        return f"{self.title}\n\n{self.grid_as_markdown()}\n"

    def grid_as_markdown(self) -> str:
        """The table alone: names to the left, figures to the right."""
        rule = ["---", *("---:" for _ in self.headings[1:])]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in (self.headings, rule, *self.rows))


def tables(document: Mapping[str, Any]) -> list[Table]:
    """All tables of a document of `protocol.measure`."""
    return [_layers(document), _others(document), _designs(document), _break_even(document), _measured(document)]


def _layers(document: Mapping[str, Any]) -> Table:
    """A row for each convolution, all levels together."""
    rows = []
    for name in dict.fromkeys(layer["name"] for layer in document["layers"]):
        calls = [layer for layer in document["layers"] if layer["name"] == name]
        (fed_by,) = {layer["fed_by"] for layer in calls}
        rates = _rates(document, fed_by)
        rows.append(
            [
                name,
                *(_NOTHING if rate is None else f"{rate:.3f}" for rate in rates),
                _millions(sum(layer["accumulates"] for layer in calls)) if fed_by else _NOTHING,
                _NOTHING if fed_by else _millions(sum(layer["synapses"] for layer in calls)),
                _millions(sum(layer["synapses"] for layer in calls)),
                _millions(sum(layer["twin_active"] for layer in calls)),
                _millions(_updates(document, fed_by)) if fed_by else _NOTHING,
                f"{max(layer['weights'] for layer in calls):,.0f}",
                *(
                    f"{_bytes(_fetched(calls, kind) + _fetched(_neurons(document, fed_by), kind))}"
                    for kind in ("weights", "state")
                ),
            ]
        )
    protocol = document["protocol"]
    return Table(
        f"Operations of {protocol['name']} in millions a picture ({protocol['pictures']} measured), all its levels "
        "together. Rates and updates are of the neurons that feed a convolution; without them its input is "
        "analog. Traffic in float32, every operand fetched, that of the neurons included.",
        [
            "convolution",
            "rate in holes",
            "rate outside",
            "accumulates",
            "multiply-accumulates",
            "of the twin",
            "of these not zero",
            "neuron updates before",
            "weights",
            "weight traffic, MB",
            "state traffic, MB",
        ],
        rows,
    )


def _others(document: Mapping[str, Any]) -> Table:
    """What is not a convolution, and sums."""
    neurons, layers = document["neurons"], document["layers"]
    fed = [layer for layer in layers if layer["fed_by"]]
    analog = [layer for layer in layers if not layer["fed_by"]]
    rows = [
        ["convolutions fed by spikes: accumulates", _millions(sum(layer["accumulates"] for layer in fed))],
        ["the same where only what the holes need is computed", _millions(_sum(fed, "computed_accumulates"))],
        ["convolutions of analog inputs: multiply-accumulates", _millions(_sum(analog, "synapses"))],
        ["updates of neurons", _millions(_sum(neurons, "updates"))],
        ["spikes", _millions(_sum(neurons, "spikes"))],
    ]
    for kind in dict.fromkeys(layer["kind"] for layer in document["analog"]):
        of_kind = [layer for layer in document["analog"] if layer["kind"] == kind]
        rows.append([f"analog, {_KINDS[kind]}: multiply-accumulates", _millions(_sum(of_kind, "multiply_accumulates"))])
    return Table("Sums, in millions a picture.", ["", "millions"], rows)


_KINDS = {
    "normalisation": "normalisation before the neurons",
    "shortcut": "shortcuts of residual blocks",
    "joins": "currents that are joined",
    "image": "the image from level to level",
}


def _designs(document: Mapping[str, Any]) -> Table:
    memories = list(document["protocol"]["costs"]["memory"])
    rows = []
    for name, design in document["designs"].items():
        estimated = design["estimated_uJ"]
        bands = (estimated["with_memory"][kind] for kind in memories)
        rows.append(
            [
                name,
                _millions(design["multiply_accumulates"]),
                _millions(design["accumulates"]),
                *(
                    f"{_bytes(flow['weights'])} + {_bytes(flow['state'])}"
                    for flow in (design["traffic_bytes"]["reused"], design["traffic_bytes"]["fetched"])
                ),
                _microjoules(estimated["arithmetic"]),
                *(f"{_microjoules(band['reused'])} to {_microjoules(band['fetched'])}" for band in bands),
            ]
        )
    return Table(
        f"Estimated energy of a picture in µJ ({document['protocol']['costs']['name']}): arithmetic alone, and with "
        "memory of one kind from operands reused to operands fetched each time; traffic in MB, weights + state.",
        [
            "design",
            "MAC, millions",
            "AC, millions",
            "traffic, reused",
            "traffic, fetched",
            "estimated: arithmetic",
            *(f"estimated: {kind}" for kind in memories),
        ],
        rows,
    )


def _break_even(document: Mapping[str, Any]) -> Table:
    memories = ["none", *document["protocol"]["costs"]["memory"]]
    found = {(row["twin"], row["memory"]): row["estimated_rate"] for row in document["break_even"]}
    return Table(
        f"Estimated break-even rate: below it the spiking network would cost less than the twin. Its rate, weighted by "
        f"synapses, is {document['weighted_rate']:.3f}. Operands fetched each time; never: not even without a spike.",
        ["twin", *("arithmetic alone" if kind == "none" else kind for kind in memories)],
        [
            [twin, *(_rate(found[twin, kind]) for kind in memories)]
            for twin in dict.fromkeys(row["twin"] for row in document["break_even"])
        ],
    )


def _measured(document: Mapping[str, Any]) -> Table:
    machine = document["protocol"]["machine"]
    return Table(
        f"Measured on this CPU: {machine['cpu']}, {machine['threads']} of {machine['cores']} threads, float32.",
        ["run", "CPU time, ms", "by the clock, ms", "peak memory, MB"],
        [
            [
                name,
                f"{1000 * run['cpu_seconds']:.1f}",
                f"{1000 * run['seconds']:.1f}",
                _NOTHING if run["peak_bytes"] is None else f"{run['peak_bytes'] / 1e6:.1f}",
            ]
            for name, run in document["measured"].items()
        ],
    )


def layer_rates(document: Mapping[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    """Of each layer of neurons, all levels together: its rate in holes and outside."""
    return {name: _rates(document, name) for name in dict.fromkeys(layer["name"] for layer in document["neurons"])}


def _rates(document: Mapping[str, Any], name: str | None) -> tuple[float | None, float | None]:
    layers = _neurons(document, name)
    return tuple(  # type: ignore[return-value]
        sum(layer[f"spikes_{where}"] for layer in layers) / possible if possible else None
        for where in ("inside", "outside")
        for possible in [sum(layer[where] * layer["steps"] for layer in layers)]
    )


def _updates(document: Mapping[str, Any], name: str) -> float:
    return _sum(_neurons(document, name), "updates")


def _neurons(document: Mapping[str, Any], name: str | None) -> list[Mapping[str, Any]]:
    """A layer of neurons at all its levels; nothing for None."""
    return [layer for layer in document["neurons"] if layer["name"] == name]


def _fetched(layers: Sequence[Mapping[str, Any]], kind: str) -> float:
    return float(sum(layer["traffic_bytes"]["fetched"][kind] for layer in layers))


def _sum(layers: Sequence[Mapping[str, Any]], key: str) -> float:
    return float(sum(layer[key] for layer in layers))


def _millions(number: float) -> str:
    return f"{number / 1e6:.2f}"


def _bytes(number: float) -> str:
    return f"{number / 1e6:.1f}"


def _microjoules(energy: float) -> str:
    return f"{energy:.1f}" if energy < 100 else f"{energy:,.0f}"


def _rate(rate: float | None) -> str:
    if rate is None:
        return _NOTHING
    return "never" if rate < 0 else "always" if rate > 1 else f"{rate:.3f}"
