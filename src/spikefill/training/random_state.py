"""Random numbers of a step as a function of the run's seed and the step."""

from __future__ import annotations

import numpy as np


def step_seed(seed: int, step: int, *stream: int) -> int:
    """The seed of torch's generators at a step: 63 well-mixed bits of (seed, step), others for each ``stream``."""
    return int(np.random.SeedSequence([seed, step, *stream]).generate_state(1, np.uint64)[0] >> np.uint64(1))
