"""The report grows by a row for each photograph and outlives an interruption."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from spikefill import InputError
from spikefill.batch import Outcome, Report, Status

HEADER = "photo,mask,output,status,width,height,hole_pixels,seconds,error\n"
FIRST = Outcome("a.jpg", "a.png", "out/a.jpg", Status.RESTORED, 640, 480, 1234, 0.12345)
SECOND = Outcome('b, "x".jpg', "", "out/b.jpg", Status.FAILED, error='has no mask; looked for "b.*",\nor not')


def test_rows_are_there_as_soon_as_they_are_added(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.csv"
    with Report(path) as report:
        assert path.read_text() == HEADER
        report.add(FIRST)
        assert path.read_text() == HEADER + "a.jpg,a.png,out/a.jpg,restored,640,480,1234,0.123,\n"
        report.add(SECOND)
        with path.open(newline="") as file:
            assert list(csv.DictReader(file))[1] == {
                "photo": 'b, "x".jpg', "mask": "", "output": "out/b.jpg", "status": "failed", "width": "0",
                "height": "0", "hole_pixels": "0", "seconds": "0.000", "error": SECOND.error,
            }  # fmt: skip


def test_it_is_gone_on_with_and_holds_each_photograph_once(tmp_path: Path) -> None:
    with Report(tmp_path / "report.csv") as report:
        report.add(FIRST)
        report.add(SECOND)
    with Report(tmp_path / "report.csv") as report:
        assert "a.jpg" in report
        assert "c.jpg" not in report
        report.add(Outcome('b, "x".jpg', "b.png", "out/b.jpg", Status.RESTORED))
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["photo"], row["status"]) for row in rows] == [("a.jpg", "restored"), ('b, "x".jpg', "restored")]


def test_a_row_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with Report(path) as report:
        report.add(FIRST)
    whole = path.read_text()
    path.write_text(whole + "b.jpg,b.png,out")
    with Report(path):
        assert path.read_text() == whole


def test_names_that_are_no_text_are_kept_as_they_are(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    for _ in range(2):
        with Report(tmp_path / "report.csv") as report:
            report.add(Outcome(name, "m.png", f"out/{name}", Status.RESTORED))
        assert name in Report(tmp_path / "report.csv")
    assert (tmp_path / "report.csv").read_bytes().count(b"caf\xe9.png,m.png,") == 1


def test_whether_it_holds_previews(tmp_path: Path) -> None:
    with Report(tmp_path / "report.csv") as report:
        report.add(FIRST)
        assert not report.previews()
        report.add(Outcome("b.jpg", "", "out/b.jpg", Status.PREVIEWED))
    assert Report(tmp_path / "report.csv").previews()


def test_an_interruption_leaves_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with pytest.raises(KeyboardInterrupt), Report(path) as report:
        report.add(FIRST)
        raise KeyboardInterrupt
    assert path.read_text().count("\n") == 2


@pytest.mark.parametrize("text", ["name,price\nbread,3\n", "a line without an end", HEADER[:-1]])
def test_another_file_is_never_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"report\.csv is there already and is no report of restored photographs"):
        Report(path)
    assert path.read_text() == text
    with pytest.raises(InputError, match="cannot read .*: Is a directory"):
        Report(tmp_path)
