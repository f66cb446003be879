"""What an evaluation puts on record of the model it measured."""

from __future__ import annotations

import hashlib

from spikefill import inpainting, models
from spikefill.evaluation.provenance import describe_model


def test_the_recorded_file_is_the_one_that_was_loaded(tmp_path, monkeypatch):
    """Also where a file in the current folder has the name of a bundled model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scnn").write_bytes(b"something else")
    described = describe_model(inpainting.load("scnn"), "scnn")
    bundled = models.weights_file("scnn")
    assert described["file"] == bundled.name
    assert described["sha256"] == hashlib.sha256(bundled.read_bytes()).hexdigest()


def test_an_unknown_reference_has_no_file():
    assert "sha256" not in describe_model(inpainting.load("scnn"), "nowhere")
