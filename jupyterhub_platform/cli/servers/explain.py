"""``jhp explain`` and ``jhp who-can``: what a user may, who may do something, and what says so."""

from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

import click

from jupyterhub_platform.cli.hub.client import HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.show import say_source
from jupyterhub_platform.cli.terminal import echo_json, echo_table, paint, printable
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.memberships import Membership
from jupyterhub_platform.core.times import describe_instant, read_stored
from jupyterhub_platform.rest.managed import PolicyObject
from jupyterhub_platform.usecases.reports.who_can import VERBS

_NOT_FOUND = 404
_MANAGED = "managed in the Hub"
LEFT: Final = "not a member: a server is still charged to it"


@click.command(short_help="Explain what a user may do, and what says so.")
@click.argument("name")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print the answers as JSON.")
def explain(name: str, hub: Hub, as_json: bool) -> None:
    """Explain what a user may do: level, groups, limits and tiers, each with what says so.

    \b
      jhp explain dev1
      jhp explain dev1 --json

    What says so is a line of the policy file, or an object that is managed in the Hub.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        report = api.call("readPerson", name)
        default = api.call("readUsage", query={"user": name})["default_account"]
        user = _find(api, Kind.USER, name)
        place = _say_where(user)
        # A user may name their groups; all other members are named by the group.
        named = (user.document.get("groups") or ()) if user else ()
        given = {each["group"]: Membership(**each) for each in report["memberships"]}
        left = {each["account"] for each in report["accounts"] if not each["member"]}
        groups = {
            group: LEFT
            if group in left
            else place
            if group in named
            else _say_membership(api, group, given.get(group))
            for group in report["groups"]
        }
    if as_json:
        more = {"said": place, "groups_said": groups, "default_account": default}
        echo_json({**report, **more})
        return
    if not report["not_let_in"]:
        click.echo(printable(_say_level(name, report, place)))
    click.echo(printable(report["sentence"]))
    _head("Groups")
    titles = ("group", "role", "said by")
    rows = [
        (group, _name_role(group, report["manages"], left), where)
        for group, where in groups.items()
    ]
    echo_table(titles, rows, "None.")
    if len(groups) > 1:
        click.echo(printable(_say_default(default)))
    _head("Limits")
    limits = ("in", "held of", "rule", "said at")
    echo_table(limits, list(_list_held(report)), "None.")
    _head("Tiers")
    tiers = ("tier", "in", "now", "why")
    echo_table(tiers, list(_list_offers(report)), "None.")


def _name_role(group: str, manages: Container[str], left: Container[str]) -> str:
    if group in left:
        return "none"
    return "manager" if group in manages else "member"


def _say_level(name: str, report: Mapping[str, Any], place: str) -> str:
    level = report["level"] or "a level that no policy gives"
    if granted := report["granted_level"]:
        until = describe_instant(read_stored(granted["until"]))
        level = (
            f"{level} until {until}, by {granted['path']}; then {granted['then']} again, as said by"
        )
        return f"{name} is {level} {_say_level_source(name, report, place)}"
    return f"{name} is {level}: {_say_level_source(name, report, place)}"


def _say_level_source(name: str, report: Mapping[str, Any], place: str) -> str:
    """Say what gives their own level: a rule for their claims, or what is said of them."""
    rule = report["level_path"]
    if rule.startswith("identity."):
        return f"{rule}, {report['declared_at']}"
    return f"users.{name}, {place}"


def _say_default(default: Mapping[str, str]) -> str:
    if not default["name"]:
        return "A start has to name the account: nothing says which one is the default."
    return f"Starts that name no account are charged to {default['name']}: {default['rule']}."


def _head(title: str) -> None:
    click.echo(f"\n{paint(title, bold=True)}")


def _find(api: PlatformApi, kind: Kind, name: str) -> PolicyObject | None:
    try:
        return api.read(kind, name).object
    except HubRefusedError as error:
        if error.status == _NOT_FOUND:
            return None
        raise


def _say_where(found: PolicyObject | None) -> str:
    return say_source(found) if found else "which no policy names"


def _say_membership(api: PlatformApi, group: str, given: Membership | None) -> str:
    """Say what gives a membership: the group's own object, or what else the Hub knows."""
    if given is not None and (given.is_provided or not given.path):
        return given.say()
    return _say_where(_find(api, Kind.GROUP, group))


def _list_held(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    within = [("every account", each) for each in report["limits"]]
    for account in report["accounts"]:
        within += [(account["account"], each) for each in account["limits"]]
    for place, limit in within:
        whose = "each" if limit["scope"].get("user") else "all"
        granted = ", some of it granted" if limit["granted"] else ""
        yield (
            f"{place} ({whose})",
            f"{limit['figures']}{granted}",
            limit["path"],
            limit["declared_at"] or _MANAGED,
        )


def _list_offers(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for account in report["accounts"]:
        for offer in account["offers"]:
            now = "fits" if offer["fits"] else "no" if offer["granted"] else "not granted"
            if offer["until"]:
                now += f", granted until {describe_instant(read_stored(offer['until']))}"
            yield offer["tier"], account["account"], now, offer["sentence"]


@click.command("who-can", short_help="List who may start a tier, or manage a group.")
@click.argument("verb", type=click.Choice(VERBS))
@click.argument("name")
@click.option("--search", default="", help="Only lines with these words.")
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
def who_can(verb: str, name: str, search: str, hub: Hub, as_json: bool) -> None:
    """List who may start a tier, manage a group, or charge servers to it; and what says so.

    \b
      jhp who-can start small
      jhp who-can manage vision --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    query = {"search": search} if search else {}
    with PlatformApi.of(hub) as api:
        lines = list(api.list_pages("listWhoCan", "people", verb, name, **query))
    if as_json:
        echo_json(lines)
        return
    rows = [
        (
            line["name"],
            line["level"],
            line["account"],
            line["rule"],
            line["declared_at"] or _MANAGED,
        )
        for line in lines
    ]
    titles = ("name", "level", "account", "rule", "said at")
    echo_table(titles, rows, f"No user may {verb} {printable(name)}.")
