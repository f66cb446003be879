"""What installed distributions need of each other, by what they declare."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(requirements: Iterable[str]) -> dict[str, Distribution]:
    """The installed distributions that requirements name, and all that those need in turn, by their names.

    Raises:
        PackageNotFoundError: One of them is not installed here.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found[name] = distribution(name)
        for wanted in {"", *requirement.extras} - {done for known, done in seen if known == name}:
            seen.add((name, wanted))
            waiting += [(Requirement(text), wanted) for text in requires(name) or ()]
    return found


def top_level(found: Distribution) -> set[Path]:
    """The files and folders in ``site-packages`` that are a distribution's."""
    site = Path(str(found.locate_file("")))
    return {site / file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}


def size(found: Distribution) -> int:
    """The sum of the sizes of a distribution's files, in bytes, as it was installed: without compiled bytecode."""
    files = (Path(str(file.locate())) for file in found.files or () if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in files if path.is_file())
