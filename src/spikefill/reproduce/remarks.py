"""What must be said where answers of several runs stand side by side: which of them are not of a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spikefill.reproduce import catalogue
from spikefill.reproduce.page import flat

Document = Mapping[str, Any]


def remarks(documents: Sequence[Document], diverged: Sequence[str] = ()) -> list[str]:
    """Sentences on experiments whose answers are old, or of other photographs, code or settings.

    Args:
        documents: What is in their ``results.json``.
        diverged: Experiments of the last run in which a training diverged.
    """
    answered = {document["experiment"] for document in documents}
    said = [
        f"In the last run a training of {name} diverged: "
        + ("its answers are of an earlier run." if name in answered else "it has no answers.")
        for name in diverged
    ]
    said += _kinds(documents, "photographs", lambda document: " and ".join(_photographs(document)))
    said += _kinds(documents, "code", lambda document: f"commit {document['commit'] or 'unknown'}")
    for document in documents:
        changes = _changes(document)
        if changes:
            said.append(f"Of {document['experiment']} settings were changed: {', '.join(changes)}.")
    return said


def _kinds(documents: Sequence[Document], called: str, kind: Callable[[Document], str]) -> list[str]:
    """A sentence that sorts experiments by kind, or nothing where there is only one."""
    names: dict[str, list[str]] = {}
    for document in documents:
        names.setdefault(kind(document), []).append(document["experiment"])
    parts = "; ".join(f"{', '.join(same)}: {one}" for one, same in names.items())
    return [f"Not all answers are of the same {called}: {parts}."] if len(names) > 1 else []


def _photographs(document: Document) -> list[str]:
    return [f"{split} {data['photographs']}, SHA-256 {data['sha256'][:12]}" for split, data in document["data"].items()]


def _changes(document: Document) -> list[str]:
    """The settings that are not those that the experiment has now."""
    experiment = catalogue.find(document["experiment"])
    own = experiment.quick if document["quick"] else experiment.full
    declared = dict(flat(own.model_dump(mode="json")))
    return [f"{name} = {value}" for name, value in flat(document["settings"]) if declared.get(name) != value]
