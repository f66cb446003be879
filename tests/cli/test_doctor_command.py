import json
import os
import sys

import numpy as np
import pytest

import spikefill
from spikefill import cache, models
from spikefill.cli.doctor import doctor


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """A cache with two files and a compiled kernel, none of which is the person's."""
    for name in [name for name in os.environ if name.startswith("SPIKEFILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SPIKEFILL_CACHE", str(tmp_path / "cache"))
    folder = cache.cache_folder()
    (folder / "inner").mkdir(parents=True)
    (folder / "a").write_bytes(b"12345")
    (folder / "inner" / "b").write_bytes(b"1234567")
    kernel = tmp_path / "fused.f-1.py311.nbi"
    kernel.write_bytes(b"123")
    monkeypatch.setattr(cache, "compiled_kernels", lambda: [kernel] if kernel.exists() else [])


@pytest.fixture
def works(monkeypatch, tmp_path):
    """Bundled weights that can be read and an `inpaint` that fills with zeros."""
    monkeypatch.setattr(models, "read", lambda name: None)
    (tmp_path / "weights").write_bytes(b"12345")
    monkeypatch.setattr(models, "weights_file", lambda name: tmp_path / "weights")
    monkeypatch.setattr(spikefill, "inpaint", lambda image, mask: np.where(mask[..., None], 0, image), raising=False)


def facts(capsys, **options):
    code = doctor(as_json=True, **options)
    return code, json.loads(capsys.readouterr().out)


def test_what_is_installed_works(capsys):
    code, found = facts(capsys)
    assert found["problems"] == []
    assert code == 0
    assert found["models"]["bundled"][found["models"]["default"]] > 10_000


def test_json_names_versions_machine_models_extras_and_cache(capsys, works):
    import torch

    code, found = facts(capsys)
    assert code == 0
    assert found["spikefill"] == spikefill.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["torch"] == torch.__version__
    assert found["threads"]["torch"] == torch.get_num_threads()
    assert found["threads"]["cores"] >= 1
    assert found["device"]["cpu"]
    default = models.ALIASES[models.DEFAULT]
    assert found["models"] == {"default": default, "bundled": dict.fromkeys(models.BUNDLED, 5)}
    assert set(found["extras"]) == {"train", "eval", "serve", "export", "scale", "heif", "jpeg", "docs", "dev"}
    assert found["extras"]["dev"] == []
    assert found["cache"] == {
        "folder": str(cache.cache_folder()),
        "bytes": 12,
        "compiled_kernels_bytes": 3,
        "empty_it": "spikefill doctor --empty-cache",
    }


def test_text_is_aligned_and_says_that_all_is_well(capsys, works):
    assert doctor() == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == f"spikefill  {spikefill.__version__}"
    assert f"cache      {cache.cache_folder()}: 12 bytes" in lines
    assert "           empty both with: spikefill doctor --empty-cache" in lines
    assert lines[-1] == "result     restoring works"
    assert all(line[10] == " " and line[11] != " " for line in lines)


def test_missing_packages_of_an_extra_are_named(capsys, works, monkeypatch):
    monkeypatch.setattr("spikefill.cli.doctor._version", lambda name: None if name == "nir" else "1.0")
    assert doctor() == 0
    assert "missing nir; do: pip install 'spikefill[export]'" in capsys.readouterr().out


def test_variables_are_shown_but_secrets_are_not(capsys, works, monkeypatch):
    monkeypatch.setenv("SPIKEFILL_MODEL", "mine.safetensors")
    monkeypatch.setenv("SPIKEFILL_SERVICE_TOKEN", "hunter2")
    _, found = facts(capsys)
    assert found["variables"]["SPIKEFILL_MODEL"] == "mine.safetensors"
    assert "hunter2" not in json.dumps(found)
    assert "SPIKEFILL_SERVICE_TOKEN" in found["variables"]


def test_emptying_deletes_the_cache_and_the_kernels_and_nothing_beside(capsys, works, tmp_path):
    outside = tmp_path / "cache" / "photograph.png"
    outside.write_bytes(b"keep")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "keep").touch()
    (cache.cache_folder() / "link").symlink_to(linked, target_is_directory=True)
    code, found = facts(capsys, empty_cache=True)
    assert code == 0
    assert found["cache"]["bytes"] >= 12  # what was there
    assert list(cache.cache_folder().iterdir()) == []
    assert cache.compiled_kernels() == []
    assert outside.exists()
    assert (linked / "keep").exists()


def test_weights_that_cannot_be_read_are_a_problem(capsys, works, monkeypatch):
    def refuse(name):
        raise spikefill.InputError(f"{name}.safetensors is not a file of weights")

    monkeypatch.setattr(models, "read", refuse)
    assert doctor() == 1
    first, *others = capsys.readouterr().out.splitlines()[-len(models.BUNDLED) :]
    assert first.startswith("problems   ")
    for line in (first, *others):
        assert "is not a file of weights; do: pip install --force-reinstall" in line


def test_a_package_that_cannot_be_imported_is_a_problem(capsys, works, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    code, found = facts(capsys)
    assert code == 1
    assert found["packages"]["safetensors"] is None
    (problem,) = found["problems"]
    assert problem.startswith("safetensors cannot be imported")
    assert problem.endswith("do: pip install --force-reinstall safetensors")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda image, mask: 1 / 0, "restoring failed (ZeroDivisionError"),
        (lambda image, mask: image ^ 1, "restoring changed known pixels"),
    ],
)
def test_restoring_wrongly_is_a_problem(capsys, works, monkeypatch, broken, says):
    monkeypatch.setattr(spikefill, "inpaint", broken, raising=False)
    assert doctor() == 1
    assert says in capsys.readouterr().out.splitlines()[-1]


def test_a_cache_folder_that_is_a_file_is_a_problem(capsys, works, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPIKEFILL_CACHE", str(tmp_path / "file"))
    code, found = facts(capsys)
    assert code == 1
    assert "set SPIKEFILL_CACHE to a folder that can" in found["problems"][0]


def test_the_cache_is_where_the_variable_says_or_where_the_system_keeps_such_files(monkeypatch, tmp_path):
    assert cache.cache_folder() == tmp_path / "cache" / "spikefill-cache"
    monkeypatch.delenv("SPIKEFILL_CACHE")
    assert cache.cache_folder().is_absolute()
    assert "spikefill" in cache.cache_folder().parts[-2:]
