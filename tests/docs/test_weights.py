"""The figures that the pages give of the bundled weights are of these weights, and are those that were measured."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "weights.py"


@pytest.fixture(scope="module")
def weights() -> ModuleType:
    spec = importlib.util.spec_from_file_location("weights", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_what_was_measured_are_the_weights_of_the_package(weights: ModuleType) -> None:
    assert not [evaluation.name for evaluation in weights.EVALUATIONS if evaluation.stale]


def test_pages_give_the_figures_of_their_documents(weights: ModuleType) -> None:
    for path, text in weights.pages().items():
        assert path.read_text("utf-8") == text, f"{path.name}: python docs/weights.py"


def test_a_page_without_its_marks_is_told(weights: ModuleType) -> None:
    with pytest.raises(ValueError, match="centre crops"):
        weights.page("# Without any")
