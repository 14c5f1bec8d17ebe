"""``jhp user add --from FILE``: adds many people from a CSV file.

All rows are checked first, and none is added while one has a fault. Then each row is a change of
its own, so that the Hub serves others meanwhile. An interrupted command can be repeated: it skips
rows whose users exist already.
"""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.client import HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.changes import echo_undo
from jupyterhub_platform.cli.terminal import count, echo_json, printable
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.managed import Changed, ChangeEffects

_COLUMNS: Final = ("name", "level", "title", "groups")
_FORMULAS: Final = tuple("=+-@\t\r")
"""What makes a spreadsheet take a text for a formula: no name, level or title begins so."""
_IS_THERE: Final = 412
_EACH: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file: one person."""

    line: int
    name: str
    document: Mapping[str, str]
    groups: tuple[str, ...]
    columns: tuple[str, ...] = ()

    def body(self, reason: str) -> dict[str, Any]:
        """Return the body of the request that adds the person."""
        return {"document": self.document, "reason": reason, "groups": list(self.groups)}


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows of a file to add, those that exist already, and the faults."""

    new: list[Row]
    there: list[Row]
    faults: list[str]
    effects: list[ChangeEffects] = field(default_factory=list)


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
    """Add the people of a file, unless one of them has a fault."""
    rows, faults = read_table(path)
    with PlatformApi.of(hub) as api:
        checked = _check(api, path, rows, faults, reason)
        if checked.faults:
            _echo(checked, [], as_json=as_json, dry_run=dry_run)
            click.echo(
                f"Nothing was changed: {count(len(checked.faults), 'fault')} in {path}.", err=True
            )
            click.get_current_context().exit(REFUSED)
        made: list[Changed] = []
        try:
            if not dry_run:
                _make(api, checked.new, reason, made)
        except (PlatformError, KeyboardInterrupt):
            if made:
                left = f"{len(made):,} of {len(checked.new):,}"
                click.echo(f"{left} were added before that. Run it again to go on.", err=True)
                echo_undo(f"jhp policy rollback {made[0].previous}{hub.options} --reason …")
            raise
    _echo(checked, made, as_json=as_json, dry_run=dry_run)
    if made:
        echo_undo(f"jhp policy rollback {made[0].previous}{hub.options} --reason …")


def _check(
    api: PlatformApi, path: Path, rows: list[Row], faults: list[str], reason: str
) -> Checked:
    checked = Checked([], [], list(faults))
    for number, row in enumerate(rows, start=1):
        try:
            tried = api.put(Kind.USER, row.name, row.body(reason), dry_run=True)
            checked.new.append(row)
            if tried.effects is not None:
                checked.effects.append(tried.effects)
        except HubRefusedError as error:
            if error.status == _IS_THERE and _is_same(error.body.get("current"), row):
                checked.there.append(row)
            else:
                what = str(error.body.get("message") or error)
                checked.faults.extend(
                    f"{path}:{row.line} {each}{_place(row.columns, _find_column(row, each))}"
                    for each in what.splitlines()
                )
        _tell_progress("Checked", number, len(rows))
    return checked


def _is_same(current: Any, row: Row) -> bool:
    return isinstance(current, Mapping) and current.get("document") == row.document


def _make(api: PlatformApi, rows: list[Row], reason: str, made: list[Changed]) -> None:
    for number, row in enumerate(rows, start=1):
        made.append(api.put(Kind.USER, row.name, row.body(reason)))
        _tell_progress("Added", number, len(rows))


def _tell_progress(what: str, number: int, total: int) -> None:
    if total > _EACH and (number % _EACH == 0 or number == total):
        click.echo(f"{what} {number:,} of {total:,}", err=True)


def _echo(checked: Checked, made: list[Changed], *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        echo_json(
            {
                "dry_run": dry_run,
                "made": [each.name for each in made],
                "new": [row.name for row in checked.new],
                "in_place": [row.name for row in checked.there],
                "gains": _sum_gains(checked),
                "faults": checked.faults,
            }
        )
        return
    for fault in checked.faults:
        click.echo(printable(fault))
    if checked.faults:
        return
    verb = "would be added" if dry_run else "added"
    for row in checked.new:
        groups = f" to {', '.join(row.groups)}" if row.groups else ""
        level = f" as {row.document['level']}" if "level" in row.document else ""
        click.echo(printable(f"  + {row.name}{level}{groups}"))
    for tier, number in _sum_gains(checked).items():
        click.echo(printable(f"  {count(number, 'user')} can start {tier}"))
    there = f"; {len(checked.there):,} in place already" if checked.there else ""
    click.echo(f"{count(len(checked.new), 'user')} {verb}{there}.")


def _sum_gains(checked: Checked) -> dict[str, int]:
    """Return the number of users who would gain each tier."""
    gains: Counter[str] = Counter()
    for effects in checked.effects:
        gains.update({reach.tier: reach.count for reach in effects.gains})
    return dict(sorted(gains.items()))
