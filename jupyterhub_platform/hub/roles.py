"""Permission levels as JupyterHub roles: static, on the groups that carry the levels.

Roles that are granted at run time do not survive a restart of the Hub; memberships of groups do.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.levels import Level, level_group

SELF: Final = "custom:platform:self"
READ: Final = "custom:platform:read"
MANAGE: Final = "custom:platform:manage"
OPERATE: Final = "custom:platform:operate"
ADMIN: Final = "custom:platform:admin"

CUSTOM_SCOPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "custom:platform": {
        "description": "Everything on the platform",
        "subscopes": [SELF, READ, MANAGE, OPERATE, ADMIN],
    },
    SELF: {"description": "See what I hold and may hold, and ask what would fit"},
    READ: {"description": "See what everybody holds, and every decision"},
    MANAGE: {"description": "Manage people in the groups that I am in charge of"},
    OPERATE: {"description": "Run maintenance: reload the policy"},
    ADMIN: {"description": "Invite anybody and change everything that is managed here"},
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
    Level.AUDITOR: (*_EVERYBODY, *_SEEING, "read:roles", "list:services", "read:services"),
    Level.ADMIN: (*_EVERYBODY, *_SHARING, *_SEEING, "custom:platform"),
}

UNSAFE: Final[Mapping[str, str]] = {
    "admin:users": "can make itself an admin",
    "admin:groups": "can put anybody into any group",
    "groups": "can put admins into its group, and itself into any",
    "tokens": "can make tokens of admins",
    "admin:auth_state": "reads credentials of everybody",
    "access:servers": "runs code as everybody",
    "servers": "starts and reaches servers of everybody",
    "admin:servers": "starts servers of everybody and reads their state",
    "admin:server_state": "reads what spawners keep, tokens among it",
    "shares": "opens servers of everybody",
    "users:shares": "opens servers of everybody",
    "inherit": "has all that its owner has",
    "custom:platform": "can invite an admin and take their place",
    ADMIN: "can invite an admin and take their place",
}
"""Scopes that lead to everything if they are not bound to oneself, and why."""

UNSAFE_WITHIN_GROUPS: Final = frozenset({"admin:users", "groups", "tokens"})
"""Of these, a filter by group does not help: whoever holds one can first pull an admin into it."""


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


def find_unsafe(roles: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each scope that would let somebody who is no admin take over.

    Roles that only services bear are left to the operator: a service has no password to steal.
    Tokens that people make inherit from them: that is what the Hub's own role ``token`` says.
    """
    found = []
    for role in roles:
        name = str(role.get("name", ""))
        only_services = role.get("services") and not (role.get("users") or role.get("groups"))
        groups = set(role.get("groups", ()))
        if name == "admin" or only_services or groups == {level_group(Level.ADMIN)}:
            continue
        for scope in role.get("scopes", ()):
            why = _danger(str(scope))
            if why and (name, scope) != ("token", "inherit"):
                found.append(f"the role {name} has {scope}, whose bearer {why}")
    return found


def _danger(scope: str) -> str:
    name, _, condition = scope.partition("!")
    if name not in UNSAFE:
        return ""
    if not condition:
        return UNSAFE[name]
    if condition.startswith("group") and name in UNSAFE_WITHIN_GROUPS:
        return UNSAFE[name]
    return ""


def check_roles(roles: Iterable[Mapping[str, Any]], extra_user_scopes: Iterable[str] = ()) -> None:
    """Refuse roles that would let somebody who is no admin take over the platform.

    Raises
    ------
    PlatformError
        Raised with every such scope.
    """
    everybody = {"name": "user", "scopes": list(extra_user_scopes)}
    found = find_unsafe([*roles, everybody])
    if found:
        raise PlatformError(
            "These roles are not safe for anybody but admins: "
            + "; ".join(found)
            + ". Bind each scope to its owner (!user, !server), or give it to a service only"
        )
