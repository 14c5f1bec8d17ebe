"""What the policy in force declares of a user, in the Hub's terms: groups and admin status."""

from collections.abc import Iterable
from typing import Any

from jupyterhub_platform.core.memberships import settle_memberships
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people.memberships import settle_person
from jupyterhub_platform.hub.people.privileges import revoke_undeclared_privileges


class DeclaredPeople:
    """The declared users, and the Hub's database brought in line with them.

    With ``levels_only`` groups without a level are left as the Hub has them.
    """

    def __init__(self, app: Any, policy: Policy, *, levels_only: bool) -> None:
        self._app = app
        self._policy = policy
        self._levels_only = levels_only

    def is_admin(self, name: str) -> bool:
        """Tell whether the policy makes a user an admin."""
        return name in self._policy.admins()

    def groups_of(self, name: str, current: Iterable[str]) -> list[str]:
        """Return the groups that a user who is in ``current`` belongs in, sorted."""
        return sorted(
            settle_memberships(
                self._policy,
                name,
                frozenset(current),
                frozenset(),
                levels_only=self._levels_only,
            )
        )

    def settle(self, user: Any) -> None:
        """Bring the Hub's database in line with what is declared of a user."""
        groups = sorted(group.name for group in user.groups)
        is_settled = groups == self.groups_of(user.name, groups)
        if is_settled and self.is_admin(user.name) == bool(user.admin):
            return  # nothing is written where nothing has changed
        database = self._app.db
        settle_person(database, self._policy, user.name, frozenset(), levels_only=self._levels_only)
        database.commit()

    def revoke_undeclared_privileges(self) -> list[str]:
        """Revoke what only the policy gives, before anything is served; say what it was."""
        return list(revoke_undeclared_privileges(self._app.db, self._policy))
