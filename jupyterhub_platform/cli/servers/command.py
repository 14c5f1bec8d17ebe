"""``jhp ls`` and ``jhp stop``: which servers run, and the end of one."""

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.listing import amounts, until
from jupyterhub_platform.cli.terminal import echo_json, echo_table


def split_server(text: str) -> tuple[str, str]:
    """Return user and server of ``USER[/SERVER]``; the default server has no name."""
    user, _, server = text.partition("/")
    return user, server


@click.command("ls", short_help="List who runs what.")
@click.option("--search", default="", help="Only lines with these words.")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
def list_servers(search: str, hub: Hub, as_json: bool) -> None:
    """List who runs what: every server that holds something, and observed pods as pod/NAME.

    \b
      jhp ls
      jhp ls --search gpu --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    query = {"search": search} if search else {}
    with PlatformApi.of(hub) as api:
        lines = list(api.list_pages("listServers", **query))
    if as_json:
        echo_json(lines)
        return
    rows = [
        (
            f"{line['user']}/{line['server']}".rstrip("/"),
            line["tier"],
            line["account"],
            line["image"],
            amounts(line["demand"]),
            until(line["since"]),
            until(line["ends_at"]),
        )
        for line in lines
    ]
    titles = ("server", "tier", "account", "image", "holds", "since", "ends")
    echo_table(titles, rows, "No server runs." if not search else "No running server matches.")


@click.command(short_help="Stop a server.")
@click.argument("server", metavar="USER[/SERVER]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def stop(ctx: click.Context, server: str, yes: bool, hub: Hub, as_json: bool) -> None:
    """Stop a server. USER alone is the default server of USER.

    \b
      jhp stop dev1
      jhp stop dev1/train --yes

    Files stay; what was not saved is lost, and there is no undo. Its owner can start it again.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    user, name = split_server(server)
    what = f"{name} of {user}" if name else f"the default server of {user}"
    if not yes and not click.confirm(f"Stop {what}? What was not saved is lost.", err=True):
        ctx.exit(REFUSED)
    with PlatformApi.of(hub) as api:
        parts = (user, name) if name else (user,)
        answer = api.call("stopServer" if name else "stopDefaultServer", *parts)
    if as_json:
        echo_json(answer)
    else:
        click.echo(answer["message"])
