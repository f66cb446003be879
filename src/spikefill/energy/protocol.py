"""Measuring a network on photographs under the fixed masks of an evaluation, and the document that this makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from spikefill import masks
from spikefill.activity.reading import as_tensors
from spikefill.degradation import HOLES, check_trained_for
from spikefill.energy import ledger, traffic
from spikefill.energy.costs import HOROWITZ, PRECISIONS, Costs
from spikefill.energy.counting import count
from spikefill.energy.operations import Operations
from spikefill.energy.twins import check_twin, relu_twin
from spikefill.errors import InputError, check_choice
from spikefill.evaluation import centre_crop, evaluation_mask, provenance
from spikefill.evaluation.protocol import check_extent
from spikefill.models import Hybrid
from spikefill.peak_memory import peak_growth

if TYPE_CHECKING:
    from pathlib import Path

    from spikefill.evaluation.baselines import Image
    from spikefill.evaluation.measuring import Size

FORMAT_VERSION = 1

DEFINITIONS = {
    "estimated": "every energy is estimated: counted operations and bytes times the costs of a table; nothing but "
    "seconds and memory on the CPU was measured on hardware",
    "rate": "spikes of a neuron in a step, in [0, 1]; inside and outside of holes by the part of its cell that is hole",
    "accumulates": "weights that spikes add to currents, in all T steps, counted spike by spike with the exact fan-out",
    "synapses": "products of a weight and an input, zero or not: what a twin without spikes multiplies",
    "active": "synapses whose input is not zero; of the twin for a ReLU twin that skips zeros",
    "computed": "the same where the network computes only what the holes need, as restoring a photograph does",
    "traffic_bytes": "reused: weights and inputs read once a layer, outputs written once, membranes in registers; "
    "fetched: operands of every operation read, currents and membranes read and written each time",
    "break_even": "the weighted rate at which the spiking network would cost what a twin of its precision costs; above "
    "1 it always costs less, below 0 never",
    "weighted_rate": "mean rate over the synapses that spikes feed",
    "measured": "seconds by the clock and of all processor threads together, mean over the pictures after one run that "
    "is not counted; the most resident memory that a run added to what the process held",
    "per_picture": "all counts and energies are means over the pictures",
}
"""What each figure of the document means; part of every document."""


def measure(
    model: nn.Module,
    photographs: Sequence[Image],
    *,
    name: str = "model",
    twin: nn.Module | None = None,
    size: Size = 256,
    families: Sequence[str] = ("thin", "medium", "thick"),
    repeats: int = 1,
    limit: int | None = None,
    costs: Costs = HOROWITZ,
    source: str | None = None,
    references: Mapping[str, str | Path] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Counts what a network does with photographs, and estimates what it and its twins would cost.

    Args:
        model: A network with neurons, on the CPU.
        photographs: Sequence of (H, W, 3) uint8; with an attribute ``names`` where they have names.
        name: What the network is called.
        twin: A trained ReLU twin of the same architecture; None takes `relu_twin`, with the network's own weights.
        size: Side of the centre crop in pixels, at least 32, or "full".
        families: Mask families, of `spikefill.masks.FAMILIES`.
        repeats: Masks per photograph and family, 1 to 5.
        limit: The first so many photographs only.
        costs: The table.
        source: Where the photographs come from, for the record.
        references: What ``"model"`` and ``"twin"`` were read from, for the record.
        progress: Called with (pictures done, pictures in all).

    Returns:
        A dictionary that JSON can hold: ``designs``, ``layers``, ``neurons`` and ``analog`` with counts and estimates,
        ``break_even``, ``measured`` and ``protocol``; `DEFINITIONS` explains them.

    Raises:
        InputError: An argument is out of its range, the network has no neurons or was trained to take noise away, or no
            photograph is large enough.
    """
    _check(families, size, limit, repeats)
    check_trained_for(model, HOLES)
    own = twin is None
    if twin is None:
        twin = relu_twin(model)
    else:
        check_twin(model, twin)
    model.eval(), twin.eval()
    names = list(getattr(photographs, "names", None) or (f"{i}" for i in range(len(photographs))))
    chosen = range(len(photographs) if limit is None else min(limit, len(photographs)))
    total, done = len(chosen) * len(families) * repeats, 0
    network_operations: Operations | None = None
    twin_operations: Operations | None = None
    clock = _Clock(model, twin)
    used: list[str] = []
    skipped: list[dict[str, str]] = []
    hole_ratios: list[float] = []
    for index in chosen:
        try:
            image = centre_crop(photographs[index], size)
        except (InputError, OSError) as error:  # a file that cannot be decoded is one, too
            skipped.append({"name": names[index], "reason": str(error)})
            total -= len(families) * repeats
            continue
        used.append(names[index])
        for family in families:
            for repeat in range(repeats):
                holes = evaluation_mask(family, image, index, repeat)
                masked, mask = as_tensors(image, holes)
                hole_ratios.append(float(holes.mean()))
                network_operations = _added(network_operations, count(model, masked, mask))
                twin_operations = _added(twin_operations, count(twin, masked, mask, layers=[]))
                clock.run(masked, mask)
                done += 1
                if progress is not None:
                    progress(done, total)
    if network_operations is None or twin_operations is None:
        reason = f" ({skipped[0]['name']}: {skipped[0]['reason']})" if skipped else ""
        raise InputError(f"photographs: none of {len(skipped)} could be used{reason}")
    return _document(network_operations, twin_operations, costs) | {
        "measured": clock.figures(),
        "protocol": {
            "format_version": FORMAT_VERSION,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "size": size,
            "images": {"source": source, "names": used, "skipped": skipped},
            "masks": {
                "families": list(families),
                "repeats": repeats,
                "mean_hole_ratio": sum(hole_ratios) / len(hole_ratios),
            },
            "pictures": network_operations.pictures,
            "name": name,
            "model": _described(model, (references or {}).get("model")),
            "twin": {"weights": "the model's own" if own else "trained"}
            | _described(twin, (references or {}).get("twin")),
            "costs": costs.as_json(),
            "definitions": DEFINITIONS,
            "versions": provenance.versions(),
            "machine": provenance.machine(),
        },
    }


