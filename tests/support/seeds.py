"""A fresh seed for each run, printed, and the same one again when it is told."""

import os
import random
from typing import Final

VARIABLE: Final = "FAULTS_SEED"


def make_chance() -> random.Random:
    """Return chance of its own for one test; ``FAULTS_SEED`` repeats a run."""
    seed = int(os.environ.get(VARIABLE) or random.randrange(2**32))
    print(f"{VARIABLE}={seed}")
    return random.Random(seed)
