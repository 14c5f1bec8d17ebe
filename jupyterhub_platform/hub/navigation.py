"""The platform's navigation on the Hub's pages: the same entries as on those of its service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub.scopes import Scope
from jupyterhub.user import User

from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.public_address import pages_of
from jupyterhub_platform.usecases.navigation import Place, count_waiting, list_places


@dataclass(frozen=True, slots=True)
class Navigation:
    """Where the platform's pages are; which of them are open depends on the viewer's scopes.

    ``asked`` are account and user of each open request, ``charges`` the viewer's own groups.
    """

    url: str
    name: str
    asked: tuple[tuple[str, str], ...] = ()
    charges: frozenset[str] = frozenset()

    def list_places(self, scopes: Mapping[str, Any]) -> tuple[Place, ...]:
        """Return the entries for a viewer with these scopes, as the Hub has parsed them."""
        reads_all = _reach_all(scopes, roles.READ, roles.ADMIN)
        return list_places(
            reads_own=roles.SELF in scopes,
            reads_others=reads_all or roles.READ in scopes or roles.MANAGE in scopes,
            reads_all=reads_all,
            reads_audit=_reach_all(scopes, roles.AUDIT, roles.ADMIN),
        )

    def count_waiting(self, scopes: Mapping[str, Any]) -> int:
        """Count the requests that wait for the viewer's answer."""
        charges = self.charges if roles.MANAGE in scopes else frozenset[str]()
        every = _reach_all(scopes, roles.ADMIN)
        return count_waiting(self.asked, self.name, charges, changes_all=every)


def find_navigation(user: Any) -> Navigation | None:
    """Return the navigation for the Hub's pages; ``None`` for visitors who are not logged in."""
    if not isinstance(user, User):
        return None
    runtime = platform_of(user.settings).runtime
    return Navigation(
        pages_of(user.settings["services"][roles.SERVICE_NAME]),
        user.name,
        runtime.access_requests.askers,
        runtime.in_force.snapshot.policy.managed_groups(user.name),
    )


def _reach_all(scopes: Mapping[str, Any], *names: str) -> bool:
    return any(scopes.get(name) == Scope.ALL for name in names)
