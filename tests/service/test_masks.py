"""Masks that are changed over HTTP."""

from __future__ import annotations

import base64
import io

import httpx
import numpy as np
import pytest
from PIL import Image

from .conftest import Pair, encoded
from .test_inpaint import said, text

PATH = "/api/v1/adjust_mask"

ONE = np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 255, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]], np.uint8)
CROSS = np.array([[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool)


def adjusted(client: httpx.Client, mask: np.ndarray, operate: str, **others: int) -> np.ndarray:
    """Where the answer has the brush's colour; it is transparent elsewhere."""
    body = {"mask": base64.b64encode(encoded(mask)).decode(), "operate": operate, **others}
    answer = client.post(PATH, json=body)
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.mode == "RGBA"
        drawn = np.asarray(image)
    holes = drawn[..., 3] > 0
    assert np.array_equal(drawn, np.where(holes[..., None], np.uint8([255, 203, 0, 186]), np.uint8(0)))
    return holes


def test_holes_grow_shrink_and_change_places(client: httpx.Client) -> None:
    assert np.array_equal(adjusted(client, ONE, "expand", kernel_size=1), CROSS)
    assert np.array_equal(adjusted(client, CROSS.astype(np.uint8) * 255, "shrink", kernel_size=1), ONE > 0)
    assert np.array_equal(adjusted(client, ONE, "reverse"), ONE == 0)
    assert adjusted(client, ONE, "expand").all()  # by 5, as with IOPaint


def test_what_comes_back_may_be_sent_again(client: httpx.Client) -> None:
    body = {"mask": text(encoded(ONE)), "operate": "expand", "kernel_size": 0}
    again = client.post(PATH, json={**body, "mask": text(client.post(PATH, json=body).content)})
    with Image.open(io.BytesIO(again.content)) as image:
        assert np.array_equal(np.asarray(image)[..., 3] > 0, ONE > 0)


@pytest.mark.parametrize(
    ("changes", "status", "detail"),
    [
        ({"operate": "grow"}, 422, "operate is 'grow'; it must be 'expand', 'shrink' or 'reverse'"),
        ({"kernel_size": 1001}, 422, "kernel_size is 1001; it must be less than or equal to 1000"),
        ({"kernel": 5}, 422, "kernel is no field; there are: mask, operate, kernel_size"),
        ({"mask": "AAAA"}, 400, "the mask is not an image that can be read (PNG, JPEG, WebP, BMP, TIFF or HEIC)"),
    ],
)
def test_wrong_calls(client: httpx.Client, pair: Pair, changes: dict[str, object], status: int, detail: str) -> None:
    body = {"mask": text(pair.mask), "operate": "expand", **changes}
    assert said(client.post(PATH, json=body), status) == detail
