"""Draws the evaluation masks of new families: ``python -m spikefill.masks.make_evaluation_sets``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from spikefill.files import atomic_write
from spikefill.masks.evaluation import EVALUATION_IMAGES, EVALUATION_REPEATS, EVALUATION_SIZES
from spikefill.masks.families import family_names, sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "evaluation_sets"
SEED = 20240109


def main(folder: Path = FOLDER) -> None:
    """Writes every atlas that is not there yet; one that is there is never drawn again."""
    for family in family_names():
        for size in EVALUATION_SIZES:
            path = folder / f"{family}-{size}.tif"
            if not path.exists():
                with atomic_write(path) as temporary:
                    Image.fromarray(atlas(family, size)).save(temporary, compression="group4")


def atlas(family: str, size: int) -> NDArray[np.bool_]:
    """The masks of a set side by side: a row for each image, a column for each repeat."""
    rows = (
        np.hstack(
            [
                sample(family, size, seed=SEED, index=image * EVALUATION_REPEATS + repeat)
                for repeat in range(EVALUATION_REPEATS)
            ]
        )
        for image in range(EVALUATION_IMAGES)
    )
    return np.vstack(list(rows))


if __name__ == "__main__":
    main()
