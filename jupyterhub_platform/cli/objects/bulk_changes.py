"""``jhp bulk``: the same change of many people, which the Hub makes in the background."""

import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.client import HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub, with_hub, with_json
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.hub.until import read_end
from jupyterhub_platform.cli.objects.changes import change_options, echo_undo
from jupyterhub_platform.cli.objects.fields import read_amounts
from jupyterhub_platform.cli.terminal import count, echo_json, echo_table, printable
from jupyterhub_platform.cli.verb_names import VerbGroup
from jupyterhub_platform.core.bulk_changes import Act, BulkState
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.times import describe_instant, read_stored
from jupyterhub_platform.rest.bulk_changes import ACTS, Bulk, BulkPreview

_POLL_SECONDS: Final = 0.5
_SHOWN: Final = 20
_WAIT = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Follow it until it ends."
)


@click.group(cls=VerbGroup, short_help="Change many people at once.")
def bulk() -> None:
    """Change many people at once: the Hub does it in the background, and can be stopped.

    \b
      jhp bulk run add-to-group --search level:user --group course --reason "term" --dry-run
      jhp bulk show 4f2a --refused
    """  # noqa: D301 click reads a backspace as: leave the lines as they are


@bulk.command("run", short_help="Do something to many people.")
@click.argument("act", type=click.Choice(tuple(map(str, ACTS))))
@click.argument("names", nargs=-1)
@click.option("--search", help="All people whom this search finds: level:user group:vision.")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    help="A file with a name a line; - for stdin.",
)
@click.option("--group", help="Which group they join or leave.")
@click.option("--level", type=click.Choice(tuple(map(str, Level))), help="Which level they get.")
@click.option("--account", help="The group in which a grant counts.")
@click.option("--tier", help="The tier that a grant opens.")
@click.option("--add", multiple=True, metavar="RESOURCE=AMOUNT", help="What a grant adds.")
@click.option("--for", "during", help="How long a grant or a suspension lasts: 8h, 2d.")
@click.option("--by", help="Who decided on a grant, if it is not you.")
@_WAIT
@change_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    act: str,
    names: tuple[str, ...],
    search: str | None,
    file: Path | None,
    wait: bool,
    reason: str,
    dry_run: bool,
    hub: Hub,
    as_json: bool,
    **given: Any,
) -> None:
    """Apply one change to many people; each is checked like a single change.

    \b
      jhp bulk run set-level kim lee --level developer --reason "trained"
      jhp bulk run grant --search group:vision --account vision --tier gpu --for 2d --reason "course"

    Names stand as arguments, in a file, or are found by a search. For end-grant they are the names
    of grants. Ctrl-C leaves it running in the Hub: `jhp bulk stop` stops it.
    """  # noqa: D301, E501 click reads a backspace as: leave the lines as they are
    if sum(map(bool, (names, search is not None, file))) != 1:
        raise click.UsageError("Name people, or give --search or --from; one of the three.")
    with PlatformApi.of(hub) as api:
        chosen = list(names) or _find_names(api, act, search, file)
        if not chosen:
            raise click.UsageError("No one matches; nothing was changed.")
        body = {
            "act": act,
            "names": chosen,
            "reason": reason,
            **_read_arguments(act, given, reason),
        }
        if dry_run:
            _echo_preview(api.try_bulk(body), as_json=as_json)
            return
        begun = api.start_bulk(body, uuid4().hex)
        _end(ctx, api, follow(api, begun) if wait else begun, hub, as_json=as_json)


