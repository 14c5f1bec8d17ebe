"""``jhp`` with password hashes that cost next to nothing: argon2id, by its profile for tests.

A platform hashes and verifies a sample password for each person when it starts, a fifth of a CPU
second each. The Hub runs this as a part of its site's configuration, and ``jhp up`` as a program.
"""

import runpy
from functools import partialmethod

from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

PasswordHasher.__init__ = partialmethod(  # type: ignore[assignment, method-assign]
    PasswordHasher.__init__,
    time_cost=CHEAPEST.time_cost,
    memory_cost=CHEAPEST.memory_cost,
    parallelism=CHEAPEST.parallelism,
)

if __name__ == "__main__":
    runpy.run_module("jupyterhub_platform", run_name="__main__", alter_sys=True)
