"""What is in force at one moment: the policy, its revision, and who is suspended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import Subject, subject_of
from jupyterhub_platform.core.suspensions import Suspension


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The policy in force, the number of its revision, and who is suspended; replaced whole.

    ``suspensions`` are those that people put into force while the Hub ran, by user name; those that
    the policy declares are in it.
    """

    policy: Policy
    revision: int
    suspensions: Mapping[str, Suspension] = field(default_factory=dict)

    def suspension_of(self, name: str, now: datetime) -> Suspension | None:
        """Return what keeps ``name`` out at ``now``; a declared suspension before any other."""
        return self.policy.suspension_of(name, self.suspensions, now)

    def subject(self, name: str, memberships: frozenset[str], now: datetime) -> Subject:
        """Return who ``name`` is at ``now``: level, accounts, and whether they are suspended.

        Every door asks here, so that no page offers what admission refuses. ``memberships`` are the
        groups that the Hub has them in.
        """
        return subject_of(self.policy, name, memberships, self.suspension_of(name, now))