def _document(network: Operations, twin: Operations, costs: Costs) -> dict[str, Any]:
    n = network.pictures
    works = ledger.designs(network, twin)
    twin_active = {(layer.name, layer.level): layer.active for layer in twin.convolutions}
    steps = ledger.steps_of(network)
    return {
        "designs": {name: work.as_json(costs) for name, work in works.items()},
        "weighted_rate": ledger.weighted_rate(network),
        "break_even": ledger.break_even(network, works, costs),
        "layers": [
            _per_picture(asdict(layer), layer.SUMMED, n)
            | {
                "twin_active": twin_active.get((layer.name, layer.level), layer.active) / n,
                "traffic_bytes": _traffic(
                    lambda flow, layer=layer: traffic.of_spiking(  # type: ignore[misc]
                        layer, steps.get(layer.fed_by or "", 0), PRECISIONS["float32"], flow
                    ),
                    n,
                ),
            }
            for layer in network.convolutions
        ],
        "neurons": [
            _per_picture(asdict(layer), layer.SUMMED, n)
            | {
                "updates": layer.updates / n,
                "traffic_bytes": _traffic(lambda flow, layer=layer: traffic.of_neurons(layer, flow), n),  # type: ignore[misc]
                "rate": layer.spikes / layer.updates,
                "rate_inside": layer.spikes_inside / (layer.steps * layer.inside) if layer.inside else None,
                "rate_outside": layer.spikes_outside / (layer.steps * layer.outside) if layer.outside else None,
            }
            for layer in network.neurons
        ],
        "analog": [_per_picture(asdict(layer), layer.SUMMED, n) for layer in network.analog],
    }


class _Clock:
    """Time and memory of the networks on this CPU; the first picture is run once more before it counts."""

    def __init__(self, model: nn.Module, twin: nn.Module) -> None:
        self._calls: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"network": model, "ReLU twin": twin}
        if isinstance(model, Hybrid):
            self._calls["network, only what the holes need"] = model.restored
        self._runs: dict[str, list[tuple[float, float, int | None]]] = {name: [] for name in self._calls}

    @torch.inference_mode()
    def run(self, masked: Tensor, mask: Tensor) -> None:
        for name, call in self._calls.items():
            if not self._runs[name]:
                call(masked, mask)
            started, worked = perf_counter(), process_time()
            call(masked, mask)
            seconds, cpu_seconds = perf_counter() - started, process_time() - worked
            peak = peak_growth(lambda call=call: call(masked, mask))  # type: ignore[misc]
            self._runs[name].append((seconds, cpu_seconds, peak))

    def figures(self) -> dict[str, dict[str, float | None]]:
        """Of each: the means ``seconds`` and ``cpu_seconds``, and the largest ``peak_bytes``, None where not known."""
        figures: dict[str, dict[str, float | None]] = {}
        for name, runs in self._runs.items():
            peaks = [peak for _, _, peak in runs if peak is not None]
            figures[name] = {
                "seconds": sum(run[0] for run in runs) / len(runs),
                "cpu_seconds": sum(run[1] for run in runs) / len(runs),
                "peak_bytes": max(peaks, default=None),
            }
        return figures


def _per_picture(layer: dict[str, Any], summed: Sequence[str], pictures: int) -> dict[str, Any]:
    return {key: value / pictures if key in summed else value for key, value in layer.items()}


def _traffic(of: Callable[[traffic.Dataflow], traffic.Traffic], pictures: int) -> dict[str, dict[str, float]]:
    """Of a layer in float32, by dataflow."""
    return {flow: asdict(traffic.total([of(flow)], pictures)) for flow in traffic.DATAFLOWS}


def _added(sum_: Operations | None, more: Operations) -> Operations:
    return more if sum_ is None else sum_.plus(more)


def _described(model: nn.Module, reference: str | Path | None) -> dict[str, Any]:
    return provenance.describe_model(SimpleNamespace(model=model), reference)


def _check(families: Sequence[str], size: Size, limit: int | None, repeats: int) -> None:
    for family in families:
        check_choice("families", family, masks.FAMILIES)
    if not families or len(set(families)) < len(families):
        raise InputError(f"families is {', '.join(families)!r}; name at least one family, each once")
    check_extent(size, limit, repeats)
