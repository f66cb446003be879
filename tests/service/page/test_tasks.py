"""The page's tasks, as a process of the service does them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikefill import InputError, inpainting
from spikefill.batch import ModelChoice
from spikefill.images import decode
from spikefill.images.orientation import displayed_to_stored
from spikefill.masks import as_mask
from spikefill.service.page import comparing, editing
from spikefill.service.page.comparing import Compare, around, methods
from spikefill.service.page.inspecting import Follow, Inspect
from spikefill.service.page.painted import Painted
from spikefill.service.page.tasks import ChangeMargin, FindScratches, Open, Restore, TakeMask
from spikefill.service.toolbox import Toolbox

from ...images.samples import exif
from .conftest import file_of


@pytest.fixture
def toolbox(weights: str) -> Toolbox:
    return Toolbox(ModelChoice(weights), 1, tell=lambda share: None, stopped=lambda: False)


@pytest.fixture
def photo(tmp_path: Path, cat: np.ndarray) -> Path:
    """80 x 120 px of a real photograph, as a PNG file."""
    path = tmp_path / "cat.png"
    path.write_bytes(file_of(cat[100:180, 150:270]))
    return path


@pytest.fixture
def holes() -> np.ndarray:
    mask = np.zeros((80, 120), bool)
    mask[30:40, 20:60] = True
    return mask


def layer(mask: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(editing.layer_file(mask)).decode()


def size_of(encoded: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(encoded)) as image:
        return image.size


def mask_in(encoded: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(encoded)) as image:
        return as_mask(image)


def test_a_photograph_is_opened(photo, toolbox):
    opened = Open(photo).run(toolbox)
    assert (opened.width, opened.height, opened.suffix) == (120, 80, ".jpg")
    with Image.open(io.BytesIO(opened.preview)) as image:
        assert image.size == (120, 80)


def test_a_photograph_beyond_the_limit_is_not_decoded(tmp_path, toolbox):
    path = tmp_path / "large.png"
    path.write_bytes(file_of(np.zeros((1100, 1000), np.uint8)))
    with pytest.raises(InputError, match=r"large.png is 1000 x 1100 px, 1.1 megapixels"):
        Open(path).run(toolbox)


def test_known_pixels_of_a_restored_photograph_are_those_of_its_file(photo, holes, toolbox, weights):
    restored = Restore(Painted(photo, layer(holes))).run(toolbox)
    before, after = decode(photo).pixels, decode(restored.encoded).pixels
    assert np.array_equal(after[~holes], before[~holes])
    assert np.array_equal(after, inpainting.load(weights).restore(before, holes))
    assert (restored.after.width, restored.after.height) == (120, 80)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_lies_where_it_was_painted_however_the_file_is_stored(tmp_path, cat, holes, toolbox, orientation):
    seen = cat[100:180, 150:270]
    path = tmp_path / "turned.png"
    path.write_bytes(file_of(displayed_to_stored(seen, orientation), exif=exif(orientation)))
    file = decode(Restore(Painted(path, layer(holes))).run(toolbox).encoded)
    assert file.orientation == orientation
    changed = (file.pixels != displayed_to_stored(seen, orientation)).any(axis=2)
    assert not changed[~displayed_to_stored(holes, orientation)].any()
    assert changed[displayed_to_stored(holes, orientation)].mean() > 0.9


def test_a_photograph_larger_than_its_preview_keeps_its_size(photo, holes, toolbox, monkeypatch):
    monkeypatch.setattr(editing, "LARGEST_SHOWN_SIDE", 60)
    small = editing.shown_layer(holes)
    assert small.shape == (40, 60)
    restored = Restore(Painted(photo, layer(small))).run(toolbox)
    before, after = decode(photo).pixels, decode(restored.encoded).pixels
    assert after.shape == before.shape
    assert np.array_equal(after[~holes], before[~holes])


@pytest.mark.parametrize(("painted", "reason"), [(False, "nothing is painted over"), (True, "whole picture")])
def test_a_photograph_needs_a_hole_and_something_known(photo, toolbox, painted, reason):
    with pytest.raises(InputError, match=reason):
        Restore(Painted(photo, layer(np.full((80, 120), painted)))).run(toolbox)


def test_a_mask_is_taken_from_a_file(photo, holes, toolbox, tmp_path):
    path = tmp_path / "mask.png"
    path.write_bytes(file_of(holes))
    masked = TakeMask(Painted(photo), path).run(toolbox)
    assert np.array_equal(mask_in(masked.base), holes)
    assert masked.share == pytest.approx(400 / 9600)
    path.write_bytes(file_of(holes[:70]))
    with pytest.raises(InputError, match="the mask is 120 x 70 px, the photograph 120 x 80"):
        TakeMask(Painted(photo), path).run(toolbox)


def test_a_margin_is_added_and_taken_away(photo, holes, toolbox):
    wider = mask_in(ChangeMargin(Painted(photo, layer(holes)), larger=True).run(toolbox).base)
    assert wider.sum() == 12 * 42 - 4  # round corners
    assert np.array_equal(mask_in(ChangeMargin(Painted(photo, layer(wider)), larger=False).run(toolbox).base), holes)


def test_scratches_are_added_to_what_is_painted(photo, cat, holes, toolbox):
    scratched = cat[100:180, 150:270].copy()
    scratched[:, 90:92] = 255
    photo.write_bytes(file_of(scratched))
    mask = mask_in(FindScratches(Painted(photo, layer(holes))).run(toolbox).base)
    assert mask[holes].all()
    assert mask[:, 90:92].mean() > 0.9


@pytest.mark.parametrize("method", [None, "telea", "navier-stokes"])
def test_a_method_is_shown_around_the_holes(photo, holes, toolbox, method):
    sample = Compare(Painted(photo, layer(holes)), method).run(toolbox)
    with Image.open(io.BytesIO(sample.damaged)) as before, Image.open(io.BytesIO(sample.restored)) as after:
        assert before.size == after.size == (120, 80)
        change = abs(np.array(before).astype(int) - np.array(after)).max(axis=2)
    assert change[holes].mean() > 4 * change[~holes].mean()


def test_the_part_that_is_shown_is_around_the_holes():
    mask = np.zeros((1000, 800), bool)
    mask[500:700, 10:20] = True
    assert around(mask) == (slice(476, 724), slice(0, 160))
    assert around(mask.T[:40]) == (slice(0, 40), slice(476, 724))


def test_a_twin_is_compared_where_the_package_has_one(monkeypatch):
    assert [method.title for method in methods("hybrid")] == ["hybrid-small", "Telea", "Navier-Stokes"]
    monkeypatch.setitem(comparing.TWINS, "hybrid-small", "scnn")
    assert [method.name for method in methods("hybrid")] == [None, "scnn", "telea", "navier-stokes"]


def test_spikes_of_all_layers_are_counted(photo, holes, toolbox):
    rates = Inspect(Painted(photo, layer(holes))).run(toolbox)
    assert size_of(rates.picture) == (120, 80)
    assert 0 < rates.largest <= 1
    for one in rates.layers:
        neurons = one["channels"] * one["width"] * one["height"]
        assert one["spikes"] == pytest.approx(one["rate"] * neurons * one["steps"])
        with Image.open(io.BytesIO(base64.b64decode(one["map"].partition(",")[2]))) as image:
            assert image.size == (one["width"], one["height"])


def test_neurons_at_a_pixel_are_followed(photo, holes, toolbox):
    layers = Follow(Painted(photo, layer(holes)), 1.0, 0.0).run(toolbox)  # the last column, the first row
    counted = Inspect(Painted(photo, layer(holes))).run(toolbox).layers
    assert [one["name"] for one in layers] == [one["name"] for one in counted]
    for one, whole in zip(layers, counted, strict=True):
        assert len(one["spikes"]) == whole["channels"]
        for channel, membrane in zip(one["channels"], one["membranes"], strict=True):
            fired = [value >= one["threshold"] for value in membrane]
            assert one["spikes"][channel] == "".join(str(int(spike)) for spike in fired)


def test_a_large_photograph_is_looked_into_in_a_reduced_copy(tmp_path, cat, toolbox):
    path = tmp_path / "wide.png"
    path.write_bytes(file_of(np.hstack([cat, cat])))
    mask = np.zeros((300, 902), bool)
    mask[100:120, 200:600] = True
    rates = Inspect(Painted(path, layer(mask))).run(toolbox)
    assert size_of(rates.picture) == (512, 170)
