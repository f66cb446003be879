"""TIFF files that are restored page by page and segment by segment."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from spikefill import InputError, models
from spikefill.images import decode, tiff_segments
from spikefill.images.directories import Header
from spikefill.inpainting import Damaged, Inpainter, damaged_tiff, planning, workspace
from spikefill.inpainting.damaged_tiff import DamagedTiff
from spikefill.masks import MaskSettings
from spikefill.memory import PROCESS
from tests.images import samples
from tests.images.samples import SHAPE, inks, photograph, tiff_file

HOLES = np.zeros(SHAPE, bool)
HOLES[3:9, 5:14] = True
HOLES[7, 40:50] = True
"""In the first rows alone: what is below keeps its bytes."""


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Inpainter(models.create("scnn", width=4, steps=2))


def mask_file(*holes: np.ndarray) -> bytes:
    file = io.BytesIO()
    first, *others = (Image.fromarray(each) for each in holes)
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


def restored(
    source: bytes | Path, mask: bytes | None, inpainter: Inpainter, settings: MaskSettings | None = None, **options: Any
) -> bytes:
    file = io.BytesIO()
    DamagedTiff(source, mask, settings or MaskSettings(), "photo").write(file, lambda: inpainter, **options)
    return file.getvalue()


def as_a_whole(source: bytes, mask: bytes, inpainter: Inpainter, settings: MaskSettings | None = None) -> np.ndarray:
    whole = Damaged.read(source, mask, settings or MaskSettings()).restored(lambda: inpainter)
    return tifffile.imread(io.BytesIO(whole))


def opened(encoded: bytes) -> tifffile.TiffFile:
    return tifffile.TiffFile(io.BytesIO(encoded))


def segments(encoded: bytes, page: int = 0) -> list[bytes]:
    found = opened(encoded).pages[page]
    return [encoded[place : place + size] for place, size in zip(found.dataoffsets, found.databytecounts, strict=True)]


def without_places(page: Any) -> dict[int, Any]:
    """The values of all tags but those that say where the pixels are."""
    return {tag.code: np.array(tag.value).tolist() for tag in page.tags if tag.code not in (273, 279, 324, 325)}


LAYOUTS = {
    "strips": {"rowsperstrip": 8},
    "one strip": {},
    "tiles": {"tile": (16, 32)},
    "lzw": {"compression": "lzw", "predictor": True, "rowsperstrip": 8},
    "deflate tiles": {"compression": "adobe_deflate", "tile": (16, 16), "predictor": True},
    "zstd": {"compression": "zstd", "rowsperstrip": 10},
    "packbits": {"compression": "packbits", "rowsperstrip": 9},
    "lzma": {"compression": "lzma", "rowsperstrip": 12},
    "big": {"bigtiff": True, "compression": "lzw", "tile": (16, 16)},
    "big-endian": {"byteorder": ">", "compression": "adobe_deflate", "predictor": True, "rowsperstrip": 6},
    "big-endian strips": {"byteorder": ">", "rowsperstrip": 6},
}


@pytest.mark.parametrize("depth", ["8", "16", "float"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_segments_without_a_hole_keep_their_bytes(layout: str, depth: str, inpainter: Inpainter) -> None:
    source = tiff_file(photograph(3, depth), description="A cat", **LAYOUTS[layout])
    written = restored(source, mask_file(HOLES), inpainter)
    pixels = tifffile.imread(io.BytesIO(written))
    assert np.array_equal(pixels, as_a_whole(source, mask_file(HOLES), inpainter))
    assert np.array_equal(pixels[~HOLES], photograph(3, depth)[~HOLES])
    assert (pixels[HOLES] != photograph(3, depth)[HOLES]).any()
    before, after = opened(source).pages[0], opened(written).pages[0]
    assert without_places(after) == without_places(before)
    assert Header.of(written).order == Header.of(source).order
    assert Header.of(written).big == Header.of(source).big
    height, width = before.chunks[:2]
    across = -(-SHAPE[1] // width)
    for number, (old, new) in enumerate(zip(segments(source), segments(written), strict=True)):
        top, left = number // across * height, number % across * width
        if not HOLES[top : top + height, left : left + width].any():
            assert new == old, number


@pytest.mark.parametrize(
    ("pixels", "options"),
    [
        (photograph(1), {"rowsperstrip": 8}),
        (photograph(1, "16"), {"tile": (16, 16), "compression": "lzw"}),
        (photograph(2), {"rowsperstrip": 8, "compression": "lzw", "predictor": True}),
        (photograph(4), {"tile": (16, 16), "compression": "adobe_deflate", "predictor": True}),
        (photograph(4), {"rowsperstrip": 8, "extrasamples": [1]}),
        (inks(), {"rowsperstrip": 8, "photometric": "separated"}),
        (inks("16"), {"tile": (16, 16), "compression": "lzw", "photometric": "separated"}),
    ],
    ids=["grey", "grey 16", "grey with alpha", "alpha", "premultiplied", "inks", "inks 16"],
)
@pytest.mark.parametrize("feather", [0, 3])
def test_every_kind_of_colour(pixels: np.ndarray, options: Any, feather: int, inpainter: Inpainter) -> None:
    source, settings = tiff_file(pixels, **options), MaskSettings(feather=feather)
    written = restored(source, mask_file(HOLES), inpainter, settings)
    result = tifffile.imread(io.BytesIO(written))
    assert np.array_equal(result, as_a_whole(source, mask_file(HOLES), inpainter, settings))
    assert np.array_equal(result[~HOLES], pixels[~HOLES])
    assert segments(written)[-1] == segments(source)[-1]
    assert without_places(opened(written).pages[0]) == without_places(opened(source).pages[0])


def test_what_was_transparent_becomes_opaque(inpainter: Inpainter) -> None:
    pixels = photograph(4)
    pixels[..., 3] = np.where(HOLES, 0, 200)
    written = restored(tiff_file(pixels, rowsperstrip=8), None, inpainter, MaskSettings(transparent=True))
    alpha = tifffile.imread(io.BytesIO(written))[..., 3]
    assert (alpha[HOLES] == 255).all()
    assert (alpha[~HOLES] == 200).all()


def test_large_strips_are_read_in_pieces(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    for pixels, order in ((photograph(3, "16"), ">"), (photograph(1), "<")):
        source = tiff_file(pixels, byteorder=order, rowsperstrip=SHAPE[0])
        expected = restored(source, mask_file(HOLES), inpainter)
        with monkeypatch.context() as patch:
            patch.setattr(tiff_segments, "_PIECE", 5 * pixels[0].nbytes)
            with opened(source) as file:
                data = tiff_segments.FileBytes(io.BytesIO(source))
                pieces = list(tiff_segments.Segments(file.pages[0], Header.of(source), data))
            assert [piece.number for piece in pieces] == [0] * 8
            assert restored(source, mask_file(HOLES), inpainter) == expected


def test_few_segments_are_held(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tiff_file(photograph(3), tile=(16, 16), compression="lzw")
    expected = restored(source, mask_file(HOLES), inpainter)
    monkeypatch.setattr(tiff_segments, "CACHE", 2000)
    assert restored(source, mask_file(HOLES), inpainter) == expected
    with opened(source) as file:
        part = tiff_segments.Segments(file.pages[0], Header.of(source), tiff_segments.FileBytes(io.BytesIO(source)))
        assert np.array_equal(part.read(slice(5, 30), slice(11, 53)), photograph(3)[5:30, 11:53])
        assert len(part._cache) == 2
        assert part._cached == 2 * 16 * 16 * 3


@pytest.mark.parametrize("cmyk", [False, True])
@pytest.mark.parametrize("quality", ["fast", "best"])
def test_windows_of_a_page(cat: np.ndarray, cmyk: bool, quality: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coarse levels are made from all of the page, a strip at a time; the result is that of the page at once."""
    monkeypatch.setattr(workspace, "FIXED", 0)
    monkeypatch.setattr(planning, "_STRIP", 1 << 14)
    model = models.read("hybrid-tiny")
    model.context, model.tile = 0, 300  # which leaves no room for the page at once
    inpainter = Inpainter(model, quality=quality)
    pixels = np.ascontiguousarray(cat[:299])
    options: dict[str, Any] = {"tile": (32, 32), "compression": "lzw"}
    if cmyk:
        pixels = np.dstack([255 - pixels, pixels[..., :1] // 2])
        options["photometric"] = "separated"
    holes = np.zeros(pixels.shape[:2], bool)
    holes[30:200, 30:231] = True
    holes[290, 10:160] = True
    source = tiff_file(pixels, **options)
    told: list[tuple[int, int]] = []
    written = restored(source, mask_file(holes), inpainter, progress=lambda *done: told.append(done))
    assert told[-1][0] == told[-1][1] > 6
    assert [done for done, _ in told] == list(range(told[-1][1] + 1))
    at_once = Inpainter(models.read("hybrid-tiny"), quality=quality)
    assert np.array_equal(tifffile.imread(io.BytesIO(written)), as_a_whole(source, mask_file(holes), at_once))


WHOLE = {
    "jpeg": tiff_file(photograph(3), compression="jpeg", rowsperstrip=16),
    "planes": tiff_file(np.ascontiguousarray(photograph(3).transpose(2, 0, 1)), photometric="rgb",
                        planarconfig="separate"),
    "white is zero": tiff_file(255 - photograph(1), photometric="miniswhite", rowsperstrip=8),
    "4 bits": tiff_file(photograph(1) >> 4, bitspersample=4),
    "1 bit": tiff_file(photograph(1) > 128, photometric="minisblack"),
    "facsimile": samples.pillow_file(Image.fromarray(photograph(1) > 128), "TIFF", compression="group4"),
    "palette": samples.pillow_file(Image.fromarray(photograph(3)).quantize(32), "TIFF"),
}  # fmt: skip


@pytest.mark.parametrize("keep_palette", [False, True])
@pytest.mark.parametrize("kind", WHOLE)
def test_other_kinds_are_written_as_a_whole(kind: str, keep_palette: bool, inpainter: Inpainter) -> None:
    source, mask = WHOLE[kind], mask_file(HOLES)
    written = restored(source, mask, inpainter, keep_palette=keep_palette)
    expected = Damaged.read(source, mask).restored(lambda: inpainter, keep_palette=keep_palette)
    assert np.array_equal(opened(written).pages[0].asarray(), opened(expected).pages[0].asarray())
    assert without_places(opened(written).pages[0]) == without_places(opened(expected).pages[0])


SECOND = np.ascontiguousarray(photograph(1, "16")[:30, :40])
PAGES: tuple[tuple[np.ndarray, dict[str, Any]], ...] = (
    (photograph(3), {"photometric": "rgb", "tile": (16, 16), "compression": "lzw", "description": "one",
                     "iccprofile": samples.RGB_PROFILE, "resolution": (300, 300)}),
    (SECOND, {"photometric": "minisblack", "compression": "adobe_deflate", "rowsperstrip": 7, "predictor": True,
              "description": "two", "resolution": (118, 118), "resolutionunit": "centimeter"}),
    (photograph(3), {"photometric": "rgb", "compression": "jpeg", "description": "three"}),
    (photograph(4, "float"), {"photometric": "rgb", "extrasamples": [2], "rowsperstrip": 9, "description": "four"}),
)  # fmt: skip


def pages_file(**writer: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **writer) as pages:
        for pixels, options in PAGES:
            pages.write(pixels, metadata=None, **options)
        pages.write(photograph(3)[::4, ::4], photometric="rgb", metadata=None, subfiletype=1)
    return file.getvalue()


def page_masks() -> list[np.ndarray]:
    return [HOLES, HOLES[:30, :40], HOLES & False, HOLES]


@pytest.mark.parametrize("writer", [{}, {"byteorder": ">"}, {"bigtiff": True}], ids=str)
def test_every_page_is_restored_and_keeps_what_it_is(writer: Any, inpainter: Inpainter) -> None:
    source = pages_file(**writer)
    written = restored(source, mask_file(*page_masks()), inpainter)
    before, after = opened(source).pages, opened(written).pages
    assert len(after) == len(PAGES)  # without the preview
    assert (Header.of(written).order, Header.of(written).big) == (Header.of(source).order, Header.of(source).big)
    for number, ((pixels, _), holes) in enumerate(zip(PAGES, page_masks(), strict=True)):
        assert without_places(after[number]) == without_places(before[number])
        if holes.any():
            expected = inpainter.restore(pixels, holes)
            assert np.array_equal(after[number].asarray(), expected)
        else:
            assert segments(written, number) == segments(source, number)


def test_one_mask_serves_all_pages_of_a_size(inpainter: Inpainter) -> None:
    with_three = io.BytesIO()
    frames = [photograph(3), 255 - photograph(3), photograph(3)[::-1]]
    tifffile.imwrite(with_three, np.stack(frames), photometric="rgb", compression="lzw", metadata=None)
    written = restored(with_three.getvalue(), samples.pillow_file(HOLES, "PNG"), inpainter)
    assert np.array_equal(
        tifffile.imread(io.BytesIO(written)), np.stack([inpainter.restore(frame, HOLES) for frame in frames])
    )


def test_a_mask_is_resized_to_each_page(inpainter: Inpainter) -> None:
    settings = MaskSettings(resize=True)
    done = DamagedTiff(pages_file(), mask_file(HOLES), settings, "photo").write(io.BytesIO(), lambda: inpainter)
    assert [(page.number, page.pages, page.width, page.height) for page in done] == [
        (1, 4, 53, 37), (2, 4, 40, 30), (3, 4, 53, 37), (4, 4, 53, 37)
    ]  # fmt: skip
    assert all(page.holes > 50 for page in done)


def test_holes_are_found_on_each_page(inpainter: Inpainter) -> None:
    painted = [photograph(3), photograph(3)]
    painted[1][5:8, 6:20] = (0, 255, 0)
    file = io.BytesIO()
    tifffile.imwrite(file, np.stack(painted), photometric="rgb", metadata=None)
    pages: list[int] = []
    settings = MaskSettings(colour="#00ff00")
    written = restored(file.getvalue(), None, inpainter, settings, begin=lambda page: pages.append(page.holes))
    assert pages == [0, 42]
    assert np.array_equal(opened(written).pages[0].asarray(), painted[0])
    assert (opened(written).pages[1].asarray()[5:8, 6:20] != (0, 255, 0)).any()


def test_nothing_to_restore_gives_the_source(inpainter: Inpainter) -> None:
    assert restored(pages_file(), mask_file(*(each & False for each in page_masks())), inpainter) == pages_file()


def test_a_mask_is_given_as_the_photograph_is_displayed(inpainter: Inpainter) -> None:
    source = tiff_file(photograph(3), rowsperstrip=8, extratags=[(274, 3, 1, 6, True)])
    written = restored(source, mask_file(np.rot90(HOLES, -1)), inpainter)
    pixels = tifffile.imread(io.BytesIO(written))
    assert np.array_equal(pixels[~HOLES], photograph(3)[~HOLES])
    assert (pixels[HOLES] != photograph(3)[HOLES]).any()


def test_what_shows_the_damage_is_left_out(inpainter: Inpainter) -> None:
    file = io.BytesIO()
    layers = [(37724, 7, 5, b"layer", True), (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 4e6, 0.0), True)]
    with tifffile.TiffWriter(file) as writer:
        for _ in range(2):
            writer.write(photograph(3), photometric="rgb", metadata=None, subifds=1, extratags=layers)
            writer.write(photograph(3)[::2, ::2], photometric="rgb", metadata=None, subfiletype=1)
    written = restored(file.getvalue(), mask_file(HOLES, HOLES & False), inpainter)
    first, second = opened(written).pages
    assert 330 not in first.tags
    assert 330 not in second.tags
    assert (37724 in first.tags, 37724 in second.tags) == (False, True)
    assert first.tags[33922].value == (0.0, 0.0, 0.0, 5e5, 4e6, 0.0)  # where it lies on the Earth


def of_signed_values() -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(2):
            writer.write(np.zeros((8, 9), np.int16), photometric="minisblack", metadata=None)
    return file.getvalue()


def with_a_damaged_segment() -> bytes:
    source = tiff_file(photograph(3), compression="adobe_deflate", rowsperstrip=8)
    return source.replace(segments(source)[0], bytes(len(segments(source)[0])))


REFUSED: dict[str, tuple[Any, Any, MaskSettings, str]] = {
    "pages of the mask": (pages_file(), mask_file(HOLES, HOLES), MaskSettings(),
                          "the mask has 2 pages, the photograph 4 pages; it must have one, or as many"),
    "one page": (tiff_file(photograph(3)), mask_file(HOLES, HOLES), MaskSettings(),
                 "the mask has 2 pages, the photograph 1 page; it must have one, or as many"),
    "size": (pages_file(), mask_file(HOLES), MaskSettings(),
             "page 2 of photo: mask is 53 x 37 px, the photograph 40 x 30; they must be of one size"),
    "nothing known": (pages_file(), mask_file(HOLES, HOLES[:30, :40] | True, HOLES, HOLES), MaskSettings(),
                      "page 2 of photo: mask covers the whole picture: there is nothing to restore it from"),
    "kind": (of_signed_values(), mask_file(HOLES), MaskSettings(),
             "page 1 of photo has signed values of 16 bits; they must be unsigned, of 8 or 16, or floating"),
    "no mask": (pages_file(), None, MaskSettings(),
                "a mask is missing; name one, or say what in the photograph is a hole"),
    "a mask too many": (pages_file(), mask_file(HOLES), MaskSettings(auto="scratches"),
                        "a mask is given, but the holes are to be found in the photograph; leave one out"),
    "cut off": (pages_file()[:2000], mask_file(HOLES), MaskSettings(), "photo is damaged: a directory of tags is "),
    "values": (tiff_file(photograph(3, "float") * 2), mask_file(HOLES), MaskSettings(),
               "image holds known values outside [0, 1] or not a number; scale it to [0, 1] first"),
    "segment": (with_a_damaged_segment(), mask_file(HOLES), MaskSettings(), "photo is damaged: "),
    "missing file": (Path("nowhere.tif"), mask_file(HOLES), MaskSettings(),
                     "cannot read photo: No such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_one_clear_line(case: str, inpainter: Inpainter) -> None:
    source, mask, settings, said = REFUSED[case]
    with pytest.raises(InputError) as error:
        restored(source, mask, inpainter, settings)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_the_size_of_a_page_is_limited(inpainter: Inpainter) -> None:
    damaged = DamagedTiff(pages_file(), mask_file(HOLES), name="photo", largest_megapixels=0.0015)
    with pytest.raises(InputError, match="page 1 of photo is 53 x 37 px, 0.001961 megapixels; more than 0.0015 are"):
        damaged.write(io.BytesIO(), lambda: inpainter)


def test_a_file_that_grows_beyond_4_gb_becomes_big(inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damaged_tiff, "_LARGEST_CLASSIC", 4000)
    written = restored(tiff_file(photograph(3), rowsperstrip=8), mask_file(HOLES), inpainter)
    assert Header.of(written).big
    assert np.array_equal(tifffile.imread(io.BytesIO(written))[~HOLES], photograph(3)[~HOLES])


def test_a_photograph_need_not_fit_into_memory(
    tmp_path: Path, cat: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held at a time is less than the decoded photograph; decoding it would not do with the memory allowed."""
    monkeypatch.setattr(tiff_segments, "CACHE", 1 << 25)
    side = 6144
    tile = np.ascontiguousarray(cat[:256, :256])
    tifffile.imwrite(
        tmp_path / "large.tif", (tile for _ in range((side // 256) ** 2)), shape=(side, side, 3), dtype=np.uint8,
        tile=(256, 256), compression="zstd", photometric="rgb", metadata=None,
    )  # fmt: skip
    holes = np.zeros((side, side), np.uint8)
    holes[100:110, 50:150] = holes[3000:3100, 2000:2005] = 255
    tifffile.imwrite(tmp_path / "holes.tif", holes, compression="zstd", metadata=None)
    limit = PROCESS + holes.nbytes * 3 + 120_000_000
    with pytest.raises(InputError, match="decoding it takes"):
        Damaged.read(tmp_path / "large.tif", tmp_path / "holes.tif", max_memory=limit)
    inpainter = Inpainter(models.read(models.DEFAULT), max_memory=limit)
    damaged = DamagedTiff(tmp_path / "large.tif", tmp_path / "holes.tif", max_memory=limit)
    tracemalloc.start()
    try:
        with (tmp_path / "out.tif").open("w+b") as file:
            damaged.write(file, lambda: inpainter)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * holes.nbytes
    result = tifffile.imread(tmp_path / "out.tif")
    changed = (result != np.tile(tile, (side // 256, side // 256, 1))).any(axis=2)
    assert 1000 < changed.sum() == changed[holes > 0].sum()


@pytest.mark.parametrize("kind", [{"imagej": True}, {"metadata": {"axes": "ZYX"}}])
def test_a_stack_whose_planes_are_no_pages_is_refused(
    tmp_path: Path, inpainter: Inpainter, kind: dict[str, Any]
) -> None:
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.zeros((5, 64, 64), np.uint8), truncate=True, **kind)
    with pytest.raises(InputError, match="a stack of planes that are no pages"):
        decode(stack)
    with pytest.raises(InputError, match="a stack of planes that are no pages"):
        restored(stack, mask_file(np.eye(64, dtype=bool)), inpainter)


def test_a_file_in_memory_counts(tmp_path: Path, inpainter: Inpainter) -> None:
    photo = tmp_path / "photo.tif"
    tifffile.imwrite(photo, np.full((3000, 3000, 3), 0.4, np.float32), photometric="rgb", rowsperstrip=64)  # 108 MB
    holes = np.zeros((3000, 3000), bool)
    holes[5, 5] = True
    limit = PROCESS + 100_000_000
    DamagedTiff(photo, mask_file(holes), max_memory=limit).write(io.BytesIO(), lambda: inpainter)
    with pytest.raises(InputError, match="the photograph is 3000 x 3000 px; .* but max_memory is 600 MB"):
        DamagedTiff(photo.read_bytes(), mask_file(holes), max_memory=limit).write(io.BytesIO(), lambda: inpainter)
