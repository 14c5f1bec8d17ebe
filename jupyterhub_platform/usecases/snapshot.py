"""The snapshot in force, and its one owner: policy, revision, and who is suspended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jupyterhub_platform.core.document.faults import join
from jupyterhub_platform.core.errors import Fault
from jupyterhub_platform.core.managed import Sources
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import Subject, subject_of
from jupyterhub_platform.core.quotas import NO_RULE, Defaults
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.core.typed_names import render_command


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The policy in force, the number of its revision, and who is suspended; replaced whole.

    ``suspensions`` are those that people put into force while the Hub ran, by user name; those that
    the policy declares are in it. ``sources`` are what the policy is made of.
    """

    policy: Policy
    revision: int
    suspensions: Mapping[str, Suspension] = field(default_factory=dict)
    sources: Sources = field(default_factory=lambda: Sources({}), repr=False)

    def suspension_of(self, name: str, now: datetime) -> Suspension | None:
        """Return what keeps ``name`` out at ``now``; a declared suspension before any other."""
        return self.policy.suspension_of(name, self.suspensions, now)

    def subject(self, name: str, memberships: frozenset[str], now: datetime) -> Subject:
        """Return who ``name`` is at ``now``: level, accounts, and whether they are suspended.

        Every door asks here, so that no page offers what admission refuses. ``memberships`` are the
        groups that the Hub has them in.
        """
        return subject_of(self.policy, name, memberships, self.suspension_of(name, now))


def find_lockout(
    policy: Policy, suspensions: Mapping[str, Suspension], now: datetime
) -> Fault | None:
    """Return what is wrong with a policy all of whose admins are suspended; ``None`` if one is not.

    One without any admin is a fault of its document.
    """
    if policy.admins_let_in(suspensions, now):
        return None
    admins = policy.admins()
    last = next((name for name in admins if name in suspensions), admins[-1])
    return Fault(
        ("users", last),
        f"every admin that it leaves is suspended ({join(admins)}), so that no user could govern "
        "the platform",
        f"resume one first ({render_command('jhp resume', last)}), or declare another admin",
    )


NOTHING: Final = Snapshot(Policy("", NO_RULE, Defaults(), {}, {}, {}, {}), 0)
"""What is in force before the first policy: no user may do anything."""


class InForce:
    """Owns what is in force. Belongs to the Hub's loop.

    Everything reads it here, as it is now; :class:`~jupyterhub_platform.usecases.changes.Changes`
    alone replaces it.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @property
    def snapshot(self) -> Snapshot:
        """What is in force now."""
        return self._snapshot

    def replace(self, snapshot: Snapshot) -> None:
        """Put another snapshot into force, whole and at once."""
        self._snapshot = snapshot
