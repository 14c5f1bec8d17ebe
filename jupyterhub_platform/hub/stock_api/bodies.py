"""Refuse bodies and arguments of requests that the Hub's REST API would fail on."""

from collections.abc import Mapping
from typing import Any, Final

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from jupyterhub_platform.hub.json_bodies import read_body
from jupyterhub_platform.rest.requests import NO_OBJECT

TEXTS: Final = ("name", "note", "user", "group", "api_url", "auth_token")
NAMES: Final = ("user", "group")
LISTS_OF_TEXTS: Final = (
    *("usernames", "users", "groups", "scopes", "roles", "oauth_client_allowed_scopes"),
)
"""Fields that the Hub's handlers assume to have the same type everywhere in its API."""

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
    """Refuse fields that differ from their type everywhere in the Hub's API.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 400.
    """
    for key in TEXTS:
        if not isinstance(body.get(key), str | None):
            raise web.HTTPError(400, f"{key} is text.")
    for key in NAMES:
        if body.get(key) == "":
            raise web.HTTPError(400, f"{key} is a name, and this text is empty.")
    for key in LISTS_OF_TEXTS:
        value = body.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise web.HTTPError(400, f"{key} is a list of texts.")
