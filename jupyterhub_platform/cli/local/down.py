"""``jhp down``: ends what a platform leaves running: users' servers, and its port holder."""

import asyncio
from pathlib import Path
from typing import Final

import click

from jupyterhub_platform.cli.local.background import runs_in_background, stop_background
from jupyterhub_platform.cli.local.leftovers import end_leftovers
from jupyterhub_platform.cli.local.port_holder import let_go
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.http.sockets import locate_sockets
from jupyterhub_platform.hub.local.os_users import read_uids
from jupyterhub_platform.hub.local.termination import end_all
from jupyterhub_platform.instance_id import read_instance
from jupyterhub_platform.settings import STATE_DIRECTORY

_QUESTION: Final = "End every server of this platform, with what runs in it?"


@click.command()
@click.option(
    "--state",
    "state_path",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(STATE_DIRECTORY),
    show_default=True,
    help="The state directory of the platform.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(state_path: Path, yes: bool) -> None:
    """End every server that people left running, when the platform itself is stopped.

    A platform that `jhp apply` started in the background is stopped first. As root, its port
    becomes free as well, and users log in again after the next start.

    \b
      jhp down
      jhp down --state /srv/platform --yes

    Files stay; what was not saved is lost, and there is no undo. The next `jhp up` starts with no
    server running.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    state = State(state_path)
    is_sure = yes
    if runs_in_background(state):
        is_sure = is_sure or click.confirm(f"Stop the platform. {_QUESTION}", abort=True)
        stop_background(state)
        click.echo("Stopped the platform that ran in the background.", err=True)
    state.open()
    try:
        for name in end_leftovers(state.directory):
            click.echo(f"Ended what an earlier run left behind: {name}.", err=True)
        if not is_sure:
            click.confirm(_QUESTION, abort=True)
        instance = read_instance(state.directory)
        count = asyncio.run(end_all(instance, read_uids(state.directory)))
        locate_sockets(state.directory, instance).clear()
        held = sorted({each.port for each in let_go(instance)})
        if held:
            # Another user may listen there now, and open pages go on sending their cookies.
            state.end_sessions()
    finally:
        state.close()
    click.echo(f"Ended {count} server{'' if count == 1 else 's'}.", err=True)
    for port in held:
        click.echo(
            f"Released port {port}. Users log in again after the next start: pages that are still "
            "open send their cookies to whatever listens there.",
            err=True,
        )
