"""Memberships that users added in the Hub, which a provider's answer must not remove.

A provider's groups replace those that a person had. What was added on the Hub's own pages, or over
its API, is united with them at every login.
"""

from collections import defaultdict
from collections.abc import Iterable

from jupyterhub_platform.store import added_memberships
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.store_health import StoreHealth


class AddedMemberships:
    """Remembers them in memory and in the store. Belongs to the Hub's thread."""

    def __init__(self, store: Store, health: StoreHealth) -> None:
        self._store = store
        self._health = health
        self._groups: defaultdict[str, set[str]] = defaultdict(set)
        with store.read() as transaction:
            for user, group in added_memberships.list_added(transaction):
                self._groups[user].add(group)

    def of_user(self, user: str) -> frozenset[str]:
        """Return the groups that people added ``user`` to."""
        return frozenset(self._groups.get(user, ()))

    def add(self, users: Iterable[str], groups: Iterable[str]) -> None:
        """Remember that each of these users was added to each of these groups."""
        names = list(users)
        self._change(add={(user, group) for group in groups for user in names})

    def remove(self, users: Iterable[str], group: str) -> None:
        """Forget that these users were added to a group: they were taken out of it."""
        self._change(drop={(user, group) for user in users})

    def forget(self, *, user: str = "", group: str = "") -> None:
        """Forget all that was added to a group, or of a user, since that was deleted."""
        self._change(
            drop={
                (name, each)
                for name, groups in self._groups.items()
                for each in groups
                if user == name or group == each
            }
        )

    def rename(self, user: str, name: str) -> None:
        """Keep the added memberships of a user who was renamed to ``name``."""
        old = {(user, group) for group in self.of_user(user)}
        self._change(add={(name, group) for _, group in old}, drop=old)

    def _change(
        self, add: Iterable[tuple[str, str]] = (), drop: Iterable[tuple[str, str]] = ()
    ) -> None:
        added = {(user, group) for user, group in add if group not in self.of_user(user)}
        dropped = {(user, group) for user, group in drop if group in self.of_user(user)}
        if not added and not dropped:
            return
        for user, group in dropped:
            self._groups[user].remove(group)
        for user, group in added:
            self._groups[user].add(group)

        def entry() -> None:
            with self._store.begin() as transaction:
                added_memberships.change_added(transaction, add=added, drop=dropped)

        self._health.enter(entry)
