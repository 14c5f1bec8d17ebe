"""Reads what an authenticator says of a user, without what only the policy may say.

A provider writes its groups and roles into the Hub's own namespace, where the platform's are too.
Its data may have any shape: JupyterHub trusts it, and fails. Unusable parts are dropped here with
one line in the log, and the login goes on.
"""

import inspect
import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from jupyterhub.scopes import scope_definitions
from tornado import web

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.hub.json_bodies import is_storable
from jupyterhub_platform.hub.people.roles import is_ours, list_safe

log = logging.getLogger(__name__)

MAX_ENTRIES: Final = 1000
"""Groups or roles of one user, scopes or bearers of one role: each is a row of the database."""
MAX_LOOKED_AT: Final = 100_000
MAX_NAME_LENGTH: Final = 255
"""The size of a column of the Hub's database."""
MAX_DESCRIPTION_LENGTH: Final = 1023
MAX_SHOWN: Final = 40
NAMELESS: Final = (
    "Your identity provider gave the Hub no name that it can use. Ask an admin to look at the "
    "Hub's log"
)
UNREADABLE: Final = (
    "The Hub cannot read what your identity provider says about you. Try again in a minute, or ask "
    "an admin to look at the Hub's log"
)

_ROLE_NAME: Final = re.compile(r"[a-z][a-z0-9\-_~.]{1,253}[a-z0-9]")
_FILTERS: Final = re.compile(r"|user|service|server|(?:user|service|group|server)=.*", re.DOTALL)
_BEARERS: Final = frozenset({"users", "groups", "services"})
_OF_THE_HUB: Final = frozenset({"admin", "server", "token", "user"})


@contextmanager
def provider_errors_as_502() -> Iterator[None]:
    """Answer with 502 if an authenticator fails on what its provider says.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 502 instead of any error that is not the authenticator's own refusal.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, web.HTTPError) and error.status_code != 500:
            raise
        log.exception("The authenticator failed at what its identity provider says")
        raise web.HTTPError(502, f"{UNREADABLE}.") from error


async def read_person(answer: Any) -> dict[str, Any] | None:
    """Return the Hub's model of a login, from an authenticator's answer; ``None`` for no user.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 403 if a user logs in without a name.
    """
    answer = await answer if inspect.isawaitable(answer) else answer
    if answer is None or answer is False:
        return None
    model = dict(answer) if isinstance(answer, Mapping) else {"name": answer}
    name = model.get("name")
    # A name that is too long or empty is a wrong name, which the login page handles.
    if not isinstance(name, str) or not is_storable(name):
        log.warning("The authenticator lets in a user with the name %s", _show(name))
        raise web.HTTPError(403, f"{NAMELESS}.")
    for key in ("auth_state", "user_info"):
        if model.get(key) is not None and not _is_json_object(model[key]):
            log.warning("The authenticator's %s is not valid JSON; it is dropped", key)
            model[key] = None
    return model


def is_name(value: object) -> bool:
    """Tell whether this can be a name in the Hub's database."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_LENGTH and is_storable(value)


def read_groups(groups: object, name: str) -> frozenset[str]:
    """Return the groups that an authenticator may put ``name`` into."""
    entries = _list_entries(groups)
    if entries is None:
        log.warning(
            "The authenticator's groups of %s are not a list of names; they are ignored", name
        )
        return frozenset()
    texts = frozenset(entry for entry in entries if isinstance(entry, str) and is_name(entry))
    reserved = frozenset(filter(is_level_group, texts))
    if reserved:
        log.warning(
            "The authenticator puts %s into %s; a level comes from the policy alone, "
            "so that is passed over",
            name,
            ", ".join(map(ascii, sorted(reserved))),
        )
    # Sorted, so that the same ones are dropped at every login.
    kept = frozenset(sorted(texts - reserved)[:MAX_ENTRIES])
    if passed_over := len(entries) - len(reserved) - len(kept):
        log.warning(
            "Of the groups of %s that the authenticator gives, %d are passed over: they come "
            "twice, are not names, or are more than %d",
            name,
            passed_over,
            MAX_ENTRIES,
        )
    return kept


