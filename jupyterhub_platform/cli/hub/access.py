"""Finds the Hub that a command calls, and the token for it. The order is this.

1. ``--url``, or ``PLATFORM_URL``: that Hub, with the token in ``JUPYTERHUB_API_TOKEN``, or else
   with that of ``jhp login`` at this address.
2. The Hub that ``jhp up`` started from ``--state``: with the token of ``jhp login`` there, or else
   with the one that ``jhp up`` keeps for its own machine.
3. If neither is there and no ``--state`` is named, the one Hub at which this user is logged in.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import httpx

from jupyterhub_platform.cli.hub.stored_logins import StoredLogin, find_login, list_logins
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.times import describe_instant, read_stored
from jupyterhub_platform.http.sockets import Sockets, locate_sockets
from jupyterhub_platform.instance_id import read_instance
from jupyterhub_platform.settings import STATE_DIRECTORY

TOKEN_VARIABLE: Final = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the name of a variable


class NoHubError(PlatformError):
    """Raised if no Hub is named, and none was started or logged in at."""


@dataclass(frozen=True, slots=True)
class Place:
    """A Hub: ``sockets`` if it runs on this machine, where only the platform can listen."""

    url: str
    sockets: Sockets | None = None
    instance: str = ""
    local_token: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """A Hub, the token for it, and the login if it comes from one."""

    place: Place
    token: str
    login: StoredLogin | None = None


def find_access(url: str | None, state: Path) -> Access:
    """Find the Hub and the token, in the order above.

    Raises
    ------
    click.BadParameter
        Raised if ``url`` is not a valid address.
    PlatformError
        Raised if there is no Hub, or no token for it, or if the login has ended.
    """
    given = os.environ.get(TOKEN_VARIABLE, "")
    if url is not None and given:
        return Access(find_place(url, state), given)
    place = find_place(url, state)
    login = find_login_at(place)
    if login is None:
        if not place.local_token:
            raise PlatformError(
                f"There is no token for {place.url}. Log in with `jhp login --hub {place.url}`; or "
                f"make a token on its token page, and set {TOKEN_VARIABLE}."
            )
        return Access(place, place.local_token)
    ends = read_stored(login.expires_at)
    if ends <= datetime.now(UTC):
        raise PlatformError(
            f"Your login as {login.user} at {login.url} ended {describe_instant(ends)}. Run `jhp "
            "login` again, or `jhp logout`."
        )
    return Access(place, login.token, login)


def find_login_at(place: Place) -> StoredLogin | None:
    """Return the login at a Hub; one at another platform that had its address does not count."""
    login = find_login(place.url)
    if login is None or (place.instance and login.instance not in {"", place.instance}):
        return None
    return login


def find_place(url: str | None, state: Path) -> Place:
    """Find the Hub, in the order above.

    Raises
    ------
    click.BadParameter
        Raised if ``url`` is not a valid address.
    NoHubError
        Raised if there is none.
    PlatformError
        Raised if there are several.
    """
    if url is not None:
        check_address(url)
        return Place(url.rstrip("/"))
    command = State(state).read_json("command.json")
    if "token" in command:
        instance = read_instance(state.absolute())
        sockets = locate_sockets(state.absolute(), instance)
        return Place(str(command["url"]), sockets, instance, str(command["token"]))
    logins = list_logins() if state == Path(STATE_DIRECTORY) else []
    if len(logins) > 1:
        known = ", ".join(login.url for login in logins)
        raise PlatformError(f"You are logged in at {known}. Name one of them with --url.")
    if logins:
        return Place(logins[0].url)
    raise NoHubError(
        f"No platform was started from {state.absolute()}. Start one with `jhp up`, or "
        "name a Hub with --url."
    )


def check_address(url: str) -> None:
    """Refuse what is no address of a Hub.

    Raises
    ------
    click.BadParameter
        Raised then.
    """
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        read = httpx.URL()
    if read.scheme not in {"http", "https"} or not read.host:
        raise click.BadParameter(
            f"{url!r} is not the address of a Hub; write it as https://hub.example.com.",
            param_hint="--url",
        )
