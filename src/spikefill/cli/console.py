"""What every command says to the person: notes and progress on stderr, results on stdout."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress


@dataclass
class Verbosity:
    """How much the running command says: -1 results and errors only, 0 notes and progress, 1 debug messages."""

    level: int = 0


verbosity = Verbosity()


def stderr() -> Console:
    """A console on standard error, made when it is needed: rich is not imported for ``--help``."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def note(message: str) -> None:
    """Says something that is worth knowing, on stderr, unless ``--quiet`` was given."""
    if verbosity.level >= 0:
        stderr().print(message, markup=False)


def problem(message: str) -> None:
    """Says on stderr, with ``--quiet`` too, what went wrong without ending the command."""
    stderr().print(message, markup=False)


def progress() -> Progress:
    """A rich progress bar on stderr (a context manager), silent with ``--quiet`` or where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = stderr()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=verbosity.level < 0 or not console.is_terminal,
    )


def result(*parts: RenderableType) -> None:
    """Prints texts and tables on stdout, each from a line of its own; a long line is better than a cut figure."""
    import typer
    from rich.console import Console
    from rich.measure import Measurement

    screen = Console(highlight=False, markup=False, emoji=False)
    unlimited = screen.options.update(width=1000)
    screen.width = max(screen.width, *(Measurement.get(screen, unlimited, part).maximum for part in parts))
    with screen.capture() as capture:
        for part in parts:
            screen.print(part)
    typer.echo("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()), nl=False)


def set_verbosity(level: int) -> None:
    """Sets what `note` and `progress` show, and the level of the ``spikefill`` logger."""
    verbosity.level = level
    logger = logging.getLogger("spikefill")
    logger.setLevel(logging.DEBUG if level > 0 else logging.WARNING)
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
