from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spikefill import InputError, masks
from spikefill.masks import make_evaluation_sets
from spikefill.masks.families import _FAMILIES

if TYPE_CHECKING:
    from pathlib import Path

# SHA-256 of the packed bits of each atlas, rows of images by columns of repeats. They never change: figures
# that were measured with these masks must stay comparable.
PINNED = {
    "thin-128": "b5601850567ada9335961e30ef316951ed8cdc933c682841b1b83f42f6a6a752",
    "thin-256": "3ef3be94b148a57cf0f96978b4a7309b56aa312c3afd4bd38387f36fbb3b4a4a",
    "thin-512": "87d450e1aa1aa4fac4ca1318e5246a937793311f270b49179a9e18d1748346ff",
    "medium-128": "670ca49f2d9effd30422cf8e9ceb410ad3c7239110d7fbef579b0f8c9be49962",
    "medium-256": "4c6d494910615697b2759b94344de32dc8ceaa207c549c761357c3efff5f81ea",
    "medium-512": "8a8fc30494e7d2aaab24e5bbb0b7ae606b18bba9ce30c0641fc42f96a9942127",
    "thick-128": "fcb00c9f3c9702e18e43d78bd270a2d955fa1cd8f376f2dcdb0c537bd0f086a8",
    "thick-256": "21138bc1ae3a49d16ca1ab1ed4099b5390cad7408ae921221a5914c6a23d8dd8",
    "thick-512": "31e54861e30d7869ad6a566aaa54fdce6e9e017a9bd0b5709944e294404251f6",
    "boxes-128": "081b783641e38618a5f1c8f5efb577d06841b8dc4a3ac8556a014886d576fc37",
    "boxes-256": "f64640e74a47d91e277c9a127cd50dc894a67a6bce209abc5deba86793baeef5",
    "boxes-512": "856abc57925ad15960cae56e13830ab9a9758dbcfa1c8a3b9765689a966b57bd",
    "scratches-128": "9517095e959617c31b28ceb1a0f830d1d2ca008ba29ccd1dfadc52c0256edc33",
    "scratches-256": "cb11baee6e15815d794e8a0bc720d26e871880a5404c8242326d556ef6da47fb",
    "scratches-512": "5c1f4d2ea0fc2041dd96033f8045e3a79f2a0d5bd1d3bea8596eacd5317d5c74",
    "text-128": "a5c08a40d5e803f72146a95c3b0a6252899101c2e8a37da999ef9a7e9405a28c",
    "text-256": "b5bd5a5901dbfa9d664431618ada879fd94a40124668de6afb1f68021dd6e403",
    "text-512": "00ef73a71803fcbec09ff20b9d7a43035855a8b0a6291d9798f691a6d103930f",
    "blocks-128": "fd9133e243440ba07cf9f2fbdf9817ea974c255cfdb383334271ac73049fff13",
    "blocks-256": "3b8129b61d86b61346dd35bb6380cf8c02c091a4d295b49cea8d14b7477b35ba",
    "blocks-512": "b73aaf546dd37eb3a47979716f64662d5f1827d088ba12b76353846d0018f561",
    "blobs-128": "6b4fb541940ef50fa9cf874ac8eceda13af6e1723b93cf70ecef69ec8265a2e9",
    "blobs-256": "e2451c57121f50646104a3f984df700a234f1ddcca30befff7458286e5963530",
    "blobs-512": "fb8de86f75de1915e626b73393087a2b62de65a9d2732503d5ab41ce21bc2c88",
    "irregular-01-10-128": "d9400754905e005c08746d070736a9ae9b780a07863b619114a2156967fdd9d3",
    "irregular-01-10-256": "dba80d96d71d4e4ad643cbeb675f3dccb4dc9f700a5120e9acbbfae79cf4a8d2",
    "irregular-01-10-512": "897e73f5702fb019a966b563a4681521559f61432c3b7df412dfba74b37b3e37",
    "irregular-10-20-128": "4d662b13e702affeeaac847f4f7a0fdd42f7db12b3f7ee6c79257baedb2892c9",
    "irregular-10-20-256": "98efeeb09aff2ae6735770561760c80a0d00847974067131bb8e09e5dc27b21e",
    "irregular-10-20-512": "afc3ca1de982568af738d5664fd710812b64289e9ec0ea57aded2246fb0cc086",
    "irregular-20-30-128": "80b8457b03fe7c7cc2f600744e9c738e76e2ca54f34942e7a07e770bde2987f4",
    "irregular-20-30-256": "16ff8cd3c1fa500abc55bb53f4644b9d40ebebfc53ef2093020eff7d69695982",
    "irregular-20-30-512": "d7c2ffe9f0de52f7ac5f11c052ec465748e5f5fed19188b3b0cd57e835702225",
    "irregular-30-40-128": "e4240986e87b8c38680b60a91cb513fa8a9c35acf7da4bb1216c0ebe1179acbb",
    "irregular-30-40-256": "9db314e8c87e1a6b44595312e704b9e537681b31caf7931b20967e419ead8cf5",
    "irregular-30-40-512": "4a4cbc6f24df18062e0090c22920b355d44645c34ed5e254ccbc97bedfef8d54",
    "irregular-40-50-128": "1fb25a54b51f7bd15279f82bd980f97748585c296d5caf0ef43e682a8c9ebbc1",
    "irregular-40-50-256": "dfa05c02cba5962b2f8af95f313edcd57ce99967ccda13dbe068b58cd0d075bf",
    "irregular-40-50-512": "c071e59ff4798555fae1e5f64dd70dd61ad102f9256040413c6e27a176c7f7d4",
    "irregular-50-60-128": "e7feba71df199ae9f958db1b37098331c24562b791e21471b5d4ee1ae40e640e",
    "irregular-50-60-256": "658d033cb32a70aec1c1a40f6108b609d4aac8c82ba050579794016377637bcc",
    "irregular-50-60-512": "6b8607501c7ed74abe3ac69ef00f6ac2239abdb7bca4830c1f24bd36a04836b5",
}


