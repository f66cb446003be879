"""Draws the photographs of ``examples/``: ``python -m spikefill.service.page.make_examples``.

They are the two embedded photographs that no bundled model was trained on, both CC0, with damage drawn on them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from spikefill import masks
from spikefill.data.embedded import embedded_files

FOLDER = Path(__file__).parent / "examples"
DAMAGE = {"chelsea": ("scratches", (244, 240, 228)), "coffee": ("text", (255, 255, 255))}
"""Of each photograph: the family of masks, and the colour of the damage."""

_SEED = 1
_QUALITY = 90
_SOFT_EDGE = 2
"""Pixels around the damage that JPEG changes most."""


def main(folder: Path = FOLDER) -> None:
    """Writes each photograph as JPEG, and its mask as PNG."""
    folder.mkdir(exist_ok=True)
    for path in embedded_files("val"):
        family, colour = DAMAGE[path.stem]
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB"))
        holes = masks.sample(family, pixels.shape[:2], seed=_SEED, index=0)
        pixels[holes] = colour
        Image.fromarray(pixels).save(folder / f"{path.stem}-{family}.jpg", quality=_QUALITY)
        masks.write(folder / f"{path.stem}-{family}.png", masks.dilated(holes, _SOFT_EDGE), overwrite=True)


if __name__ == "__main__":
    main()
