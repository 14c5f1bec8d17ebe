"""Names the changes by routes of JupyterHub's own API, for the audit.

JupyterHub 6.1 has no record of such changes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

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

from jupyterhub_platform.hub.stock_api.changed_objects import (
    ListNames,
    Read,
    ReadMade,
    list_in_body,
    list_users_in_body,
    name_accepted_server,
    name_first,
    name_hub,
    name_server,
    name_shared_server,
    read_codes,
    read_group,
    read_made_groups,
    read_made_token,
    read_made_users,
    read_members,
    read_nothing,
    read_own_share,
    read_properties,
    read_renamed,
    read_sent,
    read_shares,
    read_token,
    read_user,
)

_KEPT_OF_BODIES: Final = (
    *("usernames", "users", "user", "groups", "group", "name", "admin", "scopes", "roles"),
    *("note", "expires_in", "url", "remove", "proxy", "servers", "api_url"),
    *("reason", "until", "document", "to"),
)


@dataclass(frozen=True, slots=True)
class StockChange:
    """A change that a method of a route makes.

    ``read`` returns what may change: it is called before and after. ``is_only_for_others`` leaves
    out what users do to their own servers, which is in the ledger. ``is_always_recorded`` records
    a change of something that is not read.
    """

    action: str
    list_names: ListNames
    read: Read = read_nothing
    is_always_recorded: bool = False
    is_only_for_others: bool = False
    read_made: ReadMade | None = None


def _for_servers(action: str) -> StockChange:
    return StockChange(action, name_server, is_always_recorded=True, is_only_for_others=True)


_CHANGES: Final[tuple[tuple[type[Any], Mapping[str, StockChange]], ...]] = (
    (
        UserListAPIHandler,
        {"POST": StockChange("person.added", list_users_in_body, read_made=read_made_users)},
    ),
    (
        UserAPIHandler,
        {
            "POST": StockChange("person.added", name_first, read_user),
            "DELETE": StockChange("person.removed", name_first, read_user),
            "PATCH": StockChange("person.changed", name_first, read_renamed),
        },
    ),
    (
        GroupListAPIHandler,
        {"POST": StockChange("group.added", list_in_body("groups"), read_made=read_made_groups)},
    ),
    (
        GroupUsersAPIHandler,
        {
            "POST": StockChange("group.members_added", name_first, read_members),
            "DELETE": StockChange("group.members_removed", name_first, read_members),
        },
    ),
    (
        GroupPropertiesAPIHandler,
        {"PUT": StockChange("group.properties_set", name_first, read_properties)},
    ),
    (
        GroupAPIHandler,
        {
            "POST": StockChange("group.added", name_first, read_group),
            "DELETE": StockChange("group.removed", name_first, read_group),
        },
    ),
    (
        UserTokenListAPIHandler,
        {"POST": StockChange("token.made", name_first, read_made=read_made_token)},
    ),
    (UserTokenAPIHandler, {"DELETE": StockChange("token.revoked", name_first, read_token)}),
    (
        ServerShareAPIHandler,
        {
            "POST": StockChange("share.made", name_server, read_shares),
            "PATCH": StockChange("share.revoked", name_server, read_shares),
            "DELETE": StockChange("share.revoked", name_server, read_shares),
        },
    ),
    (
        UserShareAPIHandler,
        {"DELETE": StockChange("share.revoked", name_shared_server, read_own_share)},
    ),
    (
        GroupShareAPIHandler,
        {"DELETE": StockChange("share.revoked", name_shared_server, read_own_share)},
    ),
    (
        ServerShareCodeAPIHandler,
        {
            "POST": StockChange("share_code.made", name_server, read_codes),
            "DELETE": StockChange("share_code.revoked", name_server, read_codes),
        },
    ),
    (
        AcceptShareHandler,
        {"POST": StockChange("share.accepted", name_accepted_server, is_always_recorded=True)},
    ),
    (
        ServiceAPIHandler,
        {
            "POST": StockChange("service.added", name_first, is_always_recorded=True),
            "DELETE": StockChange("service.removed", name_first, is_always_recorded=True),
        },
    ),
    (ProxyAPIHandler, {"PATCH": StockChange("proxy.changed", name_hub, is_always_recorded=True)}),
    (ShutdownAPIHandler, {"POST": StockChange("hub.shut_down", name_hub, is_always_recorded=True)}),
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


def read_wanted(handler: Any) -> Mapping[str, Any]:
    """Return what a refused request asked for, without whatever may be secret."""
    sent = read_sent(handler)
    wanted = {key: sent[key] for key in _KEPT_OF_BODIES if sent.get(key) is not None}
    return wanted if len(json.dumps(wanted)) < 2_000 else {}


def read_made(change: StockChange, handler: Any, answer: bytes) -> list[tuple[str, Any]]:
    """Return what an answer says that was made, on whom; never a secret that it hands out."""
    try:
        return list(change.read_made(handler, json.loads(answer))) if change.read_made else []
    except (ValueError, KeyError, TypeError):
        return []
