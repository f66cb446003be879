"""Restoring over HTTP: what is answered to forms and JSON, and what is said of wrong ones."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from spikefill import inpainting

from .conftest import Pair, encoded

PATH = "/api/v1/inpaint"

IOPAINT_PAGE = {
    "ldm_steps": 30, "ldm_sampler": "ddim", "zits_wireframe": True, "cv2_flag": "INPAINT_NS", "cv2_radius": 5,
    "hd_strategy": "Crop", "hd_strategy_crop_triger_size": 640, "hd_strategy_crop_margin": 128,
    "hd_trategy_resize_imit": 2048, "prompt": "", "negative_prompt": "", "use_croper": False, "croper_x": 0,
    "croper_y": 0, "croper_height": 512, "croper_width": 512, "use_extender": False, "extender_x": 0, "extender_y": 0,
    "extender_height": 1024, "extender_width": 1024, "sd_mask_blur": 12, "sd_strength": 1.0, "sd_steps": 30,
    "sd_guidance_scale": 7.5, "sd_sampler": "DPM++ 2M", "sd_seed": -1, "sd_match_histograms": False,
    "sd_lcm_lora": False, "paint_by_example_example_image": None, "p2p_image_guidance_scale": 1.5,
    "enable_controlnet": False, "controlnet_conditioning_scale": 0.4, "controlnet_method": "",
    "enable_brushnet": False, "brushnet_method": "random_mask", "brushnet_conditioning_scale": 1.0,
    "powerpaint_task": "text-guided",
}  # fmt: skip
"""What IOPaint's own page sends beside the two files."""

EARLIER_PAGE = {"sd_freeu": False, "sd_freeu_config": {"s1": 0.9, "s2": 0.2, "b1": 1.2, "b2": 1.4}}
"""What that of earlier versions sends, too."""


def text(file: bytes) -> str:
    return base64.b64encode(file).decode()


def files(pair: Pair, **others: bytes) -> dict[str, bytes]:
    return {"image": pair.image, "mask": pair.mask, **others}


def pixels(answer: httpx.Response) -> np.ndarray:
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image)