def _find_names(api: PlatformApi, act: str, search: str | None, file: Path | None) -> list[str]:
    if search is not None:
        call, key = ("listGrants", "grants") if act == Act.END_GRANT else ("listPeople", "people")
        query = {"search": search} if search else {}
        return [str(each["name"]) for each in api.list_pages(call, key, **query)]
    text = sys.stdin.read() if str(file) == "-" else Path(str(file)).read_text("utf-8-sig")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read_arguments(act: str, given: dict[str, Any], reason: str) -> dict[str, Any]:
    """Return the arguments that the act needs, from the options."""
    end = read_end(given["during"], datetime.now(UTC), "--for")
    if act == Act.GRANT:
        if end is None or not given["account"]:
            raise click.UsageError("A grant needs --account and --for.")
        document = {"account": given["account"], "until": end, "reason": reason}
        document |= {key: given[key] for key in ("tier", "by") if given[key]}
        return {
            "document": document
            | ({"add": read_amounts("--add", given["add"])} if given["add"] else {})
        }
    needed = {Act.ADD: "group", Act.REMOVE: "group", Act.LEVEL: "level"}.get(Act(act))
    if needed and not given[needed]:
        raise click.UsageError(f"{act} needs --{needed}.")
    return ({needed: given[needed]} if needed else {}) | (
        {"until": end} if end is not None and act == Act.SUSPEND else {}
    )


@bulk.command("ls", short_help="List bulk changes, newest first.")
@with_hub
@with_json
def list_bulk(hub: Hub, as_json: bool) -> None:
    """List bulk changes, newest first, and how far each is.

    \b
      jhp bulk ls
      jhp bulk ls --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        lines = list(api.list_pages("listBulk"))
    if as_json:
        echo_json(lines)
        return
    rows = [
        (
            *(each["id"], each["what"], each["state"]),
            *(f"{each[key]:,}" for key in ("total", "done", "refused", "left")),
            *(each["by"], describe_instant(read_stored(each["at"])), each["reason"]),
        )
        for each in lines
    ]
    titles = ("id", "what", "state", "total", "done", "refused", "left", "by", "at", "reason")
    echo_table(titles, rows, "There were no bulk changes yet.")


@bulk.command("show", short_help="Show one, and what became of each name.")
@click.argument("id_", metavar="ID")
@click.option("--refused", is_flag=True, help="Only names that were refused.")
@with_hub
@with_json
def show(id_: str, refused: bool, hub: Hub, as_json: bool) -> None:
    """Show one bulk change, and what became of each name.

    \b
      jhp bulk show 4f2a
      jhp bulk show 4f2a --refused --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    query = {"result": "refused"} if refused else {}
    with PlatformApi.of(hub) as api:
        found = api.read_bulk(id_)
        lines = list(api.list_pages("readBulkReport", "", id_, **query))
    if as_json:
        echo_json({"bulk": found.to_json(), "items": lines})
        return
    click.echo(printable(say_progress(found)))
    rows = [(each["name"], each["result"] or "waits", each["reason"]) for each in lines]
    echo_table(("name", "result", "why"), rows, "No name is to be listed.")


@bulk.command("stop", short_help="Stop one; what it did stays.")
@click.argument("id_", metavar="ID")
@with_hub
@with_json
def stop(id_: str, hub: Hub, as_json: bool) -> None:
    """Stop a bulk change. What it did stays, and it can be resumed or undone.

    \b
      jhp bulk stop 4f2a
      jhp bulk stop 4f2a --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        found = api.stop_bulk(id_)
    if as_json:
        echo_json(found.to_json())
        return
    click.echo(printable(say_progress(found)))
    echo_undo(f"jhp bulk resume {found.id}{hub.options}")


@bulk.command("resume", short_help="Have a stopped one go on.")
@click.argument("id_", metavar="ID")
@_WAIT
@with_hub
@with_json
@click.pass_context
def resume(ctx: click.Context, id_: str, wait: bool, hub: Hub, as_json: bool) -> None:
    """Resume a stopped bulk change exactly where it stopped.

    \b
      jhp bulk resume 4f2a
      jhp bulk resume 4f2a --no-wait
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        found = api.resume_bulk(id_)
        _end(ctx, api, follow(api, found) if wait else found, hub, as_json=as_json)


