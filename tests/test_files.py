"""Files appear whole or not at all, and nothing that was there is lost."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from spikefill.errors import InputError
from spikefill.files import atomic_write, refuse_existing


def test_a_file_appears_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    with atomic_write(path) as temporary:
        assert temporary.suffix == ".txt"
        assert not path.exists()
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(InputError, match="--overwrite"), atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "old"
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "file.txt"
    with pytest.raises(InputError, match="exists"), atomic_write(path) as temporary:
        temporary.write_text("new")
        path.write_text("somebody else's")
    assert path.read_text() == "somebody else's"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_said_with_the_file(tmp_path):
    path = tmp_path / "file.txt"
    with pytest.raises(InputError, match=f"cannot write {path}: No space left"), atomic_write(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_stays_one(tmp_path):
    path, link = tmp_path / "file.txt", tmp_path / "link.txt"
    path.write_text("old")
    link.symlink_to(path)
    with atomic_write(link, overwrite=True) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path, overwrite=True) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_are_the_usual_ones_or_those_of_the_replaced_file(tmp_path):
    path = tmp_path / "file.txt"

    def write_privately() -> int:
        with atomic_write(path, overwrite=True) as temporary:
            temporary.write_text("x")
            temporary.chmod(0o600)  # as some writers do
        return stat.S_IMODE(path.stat().st_mode)

    before = os.umask(0o022)
    try:
        assert write_privately() == 0o644
    finally:
        os.umask(before)
    path.chmod(0o640)
    assert write_privately() == 0o640


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        refuse_existing(tmp_path, overwrite=True)
