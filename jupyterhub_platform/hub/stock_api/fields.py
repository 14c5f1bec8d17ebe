"""Refuse values of single fields that the Hub's REST API would fail on, or half carry out."""

from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError
from tornado import web

from jupyterhub_platform.hub.stock_api.bodies import BodyGuard


class ShutdownGuard(BodyGuard):
    """Refuses to shut down the Hub with values other than true and false."""

    def get_json_body(self) -> Any:
        """Return the body, with only true or false."""
        body = super().get_json_body()
        for key in ("proxy", "servers"):
            if not isinstance((body or {}).get(key, False), bool):
                raise web.HTTPError(400, f"{key} is true or false.")
        return body


class ProxyAddressGuard(BodyGuard):
    """Checks the fields of a new proxy, which the Hub reads by itself and in parts.

    A proxy that does not answer, or not to that token, is not kept: the Hub could lead no user
    anywhere until it is restarted.
    """

    async def patch(self) -> None:
        """Switch to another proxy, or stay with the one that is there."""
        # The Hub refuses other callers before it looks at the body.
        body = (self.get_json_body() or {}) if "proxy" in self.expanded_scopes else {}
        if "api_url" in body and not is_web_address(body["api_url"]):
            raise web.HTTPError(400, "api_url is an address, such as http://proxy:8001.")
        if "auth_token" in body and not body["auth_token"]:
            raise web.HTTPError(400, "auth_token is text.")
        before = self.proxy.api_url, self.proxy.auth_token
        try:
            await super().patch()
        except (ClientError, OSError, ValueError) as error:
            self.proxy.api_url, self.proxy.auth_token = before
            if not body.keys() & {"api_url", "auth_token"}:
                raise  # the proxy itself is down
            self.log.warning("The proxy stays the one that it was: %s", error)
            raise web.HTTPError(
                400,
                "No proxy answers there to that token: nothing was changed. Start it first, with "
                "the auth_token that you send.",
            ) from None


def is_web_address(text: Any) -> bool:
    """Tell whether a text is the address of a web server."""
    if not isinstance(text, str):
        return False
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


class ServiceGuard(BodyGuard):
    """Refuses a service with an invalid address, which the Hub would create in part."""

    def get_json_body(self) -> Any:
        """Return the body, with a valid address."""
        body = super().get_json_body()
        if (body or {}).get("url") and not is_web_address(body["url"]):
            raise web.HTTPError(400, "url is an address, such as http://service:8080.")
        return body


class ShareCodeGuard(BodyGuard):
    """Refuses to delete an unnamed code; the Hub would delete them all."""

    def delete(self, *path: str) -> Any:
        """Delete one code, or all if the request has neither code nor id."""
        for key in ("code", "id"):
            if key in self.request.arguments and not self.get_argument(key, ""):
                raise web.HTTPError(400, f"{key} is empty. Leave it out to delete every code.")
        return super().delete(*path)
