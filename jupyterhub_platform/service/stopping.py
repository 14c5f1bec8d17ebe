"""Stops a server through the Hub, with the caller's own token."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import ClientConnectorError, ClientError, ClientTimeout
from jupyterhub.httpclient import fetch

from jupyterhub_platform.core.reservations import POD
from jupyterhub_platform.service.errors import RefusalError

_SECONDS: Final = ClientTimeout(total=30.0, connect=5.0)
_STOPPED: Final = 204
_STOPPING: Final = 202
_MAX_NAME_LENGTH: Final = 255
_MAX_ANSWER_LENGTH: Final = 300


@dataclass(frozen=True, slots=True)
class Stop:
    """The Hub's answer: ``done`` if the server has stopped, else it is stopping."""

    user: str
    server: str
    done: bool

    @property
    def sentence(self) -> str:
        """The answer in words."""
        return (
            f"{describe_server(self.user, self.server)} "
            f"{'has stopped' if self.done else 'is stopping'}."
        )


def describe_server(user: str, server: str, reader: str = "") -> str:
    """Name a server or an observed pod: ``The server train of dev1``, or ``Your …``."""
    if server.startswith(POD):
        pod = server.removeprefix(POD)
        return f"Your pod {pod}" if user == reader else f"The pod {pod} of {user}"
    if user == reader:
        return f"Your server {server}" if server else "Your default server"
    return f"The server {server} of {user}" if server else f"The default server of {user}"


def check_names(user: str, server: str) -> None:
    """Refuse names that no server can have, and that could lead to another address of the Hub.

    Raises
    ------
    RefusalError
        Raised for such a name.
    """
    dots = {".", ".."}
    if not user or user in dots or server in dots or len(user) + len(server) > _MAX_NAME_LENGTH:
        raise RefusalError(400, "Name the user and the server to stop.", "options.server")


async def stop_server(
    api_url: str, headers: Mapping[str, str], user: str, server: str, *, remove: bool = False
) -> Stop:
    """Ask the Hub to stop a server, on behalf of the caller whom ``headers`` speak for.

    With ``remove`` it is also taken off its owner's list.

    Raises
    ------
    RefusalError
        Raised with the Hub's own status if it refuses, and 503 if it does not answer.
    """
    check_names(user, server)
    place = f"servers/{quote(server, safe='')}" if server else "server"
    try:
        response = await fetch(
            f"{api_url.rstrip('/')}/users/{quote(user, safe='')}/{place}",
            method="DELETE",
            headers=headers,
            json={"remove": True} if remove else None,
            timeout=_SECONDS,
            allow_redirects=False,
            raise_for_status=False,
        )
        status, body = response.status, await response.read()
    except ClientConnectorError:
        raise RefusalError(
            503,
            "The Hub does not answer; nothing was done. Try again in a moment.",
            "platform.hub",
            retry_after=5,
        ) from None
    except (ClientError, OSError):
        sentence = "The Hub does not answer, so it is unknown whether the server stops."
        raise RefusalError(
            503, f"{sentence} Check again in a moment.", "platform.hub", retry_after=5
        ) from None
    if status in {_STOPPED, _STOPPING}:
        return Stop(user, server, status == _STOPPED)
    raise _refuse(status, body, user, server)


def _refuse(status: int, body: bytes, user: str, server: str) -> RefusalError:
    what = describe_server(user, server)
    if status == 403:
        sentence = f"{what} is not yours to stop. Ask its owner or an operator."
        return RefusalError(403, sentence, "level.may_not_stop")
    if status == 404:
        sentence = f"{what} does not run, or is not yours to stop. Check which servers run."
        return RefusalError(404, sentence, "platform.not_found")
    if not 400 <= status < 600:
        status = 502
    message = _read_message(body)
    reason = f": {message}" if message else ""
    return RefusalError(
        status,
        f"The Hub did not stop it{reason}. Check whether it runs, and try again.",
        "platform.hub",
    )


def _read_message(body: bytes) -> str:
    try:
        message = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        return ""
    return str(message)[:_MAX_ANSWER_LENGTH].rstrip(".")
