"""What the policy in force declares of a person, in the Hub's terms: groups, and being an admin."""

from collections.abc import Iterable
from typing import Any

from jupyterhub_platform.core.memberships import settle_memberships
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people.memberships import apply_memberships, settle_person
from jupyterhub_platform.hub.people.reserved import withdraw_reserved
from jupyterhub_platform.usecases.policies import Policies


class Declared:
    """What is declared of people, and the Hub's database made to say so.

    With ``levels_only`` groups that carry no level are left as the Hub has them.
    """

    def __init__(self, app: Any, policy: Policy, *, levels_only: bool) -> None:
        self._app = app
        self._policy = policy
        self._levels_only = levels_only

    def is_admin(self, name: str) -> bool:
        """Tell whether the policy has somebody as an admin."""
        return name in self._policy.admins()

    def groups_of(self, name: str, current: Iterable[str]) -> list[str]:
        """Return the groups that somebody who is in ``current`` shall be in, sorted."""
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
        """Have the Hub's database say of a person what is declared, if it does not yet."""
        groups = sorted(group.name for group in user.groups)
        is_settled = groups == self.groups_of(user.name, groups)
        if is_settled and self.is_admin(user.name) == bool(user.admin):
            return  # nothing is written where nothing has changed
        database = self._app.db
        settle_person(database, self._policy, user.name, frozenset(), levels_only=self._levels_only)
        database.commit()

    async def settle_everybody(self, policies: Policies) -> None:
        """Settle all, in steps that leave the Hub's loop to others."""
        await apply_memberships(self._app, self._policy, policies, levels_only=self._levels_only)

    def withdraw_reserved(self) -> list[str]:
        """Take back what only the policy gives, before anything is served; say what it was."""
        return list(withdraw_reserved(self._app.db, self._policy))
