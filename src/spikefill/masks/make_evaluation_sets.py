"""Draws the evaluation masks: ``python -m spikefill.masks.make_evaluation_sets``, run once; see `evaluation`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikefill.masks import convert
from spikefill.masks.evaluation import EVALUATION_IMAGES, EVALUATION_REPEATS, EVALUATION_SIZES
from spikefill.masks.families import families, sample

SEED = 20240109


def main() -> None:
    """Writes every atlas that is not there yet; one that is there is never drawn again."""
    folder = Path(__file__).parent / "evaluation_sets"
    for family in families():
        for size in EVALUATION_SIZES:
            path = folder / f"{family}-{size}.png"
            if not path.exists():
                rows = [
                    np.hstack([sample(family, size, seed=SEED, index=image * EVALUATION_REPEATS + repeat) for repeat in range(EVALUATION_REPEATS)])
                    for image in range(EVALUATION_IMAGES)
                ]
                convert.write(path, np.vstack(rows))


if __name__ == "__main__":
    main()
