"""The objects that requests on JupyterHub's own API change: their names, and what they say now.

Little is read, whatever a request names: its caller need not be allowed to make the change.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from jupyterhub import orm
from jupyterhub.apihandlers.shares import GroupShareAPIHandler

from jupyterhub_platform.hub.json_bodies import find_fault

MAX_SHOWN: Final = 50
"""Members, shares or codes that are shown of one object."""

_MAX_BODY: Final = 2**17
_KEPT_OF_TOKENS: Final = ("note", "scopes", "roles", "expires_at")

ListNames = Callable[[Any], Iterable[str]]
"""Names what a request changes."""
Read = Callable[[Any, str], Mapping[str, Any] | None]
"""Reads what an object says now, by its name; ``None`` if there is none."""
ReadMade = Callable[[Any, Any], Iterable[tuple[str, Mapping[str, Any]]]]
"""Reads off an answer what was made, with the name of whom or what it belongs to."""


def name_first(handler: Any) -> tuple[str, ...]:
    """Name what a path begins with: a user, a group or a service."""
    return handler.path_args[:1] or ("",)


def name_server(handler: Any) -> tuple[str, ...]:
    """Name the server of a path: ``owner/name``."""
    owner, server = (*handler.path_args, "")[:2]
    return (f"{owner}/{server or ''}",)


def name_shared_server(handler: Any) -> tuple[str, ...]:
    """Name the server of a path that says with whom it is shared."""
    _, owner, server = (*handler.path_args, "", "", "")[:3]
    return (f"{owner}/{server}",)


def name_hub(_handler: Any) -> tuple[str, ...]:
    """Name the Hub itself."""
    return ("the Hub",)


def list_in_body(key: str) -> ListNames:
    """Return what lists the names that stand in a body under ``key``."""

    def names(handler: Any) -> Iterable[str]:
        found = read_sent(handler).get(key)
        return [str(each) for each in found] if isinstance(found, list) and found else ("",)

    return names


def list_users_in_body(handler: Any) -> Iterable[str]:
    """List the users that a body names, as the Hub knows them."""
    return map(handler.authenticator.normalize_username, list_in_body("usernames")(handler))


def read_nothing(_handler: Any, _subject: str) -> None:
    """Read nothing: what changes is not read."""


def read_user(handler: Any, name: str) -> Mapping[str, Any] | None:
    """Read a user."""
    user = orm.User.find(handler.db, name)
    if user is None:
        return None
    groups = sorted(group.name for group in user.groups)[:MAX_SHOWN]
    return {"name": user.name, "admin": user.admin, "groups": groups}


def read_renamed(handler: Any, name: str) -> Mapping[str, Any] | None:
    """Read a user who may have been renamed since."""
    new = read_sent(handler).get("name")
    found = read_user(handler, name)
    if found is None and isinstance(new, str):
        return read_user(handler, handler.authenticator.normalize_username(new))
    return found


def read_group(handler: Any, name: str) -> Mapping[str, Any] | None:
    """Read a group with its members."""
    group = orm.Group.find(handler.db, name)
    if group is None:
        return None
    query = handler.db.query(orm.User.name).filter(orm.User.groups.any(orm.Group.id == group.id))
    members = [each for (each,) in query.order_by(orm.User.name).limit(MAX_SHOWN)]
    return {"members": members, "properties": dict(group.properties or {})}


def read_members(handler: Any, name: str) -> Mapping[str, Any]:
    """Return which of the users that a request names are in the group."""
    asked = read_sent(handler).get("users")
    users = [str(each) for each in asked] if isinstance(asked, list) else []
    named = [handler.authenticator.normalize_username(each) for each in users[:1000]]
    query = handler.db.query(orm.User.name).filter(
        orm.User.name.in_(named), orm.User.groups.any(orm.Group.name == name)
    )
    return {each: "member" for (each,) in query}


def read_properties(handler: Any, name: str) -> Mapping[str, Any]:
    """Read the properties of a group."""
    group = orm.Group.find(handler.db, name)
    return json.loads(json.dumps(group.properties or {})) if group is not None else {}


def read_token(handler: Any, _name: str) -> Mapping[str, Any]:
    """Read the token of a path, if it is one of the user there."""
    identifier = (*handler.path_args, "")[1]
    number = identifier[1:]
    if identifier[:1] != "a" or not number.isdecimal():
        return {}
    token = handler.db.query(orm.APIToken).filter_by(id=int(number)).first()
    if token is None or token.user is None or token.user.name != handler.path_args[0]:
        return {}
    return {identifier: {"note": token.note, "scopes": sorted(token.scopes or ())}}


def _find_server(handler: Any, subject: str) -> Any:
    owner, _, server = subject.partition("/")
    user = orm.User.find(handler.db, owner)
    return user and user.orm_spawners.get(server)


def read_shares(handler: Any, subject: str) -> Mapping[str, Any]:
    """Return with whom a server is shared: with whom the request names, or all."""
    server, sent = _find_server(handler, subject), read_sent(handler)
    if not server:
        return {}
    query = handler.db.query(orm.Share).filter_by(spawner_id=server.id)
    for key, kind, column in (
        ("user", orm.User, orm.Share.user),
        ("group", orm.Group, orm.Share.group),
    ):
        if isinstance(sent.get(key), str):
            query = query.filter(column == kind.find(handler.db, sent[key]))
    return {_name_sharer(share): sorted(share.scopes) for share in query.limit(MAX_SHOWN)}


def _name_sharer(share: Any) -> str:
    return str(share.user.name) if share.user else f"the group {share.group.name}"


def read_own_share(handler: Any, subject: str) -> Mapping[str, Any]:
    """Read the share of a server with the user or group of the path."""
    server, name = _find_server(handler, subject), handler.path_args[0]
    kind = orm.Group if isinstance(handler, GroupShareAPIHandler) else orm.User
    whom = kind.find(handler.db, name)
    if not server or whom is None:
        return {}
    share = orm.Share.find(handler.db, server, share_with=whom)
    return {_name_sharer(share): sorted(share.scopes)} if share is not None else {}


def read_codes(handler: Any, subject: str) -> Mapping[str, Any]:
    """Read which codes share a server."""
    server = _find_server(handler, subject)
    if not server:
        return {}
    query = handler.db.query(orm.ShareCode).filter_by(spawner_id=server.id)
    return {f"sc_{code.id}": sorted(code.scopes) for code in query.limit(MAX_SHOWN)}


def name_accepted_server(handler: Any) -> tuple[str, ...]:
    """Name the server that a code shares."""
    code = orm.ShareCode.find(handler.db, code=handler.get_argument("code", ""))
    if code is None:
        return ("",)
    return (f"{code.owner.name}/{code.spawner.name}",)


def read_made_token(handler: Any, made: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Read off an answer which token was made; never the token itself."""
    yield handler.path_args[0], {made["id"]: {key: made.get(key) for key in _KEPT_OF_TOKENS}}


def read_made_users(_handler: Any, made: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Read off an answer which users were added."""
    for user in made:
        yield user["name"], {key: user.get(key) for key in ("name", "admin", "groups")}


def read_made_groups(_handler: Any, made: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Read off an answer which groups were added."""
    for group in made:
        yield group["name"], {"members": (group.get("users") or [])[:MAX_SHOWN]}


def read_sent(handler: Any) -> Mapping[str, Any]:
    """Return the object that a request has as its body; empty if it has none."""
    body = handler.request.body or b""
    if len(body) > _MAX_BODY or not body.lstrip().startswith(b"{"):
        return {}
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    # What cannot be stored cannot be looked up either; the Hub refuses it.
    return read if isinstance(read, dict) and not find_fault(read) else {}
