"""The figures that the pages give of the bundled weights are of these weights, and are those that were measured."""

from __future__ import annotations

from types import ModuleType

import pytest

from .scripts import script


@pytest.fixture(scope="module")
def weights() -> ModuleType:
    return script("weights")


def test_what_was_measured_are_the_weights_of_the_package(weights: ModuleType) -> None:
    assert not [evaluation.name for evaluation in weights.EVALUATIONS if evaluation.stale]


def test_pages_give_the_figures_of_their_documents(weights: ModuleType) -> None:
    for path, text in weights.pages().items():
        assert path.read_text("utf-8") == text, f"{path.name}: python docs/weights.py"


def test_a_page_without_its_marks_is_told(weights: ModuleType) -> None:
    for blocks in weights.BLOCKS.values():
        with pytest.raises(ValueError, match=next(iter(blocks))):
            weights.page("# Without any", blocks)
