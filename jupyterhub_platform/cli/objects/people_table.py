"""``jhp user add --from FILE``: adds many people from a CSV file.

They are one bulk change of the Hub, which checks all rows first, and adds all of them or nobody.
Rows that are in place already are passed over.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.client import HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.bulk_changes import follow, say_progress
from jupyterhub_platform.cli.objects.changes import echo_undo
from jupyterhub_platform.cli.terminal import count, echo_json, printable
from jupyterhub_platform.core.bulk_changes import Act, BulkState
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.people_table import (
    PeopleTable,
    TableError,
    TableFault,
    TableRow,
    parse_table,
)
from jupyterhub_platform.rest.bulk_changes import Bulk, BulkOutcome, BulkPreview


def read_table(path: Path) -> PeopleTable:
    """Return the people of a CSV file, and what is wrong with it.

    Raises
    ------
    click.UsageError
        Raised if it is not a table of people.
    """
    try:
        return parse_table(path.read_bytes())
    except TableError as error:
        place = f":{error.line}" if error.line else ""
        raise click.UsageError(f"{path}{place} {error}") from None


def _render(path: Path, faults: Iterable[TableFault]) -> list[str]:
    return [
        f"{path}:{each.line} {each.sentence}{f' ({each.place})' if each.place else ''}"
        for each in faults
    ]


def add_from_csv(path: Path, reason: str, hub: Hub, *, dry_run: bool, as_json: bool) -> None:
    """Add the people of a file as one bulk change: all of them, or nobody if one has a fault."""
    table = read_table(path)
    rows, faults = table.rows, _render(path, table.faults)
    by_name = {row.name: row for row in rows}
    body = {"act": str(Act.ADD_PEOPLE), "people": [r.to_json() for r in rows], "reason": reason}
    with PlatformApi.of(hub) as api:
        tried: BulkPreview | None = None
        begun: Bulk | None = None
        try:
            if rows and (faults or dry_run):
                tried = api.try_bulk(body)
                faults += _list_faults(path, table, tried.refusals, tried.refused)
            elif rows:
                begun = api.start_bulk(body, uuid4().hex)
        except HubRefusedError as error:
            found = [BulkOutcome.model_validate(each) for each in error.body.get("refusals", ())]
            if not found:
                raise
            faults += _list_faults(path, table, found, len(found))
        if faults:
            _refuse(path, faults, as_json=as_json, dry_run=dry_run)
        ended = follow(api, begun) if begun else None
        if ended is not None and ended.state is not BulkState.DONE:
            raise PlatformError(say_progress(ended))
        there = _find_in_place(api, ended, tried, by_name)
    new = [row for row in rows if row.name not in there]
    _echo(new, there, tried, ended, as_json=as_json)
    if ended is not None and ended.revisions:
        echo_undo(f"jhp bulk undo {ended.id}{hub.options} --reason …")


def _list_faults(
    path: Path, table: PeopleTable, refused: Sequence[BulkOutcome], count: int
) -> list[str]:
    rows = {row.name: row for row in table.rows}
    found = [f for each in refused for f in table.explain(rows[each.name], each.reason)]
    more = count - len(refused)
    return _render(path, found) + ([f"{path} has {more:,} more rows that are refused"] * bool(more))


def _refuse(path: Path, faults: list[str], *, as_json: bool, dry_run: bool) -> NoReturn:
    if as_json:
        _echo_json([], [], [], faults, {}, dry_run=dry_run)
    for fault in () if as_json else faults:
        click.echo(printable(fault))
    click.echo(f"Nothing was changed: {count(len(faults), 'fault')} in {path}.", err=True)
    raise click.exceptions.Exit(REFUSED)


def _find_in_place(
    api: PlatformApi, ended: Bulk | None, tried: BulkPreview | None, rows: Mapping[str, TableRow]
) -> list[str]:
    """Return who of the file was there already."""
    if ended is not None:
        lines = api.list_pages("readBulkReport", "", ended.id, result="same") if ended.same else ()
        return [str(each["name"]) for each in lines]
    if tried is None or not tried.same:
        return []
    return list(tried.in_place)


def _echo(
    new: Sequence[TableRow],
    there: Sequence[str],
    tried: BulkPreview | None,
    ended: Bulk | None,
    *,
    as_json: bool,
) -> None:
    gains = {each.tier: each.count for each in tried.effects.gains} if tried else {}
    if as_json:
        made = [row.name for row in new] if ended else []
        names = [row.name for row in new]
        _echo_json(made, names, there, [], dict(sorted(gains.items())), dry_run=ended is None)
        return
    for row in new:
        groups = f" to {', '.join(row.groups)}" if row.groups else ""
        level = f" as {row.document['level']}" if "level" in row.document else ""
        click.echo(printable(f"  + {row.name}{level}{groups}"))
    for tier, number in sorted(gains.items()):
        click.echo(printable(f"  {count(number, 'user')} can start {tier}"))
    in_place = f"; {len(there):,} in place already" if there else ""
    verb = "would be added" if ended is None else "added"
    click.echo(f"{count(len(new), 'user')} {verb}{in_place}.")


def _echo_json(
    made: Sequence[str],
    new: Sequence[str],
    in_place: Sequence[str],
    faults: Sequence[str],
    gains: Mapping[str, int],
    *,
    dry_run: bool,
) -> None:
    echo_json(
        {
            "dry_run": dry_run,
            "made": made,
            "new": new,
            "in_place": in_place,
            "gains": gains,
            "faults": faults,
        }
    )
