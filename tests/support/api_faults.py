"""What can go wrong with a call of the Kubernetes API, and which calls it goes wrong with."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Protocol


class Verb(StrEnum):
    """What is asked of the API, in the words of its roles."""

    GET = auto()
    LIST = auto()
    WATCH = auto()
    CREATE = auto()
    DELETE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API: the ``number``-th of its verb and resource, from 1."""

    verb: Verb
    resource: str
    number: int


class How(StrEnum):
    """How a call goes wrong."""

    ANSWERED = auto()
    """It is answered with a status of ours."""
    CUT = auto()
    """The connection breaks."""
    SILENT = auto()
    """Nothing is heard until the client has gone."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of one call, instead of its effect or ``after`` it.

    After a watch has begun it is cut, or told as its last event what the fault's ``status`` says.
    """

    how: How
    after: bool = False
    status: int = 0
    message: str = "injected by a test"
    retry_after: str = ""

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"{self.how}{status} {'after' if self.after else 'before'}"


def answered(
    status: int, *, after: bool = False, message: str = "injected by a test", retry_after: str = ""
) -> Fault:
    """Return the fault that answers with a status."""
    return Fault(How.ANSWERED, after, status, message, retry_after)


class Plan(Protocol):
    """Says what becomes of a call."""

    def choose(self, call: Call) -> Fault | None:
        """Return the fault of this call; ``None`` lets it through."""


@dataclass(slots=True)
class Rule:
    """One fault for the calls of one verb: from the ``nth`` one from now on, so many ``times``."""

    verb: Verb
    fault: Fault
    nth: int = 1
    times: int = 1
    resource: str = "pods"
    seen: int = 0

    def choose(self, call: Call) -> Fault | None:
        """Count the calls that are meant, and return the fault of those whose turn it is."""
        if (call.verb, call.resource) != (self.verb, self.resource):
            return None
        self.seen += 1
        return self.fault if self.nth <= self.seen < self.nth + self.times else None


@dataclass(slots=True)
class Chance:
    """A fault of ``menu`` for a part of the calls of each verb, until there were ``maximum``.

    The same ``seed`` gives the same fault to the n-th call of a verb, whatever else is called.
    """

    seed: str
    rate: float
    menu: Mapping[Verb, tuple[Fault, ...]]
    maximum: int
    given: int = 0

    def choose(self, call: Call) -> Fault | None:
        """Throw the dice of one call."""
        faults = self.menu.get(call.verb, ())
        dice = random.Random(f"{self.seed} {call.verb} {call.resource} {call.number}")
        if not faults or self.given >= self.maximum or dice.random() >= self.rate:
            return None
        self.given += 1
        return dice.choice(faults)