@bulk.command("undo", short_help="Undo the revisions that one made.")
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="Why, for readers of the audit.")
@_WAIT
@with_hub
@with_json
@click.pass_context
def undo(ctx: click.Context, id_: str, reason: str, wait: bool, hub: Hub, as_json: bool) -> None:
    """Undo the revisions that a bulk change made, the newest first.

    \b
      jhp bulk undo 4f2a --reason "wrong course"
      jhp bulk undo 4f2a --reason "wrong course" --no-wait

    What was changed again since then is left as it is.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        found = api.undo_bulk(id_, reason, uuid4().hex)
        _end(ctx, api, follow(api, found) if wait else found, hub, as_json=as_json)


def follow(api: PlatformApi, begun: Bulk) -> Bulk:
    """Show how far a bulk change is until it ends; it goes on without this."""
    found = begun
    with click.progressbar(length=begun.total, label=begun.act, file=sys.stderr) as bar:
        bar.update(begun.total - begun.left)
        while found.state is BulkState.RUNNING:
            time.sleep(_POLL_SECONDS)
            before, found = found, _read(api, found)
            bar.update(before.left - found.left)
    return found


def _read(api: PlatformApi, found: Bulk) -> Bulk:
    try:
        return api.read_bulk(found.id)
    except HubRefusedError as error:
        if error.status != 503:
            raise
        return found  # the store is away for a moment, and the job waits for it, too


def _end(ctx: click.Context, api: PlatformApi, found: Bulk, hub: Hub, *, as_json: bool) -> None:
    if as_json:
        echo_json(found.to_json())
    else:
        click.echo(printable(say_progress(found)))
        if found.refused:
            part = api.call("readBulkReport", found.id, query={"result": "refused"})
            for each in part["items"][:_SHOWN]:
                click.echo(printable(f"  ! {each['name']}: {each['reason']}"))
            if found.refused > _SHOWN:
                click.echo(f"  and more: jhp bulk show {found.id} --refused{hub.options}")
    if found.revisions:
        echo_undo(f"jhp bulk undo {found.id}{hub.options} --reason …")
    if found.state in {BulkState.STOPPED, BulkState.FAILED} or found.refused:
        ctx.exit(REFUSED)


def say_progress(found: Bulk) -> str:
    """Say how far a bulk change is: ``4f2a is done: 12 done, 1 refused of 13``."""
    parts = [f"{found.done:,} done"]
    parts += [f"{found.same:,} were so already"] if found.same else []
    parts += [f"{found.refused:,} refused"] if found.refused else []
    parts += [f"{found.left:,} left"] if found.left else []
    why = f" {found.why}" if found.why else ""
    return f"{found.id} is {found.state}: {', '.join(parts)} of {found.total:,}.{why}"


def _echo_preview(found: BulkPreview, *, as_json: bool) -> None:
    if as_json:
        echo_json(found.to_json())
        return
    for name in found.touched:
        click.echo(printable(f"  + {name}"))
    if found.done > len(found.touched):
        click.echo(f"  + and {found.done - len(found.touched):,} more")
    for each in found.refusals:
        click.echo(printable(f"  ! {each.name}: {each.reason}"))
    _echo_reach("could start", ((each.tier, each.count) for each in found.effects.gains))
    _echo_reach("could no longer start", ((e.tier, e.count) for e in found.effects.losses))
    if found.effects.over_count:
        click.echo(f"  {count(found.effects.over_count, 'limit')} would be exceeded.")
    same = f", {found.same:,} so already" if found.same else ""
    checked = "" if found.checked == found.total else f" The first {found.checked:,} were checked."
    click.echo(
        f"{found.done:,} of {found.total:,} would be changed{same}, {found.refused:,} refused."
        f"{checked} Nothing was changed."
    )


def _echo_reach(what: str, reached: Iterable[tuple[str, int]]) -> None:
    for tier, number in reached:
        people = "1 person" if number == 1 else f"{number:,} people"
        click.echo(printable(f"  {people} {what} {tier}."))
