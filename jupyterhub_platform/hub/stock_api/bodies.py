"""Refuse bodies and arguments of requests that the Hub's REST API would fail on."""

from collections.abc import Mapping
from typing import Any, Final

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from jupyterhub_platform.hub.json_bodies import read_body
from jupyterhub_platform.rest.request_bodies import NO_OBJECT

TEXTS: Final = ("name", "note", "user", "group", "api_url", "auth_token")
NAMES: Final = ("user", "group")
LISTS_OF_TEXTS: Final = (
    *("usernames", "users", "groups", "scopes", "roles", "oauth_client_allowed_scopes"),
)
"""Fields that the Hub's handlers assume to have the same type everywhere in its API."""

MAX_TEXT: Final = 1024
MAX_TIME: Final = 64
"""Characters. The Hub parses a time in a time that grows with the square of its length."""
MAX_SCOPES: Final = 100
MAX_NAMES: Final = 1_000
"""Entries of a list. The Hub compares each of them with all others, or asks its database."""
_OF_PERMISSIONS: Final = ("scopes", "roles", "oauth_client_allowed_scopes")
MAX_ROWS: Final = 2**31


class BodyGuard(APIHandler):  # type: ignore[misc]
    """Goes before one of the Hub's API handlers, and refuses bodies that it would fail on.

    A failure within a statement would leave the Hub's session unusable: the next request, from any
    user, would be answered as if its sender were unknown. So the session is cleaned up after each.
    """

    def get_json_body(self) -> Any:
        """Return the body, or ``None`` without one."""
        body = read_body(self.request.body, is_stranger=self.current_user is None)
        if body is None:
            return None
        if not isinstance(body, dict):
            raise web.HTTPError(400, NO_OBJECT)
        check_fields(body)
        return body

    def get_api_pagination(self) -> tuple[int, int]:
        """Return offset and limit of a page, if a database can count that far."""
        offset, limit = super().get_api_pagination()
        if offset > MAX_ROWS:
            raise web.HTTPError(400, f"offset is {MAX_ROWS} at most.")
        return offset, limit

    def on_finish(self) -> None:
        """Return the Hub's session in a state that others can use."""
        if not self.db.is_active:
            self.db.rollback()
        super().on_finish()


def check_fields(body: Mapping[str, Any]) -> None:
    """Refuse fields that differ from their type everywhere in the Hub's API, or are too large.

    Any logged-in user could otherwise stop the Hub with one request: it parses, compares and keeps
    what it is sent in its event loop.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 400.
    """
    for key in TEXTS:
        _check_text(key, body.get(key))
    for key in NAMES:
        if body.get(key) == "":
            raise web.HTTPError(400, f"{key} is a name, and this text is empty.")
    for key in LISTS_OF_TEXTS:
        _check_list(key, body.get(key))
    _check_times(body)
    servers = body.get("servers")
    for server in servers.values() if isinstance(servers, dict) else ():
        if isinstance(server, dict):
            _check_times(server)


def _check_text(key: str, value: object) -> None:
    if not isinstance(value, str | None):
        raise web.HTTPError(400, f"{key} is text.")
    if value is not None and len(value) > MAX_TEXT:
        raise web.HTTPError(400, f"{key} has {MAX_TEXT} characters at most.")


def _check_list(key: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise web.HTTPError(400, f"{key} is a list of texts.")
    if key in _OF_PERMISSIONS and len(value) > MAX_SCOPES:
        raise web.HTTPError(400, f"{key} has {MAX_SCOPES} texts at most.")
    if len(value) > MAX_NAMES:
        way_on = "Send the others in further requests."
        raise web.HTTPError(400, f"{key} has {MAX_NAMES} texts at most. {way_on}")
    if any(len(each) > MAX_TEXT for each in value):
        raise web.HTTPError(400, f"Each text in {key} has {MAX_TEXT} characters at most.")


def _check_times(body: Mapping[str, Any]) -> None:
    at = body.get("last_activity")
    if not isinstance(at, str | None) or len(at or "") > MAX_TIME:
        raise web.HTTPError(400, f"last_activity is a time: text of {MAX_TIME} characters at most.")
