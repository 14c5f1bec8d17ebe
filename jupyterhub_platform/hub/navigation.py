"""The platform's navigation on the Hub's pages: the same entries as on those of its service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub.scopes import Scope
from jupyterhub.user import User

from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.public_address import pages_of
from jupyterhub_platform.usecases.navigation import Place, list_places


@dataclass(frozen=True, slots=True)
class Navigation:
    """Where the platform's pages are; which of them are open depends on the viewer's scopes."""

    url: str

    def list_places(self, scopes: Mapping[str, Any]) -> tuple[Place, ...]:
        """Return the entries for a viewer with these scopes, as the Hub has parsed them."""
        reads_all = _reach_all(scopes, roles.READ, roles.ADMIN)
        return list_places(
            reads_own=roles.SELF in scopes,
            reads_others=reads_all or roles.READ in scopes or roles.MANAGE in scopes,
            reads_all=reads_all,
            reads_audit=_reach_all(scopes, roles.AUDIT, roles.ADMIN),
        )


def find_navigation(user: Any) -> Navigation | None:
    """Return the navigation for the Hub's pages; ``None`` for visitors who are not logged in."""
    if not isinstance(user, User):
        return None
    return Navigation(pages_of(user.settings["services"][roles.SERVICE_NAME]))


def _reach_all(scopes: Mapping[str, Any], *names: str) -> bool:
    return any(scopes.get(name) == Scope.ALL for name in names)
