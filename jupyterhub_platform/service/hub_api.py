"""Reads the Hub's own API on behalf of a page's viewer."""

import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import ClientError, ClientResponseError, ClientTimeout
from jupyterhub.httpclient import fetch

from jupyterhub_platform.rest.decisions import Usage
from jupyterhub_platform.rest.own_servers import OwnServers
from jupyterhub_platform.rest.response_bodies import AuditHealth
from jupyterhub_platform.rest.undeclared_users import UndeclaredUsers
from jupyterhub_platform.service.errors import RefusalError, unknown
from jupyterhub_platform.usecases.troubles import UNANSWERED, Trouble, find_troubles

_SECONDS: Final = ClientTimeout(total=3.0)


async def read_hub(api_url: str, token: str, path: str) -> Any:
    """Return the Hub API's answer below ``platform/``, with the caller's token.

    Raises
    ------
    RefusalError
        Raised with 404 if the Hub says that it is missing or hidden, with 503 if it does not
        answer.
    """
    try:
        answer = await fetch(
            f"{api_url.rstrip('/')}/platform/{path}",
            headers={"Authorization": f"token {token}"},
            timeout=_SECONDS,
            allow_redirects=False,
        )
        return json.loads(await answer.read())
    except ClientResponseError as error:
        if 400 <= error.status < 500:
            raise unknown("server") from None
    except (ClientError, OSError, ValueError):
        pass
    raise RefusalError(
        503, "The Hub does not answer. Try again in a moment.", "platform.hub", retry_after=5
    )


async def find_proxies(api_url: str, token: str) -> list[str]:
    """Return the proxies' addresses and networks from the Hub, with the service's own token."""
    return [str(each) for each in (await read_hub(api_url, token, "proxies"))["addresses"]]


async def read_troubles(api_url: str, token: str) -> tuple[Trouble, ...]:
    """Return what is wrong with the policy file and the store; no answer is a trouble, too."""
    try:
        return find_troubles(await read_hub(api_url, token, "health"))
    except RefusalError as refusal:
        return (UNANSWERED,) if refusal.status_code == HTTPStatus.SERVICE_UNAVAILABLE else ()
    except (KeyError, TypeError, ValueError):
        return (UNANSWERED,)


async def read_own_servers(api_url: str, token: str) -> OwnServers | None:
    """Return the caller's servers as the Hub has them; ``None`` if it does not say."""
    try:
        return OwnServers.model_validate(await read_hub(api_url, token, "servers"))
    except (RefusalError, ValueError):
        return None


async def read_standing(api_url: str, token: str, name: str) -> Usage | None:
    """Return what the Hub knows of a user: groups, default; ``None`` if it does not say."""
    try:
        found = await read_hub(api_url, token, f"usage?{urlencode({'user': name})}")
        return Usage.model_validate(found)
    except (RefusalError, ValueError):
        return None


async def read_undeclared(api_url: str, token: str) -> UndeclaredUsers | None:
    """Return the first users whom no policy knows; ``None`` if the Hub does not say."""
    try:
        return UndeclaredUsers.model_validate(await read_hub(api_url, token, "undeclared"))
    except (RefusalError, ValueError):
        return None


async def read_audit_state(api_url: str, token: str) -> AuditHealth | None:
    """Return what the Hub last found of the record; ``None`` if it does not say."""
    try:
        return AuditHealth.model_validate((await read_hub(api_url, token, "health"))["audit"])
    except (RefusalError, KeyError, TypeError, ValueError):
        return None


async def read_weakened(api_url: str, token: str) -> tuple[str, ...]:
    """Return a sentence for each setting that the site weakened; none if the Hub does not answer.

    The page is worth showing without them: the Hub has said the same in its log.
    """
    try:
        found = (await read_hub(api_url, token, "settings"))["weakened"]
        return tuple(str(each["sentence"]) for each in found)
    except (RefusalError, KeyError, TypeError):
        return ()
