from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spikefill.errors import InputError
from spikefill.evaluation import choose_cases, evaluate, render_cases, render_report, write_report

from .fakes import Album, OffBy

if TYPE_CHECKING:
    from pathlib import Path

NAME = "a <b> & $x_1$"


@pytest.fixture(scope="module")
def models(album: Album) -> dict[str, Any]:
    return {NAME: OffBy(album, levels=5, raw=0.1)}


@pytest.fixture(scope="module")
def document(album: Album, models: dict[str, Any]) -> dict[str, Any]:
    return evaluate(models, album, size=64, families=("thin", "thick"), baselines=("telea", "mean"), repeats=2)


def ranks(document: dict[str, Any], values: list[float | None]) -> dict[str, float | None]:
    """What is chosen when the thin cases, two a photograph, have these figures."""
    document = copy.deepcopy(document)
    document["protocol"]["masks"]["families"] = ["thin"]
    cases = [case for image in document["images"] for case in image["cases"] if case["family"] == "thin"]
    for case, value in zip(cases, values, strict=True):
        case["psnr_hole"][NAME] = value
    return {choice.rank: choice.case["psnr_hole"][NAME] for choice in choose_cases(document)}


def test_best_median_and_worst(document: dict[str, Any]) -> None:
    assert ranks(document, [30, 10, 20, 40]) == {"best": 40, "median": 20, "worst": 10}
    assert ranks(document, [30, None, 20, 40]) == {"best": None, "median": 30, "worst": 20}


def test_few_cases_are_shown_once(document: dict[str, Any]) -> None:
    few = copy.deepcopy(document)
    few["images"] = few["images"][:1]
    assert [choice.rank for choice in choose_cases(few)] == ["best", "worst"] * 2
    few["images"][0]["cases"] = few["images"][0]["cases"][::2]
    assert [choice.rank for choice in choose_cases(few)] == ["best"] * 2


def test_cases_are_restored_again(album: Album, document: dict[str, Any], models: dict[str, Any]) -> None:
    cases = render_cases(document, album, models)
    assert [(case.choice.condition, case.choice.rank) for case in cases] == [
        (family, rank) for family in ("thin", "thick") for rank in ("best", "median", "worst")
    ]
    for case in cases:
        assert list(case.results) == [NAME, "telea", "mean"]
        assert np.array_equal(case.original, album[case.choice.image["index"]])
        hole = (case.damaged != case.original).any(axis=2)
        assert not case.damaged[hole].any()
        assert np.abs(case.results[NAME].astype(int) - case.original).max() == 5


def test_the_page_is_self_contained(
    album: Album, document: dict[str, Any], models: dict[str, Any], tmp_path: Path
) -> None:
    path = write_report(document, tmp_path / "report", cases=render_cases(document, album, models))
    assert path == tmp_path / "report" / "index.html"
    page = path.read_text(encoding="utf-8")
    references = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]+)', page)
    assert len([r for r in references if r.startswith("data:image/webp;base64,")]) == 6 * 5
    assert [r for r in references if not r.startswith(("data:", "#"))] == []
    assert "@import" not in page
    assert "<script" not in page
    assert len(re.findall("<svg ", page)) == 3
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]


def test_names_are_text(document: dict[str, Any]) -> None:
    page = render_report(document)
    assert "a &lt;b&gt; &amp; $x_1$" in page
    assert "<b>" not in page


def test_the_best_of_a_column_is_marked(document: dict[str, Any]) -> None:
    page = render_report(document)
    overview = page[page.index("<tbody>") : page.index("</tbody>")]
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', overview)
    assert [row[0] for row in rows] == ["a &lt;b&gt; &amp; $x_1$", "telea", "mean"]
    assert "34.15" in rows[0][1]  # 20 log10(255 / 5)
    assert [row[1].count('class="best"') for row in rows] == [4, 0, 0]


def test_intervals_are_shown_and_sure_differences_marked(document: dict[str, Any]) -> None:
    document = copy.deepcopy(document)
    document["intervals"]["telea"]["thin"] = {"mean": 22.125, "low": 21.25, "high": 23.0}
    document["intervals"]["mean"]["thin"] = {"mean": 15.5, "low": None, "high": None}
    document["differences"]["minus"]["telea"]["thin"] = {"mean": 1.5, "low": 0.25, "high": 2.75}
    document["differences"]["minus"]["telea"]["thick"] = {"mean": 1.5, "low": -0.25, "high": 3.25}
    document["differences"]["minus"]["mean"]["thin"] = {"mean": -3.0, "low": -4.0, "high": -2.0}
    page = render_report(document)
    assert "<td>22.12 (21.25 to 23.00)</td>" in page
    assert "<td>15.50</td>" in page
    assert '<td class="sure">1.50 (0.25 to 2.75)</td>' in page
    assert "<td>1.50 (-0.25 to 3.25)</td>" in page
    assert '<td class="sure">-3.00 (-4.00 to -2.00)</td>' in page


def test_bands_and_buckets_are_drawn(document: dict[str, Any]) -> None:
    document = copy.deepcopy(document)
    figures = dict.fromkeys(document["results"], 20.0)
    document["by_distance"] = [
        {"from": start, "to": end, "pixels": 9, "psnr": figures} for start, end in ((1, 1), (2, 3), (32, None))
    ]
    page = render_report(document)
    assert [f">{label}</text>" in page for label in ("1", "2–3", "32+", "4–7")] == [True, True, True, False]


def test_flip_that_was_not_measured_is_no_infinity(document: dict[str, Any]) -> None:
    document = copy.deepcopy(document)
    measured = render_report(document)
    for families in document["results"].values():
        for figures in families.values():
            figures["flip"] = None
    page = render_report(document)
    assert page.count("∞") == measured.count("∞")
    assert "FLIP is not measured" in page
    for families in document["results"].values():
        for number, figures in enumerate(families.values()):
            figures["flip"] = 0.25 + number
    page = render_report(document)
    assert "FLIP is not measured" not in page
    assert '<td class="best">0.2500</td>' in page


def test_a_document_of_another_version_is_named(document: dict[str, Any]) -> None:
    old = copy.deepcopy(document)
    old["protocol"]["format_version"] = 1
    with pytest.raises(InputError, match="format version 1"):
        render_report(old)


def test_an_infinite_figure_wins(album: Album) -> None:
    document = evaluate(OffBy(album), album, name="perfect", size=64, families=["thin"], repeats=1)
    page = render_report(document)
    assert '<td class="best">∞</td>' in page
    assert ">None<" not in page


def test_skipped_photographs_are_named(document: dict[str, Any]) -> None:
    assert "narrow (64 x 40 pixels" in render_report(document)


def test_an_existing_page_is_kept(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(InputError, match="exists"):
        write_report(document, tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"
    write_report(document, tmp_path, overwrite=True)
    assert "<title>" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_many_points_do_not_swell_the_page(document: dict[str, Any]) -> None:
    many = copy.deepcopy(document)
    many["images"] = many["images"] * 300
    assert len(render_report(many)) < 600_000
