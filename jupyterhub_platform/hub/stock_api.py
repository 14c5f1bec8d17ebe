"""The Hub's own REST API, where a faulty request would otherwise be an error of the Hub."""

from typing import Any

from jupyterhub.apihandlers import default_handlers
from jupyterhub.apihandlers.base import APIHandler
from tornado import web


class ObjectBody:
    """Refuses a body that is no JSON object: the Hub's handlers take for granted that it is one."""

    def get_json_body(self) -> Any:
        """Return the body, or nothing if there is none."""
        body = super().get_json_body()  # type: ignore[misc]  # of the handler that this is mixed into
        if body is not None and not isinstance(body, dict):
            raise web.HTTPError(400, "The body is a JSON object.")
        return body


class RetiredHandler(APIHandler):  # type: ignore[misc]
    """What the Hub replaced long ago; it answers even strangers with an error of its own."""

    def prepare(self) -> None:
        """Say what there is instead, to everybody."""
        raise web.HTTPError(
            410, "Tokens are not looked up here any more. Ask /hub/api/user with the token."
        )


def stock_api_handlers() -> list[Any]:
    """Return the Hub's own routes, guarded; they go before the Hub's own."""
    return [
        (pattern, _guard(pattern, handler))
        for pattern, handler in default_handlers
        if issubclass(handler, APIHandler)
    ]


def _guard(pattern: str, handler: type[Any]) -> type[Any]:
    if pattern.startswith("/api/authorizations/"):
        return RetiredHandler
    # Metrics tell handlers apart by these two names.
    return type(handler.__name__, (ObjectBody, handler), {"__module__": handler.__module__})
