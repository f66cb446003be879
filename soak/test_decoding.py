"""Damaged photographs and masks: each is read, or refused in one line, in little time and memory."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest

from soak import mutations
from soak.workers import Verdict, verdicts
from spikefill import InputError, masks
from spikefill.cli import console
from spikefill.images import decode

FILES = 100_000
SAVED = Path(__file__).parents[1] / "build" / "soak"
"""Where files go that were neither read nor refused."""

MEGAPIXELS = 16
"""That a file may have here: what its header may make a decoder ask for."""
MEMORY = 512 << 20
"""Bytes by which memory may grow: 16 million pixels of four floating-point channels, twice."""
SECONDS = 60.0

_NO_MEMORY = ("MemoryError", "Unable to allocate", "out of memory")
"""What an error says of a decoder that asked for more than the process may have."""

_OUTCOMES = {f"{what} {outcome}" for what in ("photographs", "masks") for outcome in ("read", "refused")}
"""That come in any thousand files."""


def look(number: int) -> str:
    """Reads a damaged file as its photograph or mask would be, and writes the photograph again."""
    case = mutations.case(number)
    try:
        if case.is_mask:
            assert masks.read(io.BytesIO(case.data), largest_megapixels=MEGAPIXELS).ndim == 2
            return "masks read"
        file = decode(case.data, "photo", largest_megapixels=MEGAPIXELS)
    except InputError as error:
        _check_said(str(error), "mask from a stream" if case.is_mask else "photo ")
        return "masks refused" if case.is_mask else "photographs refused"
    assert file.pixels.ndim == 2 or file.pixels.shape[2] in (2, 3, 4), file.pixels.shape
    assert file.pixels.size > 0
    assert file.pixels.dtype in ("uint8", "uint16", "float32"), file.pixels.dtype
    try:
        file.encode(file.pixels)
    except InputError as error:
        _check_said(str(error), "the photograph cannot be written")
        return "photographs read that cannot be written"
    return "photographs read"


def _check_said(said: str, start: str) -> None:
    assert said.startswith(start), said
    assert "\n" not in said, said
    assert not any(word in said for word in _NO_MEMORY), said


def test_damaged_files_are_read_or_refused(
    share: float, processes: int, pytestconfig: pytest.Config, capfd: pytest.CaptureFixture[str]
) -> None:
    first = pytestconfig.getoption("--first")
    numbers = range(first, first + round(FILES * share))
    found, failed, growth, slowest = Counter[str](), 0, 0, 0.0
    with capfd.disabled(), console.progress() as bar:
        looked = verdicts(look, numbers, processes=processes, seconds=SECONDS)
        for verdict in bar.track(looked, len(numbers), description="damaged files"):
            growth, slowest = max(growth, verdict.growth), max(slowest, verdict.seconds)
            found[verdict.said] += 1
            if verdict.failure or verdict.growth > MEMORY:
                failed += 1
                bar.console.print(_kept(verdict), markup=False)
        counts = ", ".join(f"{count} {what or 'failed'}" for what, count in sorted(found.items()))
        bar.console.print(f"{counts}; at most {growth >> 20} MB and {slowest:.1f} s for a file")
    assert not failed, f"{failed} files, kept in {SAVED}"
    assert set(found) >= _OUTCOMES


def _kept(verdict: Verdict) -> str:
    """Saves a file that failed, and says what is known of it."""
    case = mutations.case(verdict.number)
    SAVED.mkdir(parents=True, exist_ok=True)
    path = SAVED / f"{case.number}{'-mask' if case.is_mask else ''}.{case.seed.split()[0]}"
    path.write_bytes(case.data)
    said = f"{case}, kept as {path}; memory grew by {verdict.growth >> 20} MB\n{verdict.failure}".strip()
    path.with_name(f"{path.name}.txt").write_text(f"{said}\n")
    return said
