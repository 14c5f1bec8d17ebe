"""Suspensions: of whom, why, until when, and who decided it."""

from dataclasses import dataclass
from datetime import datetime

from jupyterhub_platform.core.times import describe_instant


@dataclass(frozen=True, slots=True)
class Suspension:
    """Keeps a user from logging in and from starting anything; none of their data is deleted.

    ``until`` is when it ends by itself, if it does. ``path`` is the key in the policy that says so;
    empty for a suspension that a user (``by``) put into force while the Hub ran (``since``).
    """

    reason: str
    until: datetime | None = None
    by: str = ""
    since: datetime | None = None
    path: str = ""

    def holds(self, now: datetime) -> bool:
        """Tell whether it is in force at ``now``."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class RevokedShare:
    """A share that ended with the suspension of ``suspended``, who gave or had it.

    ``kind`` is ``user`` or ``group``, ``shared_with`` its name; ``scopes`` are joined by spaces.
    Names and ids may be reused: the ids are the Hub's, and a user who was created after ``at`` is
    another one, even with the same id.
    """

    suspended: str
    owner: str
    server: str
    kind: str
    shared_with: str
    scopes: str
    owner_id: int
    spawner_id: int
    shared_with_id: int
    at: datetime

    @property
    def people(self) -> frozenset[str]:
        """The users who must not be suspended while it is shared."""
        return frozenset({self.owner, self.shared_with} if self.kind == "user" else {self.owner})


def say_suspended(name: str, until: datetime | None) -> str:
    """Say that a user is suspended, to them and to callers who start something for them."""
    end = f" until {describe_instant(until)}" if until else ""
    return f"{name} is suspended{end}."
