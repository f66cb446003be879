"""The pages of a TIFF file, one at a time: the file itself may be larger than memory."""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

from tifffile import TiffFile, TiffPage

from spikefill.errors import InputError
from spikefill.images import tiff, tiff_checks
from spikefill.images.content import Content, Limit
from spikefill.images.directories import Directory, FileBytes, Header


class TiffPages:
    """An open file; a context manager. Previews and masks are no pages.

    Args:
        source: A path, or the file's bytes, or an open file, which is closed at the end.
        name: What to call it in errors.

    Attributes:
        bytes: Those of the file.
        header: How its numbers lie.
        directories: One for each page.

    Raises:
        OSError: The file cannot be read.
        InputError: It begins with a preview, or has planes that are no pages, as stacks of microscopes do.
        Exception: Whatever is raised on a damaged file.
    """

    def __init__(self, source: Path | bytes | IO[bytes], name: str) -> None:
        self._name = name
        with ExitStack() as opened:
            stream = opened.enter_context(_open(source))
            self.bytes = FileBytes(stream)
            self.header = Header.of(self.bytes)
            found = tiff_checks.pictures(self.bytes, self.header, name)
            self.directories: list[Directory] = list(found.values())
            self._places = list(found)
            stream.seek(0)
            self._file: TiffFile = opened.enter_context(TiffFile(stream))
            self._check_planes()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    def __getitem__(self, number: int) -> TiffPage:
        """The description of a page by tifffile, from 0."""
        page = self._file.pages[self._places[number]]
        if not isinstance(page, TiffPage):
            raise ValueError("it holds no picture")  # noqa: TRY004 - the file is wrong, not the type of an argument
        return page

    def _check_planes(self) -> None:
        """Raises `InputError` if there are planes without a page: they would be lost."""
        first = self[0]
        if first.is_imagej or first.is_shaped:
            described = sum(series.size for series in self._file.series)
            hidden = described > sum(page.size for page in self._file.pages)
        else:
            hidden = first.is_stk
        if hidden:
            raise InputError(f"{self._name} is a stack of planes that are no pages; write each of them as a page")

    def called(self, number: int) -> str:
        """What to call a page in errors: the file where it is the only one."""
        return self._name if len(self) == 1 else f"page {number + 1} of {self._name}"

    def read(self, number: int, limit: Limit) -> Content:
        """Decodes a page.

        Raises:
            InputError: It is too large, or of a kind that is not served.
            Exception: Whatever tifffile and imagecodecs raise on a damaged file.
        """
        return tiff.read_page(
            self[number], self.directories[number], self.header, self.bytes, self.called(number), limit
        )


def read(encoded: bytes, name: str, limit: Limit) -> Content:
    """Decodes a file of one page.

    Raises:
        InputError: There are several pages; or as `TiffPages.read`.
        Exception: Whatever is raised on a damaged file.
    """
    with TiffPages(encoded, name) as pages:
        if len(pages) > 1:
            raise InputError(
                f"{name} has {len(pages)} pages, but one is wanted; spikefill inpaint restores all, from TIFF to TIFF"
            )
        return pages.read(0, limit)


def _open(source: Path | bytes | IO[bytes]) -> IO[bytes]:
    if isinstance(source, Path):
        return source.open("rb")
    return io.BytesIO(source) if isinstance(source, bytes) else source
