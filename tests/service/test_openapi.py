"""Whatever is sent by the OpenAPI document, the answer is one that the document promises.

``SPIKEFILL_API_CASES`` sets how many requests are made up for restoring: 200, or thousands in a long run.
"""

from __future__ import annotations

import base64
import os
from typing import Any

import numpy as np
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import encoded
from .running import Running
from .test_inpaint import PATH

CASES = int(os.environ.get("SPIKEFILL_API_CASES", "200"))
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
PATIENCE = 60
"""Seconds for an answer, on a machine that may be busy."""
OTHERS = (("POST", "/api/v1/adjust_mask"), ("GET", "/api/v1/model"), ("GET", "/api/v1/server-config"))


def quiet(cases: int) -> Any:
    return settings(
        max_examples=cases, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@st.composite
def pictures(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A small photograph of any format and kind, and a mask; now and then, something is wrong with them."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(2, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (height, width, *draw(st.sampled_from([(), (3,), (4,)])))
    kind = draw(st.sampled_from(["PNG", "TIFF", "WEBP", "BMP", "JPEG"] if len(shape) < 3 or shape[2] == 3 else ["PNG"]))
    photograph = encoded(random.integers(0, 256, shape, np.uint8), kind)
    flaw = draw(st.sampled_from([*[None] * 8, "size", "whole", "cut mask", "cut photograph"]))
    holes = random.random((height + (flaw == "size"), width)) < draw(st.sampled_from([0.01, 0.1, 0.9]))
    holes[0] = False  # something is known
    mask = encoded((holes | (flaw == "whole")).astype(np.uint8) * np.uint8(255))
    if flaw == "cut mask":
        mask = mask[: draw(st.integers(0, len(mask)))]
    if flaw == "cut photograph":
        photograph = photograph[: draw(st.integers(0, len(photograph)))]
    return photograph, mask


@st.composite
def bodies(draw: st.DrawFn, made_up: dict[str, Any]) -> dict[str, Any]:
    """A body of the document's schema, or nearly one, with real pictures in it."""
    photograph, mask = (base64.b64encode(file).decode() for file in draw(pictures()))
    start = draw(st.sampled_from(["", "data:image/png;base64,"]))
    return {**made_up, "image": start + photograph, "mask": start + mask}


@pytest.fixture(scope="module")
def schema(service: Running) -> Any:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


def test_restoring_as_json(schema: Any) -> None:
    operation = schema[PATH]["POST"]
    seen = []

    @quiet(CASES // 2)
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy().filter(lambda case: case.media_type == "application/json"))
        if isinstance(case.body, dict):
            case.body = data.draw(bodies(case.body))
        seen.append(case.call_and_validate(checks=CHECKS, timeout=PATIENCE).status_code)

    run()
    assert len(seen) >= CASES // 2
    assert seen.count(200) > len(seen) / 2  # most of them reach the network


def test_restoring_as_a_form(service: Running, schema: Any) -> None:
    operation = schema[PATH]["POST"]
    names = st.sampled_from([*[("image", "mask")] * 8, ("mask", "image"), ("image", "image"), ("image", "photo")])
    seen = []

    @quiet(CASES - CASES // 2)
    @given(pair=pictures(), names=names)
    def run(pair: tuple[bytes, bytes], names: tuple[str, str]) -> None:
        sent = [(name, ("a", file)) for name, file in zip(names, pair, strict=True)]
        answer = requests.post(service.url + PATH, files=sent, timeout=PATIENCE)
        case = operation.Case(method="POST", media_type="multipart/form-data")
        case.validate_response(schemathesis.Response.from_requests(answer, verify=True), checks=CHECKS)
        seen.append(answer.status_code)

    run()
    assert len(seen) >= CASES - CASES // 2
    assert seen.count(200) > len(seen) / 3


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_the_rest_of_the_interface(schema: Any, method: str, path: str) -> None:
    @quiet(max(5, CASES // 10))
    @given(case=schema[path][method].as_strategy(), pair=pictures())
    def run(case: Any, pair: tuple[bytes, bytes]) -> None:
        if isinstance(case.body, dict):
            case.body = {**case.body, "mask": base64.b64encode(pair[1]).decode()}
        case.call_and_validate(checks=CHECKS, timeout=PATIENCE)

    run()