def decoded(family: str, size: int) -> np.ndarray:
    with (files("spikefill") / f"masks/evaluation_sets/{family}-{size}.tif").open("rb") as stream:
        image = Image.open(stream)
        assert image.mode == "1"
        return np.asarray(image)


@pytest.mark.parametrize("size", masks.EVALUATION_SIZES)
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_the_sets_are_what_they_were(family: str, size: int) -> None:
    atlas = decoded(family, size)
    assert atlas.shape == (24 * size, 5 * size)
    assert hashlib.sha256(np.packbits(atlas).tobytes()).hexdigest() == PINNED[f"{family}-{size}"]


@pytest.mark.parametrize("size", masks.EVALUATION_SIZES)
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_a_mask_is_its_cell_of_the_atlas(family: str, size: int) -> None:
    atlas = decoded(family, size)
    low, high = _FAMILIES[family].hole_ratio
    seen = set()
    for image_index in range(24):
        for repeat in range(5):
            mask = masks.evaluation(family, size, image_index=image_index, repeat=repeat)
            top, left = image_index * size, repeat * size
            assert np.array_equal(mask, atlas[top : top + size, left : left + size])
            assert low < mask.mean() <= high
            seen.add(mask.tobytes())
    assert len(seen) == 120
    again = masks.evaluation(family, size, image_index=25, repeat=2)
    assert np.array_equal(again, masks.evaluation(family, (size, size), image_index=1, repeat=2))


def test_a_mask_may_be_changed_without_changing_the_set() -> None:
    mask = masks.evaluation("thick", 128, image_index=0, repeat=0)
    before = mask.copy()
    mask[:] = ~mask
    assert np.array_equal(masks.evaluation("thick", 128, image_index=0, repeat=0), before)


def test_another_size_is_the_next_larger_base_scaled_and_cut_in_the_centre() -> None:
    of_256 = masks.evaluation("medium", 256, image_index=3, repeat=1)
    # 200 wide, from 256: the pixel under each centre. 100 high: rows 50 to 149 of the square of 200.
    position = [int((i + 0.5) * 256 / 200) for i in range(200)]
    expected = of_256[np.ix_(position[50:150], position)]
    assert np.array_equal(masks.evaluation("medium", (100, 200), image_index=3, repeat=1), expected)


@pytest.mark.parametrize(("size", "base"), [(64, 128), (1024, 512), (1536, 512)])
def test_whole_ratios_repeat_or_pick_pixels(size: int, base: int) -> None:
    mask = masks.evaluation("thick", size, image_index=5, repeat=4)
    original = masks.evaluation("thick", base, image_index=5, repeat=4)
    if size > base:
        expected = np.kron(original, np.ones((size // base, size // base), bool))
    else:
        expected = original[1::2, 1::2]
    assert np.array_equal(mask, expected)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(masks.FAMILIES),
    st.integers(24, 700),
    st.integers(24, 700),
    st.integers(0, 100),
    st.integers(0, 4),
)
def test_every_size_has_holes_and_known_pixels(
    family: str, height: int, width: int, image_index: int, repeat: int
) -> None:
    mask = masks.evaluation(family, (height, width), image_index=image_index, repeat=repeat)
    assert mask.shape == (height, width)
    assert mask.any()
    assert not mask.all()


def test_where_the_cut_is_empty_the_next_image_has_its_mask() -> None:
    size = (24, 512)
    square = [masks.evaluation("boxes", 512, image_index=i, repeat=0)[244:268] for i in range(24)]
    empty = [i for i in range(23) if not square[i].any() and square[i + 1].any()]
    assert empty, "no mask of the set is without a hole in the middle rows: take another size"
    for i in empty:
        assert np.array_equal(masks.evaluation("boxes", size, image_index=i, repeat=0), square[i + 1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"family": "wide"}, "family is 'wide'"),
        ({"size": 0}, "size is 0"),
        ({"size": 1}, "size is 1; no mask"),
        ({"image_index": -1}, "image_index is -1; it must be a whole number, 0 or more"),
        ({"image_index": 0.5}, "image_index is 0.5"),
        ({"repeat": 5}, "repeat is 5; it must be from 0 to 4"),
        ({"repeat": -1}, "repeat is -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], said: str) -> None:
    right: dict[str, object] = {"family": "thin", "size": 128, "image_index": 0, "repeat": 0}
    with pytest.raises(InputError, match=said):
        masks.evaluation(**{**right, **arguments})  # type: ignore[arg-type]


def test_only_sets_that_are_missing_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_evaluation_sets, "family_names", lambda: ("boxes",))
    monkeypatch.setattr(make_evaluation_sets, "EVALUATION_SIZES", (16, 24))
    (tmp_path / "boxes-24.tif").write_bytes(b"there")
    make_evaluation_sets.main(tmp_path)
    assert (tmp_path / "boxes-24.tif").read_bytes() == b"there"
    atlas = np.asarray(Image.open(tmp_path / "boxes-16.tif"))
    assert atlas.shape == (24 * 16, 5 * 16)
    expected = masks.sample("boxes", 16, seed=make_evaluation_sets.SEED, index=3 * 5 + 2)
    assert np.array_equal(atlas[48:64, 32:48], expected)
