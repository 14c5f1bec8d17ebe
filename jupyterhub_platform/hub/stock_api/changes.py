"""What the routes of JupyterHub's own API change: its name in the audit, on whom, before and after.

JupyterHub 6.1 has no record of such changes. What is looked at is small, whatever is asked for: a
caller need not be allowed to make a change that is looked at.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub import orm
from jupyterhub.apihandlers.groups import (
    GroupAPIHandler,
    GroupListAPIHandler,
    GroupPropertiesAPIHandler,
    GroupUsersAPIHandler,
)
from jupyterhub.apihandlers.hub import ShutdownAPIHandler
from jupyterhub.apihandlers.proxy import ProxyAPIHandler
from jupyterhub.apihandlers.services import ServiceAPIHandler
from jupyterhub.apihandlers.shares import (
    GroupShareAPIHandler,
    ServerShareAPIHandler,
    ServerShareCodeAPIHandler,
    UserShareAPIHandler,
)
from jupyterhub.apihandlers.users import (
    UserAPIHandler,
    UserListAPIHandler,
    UserServerAPIHandler,
    UserTokenAPIHandler,
    UserTokenListAPIHandler,
)
from jupyterhub.handlers.pages import AcceptShareHandler

from jupyterhub_platform.hub.json_bodies import find_fault

MAX_SHOWN: Final = 50
"""Members, shares or codes that are shown of one object."""

_MAX_BODY: Final = 2**17
_KEPT_OF_TOKENS: Final = ("note", "scopes", "roles", "expires_at")
_KEPT_OF_BODIES: Final = (
    *("usernames", "users", "user", "groups", "group", "name", "admin", "scopes", "roles"),
    *("note", "expires_in", "url", "remove", "proxy", "servers", "api_url"),
    *("reason", "until", "document", "to"),
)

Names = Callable[[Any], Iterable[str]]
Look = Callable[[Any, str], Mapping[str, Any] | None]
Made = Callable[[Any, Any], Iterable[tuple[str, Mapping[str, Any]]]]


def _first(handler: Any) -> tuple[str, ...]:
    return handler.path_args[:1] or ("",)


def _server(handler: Any) -> tuple[str, ...]:
    """Name the server of a path: ``owner/name``."""
    owner, server = (*handler.path_args, "")[:2]
    return (f"{owner}/{server or ''}",)


def _shared_server(handler: Any) -> tuple[str, ...]:
    _, owner, server = (*handler.path_args, "", "", "")[:3]
    return (f"{owner}/{server}",)


def _hub(_handler: Any) -> tuple[str, ...]:
    return ("the Hub",)


def _in_body(key: str) -> Names:
    def names(handler: Any) -> Iterable[str]:
        found = read_sent(handler).get(key)
        return [str(each) for each in found] if isinstance(found, list) and found else ("",)

    return names


def _users_in_body(handler: Any) -> Iterable[str]:
    return map(handler.authenticator.normalize_username, _in_body("usernames")(handler))


def _nothing(_handler: Any, _subject: str) -> None:
    return None


def _read_user(handler: Any, name: str) -> Mapping[str, Any] | None:
    user = orm.User.find(handler.db, name)
    if user is None:
        return None
    groups = sorted(group.name for group in user.groups)[:MAX_SHOWN]
    return {"name": user.name, "admin": user.admin, "groups": groups}


def _read_renamed(handler: Any, name: str) -> Mapping[str, Any] | None:
    new = read_sent(handler).get("name")
    found = _read_user(handler, name)
    if found is None and isinstance(new, str):
        return _read_user(handler, handler.authenticator.normalize_username(new))
    return found


def _read_group(handler: Any, name: str) -> Mapping[str, Any] | None:
    group = orm.Group.find(handler.db, name)
    if group is None:
        return None
    query = handler.db.query(orm.User.name).filter(orm.User.groups.any(orm.Group.id == group.id))
    members = [each for (each,) in query.order_by(orm.User.name).limit(MAX_SHOWN)]
    return {"members": members, "properties": dict(group.properties or {})}


def _read_members(handler: Any, name: str) -> Mapping[str, Any]:
    """Return which of the users that a request names are in the group."""
    asked = read_sent(handler).get("users")
    users = [str(each) for each in asked] if isinstance(asked, list) else []
    named = [handler.authenticator.normalize_username(each) for each in users[:1000]]
    query = handler.db.query(orm.User.name).filter(
        orm.User.name.in_(named), orm.User.groups.any(orm.Group.name == name)
    )
    return {each: "member" for (each,) in query}


def _read_properties(handler: Any, name: str) -> Mapping[str, Any]:
    group = orm.Group.find(handler.db, name)
    return json.loads(json.dumps(group.properties or {})) if group is not None else {}


def _read_token(handler: Any, _name: str) -> Mapping[str, Any]:
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


def _read_shares(handler: Any, subject: str) -> Mapping[str, Any]:
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


def _read_own_share(handler: Any, subject: str) -> Mapping[str, Any]:
    server, name = _find_server(handler, subject), handler.path_args[0]
    kind = orm.Group if isinstance(handler, GroupShareAPIHandler) else orm.User
    whom = kind.find(handler.db, name)
    if not server or whom is None:
        return {}
    share = orm.Share.find(handler.db, server, share_with=whom)
    return {_name_sharer(share): sorted(share.scopes)} if share is not None else {}


def _read_codes(handler: Any, subject: str) -> Mapping[str, Any]:
    server = _find_server(handler, subject)
    if not server:
        return {}
    query = handler.db.query(orm.ShareCode).filter_by(spawner_id=server.id)
    return {f"sc_{code.id}": sorted(code.scopes) for code in query.limit(MAX_SHOWN)}


def _accepted(handler: Any) -> tuple[str, ...]:
    code = orm.ShareCode.find(handler.db, code=handler.get_argument("code", ""))
    if code is None:
        return ("",)
    return (f"{code.owner.name}/{code.spawner.name}",)


def _made_token(handler: Any, made: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    yield handler.path_args[0], {made["id"]: {key: made.get(key) for key in _KEPT_OF_TOKENS}}


def _made_users(_handler: Any, made: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for user in made:
        yield user["name"], {key: user.get(key) for key in ("name", "admin", "groups")}


def _made_groups(_handler: Any, made: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for group in made:
        yield group["name"], {"members": (group.get("users") or [])[:MAX_SHOWN]}


@dataclass(frozen=True, slots=True)
class StockChange:
    """A change that a method of a route makes.

    ``look`` returns what may change, before and after. ``is_only_for_others`` leaves out what users
    do to what is theirs, which stands in the ledger; ``is_always_recorded`` says that it changes
    something that is not looked at. ``made`` reads off the answer what was made, on whom.
    """

    action: str
    names: Names
    look: Look = _nothing
    is_always_recorded: bool = False
    is_only_for_others: bool = False
    made: Made | None = None


def _for_servers(action: str) -> StockChange:
    return StockChange(action, _server, is_always_recorded=True, is_only_for_others=True)


_CHANGES: Final[tuple[tuple[type[Any], Mapping[str, StockChange]], ...]] = (
    (UserListAPIHandler, {"POST": StockChange("person.added", _users_in_body, made=_made_users)}),
    (
        UserAPIHandler,
        {
            "POST": StockChange("person.added", _first, _read_user),
            "DELETE": StockChange("person.removed", _first, _read_user),
            "PATCH": StockChange("person.changed", _first, _read_renamed),
        },
    ),
    (
        GroupListAPIHandler,
        {"POST": StockChange("group.added", _in_body("groups"), made=_made_groups)},
    ),
    (
        GroupUsersAPIHandler,
        {
            "POST": StockChange("group.members_added", _first, _read_members),
            "DELETE": StockChange("group.members_removed", _first, _read_members),
        },
    ),
    (
        GroupPropertiesAPIHandler,
        {"PUT": StockChange("group.properties_set", _first, _read_properties)},
    ),
    (
        GroupAPIHandler,
        {
            "POST": StockChange("group.added", _first, _read_group),
            "DELETE": StockChange("group.removed", _first, _read_group),
        },
    ),
    (UserTokenListAPIHandler, {"POST": StockChange("token.made", _first, made=_made_token)}),
    (UserTokenAPIHandler, {"DELETE": StockChange("token.revoked", _first, _read_token)}),
    (
        ServerShareAPIHandler,
        {
            "POST": StockChange("share.made", _server, _read_shares),
            "PATCH": StockChange("share.revoked", _server, _read_shares),
            "DELETE": StockChange("share.revoked", _server, _read_shares),
        },
    ),
    (
        UserShareAPIHandler,
        {"DELETE": StockChange("share.revoked", _shared_server, _read_own_share)},
    ),
    (
        GroupShareAPIHandler,
        {"DELETE": StockChange("share.revoked", _shared_server, _read_own_share)},
    ),
    (
        ServerShareCodeAPIHandler,
        {
            "POST": StockChange("share_code.made", _server, _read_codes),
            "DELETE": StockChange("share_code.revoked", _server, _read_codes),
        },
    ),
    (
        AcceptShareHandler,
        {"POST": StockChange("share.accepted", _accepted, is_always_recorded=True)},
    ),
    (
        ServiceAPIHandler,
        {
            "POST": StockChange("service.added", _first, is_always_recorded=True),
            "DELETE": StockChange("service.removed", _first, is_always_recorded=True),
        },
    ),
    (ProxyAPIHandler, {"PATCH": StockChange("proxy.changed", _hub, is_always_recorded=True)}),
    (ShutdownAPIHandler, {"POST": StockChange("hub.shut_down", _hub, is_always_recorded=True)}),
    (
        UserServerAPIHandler,
        {
            "PUT": _for_servers("server.added"),
            "PATCH": _for_servers("server.changed"),
            "DELETE": _for_servers("server.stopped"),
        },
    ),
)
"""The changes, by what answers them; of several that fit, the first."""


def find_change(handler: Any) -> StockChange | None:
    """Return what a request changes on a route of JupyterHub's own, if it does."""
    for kind, methods in _CHANGES:
        if isinstance(handler, kind):
            return methods.get(handler.request.method)
    return None


def keep_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return what differs, before and after; ``None`` where there was nothing at all."""
    if before is None or after is None:
        return before, after
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return {k: before[k] for k in keys if k in before}, {k: after[k] for k in keys if k in after}


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


def read_wanted(handler: Any) -> Mapping[str, Any]:
    """Return what a refused request asked for, without whatever may be secret."""
    sent = read_sent(handler)
    wanted = {key: sent[key] for key in _KEPT_OF_BODIES if sent.get(key) is not None}
    return wanted if len(json.dumps(wanted)) < 2_000 else {}


def read_made(change: StockChange, handler: Any, answer: bytes) -> list[tuple[str, Any]]:
    """Return what an answer says that was made, on whom; never a secret that it hands out."""
    try:
        return list(change.made(handler, json.loads(answer))) if change.made else []
    except (ValueError, KeyError, TypeError):
        return []
