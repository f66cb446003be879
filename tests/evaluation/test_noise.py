"""Evaluation under noise: known figures, what the document and the page hold, and what they leave out."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from spikefill import InputError, models
from spikefill.degradation import Degradation
from spikefill.denoising import Denoiser
from spikefill.evaluation import DENOISERS, evaluate, measures_flip, render_cases, render_report

from .fakes import Album, Array

SIGMA = 25


class Knows:
    """Knows the photographs; its result is off by ``error``, and so leaves [0, 1]."""

    def __init__(self, album: Album, error: float = 0.0) -> None:
        self.album = album
        self.error = error

    def denoise(self, noisy: Array) -> Array:
        assert noisy.dtype == np.float32
        photographs = [photograph / 255 for photograph in self.album if photograph.shape == noisy.shape]
        nearest = min(photographs, key=lambda photograph: float(np.square(photograph - noisy).mean()))
        result: Array = np.where(nearest < 0.5, nearest + self.error, nearest - self.error)
        return result


@pytest.fixture(scope="module")
def denoisers(album: Album) -> dict[str, Any]:
    return {"perfect": Knows(album), "off by 5": Knows(album, 5 / 255)}


@pytest.fixture(scope="module")
def document(album: Album, denoisers: dict[str, Any]) -> dict[str, Any]:
    return evaluate(denoisers, album, degradation=f"noise:{SIGMA}", size=64)


def test_figures_known_by_construction(document: dict[str, Any]) -> None:
    perfect, off, identity = (document["results"][name]["noise:25"] for name in ("perfect", "off by 5", "identity"))
    assert (perfect["psnr"], perfect["mse"], perfect["ssim"]) == (None, 0, 1)
    assert off["psnr"] == pytest.approx(20 * math.log10(255 / 5), abs=1e-9)
    # What noise leaves [0, 1] comes back to its border in 8 bits: a little better than its standard deviation.
    noise = -20 * math.log10(SIGMA / 255)
    assert noise < identity["psnr"] < noise + 0.5
    assert set(identity) == {"psnr", "mse", "ssim", "flip", "n", "seconds"}
    assert identity["n"] == 2
    assert (identity["flip"] is not None) == measures_flip()


def test_classical_methods_are_better_than_none(document: dict[str, Any]) -> None:
    psnr = {name: document["results"][name]["noise:25"]["psnr"] for name in DENOISERS}
    assert list(psnr) == ["identity", "total-variation", "nl-means", "nl-means-opencv"]
    assert all(psnr[name] > psnr["identity"] + 3 for name in list(psnr)[1:]), psnr


def test_the_document_has_neither_masks_nor_holes(document: dict[str, Any]) -> None:
    text = json.dumps(document, allow_nan=False)
    for word in ("hole", "mask", "famil"):
        assert word not in text, re.findall(f".{{40}}{word}.{{20}}", text)
    protocol = document["protocol"]
    assert protocol["degradation"] == "noise:25"
    assert (protocol["noise"]["sigma"], protocol["noise"]["clipped"]) == (25, False)
    assert protocol["baselines"] == list(DENOISERS)
    assert set(protocol["metrics"]["definitions"]) == {
        "psnr", "mse", "ssim", "flip", "n", "seconds", "intervals", "differences", "null"
    }  # fmt: skip
    values = [image["results"]["nl-means"]["noise:25"]["psnr"] for image in document["images"]]
    interval = document["intervals"]["nl-means"]["noise:25"]
    assert interval == pytest.approx({"mean": sum(values) / 2, "low": min(values), "high": max(values)})
    assert list(document["differences"]["minus"]) == ["off by 5", *DENOISERS]
    assert [image["cases"][0]["psnr"]["nl-means"] for image in document["images"]] == values


def test_the_noise_is_fixed(album: Album, document: dict[str, Any]) -> None:
    def run(degradation: str) -> dict[str, Any]:
        return evaluate(None, album, degradation=degradation, size=64, baselines=["identity"])

    again, other = run("noise:25"), run("noise:24")
    assert again["protocol"]["noise"]["sha256"] == document["protocol"]["noise"]["sha256"]
    assert other["protocol"]["noise"]["sha256"] != document["protocol"]["noise"]["sha256"]
    first, third = again["images"]
    assert first["results"]["identity"]["noise:25"]["mse"] != third["results"]["identity"]["noise:25"]["mse"]


def test_the_page(album: Album, document: dict[str, Any], denoisers: dict[str, Any]) -> None:
    cases = render_cases(document, album, denoisers)
    assert [case.choice.rank for case in cases] == ["best", "worst"]
    for case in cases:
        error = case.damaged.astype(float) - case.original
        assert 15 < error.std() < 26
        assert np.array_equal(case.results["perfect"], case.original)
        assert np.array_equal(case.results["identity"], case.damaged)
    page = render_report(document, cases)
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>|data:image[^\"]*", "", page, flags=re.DOTALL)
    assert "white Gaussian noise of standard deviation 25" in text
    for word in ("hole", "mask", "famil"):
        assert word not in text.lower(), re.findall(f".{{40}}{word}.{{20}}", text)
    assert page.count("<svg ") == 1
    assert page.count("data:image/webp") == 2 * (2 + 6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"families": ["thin"]}, r"families is \['thin'\]; it goes with holes, not with noise:25"),
        ({"repeats": 2}, "repeats is 2; it goes with holes, not with noise:25"),
        ({"baselines": ["telea"]}, "baselines is 'telea'; it must be one of: identity, total-variation"),
        ({"baselines": []}, "there is no model"),
        ({"degradation": "noise"}, "degradation is 'noise'; it must be holes, or noise:SIGMA"),
        ({"size": 31}, "size is 31"),
    ],
)
def test_wrong_arguments_are_named(album: Album, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        evaluate(None, album, **({"degradation": "noise:25", "size": 64} | options))


def test_a_network_is_measured_at_what_it_was_trained_for(album: Album) -> None:
    model = models.create("scnn", width=4, steps=2, degradation="noise:25")
    denoiser = Denoiser(model, Degradation(25))
    document = evaluate(denoiser, album, degradation="noise:25", name="mine", size=64, baselines=[], limit=1)
    assert 0 < document["results"]["mine"]["noise:25"]["psnr"] < 40
    assert document["protocol"]["models"]["mine"]["arguments"]["degradation"] == "noise:25"
    with pytest.raises(InputError, match="mine was trained for noise:25, not for noise:15; measure it with"):
        evaluate(denoiser, album, degradation="noise:15", name="mine", size=64)
    with pytest.raises(InputError, match="model was trained for noise:25, not for holes"):
        evaluate(denoiser, album, size=64)
    with pytest.raises(InputError, match="model was trained for holes, not for noise:25"):
        Denoiser(models.create("scnn", width=4), Degradation(25))


def test_networks_of_others_are_measured(album: Album) -> None:
    theirs = Knows(album)
    theirs.model = torch.nn.Conv2d(3, 3, 1)  # type: ignore[attr-defined]
    document = evaluate(theirs, album, degradation="noise:25", size=64, baselines=[], limit=1)
    assert document["results"]["model"]["noise:25"]["mse"] == 0


def test_opencv_is_given_its_own_order_of_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Array] = []

    def unchanged(image: Array, *_: object) -> Array:
        seen.append(image)
        return image

    monkeypatch.setattr("cv2.fastNlMeansDenoisingColored", unchanged)
    red = np.zeros((8, 8, 3), np.float32) + np.float32([1, 0.2, 0])
    assert np.array_equal(DENOISERS["nl-means-opencv"](red, 25), red)
    assert seen[0][0, 0].tolist() == [0, 51, 255]


@pytest.mark.parametrize("noisy", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32)])
def test_what_is_no_noisy_image_is_refused(noisy: Array) -> None:
    model = models.create("scnn", width=2, steps=1, degradation="noise:25")
    with pytest.raises(InputError, match=r"noisy has shape .*; it must be \(H, W, 3\), floating point"):
        Denoiser(model, Degradation(25)).denoise(noisy)


def test_a_damaged_network_is_said() -> None:
    model = models.create("scnn", width=2, steps=1, degradation="noise:25", final_relu=False)
    model.convolutions[-1].bias.data.fill_(math.nan)  # type: ignore[index, union-attr, operator]
    with pytest.raises(InputError, match="values that are not finite"):
        Denoiser(model, Degradation(25)).denoise(np.zeros((8, 8, 3), np.float32))
