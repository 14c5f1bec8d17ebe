"""``jhp policy``: the revisions of what is in force, their differences, and the way back."""

from typing import Any

import click

from jupyterhub_platform.cli.hub.options import Hub, with_hub, with_json
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.changes import change_options, echo_undo
from jupyterhub_platform.cli.objects.differences import render_differences
from jupyterhub_platform.cli.terminal import count, echo_json, echo_table, paint, printable
from jupyterhub_platform.cli.verb_names import VerbGroup
from jupyterhub_platform.core.times import describe_instant, read_stored

_FILE = "file"


@click.group(cls=VerbGroup, short_help="Revisions of the policy, and the way back to one.")
def policy() -> None:
    """Revisions of the policy: of its file, and of what is managed in the Hub.

    \b
      jhp policy revisions
      jhp policy rollback 12 --reason "too early"
    """  # noqa: D301 click reads a backspace as: leave the lines as they are


@policy.command(short_help="List revisions, newest first.")
@click.option("--search", default="", help="Only lines with these words.")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
def revisions(search: str, hub: Hub, as_json: bool) -> None:
    """List revisions, newest first: who changed what, when and why.

    \b
      jhp policy revisions
      jhp policy revisions --search kim --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    query = {"search": search} if search else {}
    with PlatformApi.of(hub) as api:
        lines = list(api.list_pages("listRevisions", "revisions", **query))
    if as_json:
        echo_json(lines)
        return
    rows = [
        (
            str(line["number"]),
            describe_instant(read_stored(line["at"])),
            line["by"],
            line["change"],
            line["kind"],
            line["name"],
            line["reason"],
        )
        for line in lines
    ]
    titles = ("number", "at", "by", "change", "kind", "name", "reason")
    echo_table(titles, rows, "No revision has these words.")


@policy.command(short_help="Show what changed from one revision to another.")
@click.argument("first", type=click.IntRange(0), metavar="A")
@click.argument("last", type=click.IntRange(0), metavar="B")
@click.option("--steps", is_flag=True, help="Show each revision between them.")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
def diff(first: int, last: int, steps: bool, hub: Hub, as_json: bool) -> None:
    """Show what differs from revision A to revision B, object by object.

    \b
      jhp policy diff 11 12
      jhp policy diff 0 3 --steps

    Revision 0 is before the first one. B may be the earlier one: then it shows the way back.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    if steps and first >= last:
        raise click.UsageError("The earlier revision comes first: jhp policy diff 11 12 --steps.")
    with PlatformApi.of(hub) as api:
        if steps:
            changes = [api.call("readRevision", str(n)) for n in range(first + 1, last + 1)]
        else:
            found = api.call("comparePolicies", str(first), str(last))
    if as_json:
        echo_json(changes if steps else found)
        return
    if steps:
        for change in changes:
            _echo_revision(change)
        return
    _echo_difference(found)
    if found["later"]:
        earlier = min(first, last)
        echo_undo(f"jhp policy rollback {earlier}{hub.options} --reason …")


def _echo_difference(found: dict[str, Any]) -> None:
    click.echo(paint(printable(found["sentence"]), bold=True))
    for each in found["objects"]:
        click.echo(printable(f"{each['change']} {each['kind']} {each['name']}".rstrip()))
        for line in each["differences"]:
            if line["before"]:
                click.echo(paint(printable(f"  - {line['path']}: {line['before']}"), fg="red"))
            if line["after"]:
                click.echo(paint(printable(f"  + {line['path']}: {line['after']}"), fg="green"))
    if found["total"] > len(found["objects"]):
        click.echo(f"and {found['total'] - len(found['objects']):,} more objects")
    for text in found["lines"] or ():
        click.echo(f"  {printable(text)}")
    if found["lines"] is None:
        click.echo("  the difference of the file is too long to show")


def _echo_revision(change: dict[str, Any]) -> None:
    line = change["revision"]
    at = describe_instant(read_stored(line["at"]))
    heading = (
        f"{line['number']}  {at}  {line['by']} {line['change']} the {line['kind']} {line['name']}"
    )
    why = f": {line['reason']}" if line["reason"] else ""
    click.echo(paint(printable(heading + why), bold=True))
    if line["kind"] != _FILE:
        for each in render_differences(change["before"], change["after"]):
            click.echo(each)
    elif change["lines"] is None:
        click.echo("  the difference is too long to show")
    else:
        for each in change["lines"]:
            click.echo(f"  {printable(each)}")


@policy.command("rollback", short_help="Undo what changed after a revision.")
@click.argument("number", type=click.IntRange(0), metavar="N")
@change_options
def roll_back(number: int, reason: str, dry_run: bool, hub: Hub, as_json: bool) -> None:
    """Undo every change of a managed object after revision N; the file is left alone.

    \b
      jhp policy rollback 12 --reason "too early" --dry-run
      jhp policy rollback 12 --reason "too early"

    Each undone change is a revision of its own, so that this can be taken back, too. What the file
    says is taken back by `jhp rollback`, which applies an earlier commit.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        done = api.roll_back(number, reason, dry_run=dry_run)
    if as_json:
        echo_json(done.to_json())
        return
    changes = count(done.undone, "change")
    if dry_run:
        click.echo(f"{changes} would be undone. Nothing was changed.")
        return
    click.echo(f"Undid {changes}: revision {done.revision}.")
    if done.undone:
        echo_undo(f"jhp policy rollback {done.revision - done.undone}{hub.options} --reason …")


@policy.command("reload", short_help="Put the current policy file into force.")
@with_hub
@with_json
def reload_(hub: Hub, as_json: bool) -> None:
    """Put the current policy file into force now, or say every fault of it.

    \b
      jhp policy reload
      jhp policy reload --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        done = api.call("reload", body={})
    if as_json:
        echo_json(done)
        return
    outcome = "is in force now" if done["changed"] else "was in force already"
    click.echo(f"Revision {done['revision']} {outcome}.")
