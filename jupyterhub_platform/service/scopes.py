"""Scopes of a user here, as the Hub gives them: what they may see and do."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.rest.scopes import ADMIN, AUDIT, MANAGE, OPERATE, READ, SELF
from jupyterhub_platform.usecases.reports.viewer import Viewer

STOP: Final = "delete:servers"

_STOPPING: Final = (STOP, "servers", "admin:servers")


@dataclass(frozen=True, slots=True)
class Scopes:
    """Scopes with their filters, by name; an empty filter means none."""

    filters: Mapping[str, frozenset[str]]

    def reach_all(self, *names: str) -> bool:
        """Tell whether one of the scopes is held without a filter."""
        return any("" in self.filters.get(name, ()) for name in names)

    def groups(self, *names: str) -> frozenset[str]:
        """Return the groups to which one of the scopes is filtered."""
        return frozenset(
            filter_.removeprefix("group=")
            for name in names
            for filter_ in self.filters.get(name, ())
            if filter_.startswith("group=")
        )

    def holds(self, name: str) -> bool:
        """Tell whether the scope is held at all, with any filter."""
        return name in self.filters

    def may_stop(self, user: str, server: str, groups: frozenset[str]) -> bool:
        """Tell whether the Hub would let them stop a server of ``user``, who is in ``groups``.

        The Hub decides; this only says whether a button is worth showing.
        """
        for name in _STOPPING:
            held = self.filters.get(name, frozenset())
            if held & {"", f"user={user}", f"server={user}/{server}"}:
                return True
            if any(filter_ in held for filter_ in (f"group={group}" for group in groups)):
                return True
        return False


def read_scopes(scopes: Iterable[str]) -> Scopes:
    """Read expanded scopes as the Hub lists them."""
    filters: defaultdict[str, set[str]] = defaultdict(set)
    for scope in scopes:
        name, _, filter_ = scope.partition("!")
        filters[name].add(filter_)
    return Scopes({name: frozenset(found) for name, found in filters.items()})


def view_of(model: Mapping[str, Any], scopes: Scopes) -> Viewer:
    """Return what the owner of a user model may see.

    A service that asks with its own token has no resources, even if a user has the same name.
    """
    is_person = model.get("kind", "user") == "user"
    return Viewer(
        name=str(model["name"]),
        memberships=frozenset(map(str, model.get("groups") or ())) if is_person else frozenset(),
        reads_own=is_person and scopes.holds(SELF),
        reads_all=scopes.reach_all(READ, ADMIN),
        reads_groups=scopes.groups(READ, MANAGE),
        manages=is_person and scopes.reach_all(MANAGE),
        changes_all=is_person and scopes.reach_all(ADMIN),
        reads_audit=scopes.reach_all(AUDIT, ADMIN),
        reads_logs=scopes.reach_all(OPERATE, ADMIN),
    )
