"""Revokes what only the policy gives: levels, admin status, and roles with an admin's scopes.

The Hub's database may differ when the Hub starts: a site's configuration, an identity provider or
an older version of this package has written there. It is revoked before anything is served.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from jupyterhub import orm, roles
from jupyterhub.scopes import scope_definitions

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import Level, level_group
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people.roles import find_unsafe, is_ours, list_safe

ADMINS: Final = level_group(Level.ADMIN)
BY_THE_POLICY: Final = "Levels, and who is an admin, are given by the policy alone"
_MAX_NAMED: Final = 5


def revoke_undeclared_privileges(database: Any, policy: Policy) -> Iterator[str]:
    """Revoke what something other than the policy gave, and yield a sentence for each kind."""
    demoted = sorted({*_revoke_levels(database, policy), *_revoke_admins(database, policy)})
    if demoted:
        yield (
            f"{BY_THE_POLICY}: the Hub had {_name(demoted)} as an admin, the policy has not, and "
            "so it ends. Declare `level: admin` where it is meant; c.Authenticator.admin_users, "
            "c.JupyterHub.load_groups and the role admin have no effect on people"
        )
    narrowed = _narrow_managed_roles(database)
    if narrowed:
        yield (
            f"Roles that the authenticator manages had scopes that are safe for admins alone, and "
            f"lost them: {_name(narrowed)}. Take them out there, or declare `level: admin`"
        )
    database.commit()


def _revoke_levels(database: Any, policy: Policy) -> list[str]:
    """Remove users from groups of levels that they do not have; return former admins among them."""
    pairs = orm.user_group_map.c
    every = database.query(orm.Group.id, orm.Group.name)
    levels = {group_id: name for group_id, name in every if is_level_group(name)}
    # Names rather than users: of 100,000, nearly all are where they belong.
    query = database.query(orm.User.name, pairs.group_id)
    members = query.join(orm.user_group_map, pairs.user_id == orm.User.id)
    wrong = [
        (name, levels[group_id])
        for name, group_id in members.filter(pairs.group_id.in_(levels))
        if levels[group_id] != _declared_level(policy, name)
    ]
    for name, level in wrong:
        user = orm.User.find(database, name)
        user.groups.remove(orm.Group.find(database, level))
        database.flush()
    return [name for name, level in wrong if level == ADMINS]


def _revoke_admins(database: Any, policy: Policy) -> list[str]:
    wrong = [
        user
        for user in database.query(orm.User).filter(orm.User.admin)
        if _declared_level(policy, user.name) != ADMINS
    ]
    for user in wrong:
        user.admin = False
        database.flush()
        roles.assign_default_roles(database, entity=user)
        strip_roles_of_admins(database, user)
    return [user.name for user in wrong]


def _declared_level(policy: Policy, name: str) -> str:
    person = policy.people.get(name)
    return level_group(person.level) if person else ""


def _narrow_managed_roles(database: Any) -> list[str]:
    """Leave managed roles only what is safe: they may be older than the rule."""
    narrowed = []
    for role in database.query(orm.Role).filter(orm.Role.managed_by_auth):
        scopes = list(role.scopes or ())
        safe = list_safe(scopes, defined_custom_scopes())
        if not is_ours(role.name) and safe != scopes:
            role.scopes = safe
            narrowed.append(role.name)
    return sorted(narrowed)


def strip_roles_of_admins(database: Any, user: Any) -> None:
    """Revoke roles that are safe for admins alone from a user who is not an admin."""
    custom = defined_custom_scopes()
    for role in list(user.roles):
        spec = {"name": role.name, "scopes": role.scopes or (), "users": [user.name]}
        if role.name not in {"admin", "user"} and find_unsafe([spec], custom):
            roles.strip_role(database, entity=user, rolename=role.name, commit=False)


def defined_custom_scopes() -> dict[str, Any]:
    """Return the custom scopes that this Hub knows, with those that they contain."""
    return {
        name: definition
        for name, definition in scope_definitions.items()
        if name.startswith("custom:")
    }


def _name(names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - _MAX_NAMED} more" if len(shown) > _MAX_NAMED else ""
    return ", ".join(shown[:_MAX_NAMED]) + more
