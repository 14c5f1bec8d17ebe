"""``jhp undeclared``: users whom JupyterHub knows, and no policy."""

import click

from jupyterhub_platform.cli.hub.options import Hub, with_hub, with_json
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.terminal import echo_json, echo_table, printable
from jupyterhub_platform.cli.verb_names import VerbGroup


@click.group(cls=VerbGroup, short_help="Users whom no policy knows: list and remove them.")
def undeclared() -> None:
    """List and remove users whom JupyterHub knows, and no policy.

    \b
      jhp undeclared ls
      jhp undeclared rm kim --yes
    """  # noqa: D301 click reads a backspace as: leave the lines as they are


@undeclared.command("ls", short_help="List them.")
@with_hub
@with_json
def list_undeclared(hub: Hub, as_json: bool) -> None:
    """List users whom JupyterHub knows, and no policy; they can neither log in nor start anything.

    \b
      jhp undeclared ls
      jhp undeclared ls --json

    jhp user add puts one into the policy.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        lines = list(api.list_pages("listUndeclared"))
    if as_json:
        echo_json(lines)
        return
    rows = [
        (each["name"], (each["last_activity"] or "never")[:10], str(each["servers"]))
        for each in lines
    ]
    titles = ("name", "last seen", "servers")
    echo_table(titles, rows, "The policy knows every user of JupyterHub.")


@undeclared.command("rm", short_help="Remove one from JupyterHub.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_hub
@with_json
def remove_undeclared(name: str, yes: bool, hub: Hub, as_json: bool) -> None:
    """Remove a user whom no policy knows from JupyterHub; their files stay.

    \b
      jhp undeclared rm kim
      jhp undeclared rm kim --yes --json

    It cannot be undone: tokens, shares and stopped servers are gone.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    if not yes:
        question = f"Remove {name} from JupyterHub, with tokens, shares and servers?"
        click.confirm(printable(question), abort=True, err=True)
    with PlatformApi.of(hub) as api:
        answer = api.call("removeUndeclared", name)
    if as_json:
        echo_json(answer)
    else:
        click.echo(printable(f"Removed {answer['name']} from JupyterHub. Their files stay."))
