from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spikefill import masks
from spikefill.errors import InputError
from spikefill.evaluation import BASELINES, centre_crop, evaluate, measures_flip, paired_difference, psnr, write_json

from .fakes import Album, OffBy

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = {"psnr_hole", "psnr", "mse_hole", "mse", "ssim", "flip", "hole_ratio", "n", "seconds"}
SUMMARIES = {"intervals", "differences", "by_hole_ratio", "by_distance"}
RAW = {"raw_mse_known", "raw_psnr_known", "raw_mse"}
FAMILIES = ("thin", "thick")


@pytest.fixture(scope="module")
def document(album: Album) -> dict[str, Any]:
    models = {
        "perfect": OffBy(album),
        "off by 5": OffBy(album, levels=5, raw=0.1),
    }
    return evaluate(models, album, size=64, families=FAMILIES, repeats=2, source="album")


def test_the_keys(document: dict[str, Any]) -> None:
    assert list(document["results"]) == ["perfect", "off by 5", "identity", "mean", "telea", "navier-stokes"]
    for method, families in document["results"].items():
        assert tuple(families) == FAMILIES
        for figures in families.values():
            assert set(figures) == (FIGURES if method in BASELINES else FIGURES | RAW)
            assert figures["n"] == 2
            assert figures["seconds"] >= 0


@pytest.mark.parametrize("family", FAMILIES)
def test_figures_known_by_construction(document: dict[str, Any], family: str) -> None:
    perfect, off = document["results"]["perfect"][family], document["results"]["off by 5"][family]
    assert perfect["psnr_hole"] is None
    assert perfect["psnr"] is None
    assert perfect["mse_hole"] == perfect["mse"] == 0
    assert perfect["raw_mse"] == pytest.approx(0, abs=1e-14)  # a raw output is float32
    assert perfect["raw_psnr_known"] > 140
    assert perfect["ssim"] == 1
    assert perfect["flip"] == (0 if measures_flip() else None)
    assert off["psnr_hole"] == pytest.approx(20 * math.log10(255 / 5), abs=1e-9)
    assert off["mse_hole"] == pytest.approx((5 / 255) ** 2, rel=1e-12)
    assert off["raw_mse_known"] == pytest.approx(0.01, rel=1e-5)
    assert off["raw_mse"] == pytest.approx(0.01, rel=1e-5)
    assert off["raw_psnr_known"] == pytest.approx(20, abs=1e-4)


def test_the_figure_is_the_mean_over_images_of_means_over_masks(album: Album, document: dict[str, Any]) -> None:
    per_image, ratios = [], []
    for index in (0, 2):  # the number of a photograph does not depend on what was skipped
        values = []
        for repeat in range(2):
            mask = masks.evaluation("thick", (64, 64), image_index=index, repeat=repeat)
            values.append(psnr(BASELINES["telea"](album[index], mask), album[index], mask))
            ratios.append(mask.mean())
        per_image.append(np.mean(values))
    figures = document["results"]["telea"]["thick"]
    assert figures["psnr_hole"] == pytest.approx(np.mean(per_image), abs=1e-9)
    assert figures["hole_ratio"] == pytest.approx(np.mean(ratios), abs=1e-12)


def test_images_hold_every_photograph_and_mask(document: dict[str, Any]) -> None:
    assert [(image["index"], image["name"]) for image in document["images"]] == [(0, "cat"), (2, "astronaut")]
    for image in document["images"]:
        assert [(case["family"], case["repeat"]) for case in image["cases"]] == [
            (family, repeat) for family in FAMILIES for repeat in range(2)
        ]
        values = [case["psnr_hole"]["mean"] for case in image["cases"] if case["family"] == "thin"]
        assert image["results"]["mean"]["thin"]["psnr_hole"] == pytest.approx(np.mean(values), abs=1e-12)
        assert all(case["psnr_hole"]["perfect"] is None for case in image["cases"])


