"""``jhp start``: starts a server of a tier, charged to an account, and reports its progress."""

import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urljoin

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.client import HubClient, HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.why import ANSWER_KEYS, render
from jupyterhub_platform.cli.servers.command import split_server
from jupyterhub_platform.cli.terminal import echo_json, printable
from jupyterhub_platform.core.errors import PlatformError

_LOOK_SECONDS: Final = 1.0
_NO_SCOPE: Final = 403
_STARTS: Final = frozenset({"starting", "checking"})


@click.command(short_help="Start a server.")
@click.argument("server", metavar="USER[/SERVER]")
@click.option("--tier", help="What to start; else the tier that the policy names as the default.")
@click.option("--size", help="One of the tier's sizes, if it has some; else its first.")
@click.option("--account", help="The group that is charged; else the default account of USER.")
@click.option("--image", help="One of the tier's images, or one within a pattern of it.")
@click.option("--wait/--no-wait", default=True, help="Wait until it runs.", show_default=True)
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print what became of it as JSON.")
@click.pass_context
def start(
    ctx: click.Context,
    server: str,
    tier: str | None,
    size: str | None,
    account: str | None,
    image: str | None,
    wait: bool,
    hub: Hub,
    as_json: bool,
) -> None:
    """Start a server, and tell how the start goes on. USER alone is the default server of USER.

    \b
      jhp start dev1 --tier small
      jhp start dev1/train --tier gpu --account vision --no-wait

    A start that does not fit the quotas is refused, with the reason. `jhp stop` ends the server.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    user, name = split_server(server)
    chosen = {"tier": tier, "size": size, "account": account, "image": image}
    options = {key: value for key, value in chosen.items() if value is not None}
    place = f"servers/{quote(name, safe='')}" if name else "server"
    with HubClient.find(hub.url, hub.state) as client:
        _ask(client, user, place, options)
        answer = _follow(client, user, name, wait=wait)
        address = _find_address(client, user, name)
    if as_json:
        echo_json({**answer, "url": address})
    else:
        click.echo("\n".join(render(dict(answer))))
        if address:
            click.echo(f"Address       {printable(address)}")
    if answer["state"] not in {*_STARTS, "running"}:
        ctx.exit(REFUSED)


def _ask(client: HubClient, user: str, place: str, options: Mapping[str, str]) -> None:
    try:
        path = f"users/{quote(user, safe='')}/{place}"
        client.post(path, {"user_options": dict(options)}, keys=())
    except HubRefusedError as error:
        if error.status != _NO_SCOPE or "scopes" not in str(error):
            raise
        raise PlatformError(
            f"This token may not start servers of {user}. Log in as {user} with `jhp login`."
        ) from None


def _find_address(client: HubClient, user: str, name: str) -> str:
    """Return where a browser finds a server; empty once it is gone."""
    servers = client.get(f"users/{quote(user, safe='')}", keys=("servers",))["servers"]
    found = servers.get(name)
    if not found:
        return ""
    return str(found.get("full_url") or urljoin(client.url, str(found.get("url") or "")))


def _follow(client: HubClient, user: str, name: str, *, wait: bool) -> Mapping[str, Any]:
    """Return how the server is once it does not start any more; say each step on stderr."""
    told = ""
    while True:
        query = {"user": user, "server": name}
        answer = client.get("platform/why", query, keys=ANSWER_KEYS)
        if not wait or answer["state"] not in _STARTS:
            return answer
        if (sentence := str(answer["cause"]["sentence"])) != told:
            click.echo(printable(sentence), err=True)
            told = sentence
        time.sleep(_LOOK_SECONDS)
