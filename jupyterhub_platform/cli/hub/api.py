"""``jhp api``: any call of the REST API by its name, for scripts and for what has no verb."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.platform_client import CALLS, PlatformApi
from jupyterhub_platform.cli.terminal import echo_json, echo_table


@click.command(short_help="Make any call of the REST API, by its name.")
@click.argument("name", required=False, type=click.Choice(sorted(CALLS)), metavar="[CALL]")
@click.argument("parts", nargs=-1, metavar="[PART]...")
@click.option("--query", multiple=True, metavar="NAME=VALUE", help="An argument of the query.")
@click.option("--header", multiple=True, metavar="NAME=VALUE", help="A header, such as If-Match.")
@click.option(
    "--body",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    help="A file with the body as JSON; - for stdin.",
)
@with_hub
def api(
    name: str | None,
    parts: tuple[str, ...],
    query: tuple[str, ...],
    header: tuple[str, ...],
    body: Path | None,
    hub: Hub,
) -> None:
    """Make any call of the REST API by its name, and print the answer as JSON.

    \b
      jhp api
      jhp api readUser dev1

    Without a name it lists the calls; docs/reference/rest.md says what each takes. PARTs are the
    names in its path, in order.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    if name is None:
        rows = [(each.id, each.route, each.summary) for each in CALLS.values()]
        echo_table(("call", "route", "what it does"), rows, "")
        return
    call = CALLS[name]
    if len(parts) != len(call.path_names):
        names = " ".join(each.upper() for each in call.path_names) or "no names"
        raise click.UsageError(f"{name} takes {names}: {call.route}")
    with PlatformApi.of(hub) as client:
        answer = client.call(
            name, *parts, query=_pairs(query), headers=_pairs(header), body=_read(body)
        )
    echo_json(answer)


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.UsageError(f"{each!r} is not NAME=VALUE; write for example limit=50.")
        pairs[name] = value
    return pairs


def _read(path: Path | None) -> Any:
    if path is None:
        return None
    text = sys.stdin.read() if str(path) == "-" else path.read_text()
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"The body is not JSON: {error}.") from None
