"""Whether what lies under the mask leaks into the result: it is replaced, and nothing may change, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field

from spikefill.evaluation import BASELINES, DEFAULT_BASELINES
from spikefill.evaluation.baselines import Image, Mask
from spikefill.inpainting import Inpainter
from spikefill.reproduce import networks
from spikefill.reproduce.cases import cases
from spikefill.reproduce.experiment import Experiment
from spikefill.reproduce.findings import Answer, Findings, Table
from spikefill.reproduce.measuring import TOY_MEASURING, Baselines, MeasuringSettings, Released
from spikefill.reproduce.networks import TOY_TRAINING, TrainingSettings
from spikefill.reproduce.trials import Context, Done, Result, Trial
from spikefill.training.recipe import Settings

_TRAINED = "trained here"


class LeakageSettings(Settings):
    """Which methods, and how often."""

    training: TrainingSettings = TrainingSettings()
    measuring: MeasuringSettings = MeasuringSettings()
    released: Released = Field(default=("scnn", "hybrid-small", "hybrid-base"), description="Networks of the package.")
    baselines: Baselines = Field(default=(*DEFAULT_BASELINES, "pull-push"), description="Classical methods.")
    noises: int = Field(default=3, ge=1, le=100, description="Different noises for every mask, beside black and white.")


def trials(settings: LeakageSettings) -> list[Trial]:
    """Each method under all masks."""
    trained = networks.train("training", settings.training)
    sources = {_TRAINED: trained, **{name: networks.released(name) for name in settings.released}}
    common = {"noises": settings.noises, "settings": settings.measuring.model_dump(mode="json")}
    return [
        *(Trial(name, replace, {"network": network, "baseline": None, **common}) for name, network in sources.items()),
        *(Trial(name, replace, {"network": None, "baseline": name, **common}) for name in settings.baselines),
    ]


def replace(
    context: Context,
    *,
    network: networks.Network | None,
    baseline: str | None,
    noises: int,
    settings: Mapping[str, Any],
) -> Result:
    """Restores each case with other things under its mask.

    The result has the number of ``cases`` and of ``results`` beside the first of each, how many of these ``differ``
    from it in at least one bit, and ``largest``, the largest difference in 8-bit levels. Of a network further
    ``control``: in how many cases its raw output in the hole differs where it is handed what lies under the mask, which
    shows that a leak would be seen.
    """
    method = BASELINES[str(baseline)] if network is None else networks.inpainter(context, network)
    counted = {"cases": 0, "results": 0, "differ": 0, "largest": 0}
    control = 0
    for case in cases(context, settings, "replacing what lies under the mask"):
        restore = method.inpaint if isinstance(method, Inpainter) else method
        first = np.asarray(restore(case.image, case.mask))
        counted["cases"] += 1
        for filled in _fillings(case.image, case.mask, noises, seed=counted["cases"]):
            result = np.asarray(restore(filled, case.mask))
            counted["results"] += 1
            counted["differ"] += not np.array_equal(result, first)
            counted["largest"] = max(counted["largest"], int(np.abs(result.astype(int) - first).max()))
        if isinstance(method, Inpainter):
            raw = [_output(method, image, case.mask) for image in (case.image, filled)]
            control += not torch.equal(*raw)
    return counted if network is None else {**counted, "control": control}


def findings(settings: LeakageSettings, done: Mapping[str, Done]) -> Findings:
    """Whether any result differs."""
    methods = {name: one.result for name, one in done.items() if "differ" in one.result}
    rows = [
        (name, r["cases"], r["results"], r["differ"], r["largest"], r.get("control")) for name, r in methods.items()
    ]
    table = Table(
        "leakage",
        "Results that differ when what lies under the mask is replaced",
        {
            "method": "",
            "masks": "d",
            "restored again": "d",
            "differ in a bit": "d",
            "largest difference, levels": "d",
            "masks where it would show": "d",
        },
        rows,
    )
    restored, differ = sum(r["results"] for r in methods.values()), sum(r["differ"] for r in methods.values())
    controls = [r for r in methods.values() if "control" in r]
    shows, handed = (sum(r[name] for r in controls) for name in ("control", "cases"))
    seen = ", so that a leak of any of them would have been seen" if all(r["control"] for r in controls) else ""
    untried = "; of the baselines that was not tried" if len(controls) < len(methods) else ""
    sentence = (
        f"{differ} of {restored:,} results of {len(methods)} methods differ in a single bit when the pixels under the "
        f"mask are replaced by noise, black or white; handed those pixels, the networks give another result in {shows} "
        f"of {handed} cases{seen}{untried}."
    )
    return Findings([Answer(8, sentence)], [table])


def _fillings(image: Image, mask: Mask, noises: int, *, seed: int) -> Iterator[Image]:
    """The image with white, black and noise in its holes."""
    random = np.random.default_rng(seed)
    hole = mask[..., None]
    for level in (255, 0):
        yield np.where(hole, np.uint8(level), image)
    for _ in range(noises):
        yield np.where(hole, random.integers(0, 256, image.shape, dtype=np.uint8), image)


def _output(inpainter: Inpainter, image: Image, mask: Mask) -> torch.Tensor:
    """The network's output in the hole, where it is handed the image as it is."""
    handed = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
    hole = torch.from_numpy(mask)[None, None]
    return inpainter.predict(handed, hole.float())[hole.expand_as(handed)]


EXPERIMENT = Experiment(
    name="leakage",
    title="Does what lies under the mask leak?",
    question="Each masked photograph is restored again with noise, black and white under its mask. Is every result the "
    "same, bit for bit?",
    objections=(8,),
    full=LeakageSettings(),
    quick=LeakageSettings(
        training=TOY_TRAINING, measuring=TOY_MEASURING, released=("scnn",), baselines=("mean", "telea"), noises=1
    ),
    trials=trials,
    findings=findings,
)
