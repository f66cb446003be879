"""A page of documentation run from top to bottom, each output compared with the one that is shown.

Blocks of ``python`` share their names, blocks of ``sh`` a shell; a block of ``text`` after one of them is what it
prints, ``...`` standing for whatever changes.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PAGES = Path(__file__).parents[2] / "docs" / "tutorials"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DONE = "that was the block, with exit code"


class Block(NamedTuple):
    """A fenced block: its language, its text, and its line on the page."""

    language: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    return [Block(found[1], found[2], text.count("\n", 0, found.start()) + 2) for found in _BLOCK.finditer(text)]


def run_page(page: Path, text: str | None = None) -> None:
    """Runs a page's blocks in the present folder; ``text`` is the page's own, or what is to be run in its place."""
    names: dict[str, Any] = {"__name__": "__main__"}
    said: str | None = None
    with _shell() as shell:
        for block in blocks(page.read_text("utf-8") if text is None else text):
            if block.language == "python":
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    # Blank lines above, so that a traceback names the page's own line.
                    exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
                said = printed.getvalue()
            elif block.language == "sh":
                said = _in_shell(shell, block, page)
            elif block.language == "text":
                assert said is not None, f"{page.name}:{block.line}: nothing was run whose output this could be"
                options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
                agrees = doctest.OutputChecker().check_output(block.text, said, options)
                assert agrees, f"{page.name}:{block.line}: it is\n{said}\nin place of\n{block.text}"


@contextlib.contextmanager
def _shell() -> Iterator[subprocess.Popen[str]]:
    """A shell that finds this interpreter's commands."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    with subprocess.Popen(
        ["sh"],
        env={**os.environ, "PATH": path, "SPIKEFILL_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as shell:
        yield shell


def _in_shell(shell: subprocess.Popen[str], block: Block, page: Path) -> str:
    """What a block prints; it must succeed."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{block.text}\necho {_DONE} $?\n")
    shell.stdin.flush()
    lines = []
    for line in shell.stdout:
        if line.startswith(_DONE):
            assert line.split()[-1] == "0", f"{page.name}:{block.line}: {line.strip()}"
            return "".join(lines)
        lines.append(line)
    raise AssertionError(f"{page.name}:{block.line}: the shell has ended")
