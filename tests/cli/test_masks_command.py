from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from spikefill import masks
from spikefill.cli.app import run

if TYPE_CHECKING:
    from pathlib import Path


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.array(image)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_masks_and_a_contact_sheet_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "masks"
    assert run(["masks", "medium", "--size", "64", "--count", "3", "--seed", "5", "-o", str(folder)]) == 0
    assert names(folder) == ["0000.png", "0001.png", "0002.png", "contact-sheet.png"]
    drawn = [masks.sample("medium", 64, seed=5, index=index) for index in range(3)]
    for index, mask in enumerate(drawn):
        with Image.open(folder / f"{index:04}.png") as image:
            assert image.mode == "1"
        assert np.array_equal(masks.read(folder / f"{index:04}.png"), mask)
    sheet = picture(folder / "contact-sheet.png")
    assert sheet.shape == (2 * 68 + 4, 2 * 68 + 4)
    for mask, (top, left) in zip(drawn, ((4, 4), (4, 72), (72, 4)), strict=True):
        assert np.array_equal(sheet[top : top + 64, left : left + 64], mask * np.uint8(255))
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "3 masks of 64 x 64 px" in out
    shares = [100 * mask.mean() for mask in drawn]
    assert f"{np.mean(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f} %)" in out
    assert str(folder / "contact-sheet.png") in out


def test_defaults_are_16_of_256_px(tmp_path: Path) -> None:
    assert run(["masks", "boxes", "--output", str(tmp_path)]) == 0
    assert len(names(tmp_path)) == 17
    assert np.array_equal(masks.read(tmp_path / "0015.png"), masks.sample("boxes", 256, seed=0, index=15))


@pytest.mark.parametrize("size", ["40x24", "40X24"])
def test_width_comes_first_in_a_size(size: str, tmp_path: Path) -> None:
    assert run(["masks", "thin", "--size", size, "--count", "1", "-o", str(tmp_path)]) == 0
    with Image.open(tmp_path / "0000.png") as image:
        assert image.size == (40, 24)
    assert np.array_equal(masks.read(tmp_path / "0000.png"), masks.sample("thin", (24, 40), seed=0, index=0))


@pytest.mark.parametrize("there", ["0001.png", "contact-sheet.png"])
def test_a_file_that_exists_is_kept_and_nothing_is_written(
    there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / there).write_bytes(b"mine")
    call = ["masks", "boxes", "--size", "32", "--count", "2", "-o", str(tmp_path)]
    assert run(call) == 2
    assert f"{there} exists" in capsys.readouterr().err
    assert names(tmp_path) == [there]
    assert (tmp_path / there).read_bytes() == b"mine"
    assert run([*call, "--overwrite"]) == 0
    assert names(tmp_path) == ["0000.png", "0001.png", "contact-sheet.png"]
    assert picture(tmp_path / there).size


def test_a_contact_sheet_has_room_for_256(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["masks", "boxes", "--size", "8", "--count", "257", "-o", str(tmp_path)]) == 0
    assert len(names(tmp_path)) == 258
    assert picture(tmp_path / "contact-sheet.png").shape == (16 * 12 + 4, 16 * 12 + 4)
    assert "shows the first 256" in capsys.readouterr().err


def test_large_masks_are_small_on_the_contact_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["masks", "thick", "--size", "512x256", "--count", "1", "-o", str(tmp_path)]) == 0
    assert picture(tmp_path / "contact-sheet.png").shape == (64 + 8, 128 + 8)
    assert ": 1 mask of 512 x 256 px;" in capsys.readouterr().out


def test_quiet_says_the_result_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-q", "masks", "boxes", "--size", "8", "--count", "257", "-o", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("\n") == 1


def test_help_names_every_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["masks", "--help"]) == 0
    words = set(re.findall(r"[\w-]+", capsys.readouterr().out))
    assert set(masks.FAMILIES) <= words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["wide", "-o", "{new}"],
            "FAMILY is 'wide'; it must be one of: thin, medium, thick, boxes, scratches",
        ),
        (["thin", "-o", "{new}", "--size", "big"], "--size is 'big'; it must be a side such as 256"),
        (["thin", "-o", "{new}", "--size", "0"], "--size is '0'"),
        (["thin", "-o", "{new}", "--size", "-4"], "--size is '-4'"),
        (["thin", "-o", "{new}", "--size", "12x"], "--size is '12x'"),
        (["thin", "-o", "{new}", "--size", "12x0"], "--size is '12x0'"),
        (["thin", "-o", "{new}", "--size", "12x12x12"], "WIDTHxHEIGHT such as 640x480"),
        (["thin", "-o", "{new}", "--size", "99999"], "each from 1 to 32768 px"),
        (["thin", "-o", "{new}", "--size", "٣٢"], "--size is"),
        (["thin", "-o", "{new}", "--count", "0"], "--count is 0; it must be at least 1"),
        (["thin", "-o", "{new}", "--count", "many"], "--count"),
        (["thin", "-o", "{new}", "--seed", "-1"], "--seed is -1; it must be at least 0"),
        (["thin", "-o", "{file}"], "a file; name a folder"),
        (["thin", "-o", "{file}/masks"], "file"),
        (["thin"], "--output"),
        (["-o", "{new}"], "FAMILY"),
        (["thin", "-o", "{new}", "--colour"], "--colour"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    places = {"{new}": str(tmp_path / "new"), "{file}": str(tmp_path / "file")}
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    assert run(["masks", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert names(tmp_path) == ["file"]
