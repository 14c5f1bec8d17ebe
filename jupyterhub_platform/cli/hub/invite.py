"""``jhp invite``: a link with which a user sets their own password."""

from pathlib import Path
from urllib.parse import quote

import click

from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.cli.hub.options import hub_options
from jupyterhub_platform.cli.terminal import echo_json
from jupyterhub_platform.core.times import describe_instant, read_stored


@click.command()
@click.argument("name")
@click.option("--hours", type=click.IntRange(1, 720), help="For how many hours it can be used.")
@hub_options
def invite(name: str, hours: int | None, url: str | None, state: Path, as_json: bool) -> None:
    """Invite NAME, who is declared in the policy, to set a password.

    \b
      jhp invite dev1
      JUPYTERHUB_API_TOKEN=… jhp invite dev1 --url https://hub.example.org --hours 24

    The link is shown once and works once. An earlier invite stops working. An existing password
    keeps working until the new one is set.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    body = {} if hours is None else {"expires_in_hours": hours}
    with HubClient.find(url, state) as hub:
        answer = hub.post(
            f"platform/users/{quote(name, safe='')}/invite", body, keys=("url", "expires_at")
        )
    if as_json:
        echo_json(answer)
        return
    click.echo(answer["url"])
    click.echo(
        f"Give this link to {name} alone. It works once, until "
        f"{describe_instant(read_stored(answer['expires_at']))}. "
        f"To revoke it, invite {name} again.",
        err=True,
    )
