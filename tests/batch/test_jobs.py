"""Which mask goes with which photograph of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikefill import InputError
from spikefill.batch import Job, find_jobs


def files(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def pairs(root: Path, *arguments: Path | None, **options: str) -> tuple[list[tuple[str, ...]], list[tuple[str, str]]]:
    """The jobs as paths below ``root``, and the photographs without one mask, with the reason."""
    jobs, unpaired = find_jobs(*arguments, **options)  # type: ignore[arg-type]
    return (
        [tuple(path and Path(path).relative_to(root).as_posix() for path in (j.photo, j.mask, j.output)) for j in jobs],
        [(Path(u.photo).relative_to(root).as_posix(), u.reason.replace(f"{root}/", "")) for u in unpaired],
    )


def test_masks_are_found_by_name_whatever_their_format(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "in/sub/deep/b.PNG", "in/c.webp", "in/.hidden.png", "in/notes.txt", "in/.git/d.png")
    files(tmp_path, "masks/a.png", "masks/sub/deep/b_mask.jpeg", "masks/c.gif", "masks/other.png")
    assert pairs(tmp_path, tmp_path / "in", tmp_path / "masks", tmp_path / "out") == (
        [
            ("in/a.jpg", "masks/a.png", "out/a.jpg"),
            ("in/c.webp", "masks/c.gif", "out/c.webp"),
            ("in/sub/deep/b.PNG", "masks/sub/deep/b_mask.jpeg", "out/sub/deep/b.PNG"),
        ],
        [],
    )


def test_a_mask_of_the_same_name_comes_before_one_with_the_ending(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "masks/a.png", "masks/a_mask.png")
    assert pairs(tmp_path, tmp_path / "in", tmp_path / "masks", tmp_path / "out")[0] == [
        ("in/a.jpg", "masks/a.png", "out/a.jpg")
    ]


def test_photographs_without_one_mask_are_told_apart(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "in/b.jpg", "masks/sub/a.png", "masks/b.png", "masks/b.jpg")
    assert pairs(tmp_path, tmp_path / "in", tmp_path / "masks", tmp_path / "out") == (
        [],
        [
            ("in/a.jpg", "has no mask; looked for masks/a.* or masks/a_mask.*"),
            ("in/b.jpg", "has two masks, masks/b.jpg and masks/b.png"),
        ],
    )


def test_photographs_and_masks_in_one_folder(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg", "a_mask.png", "b.png", "sub/c.png", "sub/c_mask.webp", "out/a.jpg")
    assert pairs(tmp_path, tmp_path, tmp_path, tmp_path / "out") == (
        [("a.jpg", "a_mask.png", "out/a.jpg"), ("sub/c.png", "sub/c_mask.webp", "out/sub/c.png")],
        [("b.png", "has no mask; looked for b_mask.*")],
    )


def test_folders_within_the_photographs_folder_hold_none(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg", "masks/a.png", "restored/a.jpg")
    assert pairs(tmp_path, tmp_path, tmp_path / "masks", tmp_path / "restored") == (
        [("a.jpg", "masks/a.png", "restored/a.jpg")],
        [],
    )


def test_one_mask_for_all_which_is_no_photograph(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "in/sub/b.jpg", "in/mask.png")
    jobs, unpaired = find_jobs(tmp_path / "in", tmp_path / "in" / "mask.png", tmp_path / "out")
    mask = f"{tmp_path}/in/mask.png"
    assert jobs == [
        Job(f"{tmp_path}/in/a.jpg", mask, f"{tmp_path}/out/a.jpg"),
        Job(f"{tmp_path}/in/sub/b.jpg", mask, f"{tmp_path}/out/sub/b.jpg"),
    ]
    assert unpaired == []


def test_holes_that_are_found_in_the_photographs_need_no_masks(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "in/sub/b.heic", "in/out/a.jpg")
    assert pairs(tmp_path / "in", tmp_path / "in", None, tmp_path / "in" / "out") == (
        [("a.jpg", "", "out/a.jpg"), ("sub/b.heic", "", "out/sub/b.heic")],
        [],
    )


def test_another_suffix(tmp_path: Path) -> None:
    files(tmp_path, "in/a.b.jpg", "masks/a.b.png")
    assert pairs(tmp_path, tmp_path / "in", tmp_path / "masks", tmp_path / "out", suffix=".webp")[0] == [
        ("in/a.b.jpg", "masks/a.b.png", "out/a.b.webp")
    ]


def test_two_photographs_never_become_one_file(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "in/a.png", "masks/a.png")
    assert len(find_jobs(tmp_path / "in", tmp_path / "masks", tmp_path / "out")[0]) == 2
    with pytest.raises(InputError, match=r"in/a\.jpg and .*in/a\.png would both become .*out/a\.png; rename one"):
        find_jobs(tmp_path / "in", tmp_path / "masks", tmp_path / "out", suffix=".png")


def test_restored_photographs_never_lie_among_those_that_are_read(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "masks/a.png")
    for output in ("in", "masks", "in/../masks"):
        with pytest.raises(InputError, match="which is read from; name another folder for what is restored"):
            find_jobs(tmp_path / "in", tmp_path / "masks", tmp_path / output)


def test_capitals_do_not_make_another_file(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "in/A.png", "masks/a.png", "masks/A.png")
    with pytest.raises(InputError, match="would both become"):
        find_jobs(tmp_path / "in", tmp_path / "masks", tmp_path / "out", suffix=".png")


def test_documents_and_films_are_no_photographs(tmp_path: Path) -> None:
    files(tmp_path, "in/a.jpg", "in/b.pdf", "in/c.mpg", "in/d.tiff", "masks/a.png", "masks/d.gif")
    jobs, unpaired = find_jobs(tmp_path / "in", tmp_path / "masks", tmp_path / "out")
    assert [Path(job.photo).name for job in jobs] == ["a.jpg", "d.tiff"]
    assert unpaired == []


def test_nothing_to_do(tmp_path: Path) -> None:
    files(tmp_path, "in/notes.txt", "masks/a.png")
    with pytest.raises(InputError, match="in holds no photographs"):
        find_jobs(tmp_path / "in", tmp_path / "masks", tmp_path / "out")
    with pytest.raises(InputError, match="mask is .*missing; it must be a file or a folder"):
        find_jobs(tmp_path / "in", tmp_path / "missing", tmp_path / "out")
    with pytest.raises(InputError, match="cannot read .*nowhere: No such file or directory"):
        find_jobs(tmp_path / "nowhere", tmp_path / "masks", tmp_path / "out")
