"""The viewer of a report, and what they may see of it."""

from dataclasses import dataclass, replace

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.store.decision_log import DecisionRecord
from jupyterhub_platform.usecases.navigation import Place, count_waiting, list_places
from jupyterhub_platform.usecases.reports.reader import ReportFacts


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who looks.

    ``memberships`` are the groups that the Hub has them in. With ``reads_own`` they see what is
    theirs, with ``reads_all`` everything, and of ``reads_groups`` what is charged to these groups,
    and their members. A viewer who ``manages`` is in charge of the groups whose managers the policy
    names them among; :meth:`resolve` looks these up. With ``changes_all`` they may change all that
    is managed in the Hub, and those who manage some of it in ``charges``. With ``reads_audit`` they
    see who did what, and with ``reads_logs`` what servers wrote. ``waiting`` counts the requests
    that wait for their answer.
    """

    name: str
    memberships: frozenset[str] = frozenset()
    reads_own: bool = False
    reads_all: bool = False
    reads_groups: frozenset[str] = frozenset()
    manages: bool = False
    changes_all: bool = False
    charges: frozenset[str] = frozenset()
    waiting: int = 0
    reads_audit: bool = False
    reads_logs: bool = False

    @property
    def reads_others(self) -> bool:
        """Whether there is anything of other people that they may see."""
        return self.reads_all or self.manages or bool(self.reads_groups)

    @property
    def places(self) -> tuple[Place, ...]:
        """The pages that are open to them."""
        return list_places(
            reads_own=self.reads_own,
            reads_others=self.reads_others,
            reads_all=self.reads_all,
            reads_audit=self.reads_audit,
        )

    def resolve(self, facts: ReportFacts) -> "Viewer":
        """Return the viewer with the groups that policy puts them in charge of."""
        charges = facts.policy.managed_groups(self.name) if self.manages else frozenset[str]()
        waiting = count_waiting(facts.asked, self.name, charges, changes_all=self.changes_all)
        return replace(
            self, reads_groups=self.reads_groups | charges, charges=charges, waiting=waiting
        )

    def may_change(self, kind: str, group: str = "") -> bool:
        """Tell whether a control is worth showing: the Hub decides about each change.

        A manager changes members, grants and people of the groups in their charge.
        """
        of_managers = kind in {"group", "grant", "user"} and group in self.charges
        return self.changes_all or of_managers

    def sees_account(self, account: str) -> bool:
        """Tell whether they may see everything that is charged to ``account``."""
        return self.reads_all or account in self.reads_groups

    def sees_start(self, start: Reservation | DecisionRecord) -> bool:
        """Tell whether they may see a server that runs, or how a start was decided."""
        return self.sees_account(start.account) or (self.reads_own and start.user == self.name)

    def reads_log_of(self, user: str) -> bool:
        """Tell whether they may read what a server of ``user`` wrote: their own, or operating it.

        A manager sees that it failed, and why. What it wrote is its owner's.
        """
        return self.reads_logs or (self.reads_own and user == self.name)

    def sees_person(self, facts: ReportFacts, name: str) -> bool:
        """Tell whether they may see ``name``, as far as their groups go."""
        return (
            self.reads_all
            or (self.reads_own and name == self.name)
            or bool(self.reads_groups & groups_of(facts, name))
        )


def groups_of(facts: ReportFacts, name: str) -> frozenset[str]:
    """Return the groups of ``name`` that can be known: declared, or charged for a server."""
    charged = {each.account for each in facts.book.of_user(name)}
    return facts.policy.declared_groups(name) | charged
