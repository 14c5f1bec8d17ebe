"""``jhp user add --from FILE``: adds many people from a CSV file.

They are one bulk change of the Hub, which checks all rows first, and adds all of them or nobody.
Rows that are in place already are passed over.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
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
from jupyterhub_platform.rest.bulk_changes import Bulk, BulkOutcome, BulkPreview

_COLUMNS: Final = ("name", "level", "title", "groups")
_FORMULAS: Final = tuple("=+-@\t\r")
"""What makes a spreadsheet take a text for a formula: no name, level or title begins so."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file: one person."""

    line: int
    name: str
    document: Mapping[str, str]
    groups: tuple[str, ...]
    columns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what is sent to add them; empty parts are left out, since a table may be long."""
        parts = {"document": dict(self.document), "groups": list(self.groups)}
        return {"name": self.name, **{key: value for key, value in parts.items() if value}}


def read_table(path: Path) -> tuple[list[Row], list[str]]:
    """Return the people of a CSV file, and each fault with its line.

    Raises
    ------
    click.UsageError
        Raised if it is not a table of these columns.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8; save it as CSV in UTF-8.") from None
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        columns = [str(each).strip() for each in reader.fieldnames or ()]
        if "name" not in columns or not set(columns) <= set(_COLUMNS):
            raise click.UsageError(
                f"{path} has the columns {', '.join(columns) or 'of nothing'}; its first line is "
                f"some of {', '.join(_COLUMNS)}, with name among them."
            )
        reader.fieldnames = columns
        found = [(reader.line_num, each) for each in reader]
    except csv.Error as error:
        raise click.UsageError(f"{path}:{reader.line_num} is not CSV: {error}.") from None
    return _read_rows(path, found, columns)


def _read_rows(
    path: Path, found: list[tuple[int, dict[str, Any]]], columns: Sequence[str]
) -> tuple[list[Row], list[str]]:
    rows: dict[str, Row] = {}
    faults = []
    for line, each in found:
        values = {key: (value or "").strip() for key, value in each.items() if key}
        name = values["name"].lower()
        formulas = [key for key in columns if (each.get(key) or "").startswith(_FORMULAS)]
        faults += [
            f"{path}:{line} begins as a formula, which a spreadsheet would run; begin it with "
            f"something else{_place(columns, key)}"
            for key in formulas
        ]
        if None in each:
            faults.append(f"{path}:{line} has more cells than columns; quote cells with commas")
        elif not name:
            where = _place(columns, "name")
            faults.append(f"{path}:{line} has no name; write one, or remove the line{where}")
        elif name in rows:
            where = _place(columns, "name")
            faults.append(
                f"{path}:{line} repeats {name} of line {rows[name].line}; remove one{where}"
            )
        elif not formulas:
            document = {key: values[key] for key in ("title", "level") if values.get(key)}
            groups = tuple(values.get("groups", "").replace(";", " ").split())
            rows[name] = Row(line, name, document, groups, tuple(columns))
    return list(rows.values()), faults


def _place(columns: Sequence[str], column: str) -> str:
    """Say in which column of a line a fault is; empty if it is in none."""
    if column not in columns:
        return ""
    return f" (column {columns.index(column) + 1}, {column})"


def _find_column(row: Row, sentence: str) -> str:
    """Return the column that a sentence of the Hub is about."""
    found = re.match(r"(?:users|groups)\.[^:]*?\.(\w+):|", sentence)
    if found and found[1] in row.columns:
        return str(found[1])
    return "groups" if "group" in sentence and row.groups else "name"


def add_from_csv(path: Path, reason: str, hub: Hub, *, dry_run: bool, as_json: bool) -> None:
    """Add the people of a file as one bulk change: all of them, or nobody if one has a fault."""
    rows, faults = read_table(path)
    by_name = {row.name: row for row in rows}
    body = {"act": str(Act.ADD_PEOPLE), "people": [r.to_json() for r in rows], "reason": reason}
    with PlatformApi.of(hub) as api:
        tried: BulkPreview | None = None
        begun: Bulk | None = None
        try:
            if rows and (faults or dry_run):
                tried = api.try_bulk(body)
                faults += _list_faults(path, by_name, tried.refusals, tried.refused)
            elif rows:
                begun = api.start_bulk(body, uuid4().hex)
        except HubRefusedError as error:
            found = [BulkOutcome.model_validate(each) for each in error.body.get("refusals", ())]
            if not found:
                raise
            faults += _list_faults(path, by_name, found, len(found))
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
    path: Path, rows: Mapping[str, Row], refused: Sequence[BulkOutcome], count: int
) -> list[str]:
    faults = [
        f"{path}:{rows[each.name].line} {line}"
        f"{_place(rows[each.name].columns, _find_column(rows[each.name], line))}"
        for each in refused
        for line in each.reason.splitlines()
    ]
    more = count - len(refused)
    return faults + ([f"{path} has {more:,} more rows that are refused"] if more else [])


def _refuse(path: Path, faults: list[str], *, as_json: bool, dry_run: bool) -> NoReturn:
    if as_json:
        _echo_json([], [], [], faults, {}, dry_run=dry_run)
    for fault in () if as_json else faults:
        click.echo(printable(fault))
    click.echo(f"Nothing was changed: {count(len(faults), 'fault')} in {path}.", err=True)
    raise click.exceptions.Exit(REFUSED)


def _find_in_place(
    api: PlatformApi, ended: Bulk | None, tried: BulkPreview | None, rows: Mapping[str, Row]
) -> list[str]:
    """Return who of the file was there already."""
    if ended is not None:
        lines = api.list_pages("readBulkReport", "", ended.id, result="same") if ended.same else ()
        return [str(each["name"]) for each in lines]
    if tried is None or not tried.same:
        return []
    return list(tried.in_place)


def _echo(
    new: Sequence[Row],
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
