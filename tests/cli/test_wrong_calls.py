"""Every wrong call is one plain line on stderr, nothing on stdout, no traceback, and exit code 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from spikefill import models
from spikefill.cli import console
from spikefill.cli.app import run

MODELS = "hybrid-small, hybrid-base, hybrid-tiny, hybrid-free, scnn, hybrid"
INPAINT = "inpaint photo.png mask.png --model run -o new.png"
TRAIN = "train --data embedded --val embedded --steps 1 -o new"
EVALUATE = "evaluate --model none --size 64 --masks thin --repeats 1 --limit 1"
MASKS = "masks thin --size 32 --count 2 -o new"

WRONG_CALLS = [
    # The frame.
    ("restore photo.png", "restore"),
    ("--colour", "--colour"),
    ("-v -q doctor", "--verbose and --quiet are both given"),
    ("--version=3", "--version"),
    # inpaint: arguments
    ("inpaint", "PHOTO"),
    ("inpaint photo.png", "--output"),
    ("inpaint photo.png -o new.png", "MASK is missing; name one, or say what in the photograph is a hole"),
    ("inpaint photo.png mask.png", "--output"),
    (f"{INPAINT} third.png", "third.png"),
    (f"{INPAINT} --colour red", "--colour"),
    (f"{INPAINT} --threads many", "'--threads'"),
    (f"{INPAINT} --threads 0", "threads is 0; it must be at least 1"),
    (f"{INPAINT} --device tpu", "device is 'tpu'"),
    (f"{INPAINT} --device meta", "device is 'meta'"),
    (f"{INPAINT} --precision int4", "precision is 'int4'; it must be one of: float32, int8"),
    (f"{INPAINT} --quality worst", "quality is 'worst'; it must be one of: fast, best"),
    (
        f"{INPAINT} --model lama",
        f"model is 'lama'; it must be one of: {MODELS}; or a file of weights or a run folder",
    ),
    (f"{INPAINT} --model", "--model"),
    ("inpaint - - -o new.png", "only one can come from standard input"),
    # inpaint: where holes come from
    (f"{INPAINT} --auto scratches", "MASK is mask.png, but the holes are to be found in the photograph"),
    ("inpaint photo.png -o new.png --auto dust", "auto is 'dust'; it must be one of: scratches"),
    (
        "inpaint photo.png -o new.png --auto scratches --threshold 0",
        "threshold is 0; it must be a whole number from 1 to 255",
    ),
    ("inpaint photo.png -o new.png --mask-color mauveish", "colour is 'mauveish'"),
    ("inpaint photo.png -o new.png --mask-color red --mask-transparent", "colour and transparent are both given"),
    ("inpaint photo.png -o new.png --mask-transparent", "alpha"),
    (
        "inpaint photo.png -o new.png --mask-color red --tolerance 256",
        "tolerance is 256; it must be a whole number from 0 to 255",
    ),
    (f"{INPAINT} --tolerance 3", "tolerance is 3, but goes with colour, which is not given"),
    (f"{INPAINT} --dilate -1", "dilate is -1; it must be a whole number from 0 to 1000"),
    (f"{INPAINT} --dilate 1001", "dilate is 1001"),
    (f"{INPAINT} --feather -1", "feather is -1"),
    ("inpaint photo.png small.png --invert -o new.png", "mask is 8 x 9 px, the photograph 56 x 40"),
    # inpaint: folders
    ("inpaint folder mask.png -o text.txt", "output is text.txt, a file; name a folder for the restored photographs"),
    ("inpaint empty-folder mask.png -o new", "empty-folder holds no photographs"),
    ("inpaint folder missing -o new", "mask is missing; it must be a file or a folder"),
    ("inpaint folder mask.png -o folder", "output is folder, which is read from; name another folder"),
    ("inpaint folder mask.png -o -", "- is no place for a folder's files; name a path"),
    ("inpaint folder mask.png -o new --report s3://b/r.csv", "s3://b/r.csv is no place for a folder's files"),
    ("inpaint folder -o new --mask-color mauveish", "colour is 'mauveish'"),
    ("inpaint folder -o new --mask-color red --tolerance 999", "tolerance is 999"),
    ("inpaint folder mask.png -o new --jobs 0", "jobs is 0; it must be at least 1"),
    (
        "inpaint folder mask.png -o new --format gif",
        "format is 'gif'; it must be one of: png, jpg, jpeg, webp, bmp, tif, tiff, heic, heif",
    ),
    ("inpaint folder mask.png -o new --report text.txt", "text.txt is there already and is no report"),
    ("inpaint folder mask.png -o new --model lama", "model is 'lama'; it must be one of"),
    ("inpaint folder mask.png -o new --engine dask", "engine is 'dask'; it must be one of: local, ray"),
    ("inpaint folder mask.png -o new --address here:1", "--address is for --engine ray"),
    ("inpaint nowhere://photos mask.png -o new", "nowhere://photos cannot be reached: Protocol not known: nowhere"),
    (f"{INPAINT} --engine ray", "--engine is for a folder of photographs; photo.png is none"),
    (f"{INPAINT} --jobs 2", "--jobs is for a folder of photographs; photo.png is none"),
    (f"{INPAINT} --format png", "--format is for a folder of photographs; photo.png is none"),
    (f"{INPAINT} --report new.csv", "--report is for a folder of photographs; photo.png is none"),
    # inpaint: models
    (f"{INPAINT} --model empty-folder", "empty-folder, a folder without best.safetensors"),
    (f"{INPAINT} --model text.txt", "text.txt is not a file of weights"),
    (f"{INPAINT} --model foreign.safetensors", "foreign.safetensors was not written by Spikefill"),
    (f"{INPAINT} --model newer.safetensors", "newer.safetensors has format version 99"),
    (f"{INPAINT} --model truncated.safetensors", "truncated.safetensors is not a file of weights"),
    (f"{INPAINT} --model unfit.safetensors", "unfit.safetensors do not fit the model"),
    # inpaint: photographs and masks
    ("inpaint missing.png mask.png -o new.png", "cannot read missing.png: No such file"),
    ("inpaint text.txt mask.png -o new.png", "text.txt is not an image that can be read"),
    ("inpaint nothing.png mask.png -o new.png", "nothing.png is empty"),
    ("inpaint truncated.png mask.png -o new.png", "truncated.png is damaged"),
    ("inpaint photo.gif mask.png -o new.png", "photo.gif is GIF; it must be PNG, JPEG, WebP, BMP, TIFF or HEIC"),
    ("inpaint pages.tif mask.png -o new.png", "pages.tif has 2 pages, but one is wanted; spikefill inpaint restores"),
    ("inpaint pages.tif pages3.tif -o new.tif", "mask pages3.tif has 3 pages, the photograph 2 pages; it must have"),
    ("inpaint animated.webp mask.png -o new.png", "animated.webp is animated"),
    ("inpaint cmyk.jpg mask.png -o new.png", "the photograph has CMYK colours, which PNG cannot hold; write TIFF"),
    ("inpaint photo.png missing.png -o new.png", "mask missing.png does not exist"),
    ("inpaint photo.png text.txt -o new.png", "mask text.txt is not an image"),
    ("inpaint photo.png truncated.png -o new.png", "mask truncated.png is damaged"),
    ("inpaint photo.png small.png -o new.png", "mask is 8 x 9 px, the photograph 56 x 40"),
    ("inpaint photo.png full.png --model run -o new.png", "mask covers the whole picture"),
    # inpaint: outputs
    (
        "inpaint photo.png mask.png -o new.gif",
        "output is 'new.gif'; its suffix must be one of: .png, .jpg, .jpeg, .webp, .bmp, .tif, .tiff, .heic, .heif",
    ),
    ("inpaint photo.png mask.png -o new", "output is 'new'; its suffix must be one of"),
    ("inpaint photo.png mask.png -o photo.png", "photo.png exists; choose another name or overwrite it"),
    ("inpaint photo.png mask.png --overwrite -o folder.png", "folder.png is a folder; name a file"),
    ("inpaint photo.png mask.png --model run -o text.txt/new.png", "cannot write text.txt/new.png"),
    ("inpaint alpha.png mask.png -o new.jpg", "the photograph has transparency, which JPEG cannot hold; write PNG"),
    ("inpaint deep.png mask.png -o new.webp", "the photograph has 16 bits, which WebP cannot hold; write PNG"),
    # train
    ("train --data embedded --val embedded", "--output"),
    ("train -o new --val embedded", "data is missing"),
    ("train -o new --data embedded", "val is missing"),
    (f"{TRAIN} --recipe unet", "recipe is 'unet'"),
    (f"{TRAIN} --recipe list.yaml", "list.yaml holds no settings"),
    (f"{TRAIN} --recipe broken.yaml", "broken.yaml is not YAML"),
    (f"{TRAIN} --recipe photo.png", "photo.png is not text"),
    (f"{TRAIN} --set optimiser.lr=1", "optimiser.lr is no setting"),
    (f"{TRAIN} --set batch_size=none", "batch_size is 'none'"),
    (f"{TRAIN} --set batch_size", "--set is 'batch_size'; it must be key=value"),
    (f"{TRAIN} --set model.arguments.width=0", "width is 0"),
    (f"{TRAIN} --set model.architecture=unet", "unet"),
    (f"{TRAIN} --steps 0", "steps is 0"),
    (f"{TRAIN} --steps 1.5", "--steps"),
    (f"{TRAIN} --minutes 1", "give one of the two"),
    (f"{TRAIN} --device tpu", "device is 'tpu'"),
    (f"{TRAIN} --threads 0", "threads is 0"),
    (f"{TRAIN} --data no/such/folder", "no/such/folder"),
    (f"{TRAIN} --data empty-folder", "empty-folder"),
    (f"{TRAIN} --val text.txt", "text.txt"),
    ("train --data embedded --val embedded --minutes -1 -o new", "minutes is -1"),
    ("train --resume -o new", "holds no run to resume"),
    ("train --data embedded --val embedded --steps 1 -o text.txt", "text.txt"),
    # evaluate
    ("evaluate --model lama", "model is 'lama'"),
    (f"{EVALUATE} --masks wide", "--masks names 'wide'"),
    (f"{EVALUATE} --baselines magic", "--baselines names 'magic'"),
    (f"{EVALUATE} --baselines none", "both 'none'"),
    (f"{EVALUATE} --size huge", "--size is 'huge'"),
    (f"{EVALUATE} --limit 0", "--limit is 0"),
    (f"{EVALUATE} --repeats 6", "repeats is 6"),
    (f"{EVALUATE} --images no/such/folder", "no/such/folder"),
    (f"{EVALUATE} --images empty-folder", "empty-folder"),
    (f"{EVALUATE} --json text.txt", "text.txt exists"),
    (f"{EVALUATE} --json empty-folder", "empty-folder is a folder; name a file"),
    (f"{EVALUATE} --report text.txt", "text.txt, a file; name a folder"),
    (f"{EVALUATE} --model run --model run", "'none' stands alone"),
    (f"{EVALUATE} unexpected", "unexpected"),
    # masks
    ("masks", "FAMILY"),
    ("masks wide -o new", "FAMILY is 'wide'; it must be one of: thin, medium, thick, boxes, scratches"),
    ("masks thin", "--output"),
    (f"{MASKS} --size 12x", "--size is '12x'"),
    (f"{MASKS} --count 0", "--count is 0; it must be at least 1"),
    (f"{MASKS} --seed -1", "--seed is -1; it must be at least 0"),
    ("masks thin -o text.txt", "text.txt, a file; name a folder"),
    # models
    ("models lama", f"NAME is 'lama'; it must be one of: {MODELS}"),
    ("models text.txt", "NAME is 'text.txt'"),
    ("models scnn again", "again"),
    ("models --all", "--all"),
    # doctor and demo
    ("doctor now", "now"),
    ("doctor --json=yes", "--json"),
    ("demo -o empty-folder", "output is empty-folder, which exists; name a folder to make"),
    ("demo -o new --minutes long", "'--minutes'"),
    ("demo --colour", "--colour"),
]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the calls name."""
    folder = tmp_path_factory.mktemp("wrong")
    noise = np.random.default_rng(0).integers(0, 256, (40, 56, 4), dtype=np.uint8)
    photograph = Image.fromarray(noise[..., :3])
    photograph.save(folder / "photo.png")
    photograph.save(folder / "photo.gif")
    photograph.save(folder / "pages.tif", save_all=True, append_images=[photograph])
    photograph.save(folder / "pages3.tif", save_all=True, append_images=[photograph] * 2)
    photograph.convert("CMYK").save(folder / "cmyk.jpg")
    photograph.save(folder / "animated.webp", save_all=True, append_images=[Image.new("RGB", photograph.size)])
    Image.fromarray(noise).save(folder / "alpha.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    holes = np.zeros((40, 56), bool)
    holes[10:20, 15:30] = True
    Image.fromarray(holes).save(folder / "mask.png")
    Image.fromarray(holes[:9, :8]).save(folder / "small.png")
    Image.fromarray(holes | True).save(folder / "full.png")
    (folder / "nothing.png").touch()
    (folder / "truncated.png").write_bytes((folder / "photo.png").read_bytes()[:3000])
    (folder / "text.txt").write_text("This is no picture.")
    (folder / "list.yaml").write_text("[1, 2]")
    (folder / "broken.yaml").write_text("a: [1")
    for name in ("empty-folder", "folder", "folder.png", "run"):
        (folder / name).mkdir()
    photograph.save(folder / "folder" / "photo.png")
    model = models.create("scnn", width=4, steps=2)
    models.save(model, folder / "run" / "best.safetensors")
    whole = (folder / "run" / "best.safetensors").read_bytes()
    (folder / "truncated.safetensors").write_bytes(whole[: len(whole) // 2])
    header = models.read_header(folder / "run" / "best.safetensors")
    save_file({"weight": torch.zeros(1)}, folder / "foreign.safetensors")
    save_file({"weight": torch.zeros(1)}, folder / "unfit.safetensors", header)
    save_file({"weight": torch.zeros(1)}, folder / "newer.safetensors", {**header, "format_version": "99"})
    return folder


@pytest.fixture(autouse=True)
def here(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setattr(console.verbosity, "level", 0)
    for name in ("MODEL", "DEVICE", "THREADS", "VERBOSE", "QUIET"):
        monkeypatch.delenv(f"SPIKEFILL_{name}", raising=False)


def everything(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_the_table_has_forty_different_calls() -> None:
    assert len({call for call, _ in WRONG_CALLS}) == len(WRONG_CALLS) >= 40


@pytest.mark.parametrize(("call", "said"), WRONG_CALLS, ids=[call for call, _ in WRONG_CALLS])
def test_a_wrong_call_is_one_plain_line(call: str, said: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything(files)
    assert run(call.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.startswith("spikefill: ")
    assert captured.err.endswith("\n")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert "│" not in captured.err
    assert everything(files) == before  # nothing was written


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("inpaint photo.png small.png -o new.png", "mask is 8 x 9 px, the photograph 56 x 40"),
        ("masks thin --size 32", "--output"),
    ],
)
def test_a_process_exits_with_2(call: str, said: str) -> None:
    command = [sys.executable, "-c", "from spikefill.cli.app import main; main()", *call.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
