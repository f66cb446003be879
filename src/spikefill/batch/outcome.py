"""What became of a photograph."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How it ended: restored; without a hole; shown with its holes; there before; or failed."""

    RESTORED = "restored"
    UNCHANGED = "unchanged"
    PREVIEWED = "previewed"
    EXISTS = "exists"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a photograph; its fields are the columns of the report.

    Attributes:
        photo: Its file.
        mask: That of its mask; empty if there is none.
        output: The restored file.
        status: How it ended.
        width: Of the photograph, or the first of its pages, in pixels as the file stores them; 0 if it was not read.
        height: The same.
        hole_pixels: How many were to be restored, on all pages.
        seconds: That it took, reading and writing included.
        error: Why it failed; otherwise empty.
    """

    photo: str
    mask: str
    output: str
    status: Status
    width: int = 0
    height: int = 0
    hole_pixels: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def megapixels(self) -> float:
        """Size of the photograph in millions of pixels."""
        return self.width * self.height / 1e6
