"""``jhp login``, ``logout`` and ``whoami``: in the terminal as oneself, confirmed in a browser."""

import ipaddress
import os
import secrets
import socket
import webbrowser
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import click

from jupyterhub_platform.cli.hub.access import (
    TOKEN_VARIABLE,
    Access,
    Place,
    find_access,
    find_login_at,
    find_place,
)
from jupyterhub_platform.cli.hub.client import HubClient, HubRefusedError
from jupyterhub_platform.cli.hub.options import hub_options
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.hub.stored_logins import (
    StoredLogin,
    forget,
    keep,
    make_folder,
    normalise_url,
)
from jupyterhub_platform.cli.terminal import echo_json, printable
from jupyterhub_platform.core.errors import PlatformError, QuantityError
from jupyterhub_platform.core.times import describe_instant, parse_duration, read_stored
from jupyterhub_platform.usecases.terminal_logins import clean_machine, hash_verifier, say_check

_LEVEL: Final = "level:"
_SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def _read_duration(_ctx: click.Context, _option: click.Parameter, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except QuantityError as error:
        raise click.BadParameter(f"{error}.") from None


@click.command(short_help="Log in at a Hub as yourself, with a browser.")
@click.option("--hub", "also", metavar="URL", help="The same as --url.")
@click.option(
    "--for",
    "lasts",
    default="7d",
    show_default=True,
    callback=_read_duration,
    help="For how long, up to what the Hub allows: 7 days by default.",
)
@click.option("--scope", "scopes", multiple=True, help="Ask for this scope alone; repeatable.")
@click.option("--browser/--no-browser", default=True, help="Open the page, or only print it.")
@hub_options
def login(
    also: str | None,
    lasts: timedelta,
    scopes: tuple[str, ...],
    browser: bool,
    url: str | None,
    state: Path,
    as_json: bool,
) -> None:
    """Log in at a Hub as yourself: confirm it in a browser, and type the code that is shown.

    \b
      jhp login
      jhp login --hub https://hub.example.org --for 8h

    The browser may be on another machine. The token is kept in a file of yours alone, and every
    verb uses it for this Hub from then on, so that the audit names you. `jhp logout` revokes it.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    place = find_place(also or url, state)
    _warn(place, given=bool(also or url))
    make_folder()
    earlier = find_login_at(place)
    verifier = secrets.token_urlsafe(32)
    with PlatformApi(HubClient.of(Access(place, ""))) as api:
        page = str(api.call("startLogin")["page"])
        _show_page(page, hash_verifier(verifier), lasts, scopes, browser=browser)
        made = _exchange(api, verifier)
    kept, path = _keep(place, made)
    if earlier is not None:
        _revoke(place, earlier)
    if as_json:
        login = {"url": kept.url, "user": kept.user, "expires_at": kept.expires_at}
        echo_json({**login, "scopes": made["scopes"], "file": str(path)})
        return
    until = describe_instant(read_stored(kept.expires_at))
    click.echo(printable(f"Logged in at {kept.url} as {kept.user}, until {until}."))
    click.echo("To end it: jhp logout", err=True)


def _keep(place: Place, made: Mapping[str, Any]) -> tuple[StoredLogin, Path]:
    """Keep a token, or revoke it if there is no place for it."""
    user, token, number, ends = (str(made[key]) for key in ("user", "token", "id", "expires_at"))
    kept = StoredLogin(normalise_url(place.url), user, token, number, ends, place.instance)
    try:
        return kept, keep(kept)
    except OSError:
        _revoke(place, kept)
        raise


def _warn(place: Place, *, given: bool) -> None:
    read = urlsplit(place.url)
    if read.scheme == "http" and place.sockets is None and not _is_loopback(read.hostname or ""):
        click.echo(
            f"Warning: {place.url} is not encrypted, so others on the network can read your token. "
            "Use https.",
            err=True,
        )
    if given and os.environ.get(TOKEN_VARIABLE):
        click.echo(
            f"Warning: {TOKEN_VARIABLE} is set, and goes before this login. Unset it to use it.",
            err=True,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _show_page(
    page: str, challenge: str, lasts: timedelta, scopes: tuple[str, ...], *, browser: bool
) -> None:
    if urlsplit(page).scheme not in {"http", "https"}:
        raise PlatformError(f"The Hub named a page that is none: {page[:200]!a}.")
    asked = [
        ("challenge", challenge),
        ("machine", clean_machine(socket.gethostname())),
        ("seconds", str(int(lasts.total_seconds()))),
        *(("scope", scope) for scope in scopes),
    ]
    address = f"{page}?{urlencode(asked)}"
    click.echo("Open this page in a browser where you are logged in to the Hub:", err=True)
    click.echo(f"\n  {printable(address)}\n", err=True)
    click.echo(f"It shows the check {say_check(challenge)}, and then a code.", err=True)
    if browser and any(map(os.environ.get, _SCREENS)):
        webbrowser.open(address)


def _exchange(api: PlatformApi, verifier: str) -> dict[str, Any]:
    """Return the token for the code that the user types; one that is wrong is asked for again."""
    while True:
        code = click.prompt("Code", err=True)
        try:
            return api.call("takeLogin", body={"verifier": verifier, "code": code[:64]})
        except HubRefusedError as error:
            if error.body.get("code") != "login.wrong_code":
                raise
            click.echo(printable(str(error.body.get("message"))), err=True)


def _revoke(place: Place, kept: StoredLogin) -> str:
    """Revoke a login at its Hub; return why that did not happen, or nothing."""
    try:
        with PlatformApi(HubClient.of(Access(place, kept.token))) as api:
            api.call("endLogin")
    except HubRefusedError as error:
        # The Hub may have ended it already: then it knows no such token.
        return "" if error.status == 403 else str(error)
    except PlatformError as error:
        return str(error)
    return ""


@click.command(short_help="Revoke the token of `jhp login`, and delete it here.")
@click.option("--hub", "also", metavar="URL", help="The same as --url.")
@hub_options
def logout(also: str | None, url: str | None, state: Path, as_json: bool) -> None:
    """Revoke the token of `jhp login`, and delete its file.

    \b
      jhp logout
      jhp logout --hub https://hub.example.org
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    place = find_place(also or url, state)
    kept = find_login_at(place)
    if kept is None:
        raise PlatformError(f"You are not logged in at {place.url}. `jhp login` does that.")
    why_not = _revoke(place, kept)
    forget(kept.url)
    if as_json:
        echo_json({"url": kept.url, "user": kept.user, "revoked": not why_not})
    elif not why_not:
        click.echo(printable(f"Logged out at {kept.url}: the token of {kept.user} is revoked."))
    if why_not:
        raise PlatformError(
            f"{why_not} The token is deleted here, and not revoked: it works until "
            f"{describe_instant(read_stored(kept.expires_at))}. Revoke it on your token page."
        )


@click.command(short_help="Say which Hub would be called, and as whom.")
@hub_options
def whoami(url: str | None, state: Path, as_json: bool) -> None:
    """Say which Hub other verbs call with these options, as whom, and with which token.

    \b
      jhp whoami
      jhp whoami --url https://hub.example.org --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    access = find_access(url, state)
    with HubClient.of(access) as hub:
        found = hub.get("user", keys=("name", "kind"))
    groups = found.get("groups") or []
    levels = [each.removeprefix(_LEVEL) for each in groups if each.startswith(_LEVEL)]
    caller = {
        "url": access.place.url,
        "name": found["name"],
        "kind": found["kind"],
        "level": levels[0] if levels else None,
        "token": _say_token(access),
        "expires_at": access.login.expires_at if access.login else None,
    }
    if as_json:
        echo_json({**caller, "scopes": found.get("scopes", [])})
        return
    level = f", {caller['level']}" if levels else ""
    click.echo(
        printable(
            f"{caller['name']} ({caller['kind']}{level}) at {caller['url']}, by {caller['token']}"
        )
    )


def _say_token(access: Access) -> str:
    if access.login is not None:
        return f"jhp login, until {describe_instant(read_stored(access.login.expires_at))}"
    if access.place.local_token == access.token:
        return "the token of jhp up on this machine"
    return TOKEN_VARIABLE