def test_the_protocol(document: dict[str, Any]) -> None:
    protocol = document["protocol"]
    assert protocol["size"] == 64
    assert protocol["masks"]["repeats"] == 2
    assert protocol["images"]["source"] == "album"
    assert protocol["images"]["names"] == ["cat", "astronaut"]
    assert [skipped["name"] for skipped in protocol["images"]["skipped"]] == ["narrow"]
    assert "64 x 40 pixels" in protocol["images"]["skipped"][0]["reason"]
    assert protocol["models"]["perfect"]["architecture"] == "OffBy"
    assert {"spikefill", "python", "torch", "opencv"} <= set(protocol["versions"])
    assert set(protocol["metrics"]["definitions"]) == FIGURES | RAW | SUMMARIES | {"null"}
    assert protocol["format_version"] == 2
    assert protocol["metrics"]["bootstrap"] == {"level": 0.95, "resamples": 10_000, "seed": 0}


@pytest.mark.parametrize("family", FAMILIES)
def test_intervals_and_differences(document: dict[str, Any], family: str) -> None:
    values = [image["results"]["telea"][family]["psnr_hole"] for image in document["images"]]
    assert document["intervals"]["telea"][family] == pytest.approx(
        {"mean": document["results"]["telea"][family]["psnr_hole"], "low": min(values), "high": max(values)}
    )
    assert document["intervals"]["perfect"][family] == {"mean": None, "low": None, "high": None}
    assert document["differences"]["of"] == "perfect"
    assert list(document["differences"]["minus"]) == ["off by 5", "identity", "mean", "telea", "navier-stokes"]
    against = paired_difference(document["images"], "off by 5", "telea", family)
    assert against["mean"] == pytest.approx(20 * math.log10(255 / 5) - np.mean(values))
    assert against["low"] < against["mean"] < against["high"]


def test_by_hole_ratio_and_distance(document: dict[str, Any]) -> None:
    rows = document["by_hole_ratio"]
    assert sum(row["cases"] for row in rows) == 2 * 2 * len(FAMILIES)
    for row in document["by_distance"]:
        assert list(row["psnr"]) == list(document["results"])
        assert row["psnr"]["perfect"] is None
        assert row["psnr"]["off by 5"] == pytest.approx(20 * math.log10(255 / 5), abs=1e-9)
    holes = sum(case["hole_ratio"] for image in document["images"] for case in image["cases"]) * 64**2
    assert sum(row["pixels"] for row in document["by_distance"]) == pytest.approx(holes, abs=1e-6)


