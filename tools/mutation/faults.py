"""What a planted fault is: its name, where it is planted, how, and which tests must notice."""

import shlex
from dataclasses import dataclass

from mutation.operators import Operator, Text


@dataclass(frozen=True)
class Fault:
    """With ``how`` applied to what is called ``where``, ``tests`` must fail."""

    name: str
    where: str
    how: Operator | Text
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Equivalent:
    """A change that no test can notice, and why."""

    name: str
    where: str
    reason: str


def noticed_by(tests: str, *rows: tuple[str, str, Operator | Text]) -> tuple[Fault, ...]:
    """Return faults that the same tests notice, which are written as pytest's command line.

    Each row is name, where and how.
    """
    words = tuple(shlex.split(tests))
    return tuple(Fault(name, where, how, words) for name, where, how in rows)
