"""One seed for all that is random in a run: printed when it begins, and given again to repeat it.

``TEST_SEED=1234 python -m pytest …`` repeats the run whose header said 1234.
"""

import os
import random
import secrets
from typing import Final

VARIABLE: Final = "TEST_SEED"

# In the environment, so that the workers of a run take the seed of the process that started them.
SEED: Final = int(os.environ.setdefault(VARIABLE, str(secrets.randbelow(10**9))))


def dice_for(name: str) -> random.Random:
    """Return the dice of one test; the same for the same seed, whichever tests run beside it."""
    print(f"{VARIABLE}={SEED} repeats {name}")
    return random.Random(f"{SEED} {name}")
