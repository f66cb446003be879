"""Every network takes noise away through the same interface, with the weights that it has for holes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikefill import InputError, models

NETWORKS: dict[str, dict[str, Any]] = {
    "scnn": {"width": 4, "steps": 4},
    "hybrid": {"size": "tiny", "steps": 4},
    "partial-unet": {"width": 4, "widest": 8, "depth": 3},
    "gated-unet": {"width": 4, "widest": 8, "depth": 3},
    "spiking-unet": {"width": 4, "widest": 8, "depth": 3},
}
EACH = pytest.mark.parametrize("architecture", NETWORKS)


def created(architecture: str, degradation: str = "noise:25", **changes: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return models.create(architecture, degradation=degradation, **NETWORKS[architecture], **changes).eval()


@pytest.fixture
def noisy() -> Tensor:
    """An image that leaves [0, 1] and has odd sides."""
    return torch.rand(1, 3, 45, 37, generator=torch.Generator().manual_seed(1)) * 1.4 - 0.2


def test_these_are_all_architectures() -> None:
    assert set(NETWORKS) == set(models.ARCHITECTURES)


@EACH
@torch.no_grad()
def test_all_of_the_image_is_restored_and_all_of_it_is_seen(architecture: str, noisy: Tensor) -> None:
    model, mask = created(architecture), torch.ones_like(noisy[:, :1])
    restored = model(noisy, mask)
    assert restored.shape == noisy.shape
    assert (restored != noisy).float().mean() > 0.95
    changed = noisy.clone()
    changed[..., 20, 20] += 0.5
    assert not torch.equal(model(changed, mask)[..., 20, 20], restored[..., 20, 20])


@EACH
@torch.no_grad()
def test_weights_are_those_for_holes_and_results_are_not(architecture: str, noisy: Tensor) -> None:
    denoiser, inpainter = created(architecture), created(architecture, "holes")
    denoiser.load_state_dict(inpainter.state_dict())
    everything = torch.ones_like(noisy[:, :1])
    same = torch.equal(denoiser(noisy, everything), inpainter(noisy, everything))
    assert same == (architecture == "scnn")  # which does not look at the mask
    assert inpainter.arguments == {**denoiser.arguments, "degradation": "holes"}  # type: ignore[dict-item]


@pytest.mark.parametrize("architecture", [name for name in NETWORKS if name != "scnn"])
@torch.no_grad()
def test_what_corrects_nothing_gives_the_noisy_image_back(architecture: str, noisy: Tensor) -> None:
    model = created(architecture)
    for name, parameter in model.named_parameters():
        if "exit" in name:
            parameter.zero_()
    assert torch.equal(model(noisy, torch.ones_like(noisy[:, :1])), noisy)


@EACH
def test_a_file_and_a_network_built_again_know_it(architecture: str, tmp_path: Path, noisy: Tensor) -> None:
    model, mask = created(architecture, "noise:12.5"), torch.ones_like(noisy[:, :1])
    models.save(model, tmp_path / "model.safetensors")
    again = models.read(tmp_path / "model.safetensors")
    assert again.arguments["degradation"] == models.rebuilt(model).arguments["degradation"] == "noise:12.5"  # type: ignore[index]
    with torch.no_grad():
        assert torch.equal(again(noisy, mask), model(noisy, mask))
    with pytest.raises(InputError, match="degradation is 'rain'"):
        created(architecture, "rain")


@torch.no_grad()
def test_levels_of_the_hybrid_network_are_averages_of_the_noisy_image_corrected(noisy: Tensor) -> None:
    model, mask = created("hybrid"), torch.ones_like(noisy[:, :1])
    levels = model.levels(noisy, mask)  # type: ignore[operator]
    assert torch.equal(levels[0], model(noisy, mask))
    assert torch.equal(model.restored(noisy, mask), levels[0])  # type: ignore[operator]
    for name, parameter in model.named_parameters():
        if "exit" in name:
            parameter.zero_()
    coarser = model.levels(noisy, mask)[1]  # type: ignore[operator]
    torch.testing.assert_close(coarser[..., :22, :18], nn.functional.avg_pool2d(noisy, 2))
    twin = models.rebuilt(model, activation="relu")
    assert torch.equal(twin(noisy, mask), noisy)
