"""``spikefill inpaint`` from TIFF to TIFF: page by page, and no more of a page than its holes need."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import IO, TYPE_CHECKING

from spikefill.cli import console

if TYPE_CHECKING:
    from pathlib import Path

    from spikefill import inpainting
    from spikefill.inpainting.damaged_tiff import PageHoles
    from spikefill.masks import MaskSettings


def inpaint_tiff(
    photo: Path | bytes,
    mask: Path | bytes | None,
    holes: MaskSettings,
    load: Callable[[], inpainting.Inpainter],
    *,
    name: str,
    keep_palette: bool,
    max_memory: int,
) -> Callable[[IO[bytes]], None]:
    """Gives what writes the restored file, and says how far it is.

    Args:
        photo: The file, or its bytes.
        mask: The same of the mask; None where the holes are found in the photograph.
        holes: Where they come from.
        load: Loads the model.
        name: What to call the photograph.
        keep_palette: As for the command, and so is the next one.
        max_memory: See there.
    """
    from spikefill.inpainting.damaged_tiff import DamagedTiff

    damaged = DamagedTiff(photo, mask, holes, name, largest_megapixels=math.inf, max_memory=max_memory)

    def write(file: IO[bytes]) -> None:
        with console.progress() as bar:
            task = bar.add_task("restoring", total=None, visible=False)

            def begin(page: PageHoles) -> None:
                if page.holes:
                    share = page.holes / (page.width * page.height)
                    console.note(f"{_called(page)}{page.holes} pixels to restore ({share:.1%})")
                    bar.reset(task, total=None, visible=True)

            done = damaged.write(
                file,
                lru_cache(maxsize=1)(load),
                keep_palette=keep_palette,
                begin=begin,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if not any(page.holes for page in done):
            console.note("the mask is empty: the photograph is unchanged")

    return write


def _called(page: PageHoles) -> str:
    return "" if page.pages == 1 else f"page {page.number} of {page.pages}: "
