"""The verb show: what an object says, and who said it."""

import click

from jupyterhub_platform.cli.hub.options import Hub, with_hub, with_json
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.differences import render_document
from jupyterhub_platform.cli.objects.examples import EXAMPLES
from jupyterhub_platform.cli.terminal import echo_json, printable
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.times import describe_instant, read_stored
from jupyterhub_platform.rest.managed import PolicyObject


def show_command(kind: Kind) -> click.Command:
    """Return the verb of a kind."""
    name = EXAMPLES[kind].name

    @click.command("show", short_help="Show what it says, and who said it.")
    @click.argument("name")
    @with_hub
    @with_json
    def show(name: str, hub: Hub, as_json: bool) -> None:
        with PlatformApi.of(hub) as api:
            found = api.read(kind, name).object
        if as_json:
            echo_json(found.to_json())
            return
        click.echo(f"{kind} {printable(found.name)}: {say_source(found)}")
        for line in render_document(found.document):
            click.echo(line)

    show.help = (
        f"Show what {'an' if kind is Kind.IMAGE else 'a'} {kind} says, and where that is said.\n\n"
        f"\b\n  jhp {kind} show {name}\n  jhp {kind} show {name} --json"
    )
    return show


def say_source(found: PolicyObject) -> str:
    """Say where an object comes from: a line of the file, or its last change in the Hub."""
    if found.source == "declared":
        return f"declared at {found.declared_at or 'the policy file'}"
    at = describe_instant(read_stored(found.at)) if found.at else "some time"
    return f"managed in the Hub, version {found.version}, by {printable(found.by or '')} {at}"
