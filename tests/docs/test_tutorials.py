"""The tutorials do what they say, and print what they show."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import torch

from .tutorial import PAGES, Block, blocks, run_page

ELSEWHERE = {"other-libraries-neurons.md"}
"""Needs those libraries, which `make parity` installs: `parity/test_tutorial.py` runs it."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="pages have blocks for a POSIX shell")
@pytest.mark.parametrize("name", sorted({page.name for page in PAGES.glob("*.md")} - ELSEWHERE))
def test_a_tutorial(name: str) -> None:
    torch.manual_seed(0)
    page = PAGES / name
    run_page(page, page.read_text("utf-8").replace("8000", str(_free_port())))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_every_requested_subject_has_its_page() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} >= {
        "add-a-neuron",
        "spiking-layer-in-your-network",
        "train-on-your-photographs",
        "lif-in-a-loop",
        "other-libraries-neurons",
        "restore-a-batch",
        "call-the-service",
    }


def test_blocks_are_found_in_order_with_their_lines() -> None:
    text = "# A\n\n```python\nx = 1\n```\n\n    indented\n\n```text\n1\n```\n"
    assert blocks(text) == [Block("python", "x = 1\n", 4), Block("text", "1\n", 10)]


@pytest.mark.skipif(os.name == "nt", reason="it takes a POSIX shell")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```python\nprint(2)\n```\n```text\n3\n```\n", "page.md:5: it is\n2\n"),
        ("```text\n3\n```\n", "page.md:2: nothing was run"),
        ("```sh\nfalse\n```\n", "page.md:2: .* exit code 1"),
        ("```sh\nexit 3\n```\n", "page.md:2: the shell has ended"),
    ],
)
def test_a_page_that_does_not_do_what_it_says_is_found(text: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        run_page(Path("page.md"), text)
