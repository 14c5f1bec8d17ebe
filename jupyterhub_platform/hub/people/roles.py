"""Permission levels as JupyterHub roles: static, on the groups that carry the levels.

Roles that are granted at run time do not survive a restart of the Hub; group memberships do.
"""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from jupyterhub_platform.core.levels import Level, level_group
from jupyterhub_platform.hub.people.role_reach import POWER_OVER_SERVERS
from jupyterhub_platform.rest.scopes import ADMIN as ADMIN
from jupyterhub_platform.rest.scopes import AUDIT as AUDIT
from jupyterhub_platform.rest.scopes import MANAGE as MANAGE
from jupyterhub_platform.rest.scopes import OPERATE as OPERATE
from jupyterhub_platform.rest.scopes import READ as READ
from jupyterhub_platform.rest.scopes import SELF as SELF

CUSTOM_SCOPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "custom:platform": {
        "description": "Everything on the platform",
        "subscopes": [SELF, READ, MANAGE, AUDIT, OPERATE, ADMIN],
    },
    SELF: {"description": "See what I hold and may hold, and ask what would fit"},
    READ: {"description": "See what all users hold, and every decision"},
    MANAGE: {"description": "Manage people in the groups that I am in charge of"},
    AUDIT: {"description": "Read the audit: who did what to whom, and from where"},
    OPERATE: {"description": "Run maintenance: reload the policy"},
    ADMIN: {"description": "Invite any user and change everything that is managed here"},
}

SERVICE_NAME: Final = "platform"

_EVERYBODY: Final = (SELF, f"access:services!service={SERVICE_NAME}")
_SHARING: Final = ("shares!user", "read:users:name", "read:groups:name")
_SEEING: Final = (
    READ,
    "list:users",
    "read:users",
    "read:servers",
    "list:groups",
    "read:groups",
    "read:hub",
    "read:metrics",
)

LEVEL_SCOPES: Final[Mapping[Level, tuple[str, ...]]] = {
    Level.VIEWER: _EVERYBODY,
    Level.USER: _EVERYBODY,
    Level.DEVELOPER: (*_EVERYBODY, *_SHARING),
    Level.MANAGER: (*_EVERYBODY, *_SHARING, MANAGE),
    Level.OPERATOR: (*_EVERYBODY, *_SEEING, OPERATE, "delete:servers", "admin-ui"),
    Level.AUDITOR: (
        *(*_EVERYBODY, *_SEEING, AUDIT),
        *("read:roles", "list:services", "read:services"),
    ),
    Level.ADMIN: (*_EVERYBODY, *_SHARING, *_SEEING, "custom:platform"),
}

UNSAFE: Final[Mapping[str, str]] = {
    "admin:users": "can make itself an admin",
    "admin:groups": "can put any user into any group",
    "groups": "can put admins into its group, and itself into any",
    "tokens": "can make tokens of admins",
    "admin:auth_state": "reads the credentials of every user",
    "access:servers": "runs code as any user",
    "servers": "starts and reaches the servers of every user",
    "admin:servers": "starts the servers of every user and reads their state",
    "admin:server_state": "reads what spawners keep, tokens among it",
    "shares": "opens the servers of every user",
    "users:shares": "opens the servers of every user",
    "inherit": "has all that its owner has",
    "admin:services": "can serve pages of its own at the Hub's address, to which all are let in",
    "proxy": "can have the proxy's token sent to another address, and reroute every user",
    "custom:platform": "can invite an admin and take their place",
    ADMIN: "can invite an admin and take their place",
}
"""Scopes that lead to everything unless they are bound to their bearer, and why."""

UNSAFE_WITHIN_GROUPS: Final = frozenset({"admin:users", "admin:groups", "groups", "tokens"})
"""For these, a filter by group does not help: their bearer can first pull an admin into it."""

_HAD_BY_ALL: Final = frozenset({"user", "server", "token"})
"""Roles that the Hub itself gives to all users, whomever else they name."""

COMMAND_LINE_ROLE: Final = "platform-command-line"
COMMAND_LINE_SCOPES: Final = (
    *(ADMIN, "delete:servers"),
    f"access:services!service={SERVICE_NAME}",
)
"""What ``jhp`` on the Hub's machine may do: change, stop, and read reports."""
LEVEL_ROLES: Final[Mapping[str, str]] = {
    f"platform-{level}": level_group(level) for level in LEVEL_SCOPES
}
"""The roles of the levels, each with the one group whose members have it."""


def is_ours(name: str) -> bool:
    """Tell whether a role is one of the platform's own, which nothing else may give."""
    return name.strip() in LEVEL_ROLES or name.strip() == COMMAND_LINE_ROLE


def level_roles() -> list[dict[str, Any]]:
    """Return the roles of all levels, for ``c.JupyterHub.load_roles``."""
    return [
        {
            "name": f"platform-{level}",
            "description": f"Permission level {level}",
            "scopes": list(scopes),
            "groups": [level_group(level)],
        }
        for level, scopes in LEVEL_SCOPES.items()
    ]