def said(answer: httpx.Response, status: int) -> str:
    """The detail of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (answer.status_code, document["status"]) == (status, status)
    assert set(document) == {"type", "title", "status", "detail", "errors"}
    assert document["errors"] == document["detail"]  # where clients of IOPaint look
    assert "\n" not in document["detail"]
    return document["detail"]


@pytest.fixture(scope="module")
def restored(weights: str, pair: Pair) -> np.ndarray:
    return inpainting.load(weights).inpaint(pair.pixels, pair.holes)


def test_a_form_with_two_files(client: httpx.Client, pair: Pair, restored: np.ndarray) -> None:
    answer = client.post(PATH, files=files(pair))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(pixels(answer), restored)
    assert np.array_equal(pixels(answer)[~pair.holes], pair.pixels[~pair.holes])
    names = [entry.partition(";dur=")[0] for entry in answer.headers["server-timing"].split(", ")]
    assert names == ["queue", "decode", "restore", "encode"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("start", ["", "data:image/png;base64,", "data:application/octet-stream;base64,"])
def test_json_with_base64_or_data_uris(client: httpx.Client, pair: Pair, restored: np.ndarray, start: str) -> None:
    answer = client.post(PATH, json={"image": start + text(pair.image), "mask": start + text(pair.mask)})
    assert np.array_equal(pixels(answer), restored)
    assert answer.headers["x-seed"] == "42"
    assert "x-spikefill-ignored" not in answer.headers


def test_base64_in_lines(client: httpx.Client, pair: Pair, restored: np.ndarray) -> None:
    body = {"image": base64.encodebytes(pair.image).decode(), "mask": base64.encodebytes(pair.mask).decode()}
    assert np.array_equal(pixels(client.post(PATH, json=body)), restored)


@pytest.mark.parametrize("fields", [IOPAINT_PAGE, {**IOPAINT_PAGE, **EARLIER_PAGE}], ids=["now", "earlier"])
def test_what_the_page_of_iopaint_sends(
    client: httpx.Client, pair: Pair, restored: np.ndarray, fields: dict[str, Any]
) -> None:
    answer = client.post(PATH, json={"image": text(pair.image), "mask": text(pair.mask), **fields})
    assert np.array_equal(pixels(answer), restored)
    assert int(answer.headers["x-seed"]) > 0  # -1 asks for any
    assert answer.headers["x-spikefill-ignored"].split(", ") == sorted(fields)


def test_values_of_a_mask_count_from_128(client: httpx.Client, pair: Pair, restored: np.ndarray) -> None:
    edge = encoded(np.where(pair.holes, 128, 127).astype(np.uint8))
    assert np.array_equal(pixels(client.post(PATH, files={"image": pair.image, "mask": edge})), restored)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "TIFF"])
def test_the_answer_has_the_format_of_the_photograph(client: httpx.Client, pair: Pair, kind: str) -> None:
    answer = client.post(PATH, files={"image": encoded(pair.pixels, kind), "mask": pair.mask})
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == (kind, (96, 64))


def test_without_a_hole_the_file_comes_back(client: httpx.Client, pair: Pair) -> None:
    empty = encoded(np.zeros_like(pair.holes, np.uint8))
    assert client.post(PATH, files={"image": pair.image, "mask": empty}).content == pair.image


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"promt": "a cat"}, "promt is no field; there are: image, mask, sd_seed"),
        ({"sd_seed": "any"}, "sd_seed is 'any'; it must be a valid integer"),
        ({"image": None}, "image is None; it must be a valid string"),
    ],
)
def test_wrong_fields_are_named(client: httpx.Client, pair: Pair, changes: dict[str, Any], detail: str) -> None:
    body = {"image": text(pair.image), "mask": text(pair.mask), **changes}
    assert said(client.post(PATH, json=body), 422).startswith(detail)


def test_json_that_is_none(client: httpx.Client) -> None:
    answer = client.post(PATH, content=b"{", headers={"content-type": "application/json"})
    assert said(answer, 422).startswith("Invalid JSON")
    assert said(client.post(PATH, json=[]), 422)
    assert said(client.post(PATH, json={"image": ""}), 422) == "mask is missing"


def test_wrong_forms_are_named(client: httpx.Client, pair: Pair) -> None:
    other = said(client.post(PATH, files=files(pair, extra=b"x")), 422)
    assert other == "extra is no field; there are: image, mask"
    assert said(client.post(PATH, files={"image": pair.image}), 422) == "mask is missing"
    twice = [("image", pair.image), ("image", pair.image), ("mask", pair.mask)]
    assert said(client.post(PATH, files=twice), 422) == "image must be one file"
    assert said(client.post(PATH, files={"image": pair.image}, data={"mask": "none"}), 422) == "mask must be one file"
    many = [("image", pair.image)] * 9
    assert "Too many files" in said(client.post(PATH, files=many), 400)
    broken = client.post(PATH, content=b"--x\r\nno", headers={"content-type": "multipart/form-data"})
    assert "boundary" in said(broken, 400)


def test_other_bodies_are_not_taken(client: httpx.Client, pair: Pair) -> None:
    answer = client.post(PATH, content=pair.image, headers={"content-type": "image/png"})
    assert said(answer, 415) == "content-type is 'image/png'; it must be application/json or multipart/form-data"
    assert said(client.post(PATH), 415).startswith("content-type is ''")


def test_files_that_do_not_fit(client: httpx.Client, pair: Pair) -> None:
    small = encoded(np.zeros((3, 4), np.uint8))
    sizes = "mask is 4 x 3 px, the photograph 96 x 64; they must be of one size"
    assert said(client.post(PATH, files={"image": pair.image, "mask": small}), 400) == sizes
    full = encoded(np.full_like(pair.holes, 255, np.uint8))
    assert "covers the whole picture" in said(client.post(PATH, files={"image": pair.image, "mask": full}), 400)
    assert said(client.post(PATH, json={"image": "ß", "mask": ""}), 400).startswith("image is not base64")


def test_what_is_not_there_is_said_in_the_same_way(client: httpx.Client) -> None:
    assert said(client.get("/api/v1/nothing"), 404) == "Not Found"
    answer = client.get(PATH)
    assert said(answer, 405) == "Method Not Allowed"
    assert answer.headers["allow"] == "POST"


def test_the_document_holds_both_forms(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    bodies = document["paths"][PATH]["post"]["requestBody"]["content"]
    assert set(bodies) == {"application/json", "multipart/form-data"}
    assert "hd_trategy_resize_imit" in document["components"]["schemas"]["InpaintRequest"]["properties"]
    assert json.dumps(document).count('"application/problem+json"') > 10
