"""The report of a batch: a CSV that grows by a row for each photograph and outlives an interruption."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from spikefill.batch.outcome import Outcome, Status
from spikefill.errors import InputError
from spikefill.files import atomic_write

REPORT_NAME = "spikefill.csv"
"""Of the report in the folder of restored photographs, unless another place is asked for."""

_NAMES = "surrogateescape"
"""How bytes of file names that are not UTF-8 are read and written: as they are."""

COLUMNS = tuple(field.name for field in fields(Outcome))


class Report:
    """A CSV file with a row for each photograph; a context manager.

    A report that is there already is gone on with: a photograph's new row takes the place of its old one, and a last
    row that was cut off is dropped.

    Args:
        path: The file.

    Raises:
        InputError: The file cannot be read or written, or is not such a report.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._rows = {row[0]: row for row in self._earlier()}
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Opens it; earlier rows are written anew, as a whole."""
        self._write_whole()
        try:
            self._file = self.path.open("a", newline="", encoding="utf-8", errors=_NAMES)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it, with one row for each photograph."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._write_whole()

    def previews(self) -> bool:
        """Whether there are rows of photographs that were only shown with their holes."""
        return any(row[COLUMNS.index("status")] == Status.PREVIEWED for row in self._rows.values())

    def __contains__(self, photo: str) -> bool:
        """Whether there is a row for the photograph."""
        return photo in self._rows

    def add(self, outcome: Outcome) -> None:
        """Adds a row, which is in the file when this returns."""
        row = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in astuple(outcome)]
        self._rows[outcome.photo] = row
        if self._file is not None:
            self._file.write(_line(row))
            self._file.flush()

    def _earlier(self) -> list[list[str]]:
        try:
            text = self.path.read_text(encoding="utf-8", errors=_NAMES)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from error
        if text and not text.startswith(_line(COLUMNS)):
            raise InputError(
                f"{self.path} is there already and is no report of restored photographs; name another file"
            )
        _, *rows = csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline="")) if text else [list(COLUMNS)]
        return [row for row in rows if len(row) == len(COLUMNS)]

    def _write_whole(self) -> None:
        with atomic_write(self.path, overwrite=True) as temporary:
            text = "".join(map(_line, (COLUMNS, *self._rows.values())))
            temporary.write_text(text, encoding="utf-8", errors=_NAMES, newline="")


def _line(row: Sequence[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue()