def test_without_flip_its_figure_is_null(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikefill.evaluation.metrics.flip_evaluator", None)
    document = evaluate(None, album, size=64, families=["thin"], baselines=["mean"], repeats=1)
    assert document["results"]["mean"]["thin"]["flip"] is None
    assert document["results"]["mean"]["thin"]["ssim"] is not None


def test_slow_baselines_do_not_run_unasked(album: Album) -> None:
    document = evaluate(None, album, size=64, families=["thin"], repeats=1, limit=1)
    assert document["protocol"]["baselines"] == ["identity", "mean", "telea", "navier-stokes"]


def test_it_is_deterministic_and_tells_pixels_and_masks_apart(album: Album) -> None:
    def run(photographs: Any = album, **options: Any) -> dict[str, Any]:
        settings = {"size": 64, "families": ["thin"], "baselines": ["telea", "mean"], "repeats": 1} | options
        document = copy.deepcopy(evaluate(None, photographs, **settings))
        del document["protocol"]["date"]
        for place in (document, *document["images"]):
            for families in place["results"].values():
                for figures in families.values():
                    del figures["seconds"]
        return document

    first = run()
    assert run() == first
    other = run(Album([album[2], album[0]], ["a", "b"]))
    assert other["protocol"]["images"]["sha256"] != first["protocol"]["images"]["sha256"]
    assert run(repeats=2)["protocol"]["masks"]["sha256"] != first["protocol"]["masks"]["sha256"]


def test_full_takes_photographs_whole(album: Album) -> None:
    document = evaluate(None, album, size="full", families=["medium"], baselines=["mean"], repeats=1)
    assert [(image["height"], image["width"]) for image in document["images"]] == [
        (64, 64),
        (40, 64),
        (64, 64),
    ]
    assert document["protocol"]["images"]["skipped"] == []


def test_a_file_that_cannot_be_decoded_is_skipped(album: Album) -> None:
    class Broken(Album):
        def __getitem__(self, index: Any) -> Any:
            if index == 2:
                raise OSError("image file is truncated")
            return super().__getitem__(index)

    broken = Broken(list(album), album.names)
    document = evaluate(None, broken, size=64, families=["thin"], baselines=["mean"], repeats=1)
    assert document["protocol"]["images"]["names"] == ["cat"]
    assert document["protocol"]["images"]["skipped"][1] == {
        "name": "astronaut",
        "reason": "image file is truncated",
    }


def test_limit_takes_the_first(album: Album) -> None:
    document = evaluate(None, album, size=64, families=["thin"], baselines=["mean"], repeats=1, limit=2)
    assert document["protocol"]["images"]["names"] == ["cat"]
    assert document["results"]["mean"]["thin"]["n"] == 1


def test_one_model_takes_its_name(album: Album) -> None:
    document = evaluate(OffBy(album), album, name="scnn", size=64, families=["thin"], baselines=[], repeats=1)
    assert list(document["results"]) == ["scnn"]


def test_progress_counts_to_the_end(album: Album) -> None:
    calls: list[tuple[int, int]] = []
    evaluate(
        None, album, size=64, families=["thin"], baselines=["mean", "identity"], repeats=2,
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    assert [done for done, _ in calls] == list(range(1, 9))
    assert calls[-1] == (8, 8)


def test_a_broken_model_gives_null_not_nan(album: Album) -> None:
    model = OffBy(album, raw=math.nan)
    document = evaluate(model, album, size=64, families=["thin"], baselines=[], repeats=1)
    assert document["results"]["model"]["thin"]["raw_mse"] is None
    json.dumps(document, allow_nan=False)


def test_centre_crop() -> None:
    image = np.arange(40 * 51 * 3, dtype=np.int64).reshape(40, 51, 3).astype(np.uint8)
    assert np.array_equal(centre_crop(image, 33), image[3:36, 9:42])
    assert np.array_equal(centre_crop(image, "full"), image)
    with pytest.raises(InputError, match="51 x 40 pixels"):
        centre_crop(image, 41)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"families": ["thin", "wide"]}, "families is 'wide'"),
        ({"families": []}, "families is empty"),
        ({"families": ["thin", "thin"]}, "named once"),
        ({"baselines": ["patchmatch"]}, "baselines is 'patchmatch'"),
        ({"baselines": []}, "no model"),
        ({"size": 31}, "size is 31"),
        ({"size": 65}, "none of 3 could be used"),
        ({"limit": 0}, "limit is 0"),
        ({"repeats": 0}, "repeats is 0"),
        ({"repeats": 6}, "repeats is 6"),
    ],
)
def test_wrong_arguments_are_named(album: Album, options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        evaluate(None, album, **({"size": 64} | options))


def test_a_model_must_not_be_called_as_a_baseline(album: Album) -> None:
    with pytest.raises(InputError, match="'telea', which is also a baseline"):
        evaluate(OffBy(album), album, name="telea", size=64)


def test_no_photographs() -> None:
    with pytest.raises(InputError, match="photographs is empty"):
        evaluate(None, [], size=64)


def test_json_round_trip(document: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "new" / "figures.json"
    write_json(document, file)
    assert json.loads(file.read_text(encoding="utf-8")) == document
    with pytest.raises(InputError, match="exists"):
        write_json({}, file)
    write_json({}, file, overwrite=True)
    assert json.loads(file.read_text(encoding="utf-8")) == {}
    assert [path.name for path in file.parent.iterdir()] == ["figures.json"]
