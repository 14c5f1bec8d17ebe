"""``jhp drift``: what runs differs from what was applied."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from jupyterhub_platform.cli.deploy.applied import Applied, list_applied
from jupyterhub_platform.cli.deploy.target import Target, open_target
from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.terminal import count, echo_json, paint, printable
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.times import describe_instant, read_stored


@dataclass(frozen=True, slots=True)
class Drifted:
    """One difference that was not applied, with the lines that show it."""

    code: str
    sentence: str
    lines: tuple[str, ...] = ()


@click.command(short_help="Show what runs otherwise than it was applied.")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def drift(ctx: click.Context, hub: Hub, as_json: bool) -> None:
    """Show what differs from what was applied: files changed by hand, a Hub that does not run.

    \b
      jhp drift
      jhp drift --json

    Objects that are managed in the Hub are listed, and are no drift. The exit code is 0 without
    drift, 1 with.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with open_target(hub) as target:
        applied = next(iter(list_applied(target.state)), None)
        if applied is None:
            raise PlatformError(
                f"Nothing was applied to {target.state.directory} from here, so nothing can "
                "differ. Begin with `jhp plan`."
            )
        found = tuple(find_drift(target, applied))
        managed = _count_managed(target.api) if target.api else {}
    if as_json:
        drifts = [{"code": e.code, "sentence": e.sentence, "lines": e.lines} for e in found]
        echo_json({"drift": drifts, "managed": managed, "applied": applied.digest})
    else:
        _echo(found, managed, applied)
    ctx.exit(REFUSED if found else 0)


def find_drift(target: Target, applied: Applied) -> Iterator[Drifted]:
    """Yield what differs from what was applied."""
    if target.api is None:
        yield Drifted("hub", f"The Hub does not run. {target.silence}")
        return
    policy = target.api.call("readHealth")["policy"]
    if policy["digest"] != applied.digest:
        later = target.api.call("comparePolicies", str(applied.revision), str(policy["revision"]))
        lines = [*_list_objects(later), *(later["lines"] or ())]
        who = _say_who(target.api, applied.revision)
        yield Drifted("policy", f"Another policy is in force than was applied{who}.", tuple(lines))
    if policy["faults"]:
        sentence = f"{policy['file']} has faults, so that it is not in force."
        yield Drifted("file", sentence, tuple(policy["faults"]))
    elif policy["file_digest"] not in {policy["digest"], applied.digest}:
        yield Drifted("file", f"{policy['file']} was changed, and is not in force yet.")


def _list_objects(difference: dict[str, Any]) -> Iterator[str]:
    for each in difference["objects"]:
        yield f"{each['change']} {each['kind']} {each['name']}".rstrip()
        for line in each["differences"]:
            if line["before"]:
                yield f"- {line['path']}: {line['before']}"
            if line["after"]:
                yield f"+ {line['path']}: {line['after']}"


def _say_who(api: PlatformApi, since: int) -> str:
    """Say who put the newest file into force, if that is known."""
    for line in api.list_pages("listRevisions", "revisions"):
        if line["number"] <= since:
            break
        if line["kind"] == "file":
            at = describe_instant(read_stored(line["at"]))
            return f": revision {line['number']}, by {line['by']}, {at}"
    return ""


def _count_managed(api: PlatformApi) -> dict[str, int]:
    """Return how many objects of each kind are managed in the Hub."""
    managed: dict[str, int] = api.call("readHealth")["policy"]["managed"]
    return managed


def _echo(found: tuple[Drifted, ...], managed: dict[str, int], applied: Applied) -> None:
    for each in found:
        click.echo(paint(printable(each.sentence), fg="red"))
        for line in each.lines:
            click.echo(printable(f"  {line}"))
    if not found:
        at = describe_instant(read_stored(applied.at))
        click.echo(f"No drift: revision {applied.revision}, applied {at}, is what runs.")
    if any(managed.values()):
        named = ", ".join(count(number, kind) for kind, number in managed.items() if number)
        click.echo(f"Managed in the Hub beside the file: {named}.")
