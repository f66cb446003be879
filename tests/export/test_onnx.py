"""Networks as ONNX files: inputs, output and metadata, and agreement with torch at any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from spikefill import InputError, __version__, masks, models
from spikefill.export import agreement
from spikefill.export import onnx as exporting

SIZES = [(64, 64), (33, 50), (50, 33), (17, 130), (8, 8), (9, 8), (16, 17), (5, 3), (1, 40), (1, 1)]


def created(architecture: str, **arguments: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return models.create(architecture, **arguments).eval()


def session(model: nn.Module, **options: Any) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(
        exporting.to_onnx(model, **options).SerializeToString(), providers=["CPUExecutionProvider"]
    )


def run(session: onnxruntime.InferenceSession, image: Tensor, mask: Tensor) -> Tensor:
    return torch.from_numpy(session.run(["restored"], {"image": image.numpy(), "mask": mask.numpy()})[0])


def expected(model: nn.Module, image: Tensor, mask: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.where(mask > 0, model(image * (1 - mask), mask).clamp(0, 1), image)


def damaged(cat: np.ndarray, height: int, width: int) -> tuple[Tensor, Tensor]:
    """A part of the photograph, 1 x 3 x H x W, and a mask, 1 x 1 x H x W."""
    image = torch.from_numpy(cat[60 : 60 + height, 120 : 120 + width] / np.float32(255)).permute(2, 0, 1)[None]
    holes = masks.sample("thin", (64, 192), seed=4, index=0)[:height, :width]
    return image.contiguous(), torch.from_numpy(holes)[None, None].float()


@pytest.fixture(scope="module")
def twin() -> nn.Module:
    """The hybrid network with ReLU, whose result hardly depends on the order of adding up."""
    return created("hybrid", activation="relu")


@pytest.fixture(scope="module")
def exported_twin(twin: nn.Module) -> onnxruntime.InferenceSession:
    return session(twin)


def test_inputs_and_output_have_any_height_and_width(exported_twin: onnxruntime.InferenceSession) -> None:
    inputs = {one.name: (one.shape, one.type) for one in exported_twin.get_inputs()}
    assert inputs == {
        "image": ([1, 3, "height", "width"], "tensor(float)"),
        "mask": ([1, 1, "height", "width"], "tensor(float)"),
    }
    assert [(one.name, one.shape) for one in exported_twin.get_outputs()] == [("restored", [1, 3, "height", "width"])]


@pytest.mark.parametrize("size", SIZES)
def test_the_hybrid_graph_is_the_network_at_any_size(
    size: tuple[int, int], twin: nn.Module, exported_twin: onnxruntime.InferenceSession, cat: np.ndarray
) -> None:
    image, mask = damaged(cat, *size)
    if size == (1, 1):
        mask[:] = 1  # nothing is known
    torch.testing.assert_close(run(exported_twin, image, mask), expected(twin, image, mask), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in models.BUNDLED if name.startswith("hybrid")])
def test_bundled_hybrid_networks_agree_bit_for_bit(name: str, cat: np.ndarray) -> None:
    model = models.read(name)
    exported = session(model)
    for size in ((64, 64), (33, 50), (51, 64), (40, 130), (1, 7)):
        image, mask = damaged(cat, *size)
        assert torch.equal(run(exported, image, mask), expected(model, image, mask)), size


@pytest.mark.parametrize("name", ["hybrid-small", "hybrid-base"])
def test_so_they_do_for_black_and_white(name: str) -> None:
    """The largest sums."""
    model = models.read(name)
    exported = session(model)
    generator = torch.Generator().manual_seed(0)
    for side in (40, 61):
        image = torch.randint(0, 2, (1, 3, side, side), generator=generator).float()
        image[..., : side // 2] = 1
        mask = (torch.rand(1, 1, side, side, generator=generator) < 0.2).float()
        assert torch.equal(run(exported, image, mask), expected(model, image, mask))


@pytest.mark.parametrize("steps", [1, 4, 16])
def test_they_do_with_another_number_of_steps_that_is_a_power_of_two(steps: int, cat: np.ndarray) -> None:
    model = models.read("hybrid-tiny")
    model.set_steps(steps)
    image, mask = damaged(cat, 51, 64)
    assert torch.equal(run(session(model), image, mask), expected(model, image, mask))


@pytest.mark.parametrize("size", [(48, 64), (33, 51)])
def test_the_papers_network_agrees(size: tuple[int, int], cat: np.ndarray) -> None:
    model = models.read("scnn")
    image, mask = damaged(cat, *size)
    found, right = run(session(model), image, mask), expected(model, image, mask)
    assert float(((found - right).abs() < 1e-4).float().mean()) >= 0.999
    assert _psnr(found, image) == pytest.approx(_psnr(right, image), abs=0.01)


@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": "relu", "final_relu": False},
        {"readout": "latency", "steps": 5},
    ],
)
def test_variants_of_the_papers_network(arguments: dict[str, Any], cat: np.ndarray) -> None:
    model = created("scnn", width=6, **arguments)
    image, mask = damaged(cat, 20, 31)
    torch.testing.assert_close(run(session(model), image, mask), expected(model, image, mask), rtol=0, atol=1e-4)


@pytest.mark.parametrize("architecture", ["hybrid", "scnn"])
def test_known_pixels_stay_and_what_is_under_the_mask_has_no_influence(architecture: str, cat: np.ndarray) -> None:
    exported = session(created(architecture))
    image, mask = damaged(cat, 40, 57)
    restored = run(exported, image, mask)
    holes = (mask > 0).expand_as(image)
    assert torch.equal(restored[~holes], image[~holes])
    assert restored[holes].min() >= 0
    assert restored[holes].max() <= 1
    assert not torch.equal(restored[holes], image[holes])
    for anything in (0.0, 7.0, float("nan")):
        assert torch.equal(run(exported, torch.where(holes, anything, image), mask), restored)


def test_a_mask_is_a_hole_from_one_half_on(exported_twin: onnxruntime.InferenceSession, cat: np.ndarray) -> None:
    image, mask = damaged(cat, 40, 57)
    soft = torch.where(mask > 0, 0.5, 0.49)
    assert torch.equal(run(exported_twin, image, soft), run(exported_twin, image, mask))


def test_the_steps_are_those_of_the_model_now(cat: np.ndarray) -> None:
    model = models.read("hybrid-small")
    model.set_steps(2)
    image, mask = damaged(cat, 33, 50)
    exported = session(model)
    torch.testing.assert_close(run(exported, image, mask), expected(model, image, mask), rtol=0, atol=1e-4)
    assert exported.get_modelmeta().custom_metadata_map["steps"] == "2"


def test_fewer_levels_are_a_smaller_graph_for_smaller_images(twin: nn.Module, cat: np.ndarray) -> None:
    small = session(twin, levels=3)
    assert small.get_modelmeta().custom_metadata_map["longest_side"] == "32"
    image, mask = damaged(cat, 32, 23)
    torch.testing.assert_close(run(small, image, mask), expected(twin, image, mask), rtol=0, atol=1e-4)
    image, mask = damaged(cat, 33, 23)
    assert not torch.allclose(run(small, image, mask), expected(twin, image, mask), rtol=0, atol=1e-4)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    model = created("scnn", width=4, steps=3)
    exporting.write(exporting.to_onnx(model, name="mine", licence="CC0"), tmp_path / "mine.onnx")
    found = onnxruntime.InferenceSession(tmp_path / "mine.onnx", providers=["CPUExecutionProvider"]).get_modelmeta()
    said = dict(found.custom_metadata_map)
    assert json.loads(said.pop("arguments")) == model.arguments
    assert said == {"model": "mine", "spikefill_version": __version__, "steps": "3", "licence": "CC0"}
    assert found.producer_name == "spikefill"
    said = {one.key: one.value for one in exporting.to_onnx(model).metadata_props}
    assert (said["model"], said["licence"]) == ("SCNN", "not stated")


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    model = exporting.to_onnx(created("scnn", width=4))
    file = tmp_path / "kept.onnx"
    file.write_text("mine")
    with pytest.raises(InputError, match="kept.onnx exists"):
        exporting.write(model, file)
    assert file.read_text() == "mine"
    exporting.write(model, file, overwrite=True)
    assert file.read_bytes() == model.SerializeToString()
    assert [one.name for one in tmp_path.iterdir()] == ["kept.onnx"]


@pytest.mark.parametrize(
    ("architecture", "arguments", "options", "said"),
    [
        ("scnn", {"noise_in_eval": True}, {}, "layer spiking draws noise outside training"),
        ("scnn", {"activation": "quantised"}, {}, "spiking.neuron is a Quantiser; only LIF and ReLU"),
        ("hybrid", {"size": "tiny", "noise": 0.1, "noise_in_eval": True}, {}, "draws noise outside training"),
        ("hybrid", {"size": "tiny", "streaming": {}}, {}, "the model is streaming, step by step"),
        ("partial-unet", {}, {}, "model is a PartialConvUNet; what can be exported to ONNX is SCNN and Hybrid"),
        ("hybrid", {"neuron": {"readout": "spikes"}}, {}, r"readout of layer coarse\.\S+ is 'spikes'"),
        ("hybrid", {}, {"levels": 0}, "levels is 0; it must be a whole number, 1 or more"),
    ],
)
def test_what_cannot_be_exported(
    architecture: str, arguments: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        exporting.to_onnx(created(architecture, **arguments), **options)


def test_the_comparison_finds_what_differs(tmp_path: Path, cat: np.ndarray) -> None:
    """A file of other weights: every known value is the same, hardly one in the holes."""
    model, other = (created("scnn", width=4, final_relu=final) for final in (True, False))
    with torch.no_grad():
        other.convolutions[-1].bias.add_(0.25)
    file = tmp_path / "model.onnx"
    exporting.write(exporting.to_onnx(model), file)
    part, holes = cat[:40, :50], masks.sample("thick", (40, 50), seed=0, index=0)
    same, different = (agreement.compare(one, file, part, holes) for one in (model, other))
    assert same.onnx[:2] == same.double[:2] == (1, 1)
    assert same.onnx.psnr == pytest.approx(same.psnr)
    assert different.onnx.in_holes < 0.01
    assert different.onnx.everywhere == pytest.approx(1 - holes.mean(), abs=0.01)
    assert different.double.in_holes == 1


def _psnr(result: Tensor, image: Tensor) -> float:
    return float(-10 * (result - image).square().mean().log10())
