"""Photographs to train and measure on: a folder's, those in shards, or the eight inside the scikit-image wheel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from spikefill.data.candidates import archives_of, candidates
from spikefill.data.decoding import SUFFIXES, decode, inspect
from spikefill.data.embedded import EMBEDDED
from spikefill.data.shards import Member, is_sharded, members
from spikefill.errors import InputError, check_choice

Part = Literal["train", "val", "all"]
OnProblem = Callable[[Path, str], None]


@dataclass(frozen=True)
class Photographs(Sequence[NDArray[np.uint8]]):
    """Photographs that are decoded when they are asked for: uint8 RGB arrays (H, W, 3), upright.

    Greyscale becomes RGB with equal channels; 16 bits, or floating point up to 1, become 8 bits; transparency
    is dropped; of several pages or frames the first is taken.

    Attributes:
        files: Their files, or where in a shard they are, in order.
        names: Their names: paths relative to their folder.
        greyscale: Names of those that are stored without colour.
        problems: Files that were left out, each with the reason.
    """

    files: tuple[Path | Member, ...]
    names: tuple[str, ...]
    greyscale: tuple[str, ...] = ()
    problems: tuple[tuple[Path, str], ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[np.uint8]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | Sequence[NDArray[np.uint8]]:
        """The decoded photograph; of a slice, the photographs undecoded.

        Raises:
            UnreadableError: The file cannot be read now, though it could be when it was opened.
            InputError: It is damaged: its header could be read, its pixels cannot.
        """
        if isinstance(index, slice):
            return self.subset(range(len(self))[index])
        return decode(self.files[index])

    @property
    def sharded(self) -> bool:
        """Whether any of them is in a shard."""
        return any(isinstance(file, Member) for file in self.files)

    def subset(self, indices: Sequence[int]) -> Photographs:
        """The photographs at these indices, in their order, undecoded."""
        names = tuple(self.names[index] for index in indices)
        kept = set(names)
        greyscale = tuple(name for name in self.greyscale if name in kept)
        return Photographs(tuple(self.files[index] for index in indices), names, greyscale)


def open_photographs(
    source: str | Path | Sequence[str | Path], *, part: Part = "all", on_problem: OnProblem | None = None
) -> Photographs:
    """The photographs of one or several sources.

    Args:
        source: A folder, searched with its subfolders in alphabetical order; a folder or an address, such as
            ``s3://bucket/shards``, of shards that `write_shards` made; or ``"embedded"``: the eight photographs inside
            the scikit-image wheel. Several sources are joined.
        part: Which of the embedded ones: six to ``"train"``, two to validate (``"val"``), or ``"all"``; likewise of a
            folder with the lists of LSDIR. Another folder, and shards, always give all.
        on_problem: Called with each file that is left out (broken, or smaller than 16 px) and the reason.
            Only headers are read here: damage further on shows when the photograph is decoded.

    Raises:
        InputError: A source is no folder or holds no usable photograph, its shards or lists are damaged or
            unfinished, or scikit-image is not installed.
    """
    check_choice("part", part, ("train", "val", "all"))
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise InputError("source is empty; name a folder of photographs, or 'embedded'")
    files: list[Path | Member] = []
    names: list[str] = []
    greyscale: list[str] = []
    problems: list[tuple[Path, str]] = []

    def complain(file: Path, problem: str) -> None:
        problems.append((file, problem))
        if on_problem is not None:
            on_problem(file, problem)

    for one in sources:
        before = len(files)
        for file, name, is_grey in _usable(one, part, complain):
            files.append(file)
            names.append(name)
            if is_grey:
                greyscale.append(name)
        if len(files) == before:
            raise InputError(f"{one} holds no usable photograph ({', '.join(s[1:] for s in SUFFIXES)})")
    return Photographs(tuple(files), tuple(names), tuple(greyscale), tuple(problems))


def _usable(source: str | Path, part: Part, on_problem: OnProblem) -> Iterator[tuple[Path | Member, str, bool]]:
    """Files, their names, and whether they are greyscale."""
    if str(source) not in ("", EMBEDDED) and is_sharded(str(source)):
        for member, is_grey in members(str(source)):
            yield member, member.name, is_grey
        return
    found = candidates(source, part)
    if not found and archives_of(source):
        raise InputError(f"{source} holds archives; make shards of them first: spikefill data shard {source} -o SHARDS")
    for file, name in found:
        problem, is_grey = inspect(file)
        if problem is None:
            yield file, name, is_grey
        else:
            on_problem(file, problem)
