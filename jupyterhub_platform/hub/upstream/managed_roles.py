"""Assigns the roles that an authenticator has the Hub load.

JupyterHub fails (KeyError) when it starts with ``manage_roles`` and without
``reset_managed_roles_on_startup``, once any of these roles is assigned: it uses a list of stale
assignments that it builds only in the other case. There, the roles are not passed to it a second
time, and are assigned here.

Upstream: jupyterhub 6.1
Issue: not reported (since jupyterhub/jupyterhub#4748, which added ``manage_roles``)
Ends when: ``init_role_assignment`` finds no stale assignments where it looked for none.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jupyterhub import orm, roles

_KINDS: Final[Mapping[str, type]] = {
    "users": orm.User,
    "groups": orm.Group,
    "services": orm.Service,
}


def assign_bearers(database: Any, specs: Iterable[Mapping[str, Any]], log: Any) -> None:
    """Give each role to exactly its named bearers; a kind that it does not name is left alone."""
    for spec in specs:
        role = orm.Role.find(database, spec["name"])
        for kind in _KINDS.keys() & spec.keys():
            bearers = [_find(database, kind, name) for name in spec[kind]]
            if None in bearers:
                log.warning("The role %s names %s that do not exist", role.name, kind)
            for bearer in set(getattr(role, kind)) - set(bearers):
                roles.strip_role(database, bearer, role, commit=False)
            for bearer in filter(None, bearers):
                roles.grant_role(database, bearer, role, managed=True, commit=False)
    database.commit()


def _find(database: Any, kind: str, name: str) -> Any:
    found = _KINDS[kind].find(database, name)  # type: ignore[attr-defined]
    if found is None and kind == "groups":
        found = orm.Group(name=name)
        database.add(found)
        database.flush()
    return found
