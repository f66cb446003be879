"""Photographs that could not be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikefill.cli import console

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class LeftOut:
    """Says what was left out of a measurement, and keeps that something was."""

    def __init__(self) -> None:
        self._any = False

    def unreadable(self, path: Path, problem: str) -> None:
        """To be called with each file that is no photograph (`data.open_photographs`)."""
        console.note(f"{path}: {problem}")
        self._any = True

    def exit_code(self, document: Mapping[str, Any]) -> int:
        """0, or 1 where something was left out; says which photographs of a document were skipped."""
        skipped = document["protocol"]["images"]["skipped"]
        for photograph in skipped:
            console.note(f"skipped {photograph['name']}: {photograph['reason']}")
        return 1 if skipped or self._any else 0
