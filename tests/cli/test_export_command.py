"""``spikefill export``: files of both formats, what is said of them, and wrong calls."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

from spikefill import models
from spikefill.cli.app import run
from spikefill.export import agreement
from spikefill.export import nir as graphs


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights of a small network."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(2)
        models.save(models.create("scnn", width=4, steps=5), path)
    return path


def test_onnx_is_written_and_compared(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "folder" / "small.onnx"
    assert run(["export", "--model", str(small), "--format", "onnx", "-o", str(file)]) == 0
    captured = capsys.readouterr()
    written, onnx, double = captured.out.splitlines()
    assert written.startswith(f"{file}: small, 0.0 MB")
    figures = r"100\.00 % of all values and 100\.00 % of those in holes are within 0\.0001; PSNR (\S+) and (\S+) dB"
    first, second = re.fullmatch(f"ONNX Runtime and torch: {figures}", onnx).groups()
    assert abs(float(first) - float(second)) <= 0.01
    assert re.fullmatch(f"torch in double precision and torch: {figures}", double)
    assert "chelsea.png" in captured.err
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    assert (said["model"], said["steps"], said["licence"]) == ("small", "5", "not stated")


def test_a_bundled_name_goes_with_its_licence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same = agreement.Closeness(1.0, 1.0, 30.0)
    monkeypatch.setattr(agreement, "compare_on_photograph", lambda *_: agreement.Agreement(same, same, 30.0))
    file = tmp_path / "hybrid.onnx"
    assert run(["export", "--model", "hybrid", "-o", str(file)]) == 0
    said = {one.key: one.value for one in onnx.load(file).metadata_props}
    assert (said["model"], said["licence"], said["steps"]) == ("hybrid-small", "non-commercial research", "8")


def test_nir_of_a_spiking_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scnn.nir"
    arguments = ["export", "--model", "scnn", "--format", "nir", "--layer", "spiking", "--size", "24", "-o", str(file)]
    assert run(arguments) == 0
    assert capsys.readouterr().out == f"{file}: scnn, input, spiking_conv, spiking_neuron, output\n"
    graph = graphs.read(file)
    assert graph.nodes["input"].input_type["input"].tolist() == [3, 24, 24]
    assert graph.metadata["licence"] == "Apache-2.0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "scnn", "--format", "nir"], "layer convolutions.1 is a ReLU, which NIR 1.0 cannot express"),
        (["--model", "hybrid", "--format", "nir"], "is a LayerNorm, which NIR 1.0 cannot express"),
        (["--model", "scnn", "--format", "nir", "--layer", "spikes"], "layer is 'spikes'; the parts of the model are"),
        (["--model", "scnn", "--layer", "spiking"], "--layer is 'spiking'; it goes with --format nir"),
        (["--model", "scnn", "--format", "nir", "--size", "0"], "--size is 0"),
        (["--format", "tflite"], "--format is 'tflite'; it must be one of: onnx, nir"),
        (["--model", "lama"], "model is 'lama'"),
    ],
)
def test_wrong_calls(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", *arguments, "-o", str(tmp_path / "file")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["onnx", "nir"])
def test_a_file_that_exists_is_kept(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kept"
    file.write_text("mine")
    assert run(["export", "--model", "scnn", "--format", kind, "-o", str(file)]) == 2
    assert f"{file} exists" in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.parametrize("package", ["onnxruntime", "nir"])
def test_a_missing_package_is_named(package: str, small: Path, tmp_path: Path) -> None:
    kind = "nir" if package == "nir" else "onnx"
    arguments = ["export", "--model", str(small), "--format", kind, "-o", str(tmp_path / "file")]
    code = f"import sys\nsys.modules[{package!r}] = None\nfrom spikefill.cli.app import run\nsys.exit(run({arguments}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"spikefill: export needs {package}; install it with: pip install 'spikefill[export]'\n"
    assert list(tmp_path.iterdir()) == []