def list_safe(
    scopes: Iterable[Any], custom_scopes: Mapping[str, Mapping[str, Any]] = CUSTOM_SCOPES
) -> list[str]:
    """Return those of a role's scopes that are safe for any user, without the platform's.

    A scope that is bound to a user by name is not among them: the role's bearers may change.
    """
    known = {**custom_scopes, **CUSTOM_SCOPES}
    return [
        scope
        for scope in scopes
        if isinstance(scope, str)
        and not _danger(scope, "", known)
        and not any(each in CUSTOM_SCOPES for each in _expand_scope(scope.partition("!")[0], known))
    ]


def find_unsafe(
    roles: Iterable[Mapping[str, Any]],
    custom_scopes: Mapping[str, Mapping[str, Any]] = CUSTOM_SCOPES,
    admins: Collection[str] = (),
) -> list[str]:
    """Return a sentence for each scope that would let a non-admin take over.

    Roles with only services as bearers are left to the operator: a service has no password to
    steal. Tokens that users create inherit from them: that is what the Hub's own role ``token``
    says. Roles with only ``admins`` of the policy as bearers are left, too. Users whom the Hub's
    own role ``admin`` names are admins if the policy says so; a group that it names makes admins of
    all its members. A level has one group, and no other bearers.
    """
    found = []
    for role in roles:
        name = str(role.get("name", ""))
        found += [
            f"the role {name} goes to {bearer}, and {why}"
            for bearer, why in list_wrong_bearers(role)
        ]
        found += [
            f"the role {name} has {scope}, whose bearer {why}"
            for scope, why in list_dangers(role, custom_scopes, admins)
        ]
    return found


def list_dangers(
    role: Mapping[str, Any],
    custom_scopes: Mapping[str, Mapping[str, Any]] = CUSTOM_SCOPES,
    admins: Collection[str] = (),
) -> list[tuple[str, str]]:
    """Return the scopes of a role that would let a non-admin take over, each with its reason."""
    name = str(role.get("name", ""))
    if name == "admin" or _is_for_admins_or_services(role, admins):
        return []
    return [
        (scope, why)
        for scope in map(str, role.get("scopes", ()))
        if (why := _danger(scope, _only_bearer(role), custom_scopes))
        and (name, scope) != ("token", "inherit")
    ]


def list_wrong_bearers(role: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return who may not bear a role, whatever its scopes are, each with the reason."""
    if role.get("name") == "admin":
        why = "adding a user to that group makes an admin"
        groups = set(role.get("groups", ())) - {level_group(Level.ADMIN)}
        return [(f"the group {group}", why) for group in sorted(groups)]
    group = LEVEL_ROLES.get(str(role.get("name")))
    if group is None:
        return []
    named = {
        *(f"the user {name}" for name in role.get("users", ())),
        *(f"the service {name}" for name in role.get("services", ())),
        *(f"the group {name}" for name in role.get("groups", ()) if name != group),
    }
    return [(bearer, "levels come from the policy alone") for bearer in sorted(named)]


def _is_for_admins_or_services(role: Mapping[str, Any], admins: Collection[str]) -> bool:
    groups, users = set(role.get("groups", ())), set(role.get("users", ()))
    named = users - set(admins) or groups - {level_group(Level.ADMIN)}
    bearers = groups or users or role.get("services")
    return role.get("name") not in _HAD_BY_ALL and not named and bool(bearers)


def _only_bearer(role: Mapping[str, Any]) -> str:
    """Return the only user who has this role; empty if there are others."""
    users = set(role.get("users", ()))
    alone = len(users) == 1 and not role.get("groups") and role.get("name") not in _HAD_BY_ALL
    return str(users.pop()) if alone else ""


def _danger(scope: str, bearer: str, custom_scopes: Mapping[str, Mapping[str, Any]]) -> str:
    name, _, condition = scope.partition("!")
    kind, _, value = condition.partition("=")
    why = next((UNSAFE[each] for each in _expand_scope(name, custom_scopes) if each in UNSAFE), "")
    if not condition or (kind == "group" and name in UNSAFE_WITHIN_GROUPS):
        return why
    if kind == "group":
        return why if value == level_group(Level.ADMIN) else ""
    # Without a name the filter means the bearer's own; with one, a user who may be an admin. Power
    # over servers is held to whom the bearer is not below, at each use: see role_reach.
    if all(each in POWER_OVER_SERVERS for each in _expand_scope(name, custom_scopes)):
        return ""
    whom = value.partition("/")[0]
    return f"has power over {whom}" if why and whom not in {"", bearer} else ""


def _expand_scope(name: str, custom_scopes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the scope and those within it: only a custom one may contain others of a site."""
    found = [name, *(each for each in CUSTOM_SCOPES if "*" in name and fnmatchcase(each, name))]
    for each in found:
        within = custom_scopes.get(each, {}).get("subscopes", ())
        found += [scope for scope in within if scope not in found]
    return found


def list_named(app: Any) -> list[dict[str, Any]]:
    """Return the roles of a Hub's configuration, with user names as the Hub reads them."""
    normalise = app.authenticator.normalize_username
    return [
        {**role, "users": [normalise(name) for name in role["users"]]}
        if role.get("users")
        else role
        for role in app.load_roles
    ]
