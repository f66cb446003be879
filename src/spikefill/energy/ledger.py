"""The ledger: what a network and its twins would cost by a table of costs. Every energy in it is an estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spikefill.energy import traffic
from spikefill.energy.costs import PRECISIONS, Costs
from spikefill.energy.operations import Operations
from spikefill.energy.traffic import DATAFLOWS, SUM, Dataflow, Traffic


@dataclass(frozen=True)
class Work:
    """What one design does for a picture.

    Attributes:
        precision: Of weights and activations, of `PRECISIONS`.
        multiply_accumulates: How many.
        accumulates: How many.
        traffic: By dataflow.
    """

    precision: str
    multiply_accumulates: float
    accumulates: float
    traffic: Mapping[Dataflow, Traffic]

    def arithmetic(self, costs: Costs) -> float:
        """Estimated energy of the arithmetic alone, in µJ."""
        multiplied = self.multiply_accumulates * costs.mac[self.precision]
        return (multiplied + self.accumulates * costs.ac[self.precision]) / 1e6

    def energy(self, costs: Costs, dataflow: Dataflow, memory: float) -> float:
        """Estimated energy in µJ, with the traffic of a dataflow at a cost in pJ a byte."""
        return self.arithmetic(costs) + self.traffic[dataflow].total * memory / 1e6

    def as_json(self, costs: Costs) -> dict[str, Any]:
        """Counts and estimates."""
        return {
            "precision": self.precision,
            "multiply_accumulates": self.multiply_accumulates,
            "accumulates": self.accumulates,
            "traffic_bytes": {
                flow: {"weights": bytes_.weights, "state": bytes_.state} for flow, bytes_ in self.traffic.items()
            },
            "estimated_uJ": {
                "arithmetic": self.arithmetic(costs),
                "with_memory": {
                    kind: {flow: self.energy(costs, flow, cost) for flow in DATAFLOWS}
                    for kind, cost in costs.memory.items()
                },
            },
        }


def spiking(operations: Operations, precision: str) -> Work:
    """The network with its neurons: spikes add weights to currents, analog inputs multiply them."""
    size, neurons = PRECISIONS[precision], operations.neurons
    steps = steps_of(operations)
    analog = [layer for layer in operations.convolutions if layer.fed_by is None]
    products = sum(layer.synapses for layer in analog) + sum(a.multiply_accumulates for a in operations.analog)
    adds = sum(layer.accumulates + layer.biases for layer in operations.convolutions)
    return _work(
        operations,
        precision,
        products + sum(layer.multiplies for layer in neurons),
        adds + sum(layer.adds for layer in neurons),
        lambda flow: [
            *(traffic.of_spiking(c, steps.get(c.fed_by or "", 0), size, flow) for c in operations.convolutions),
            *(traffic.of_neurons(layer, flow) for layer in neurons),
        ],
    )


def multiplying(operations: Operations, precision: str, *, skip_zeros: bool = False, quantised: bool = False) -> Work:
    """A twin without time: each convolution multiplies.

    Args:
        operations: Those of the twin, or for ``quantised`` of the network itself: its activations are the rates, so
            that it gives the same result. The layers of neurons are those of the network.
        precision: Of `PRECISIONS`.
        skip_zeros: Products with an input of zero are not computed, nor anything fetched for them.
        quantised: An activation is scaled and rounded (a multiply-accumulate) besides being clipped (an accumulate).
    """
    size = PRECISIONS[precision]
    convolutions, neurons = operations.convolutions, sum(layer.neurons for layer in operations.neurons)
    products = [layer.active if skip_zeros else layer.synapses for layer in convolutions]
    return _work(
        operations,
        precision,
        sum(products) + sum(a.multiply_accumulates for a in operations.analog) + quantised * neurons,
        sum(layer.biases for layer in convolutions) + neurons,
        lambda flow: [
            *(traffic.of_multiplying(c, n, size, flow) for c, n in zip(convolutions, products, strict=True)),
            Traffic(0, (SUM + size) * neurons),  # activations: currents in, values out
        ],
    )


def steps_of(operations: Operations) -> dict[str, int]:
    """T by layer of neurons."""
    return {layer.name: layer.steps for layer in operations.neurons}


def _work(
    operations: Operations,
    precision: str,
    products: float,
    adds: float,
    parts: Callable[[Dataflow], list[Traffic]],
) -> Work:
    """The mean of the pictures."""
    n = operations.pictures
    return Work(precision, products / n, adds / n, {flow: traffic.total(parts(flow), n) for flow in DATAFLOWS})


def designs(network: Operations, twin: Operations) -> dict[str, Work]:
    """The network, its ReLU twin and its quantised twin, in the precisions in which they can be had.

    Args:
        network: Operations of the network with neurons.
        twin: Those of the ReLU twin for the same pictures; a convolution that it computes in another way, so that
            it was not counted, is taken from the network.
    """
    counted = {(layer.name, layer.level): layer for layer in twin.convolutions}
    convolutions = tuple(counted.get((layer.name, layer.level), layer) for layer in network.convolutions)
    twin = Operations(convolutions, network.neurons, network.analog, network.pictures)
    found: dict[str, Work] = {}
    for precision in PRECISIONS:
        found[f"spiking, {precision}"] = spiking(network, precision)
        found[f"ReLU twin, {precision}"] = multiplying(twin, precision)
        found[f"ReLU twin, {precision}, zeros skipped"] = multiplying(twin, precision, skip_zeros=True)
    found["quantised twin, int8"] = multiplying(network, "int8", quantised=True)
    found["quantised twin, int8, zeros skipped"] = multiplying(network, "int8", quantised=True, skip_zeros=True)
    return found


def weighted_rate(operations: Operations) -> float:
    """Spikes of an input in a step, in [0, 1]: the mean over the synapses that spikes feed; 0 without any."""
    steps = steps_of(operations)
    possible = sum(layer.synapses * steps[layer.fed_by] for layer in operations.convolutions if layer.fed_by)
    return sum(layer.accumulates for layer in operations.convolutions) / possible if possible else 0.0


def break_even(network: Operations, works: Mapping[str, Work], costs: Costs) -> list[dict[str, Any]]:
    """The rate at which the spiking network would cost what a twin of the same precision costs, all else the same.

    Above 1 the network is cheaper even if every neuron fires in every step; below 0 it is dearer even without a spike.

    Returns:
        For each twin and kind of memory (``"none"``: arithmetic alone; else operands fetched): ``twin``, ``memory`` and
        the ``estimated_rate``, comparable with `weighted_rate`; None where spikes cost nothing, or there are none.
    """
    now = weighted_rate(network)
    accumulates = sum(layer.accumulates for layer in network.convolutions) / network.pictures
    rows = []
    for name, twin in works.items():
        if name.startswith("spiking"):
            continue
        mine = works[f"spiking, {twin.precision}"]
        for kind, cost in {"none": 0.0, **costs.memory}.items():
            each = costs.ac[twin.precision] + cost * (PRECISIONS[twin.precision] + 2 * SUM)
            spent = accumulates * each / 1e6
            left = twin.energy(costs, "fetched", cost) - (mine.energy(costs, "fetched", cost) - spent)
            rows.append({"twin": name, "memory": kind, "estimated_rate": now * left / spent if spent else None})
    return rows