def read_managed_roles(
    roles: object,
    *,
    of_the_site: Collection[str],
    custom_scopes: Mapping[str, Mapping[str, Any]],
    name_bearer: Callable[[str, str], str],
) -> list[dict[str, Any]]:
    """Return the roles that an authenticator may have the Hub load.

    Roles that the Hub, the site's configuration and the platform define stay as they are. The Hub
    does not start with a bearer that it cannot have: ``name_bearer`` returns the Hub's name for
    one, by kind and name; empty if there is none.
    """
    kept: dict[str, dict[str, Any]] = {}
    for role in _list_roles(roles, custom_scopes):
        if role["name"] in kept:
            log.warning("The authenticator has two roles %s; the first counts", role["name"])
        elif role["name"] not in of_the_site:
            for kind in _BEARERS & role.keys():
                role[kind] = list(filter(None, (name_bearer(kind, name) for name in role[kind])))
            kept[role["name"]] = role
    return list(kept.values())


def read_roles_of_person(
    roles: object,
    *,
    is_admin: bool,
    of_the_site: Collection[str],
    scopes_of: Callable[[str], Iterable[str]],
    custom_scopes: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the roles that an authenticator may give a user.

    With them the Hub takes every other role from that user, so its own are given here again.
    ``scopes_of`` returns the scopes of a role that is given by its name alone.
    """
    given: dict[str, dict[str, Any]] = {"user": {"name": "user"}}
    if is_admin:
        given["admin"] = {"name": "admin"}
    for read in _list_roles(roles, custom_scopes):
        name = read["name"]
        if name in of_the_site or not read.get("scopes"):
            has = list(scopes_of(name))
            if list_safe(has, custom_scopes) != has:
                log.warning("The authenticator gives the role %s, which is for admins alone", name)
                continue
        given[name] = {"name": name} if name in of_the_site else read
    return list(given.values())


def _list_roles(
    roles: object, custom_scopes: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the readable roles, without those that the Hub defines itself."""
    entries = _list_entries(roles)
    if entries is None:
        log.warning("The authenticator's roles are not a list of roles; they are ignored")
        return
    if len(entries) > MAX_ENTRIES:
        log.warning("The authenticator has more than %d roles; the first count", MAX_ENTRIES)
    for role in entries[:MAX_ENTRIES]:
        read = _read_role(role, custom_scopes)
        if read is not None and read["name"] not in _OF_THE_HUB:
            yield read


def _read_role(
    role: object, custom_scopes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return a role with only what the authenticator may give; ``None`` if nothing is left."""
    entry = role if isinstance(role, Mapping) else {}
    name, scopes = entry.get("name"), _list_entries(entry.get("scopes") or ())
    if not isinstance(name, str) or not _ROLE_NAME.fullmatch(name) or scopes is None:
        log.warning("The authenticator has a role %s, which is passed over", _show(name))
        return None
    if is_ours(name):
        log.warning("The authenticator has a role %a, which is passed over", name)
        return None
    read: dict[str, Any] = {"name": name}
    description = entry.get("description")
    if isinstance(description, str) and is_storable(description):
        read["description"] = description[:MAX_DESCRIPTION_LENGTH]
    for kind in _BEARERS:
        if kind in entry:
            bearers = _list_entries(entry[kind] or ())
            if bearers is None:
                log.warning("The authenticator's role %s has %s that are not a list", name, kind)
                continue
            names = [each for each in bearers if isinstance(each, str) and is_name(each)]
            read[kind] = [each for each in names if not is_level_group(each)][:MAX_ENTRIES]
    safe = [scope for scope in list_safe(scopes, custom_scopes) if _is_known(scope, custom_scopes)][
        :MAX_ENTRIES
    ]
    if safe != scopes:
        log.warning(
            "The role %s of the authenticator has %s, which the policy alone gives, or which is "
            "not a scope; that is ignored",
            name,
            ", ".join(_show(scope) for scope in scopes[:MAX_SHOWN] if scope not in safe),
        )
        if not safe:
            return None
    if safe or "scopes" in entry:
        read["scopes"] = safe
    return read


def _is_known(scope: str, custom_scopes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether the Hub has a scope of this name, with a filter that it understands."""
    name, _, condition = scope.partition("!")
    is_defined = name in scope_definitions or name in custom_scopes
    return is_defined and is_storable(scope) and _FILTERS.fullmatch(condition) is not None


def _list_entries(value: object) -> list[object] | None:
    """Return a list's entries, up to the limit; ``None`` if it is not a list."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return None
    return list(islice(value, MAX_LOOKED_AT))


def _is_json_object(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def _show(value: object) -> str:
    """Return text for a line of the log, and only the type of anything else."""
    return ascii(value[:MAX_SHOWN]) if isinstance(value, str) else f"<{type(value).__name__}>"
