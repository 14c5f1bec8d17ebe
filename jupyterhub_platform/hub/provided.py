"""What an authenticator says of somebody, without what only the policy may say.

A provider writes its groups and roles into the Hub's own namespace. There stand ours as well.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.hub.roles import is_ours, list_safe

log = logging.getLogger(__name__)

_BEARERS: Final = ("users", "groups", "services")
_OF_THE_HUB: Final = frozenset({"admin", "server", "token", "user"})


def read_groups(said: object, name: str) -> frozenset[str]:
    """Return the groups that an authenticator puts ``name`` into, as far as it may."""
    if isinstance(said, str) or not isinstance(said, Iterable):
        log.warning("The authenticator's groups of %s are no list of names; they are none", name)
        return frozenset()
    texts = frozenset(group for group in said if isinstance(group, str) and group)
    reserved = frozenset(filter(is_level_group, texts))
    if reserved:
        log.warning(
            "The authenticator puts %s into %s; a level comes from the policy alone, "
            "so that is passed over",
            name,
            ", ".join(map(ascii, sorted(reserved))),
        )
    return texts - reserved


def read_managed_roles(
    said: Iterable[Mapping[str, Any]],
    *,
    of_the_site: Collection[str],
    custom_scopes: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the roles that an authenticator has the Hub load, as far as it may.

    Those that the Hub, the site's configuration and the platform define are left as those do.
    """
    read = (_read_role(role, custom_scopes) for role in said)
    return [
        role
        for role in read
        if role is not None and role["name"] not in _OF_THE_HUB and role["name"] not in of_the_site
    ]


def read_roles_of_person(
    said: Iterable[Mapping[str, Any]],
    *,
    is_admin: bool,
    of_the_site: Collection[str],
    scopes_of: Callable[[str], Iterable[str]],
    custom_scopes: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the roles that an authenticator gives a person, as far as it may.

    With them the Hub takes every other role from that person: its own are given here again.
    ``scopes_of`` tells what a role has that is given by its name alone.
    """
    given: dict[str, dict[str, Any]] = {"user": {"name": "user"}}
    if is_admin:
        given["admin"] = {"name": "admin"}
    for role in said:
        read = _read_role(role, custom_scopes)
        if read is None or read["name"] in _OF_THE_HUB:
            continue
        name = read["name"]
        if name in of_the_site or not read.get("scopes"):
            has = list(scopes_of(name))
            if list_safe(has, custom_scopes) != has:
                log.warning("The authenticator gives the role %s, which is for admins alone", name)
                continue
        given[name] = {"name": name} if name in of_the_site else read
    return list(given.values())


def _read_role(
    role: Mapping[str, Any], custom_scopes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return a role without what is not the authenticator's to give; none if nothing is left."""
    name = role.get("name") if isinstance(role, Mapping) else None
    is_list = isinstance(role, Mapping) and isinstance(
        role.get("scopes", ()), list | tuple | set | None
    )
    if not isinstance(name, str) or not is_list or is_ours(name):
        log.warning("The authenticator has a role %a, which is passed over", name)
        return None
    read = dict(role)
    for kind in _BEARERS:
        if kind in read:
            read[kind] = [each for each in read[kind] or () if not is_level_group(str(each))]
    scopes = list(read.get("scopes") or ())
    safe = list_safe(scopes, custom_scopes)
    if safe != scopes:
        log.warning(
            "The role %s of the authenticator has %s, which the policy alone gives; "
            "that is passed over",
            name,
            ", ".join(str(scope) for scope in scopes if scope not in safe),
        )
        if not safe:
            return None
        read["scopes"] = safe
    return read
