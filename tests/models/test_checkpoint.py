from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from spikefill import InputError, models


def tiny(**arguments: Any) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return models.create("scnn", **{"width": 4, "steps": 2, **arguments})


def rewritten(path: Path, **changes: str | None) -> Path:
    """The same weights in a file with another header; None leaves an entry out."""
    with safe_open(path, "pt") as file:
        header = {**file.metadata(), **changes}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    target = path.with_name("changed.safetensors")
    save_file(tensors, target, {key: value for key, value in header.items() if value is not None})
    return target


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    models.save(tiny(), tmp_path / "best.safetensors")
    return tmp_path / "best.safetensors"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"activation": "relu", "final_relu": False, "noise": 0.0, "noise_mode": "multiplicative", "readout": "latency"},
        {"neuron": {"beta": 0.8, "surrogate": "triangle", "learnable": ["threshold", "tau"]}},
    ],
)
def test_a_model_comes_back_with_its_weights_and_arguments(arguments: dict[str, Any], tmp_path: Path) -> None:
    model = tiny(**arguments).train()
    models.save(model, tmp_path / "model.safetensors")
    read = models.read(tmp_path / "model.safetensors")
    assert type(read) is type(model)
    assert read.arguments == model.arguments
    assert not read.training
    assert model.training
    before, after = model.state_dict(), read.state_dict()
    assert list(before) == list(after)
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name])
        assert tensor.dtype == after[name].dtype
    picture = torch.rand(1, 3, 9, 9)
    assert torch.equal(model.eval()(picture), read(picture))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_the_size_comes_back_in_float32(dtype: torch.dtype, tmp_path: Path) -> None:
    model = tiny()
    models.save(model, tmp_path / "half.safetensors", dtype=dtype)
    with safe_open(tmp_path / "half.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {dtype}  # noqa: SIM118
    read = models.read(tmp_path / "half.safetensors").state_dict()
    for name, tensor in model.state_dict().items():
        assert read[name].dtype == torch.float32
        assert torch.equal(read[name], tensor.to(dtype).float())
        assert tensor.dtype == torch.float32  # the model that was saved stays as it was


def test_the_header_says_what_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    models.save(tiny(), path, metadata={"trained_on": "cats", "format": "of another kind"})
    header = models.read_header(path)
    assert header["format"] == "spikefill"
    assert header["format_version"] == "1"
    assert header["architecture"] == "scnn"
    assert json.loads(header["arguments"])["width"] == 4
    assert header["trained_on"] == "cats"


def test_a_file_is_replaced_only_if_asked(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(InputError, match=r"best\.safetensors exists"):
        models.save(tiny(width=5), saved)
    assert saved.read_bytes() == before
    models.save(tiny(width=5), saved, overwrite=True)
    assert models.read(saved).arguments["width"] == 5
    assert [path.name for path in saved.parent.iterdir()] == ["best.safetensors"]


def test_a_run_folder_stands_for_its_best_weights(saved: Path) -> None:
    models.save(tiny(width=5), saved.with_name("last.safetensors"))
    for place in (saved.parent, str(saved.parent)):
        assert models.read(place).arguments["width"] == 4
        assert models.find(place) == saved


def test_a_bundled_name_wins_over_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / models.DEFAULT).mkdir()
    assert models.DEFAULT in models.bundled_names()
    assert models.find(models.DEFAULT) == models.weights_file(models.DEFAULT)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format_version": "2"}, r"changed\.safetensors has format version 2\b.* reads up to 1\b.*update"),
        ({"format_version": None}, "has format version none"),
        ({"format_version": "new"}, "has format version new"),
        ({"format": None}, "was not written by Spikefill"),
        ({"format": "pt"}, "was not written by Spikefill"),
        ({"architecture": "unet"}, "architecture 'unet'; known are: scnn"),
        ({"architecture": None}, "architecture None"),
        ({"arguments": "{"}, "its header's arguments are damaged"),
        ({"arguments": None}, "its header's arguments are damaged"),
        ({"arguments": "[1]"}, "its header's arguments are no mapping"),
        ({"arguments": '{"depth": 3}'}, "depth"),
        ({"arguments": '{"width": 0}'}, "width is 0"),
        ({"arguments": '{"width": 5, "steps": 2}'}, "do not fit the model"),
    ],
)
def test_a_header_that_does_not_do_is_refused(changes: dict[str, str | None], said: str, saved: Path) -> None:
    with pytest.raises(InputError, match=said) as error:
        models.read(rewritten(saved, **changes))
    assert "\n" not in str(error.value)


def test_foreign_weights_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(InputError, match=r"foreign\.safetensors was not written by Spikefill"):
        models.read(tmp_path / "foreign.safetensors")


class Trap:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return Path.touch, (self.place,)


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_nothing_is_unpickled(name: str, tmp_path: Path) -> None:
    trap = Trap(tmp_path / "sprung")
    (tmp_path / name).write_bytes(pickle.dumps(trap))
    pickle.loads((tmp_path / name).read_bytes())
    assert trap.place.exists()  # the trap works
    trap.place.unlink()
    torch.save({"weights": trap}, tmp_path / f"torch-{name}")
    for file in (tmp_path / name, tmp_path / f"torch-{name}"):
        with pytest.raises(InputError, match=r"is not a file of weights \(safetensors\)"):
            models.read(file)
    assert not trap.place.exists()


@pytest.mark.parametrize("left", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(left: int, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:left])
    with pytest.raises(InputError, match=r"best\.safetensors is not a file of weights"):
        models.read(saved)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder without best\.safetensors; name the folder of a training run"):
        models.read(tmp_path)
    with pytest.raises(InputError, match=r"model is 'lama'; it must be one of: .*scnn.*; or a file of weights"):
        models.read("lama")
    with pytest.raises(InputError, match="model is a Linear"):
        models.save(torch.nn.Linear(1, 1), tmp_path / "linear.safetensors")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="model is 'unknown'"):
        models.weights_file("unknown")
