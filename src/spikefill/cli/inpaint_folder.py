"""``spikefill inpaint`` for a folder of photographs."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikefill.cli import console
from spikefill.errors import InputError, check_choice

if TYPE_CHECKING:
    from spikefill import batch

ENGINES = ("local", "ray")
"""What restores the photographs of a folder: processes on this machine, or a Ray cluster."""

_MOST_PROCESSES = 60
"""Windows waits for no more than 63 of them."""

_NOTE_SECONDS = 30.0
"""Between two lines that say how far it is, where there is no progress bar."""


def inpaint_folder(
    photos: str,
    mask: str | None,
    output: str,
    choice: batch.ModelChoice,
    settings: batch.RestoreSettings,
    *,
    jobs: int | None,
    threads: int | None,
    engine: str | None,
    address: str | None,
    format: str | None,  # noqa: A002
    report: str | None,
) -> int:
    """Restores every photograph of a folder; the arguments are those of the command.

    Returns:
        The exit code: 1 if a photograph could not be restored.

    Raises:
        InputError: The call is wrong, or there is nothing to do it with.
        KeyboardInterrupt: Ctrl-C or SIGTERM came; photographs that were in work are done.
    """
    from spikefill import batch, places
    from spikefill.stop import StopRequest

    check_choice("engine", engine or "local", ENGINES)
    if address is not None and engine != "ray":
        raise InputError("--address is for --engine ray")
    if output == "-" or "://" in (report or ""):
        raise InputError(f"{output if output == '-' else report} is no place for a folder's files; name a path")
    if places.is_file(output):
        raise InputError(f"output is {output}, a file; name a folder for the restored photographs")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = cores if jobs is None else jobs
    if processes < 1:
        raise InputError(f"jobs is {jobs}; it must be at least 1")
    suffix, kind = _kind(format)
    settings = replace(settings, file_format=kind)
    if mask is None and not settings.masks.from_photograph:
        raise InputError("MASK is missing; name the folder of the masks, or say what in the photographs is a hole")
    if mask is not None and settings.masks.from_photograph:
        raise InputError(f"MASK is {mask}, but the holes are to be found in the photographs; leave one out")
    found, unpaired = batch.find_jobs(photos, mask, output, suffix=suffix)
    processes = max(1, min(processes, len(found), _MOST_PROCESSES))
    written = batch.Report(report or _report_in(output))
    if written.previews() and not settings.preview and not settings.overwrite:
        raise InputError(f"{output} holds previews; name another folder, or replace them with --overwrite")
    if not settings.preview:
        choice.load()  # what is wrong with the model is said once, and before the work
    each = max(1, (threads or cores) // processes)
    console.note(f"{len(found)} photographs to {'show' if settings.preview else 'restore'}, {processes} at a time")
    places.remove_leftovers([*(job.output for job in found), str(written.path)])
    counter = _Counter(len(found) + len(unpaired))
    stop = StopRequest()
    with written, console.progress() as bar, stop.watched():
        task = bar.add_task("restoring", total=counter.total)
        common: dict[str, Any] = {"settings": settings, "processes": processes, "stop": lambda: stop.made}
        if engine == "ray":
            outcomes = batch.restore_all_on_ray(found, choice, address=address, **common)
        else:
            outcomes = batch.restore_all(found, choice, threads=each, **common)
        for outcome in map(_without_a_mask, unpaired):
            counter.add(outcome)
            written.add(outcome)
        for outcome in outcomes:
            counter.add(outcome)
            if outcome.status is not batch.Status.EXISTS or outcome.photo not in written:
                written.add(outcome)
            bar.update(task, completed=counter.done, description=counter.rate())
            if not bar.live.is_started and counter.due():
                console.note(counter.line())
    console.note(counter.line())
    console.note(f"report: {written.path}")
    if stop.made and counter.done < counter.total:
        raise KeyboardInterrupt(
            f"interrupted after {counter.done} of {counter.total} photographs; the same command goes on with the rest"
        )
    return 1 if counter.failed else 0


def _report_in(output: str) -> Path:
    """The report's place in the folder of restored photographs; in the working folder if that is elsewhere."""
    from spikefill import batch, places

    folder = places.local(output)
    return Path(batch.REPORT_NAME) if folder is None else folder / batch.REPORT_NAME


def _kind(format: str | None) -> tuple[str | None, str | None]:  # noqa: A002
    """The suffix and the format that were asked for, by the former's name, such as ``png``."""
    if format is None:
        return None, None
    from spikefill.images import FORMATS

    suffix = f".{format.lower().lstrip('.')}"
    if suffix not in FORMATS:
        raise InputError(f"format is {format!r}; it must be one of: {', '.join(name[1:] for name in FORMATS)}")
    if FORMATS[suffix] == "HEIF":
        from spikefill.images import heif

        heif.package()
    return suffix, FORMATS[suffix]


def _without_a_mask(photo: batch.Unpaired) -> batch.Outcome:
    from spikefill import batch

    return batch.Outcome(photo.photo, "", photo.output, batch.Status.FAILED, error=photo.reason)


class _Counter:
    """How many photographs are done, how they ended, and how fast it goes."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.counts: dict[str, int] = {}
        self.megapixels = 0.0
        self._start = self._said = time.monotonic()

    @property
    def done(self) -> int:
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        return self.counts.get("failed", 0)

    def add(self, outcome: batch.Outcome) -> None:
        """Counts a photograph; why one failed is said at once."""
        self.counts[outcome.status] = self.counts.get(outcome.status, 0) + 1
        self.megapixels += outcome.megapixels
        if outcome.error:
            named = outcome.error.startswith(outcome.photo)
            console.problem(outcome.error if named else f"{outcome.photo}: {outcome.error}")

    def due(self) -> bool:
        """Whether it is time for another line."""
        now = time.monotonic()
        if now - self._said < _NOTE_SECONDS:
            return False
        self._said = now
        return True

    def rate(self) -> str:
        """Photographs and megapixels a second, of those that were worked on."""
        seconds = max(time.monotonic() - self._start, 1e-3)
        restored = self.done - self.failed - self.counts.get("exists", 0)
        return f"{restored / seconds:.1f} images/s, {self.megapixels / seconds:.1f} megapixels/s"

    def line(self) -> str:
        """How far it is, in a line."""
        counts = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items()))
        return f"{self.done} of {self.total} photographs ({counts}), {self.rate()}"
