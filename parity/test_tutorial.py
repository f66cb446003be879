"""The tutorial about other libraries' neurons does what it says; it lies with the others, and runs where they are."""

from pathlib import Path

import pytest
import torch

from tests.docs.tutorial import PAGES, blocks, run_page


def test_the_tutorial_about_other_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    page = PAGES / "other-libraries-neurons.md"
    text = page.read_text("utf-8")
    install = "pip install snntorch spikingjelly"
    assert [block.text.strip() for block in blocks(text) if block.language == "sh"] == [install]
    run_page(page, text.replace(install, "true"))  # they are there, in the versions of requirements-rivals.lock
