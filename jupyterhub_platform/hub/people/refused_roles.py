"""Roles of a site that would let a non-admin take over: the Hub starts without what is unsafe.

Each is refused by itself. What is left of it works, and a sentence says what was taken and what to
write in its place. It happens at every start, before anything is served: the Hub itself loads the
roles anew from its configuration.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub import orm, roles

from jupyterhub_platform.hub.people.roles import (
    CUSTOM_SCOPES,
    UNSAFE_WITHIN_GROUPS,
    list_dangers,
    list_wrong_bearers,
)

OF_SERVERS: Final = (
    *("access:servers!server", "access:services", "list:services", "read:services"),
    "users:activity!user",
)
"""What a server's token gets instead of all that its owner has: nbgrader lists courses with it."""

_WITHIN: Final = frozenset({"access:servers", "admin:servers", "servers"})


@dataclass(frozen=True, slots=True)
class RefusedRole:
    """What is taken of a role: scopes, and bearers; ``sentence`` says why, and what to write."""

    name: str
    sentence: str
    scopes: tuple[str, ...] = ()
    bearers: tuple[str, ...] = ()


def find_refused(
    specs: Iterable[Mapping[str, Any]],
    extra_user_scopes: Iterable[str] = (),
    custom_scopes: Mapping[str, Mapping[str, Any]] = CUSTOM_SCOPES,
    admins: Collection[str] = (),
) -> list[RefusedRole]:
    """Return what a Hub's roles may not have, a role at a time, in the order of the roles."""
    known = {**custom_scopes, **CUSTOM_SCOPES}
    everybody = {"name": "user", "scopes": list(extra_user_scopes)}
    return list(_find(([*specs, everybody]), known, admins))


def _find(
    specs: Iterable[Mapping[str, Any]],
    custom_scopes: Mapping[str, Mapping[str, Any]],
    admins: Collection[str],
) -> Iterator[RefusedRole]:
    for spec in specs:
        name = str(spec.get("name", ""))
        wrong = list_wrong_bearers(spec)
        dangers = list_dangers(spec, custom_scopes, admins)
        whats = [f"it goes to {bearer}, and {why}" for bearer, why in wrong]
        whats += [f"it has {scope}, whose bearer {why}" for scope, why in dangers]
        if whats:
            fixes = dict.fromkeys(_advise(name, scope) for scope, _ in dangers)
            sentence = (
                f"The role {name} is refused in part, and works without that: {'; '.join(whats)}. "
                f"{' '.join(fixes) or 'Remove those from c.JupyterHub.load_roles.'}"
            )
            scopes = tuple(scope for scope, _ in dangers)
            yield RefusedRole(name, sentence, scopes, tuple(bearer for bearer, _ in wrong))


def _advise(role: str, scope: str) -> str:
    """Say what to write in place of a scope."""
    name = scope.partition("!")[0]
    if role == "server" and name == "inherit":
        return f"Its servers have {', '.join(OF_SERVERS)} instead; write those."
    if name in UNSAFE_WITHIN_GROUPS:
        return (
            f"In place of {scope}, give these people the level manager in platform.yaml, and put "
            "them in charge of their group."
        )
    if name in _WITHIN:
        return (
            f"In place of {scope}, name whose servers: {name}!group=COURSE, or {name}!user=ACCOUNT "
            "for an account that several use."
        )
    return (
        f"Bind {scope} to its owner ({name}!user), or give it to a service, to the group "
        "level:admin, or to people whom the policy declares as admins."
    )


def take_away(database: Any, refused: Iterable[RefusedRole]) -> None:
    """Take what is refused of roles out of the Hub's database."""
    for each in refused:
        role = orm.Role.find(database, each.name)
        if role is None:
            continue
        left = [scope for scope in role.scopes or () if scope not in each.scopes]
        if each.name == "server" and "inherit" in each.scopes:
            left = list(dict.fromkeys((*left, *OF_SERVERS)))
        role.scopes = left
        for bearer in each.bearers:
            _strip(database, role, bearer)
    database.commit()


def _strip(database: Any, role: Any, bearer: str) -> None:
    kind, _, name = bearer.removeprefix("the ").partition(" ")
    kinds = {"user": orm.User, "group": orm.Group, "service": orm.Service}
    found = kinds[kind].find(database, name)
    if found is not None and role in found.roles:
        roles.strip_role(database, entity=found, rolename=role.name, commit=False)
