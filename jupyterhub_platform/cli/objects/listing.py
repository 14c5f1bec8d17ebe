"""The command ``ls`` of each kind of object, which lists what the service reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.terminal import echo_json, echo_table
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.times import describe_instant, read_stored

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: its REST call, the key of its lines, and the columns shown."""

    call: str
    key: str
    columns: Mapping[str, Callable[[Line], str]]
    is_paged: bool = True


def amounts(line: Line) -> str:
    """Say amounts of resources: ``1 server, 4 CPU``."""
    return ", ".join(describe_amount(name, amount) for name, amount in line.items() if amount)


def until(text: str | None) -> str:
    """Say when something ends; empty if it does not."""
    return describe_instant(read_stored(text)) if text else ""


def _words(line: Line, key: str) -> str:
    return " ".join(map(str, line[key]))


def _where(line: Line) -> str:
    """Say where an object comes from: the line of the file, or the Hub."""
    origin = line.get("origin") or line
    return str(origin.get("declared_at") or "managed")


def _state(line: Line) -> str:
    return "suspended" if line.get("suspension") else "active"


LISTINGS: Final[Mapping[Kind, Listing]] = {
    Kind.USER: Listing(
        "listPeople",
        "people",
        {
            "name": lambda line: line["name"],
            "level": lambda line: line["level"],
            "groups": lambda line: _words(line, "groups"),
            "servers": lambda line: str(line["servers"]),
            "holds": lambda line: amounts(line["holds"]),
            "state": _state,
            "from": _where,
        },
    ),
    Kind.GROUP: Listing(
        "listGroups",
        "groups",
        {
            "name": lambda line: line["name"],
            "members": lambda line: str(line["members"]),
            "managers": lambda line: _words(line, "managers"),
            "servers": lambda line: str(line["servers"]),
            "from": _where,
        },
    ),
    Kind.TIER: Listing(
        "listTiers",
        "tiers",
        {
            "name": lambda line: line["name"],
            "requests": lambda line: amounts(line["requests"]),
            "images": lambda line: " ".join(each["name"] for each in line["images"]),
            "may start": lambda line: line["may"],
            "running": lambda line: str(line["running"]),
            "from": _where,
        },
        is_paged=False,
    ),
    Kind.IMAGE: Listing(
        "listTiers",
        "images",
        {
            "name": lambda line: line["name"],
            "reference": lambda line: line["reference"],
            "tiers": lambda line: _words(line, "tiers"),
            "running": lambda line: str(line["running"]),
            "from": _where,
        },
        is_paged=False,
    ),
    Kind.GRANT: Listing(
        "listGrants",
        "grants",
        {
            "name": lambda line: line["name"],
            "state": lambda line: line["state"],
            "for": lambda line: line["user"] or line["group"],
            "account": lambda line: line["account"],
            "gives": lambda line: " ".join(filter(None, (amounts(line["add"]), line["tier"]))),
            "until": lambda line: until(line["until"]),
            "by": lambda line: line["by"],
            "from": _where,
        },
    ),
}


def read_lines(api: PlatformApi, listing: Listing, search: str) -> list[Line]:
    """Return all lines of a list that a search finds."""
    if listing.is_paged:
        query = {"search": search} if search else {}
        return list(api.list_pages(listing.call, listing.key, **query))
    words = search.casefold().split()
    lines = api.call(listing.call)[listing.key]
    return [line for line in lines if all(word in str(line).casefold() for word in words)]


def list_command(kind: Kind) -> click.Command:
    """Return ``jhp NOUN ls``."""
    listing = LISTINGS[kind]

    @click.command("ls", short_help=f"List the {kind.section}.")
    @click.option("--search", default="", help="Only lines with these words.")
    @with_hub
    @click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
    def list_(search: str, hub: Hub, as_json: bool) -> None:
        with PlatformApi.of(hub) as api:
            lines = read_lines(api, listing, search)
        if as_json:
            echo_json(lines)
            return
        cells = [[show(line) for show in listing.columns.values()] for line in lines]
        echo_table(list(listing.columns), cells, f"There are no {kind.section} to list.")

    list_.help = (
        f"List the {kind.section}, and where each is said: a line of the file, or the Hub.\n\n"
        f"\b\n  jhp {kind} ls\n  jhp {kind} ls --search vision --json"
    )
    return list_
