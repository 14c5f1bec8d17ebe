"""A table of people as spreadsheets save it: who is to be added, and each fault with its place."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.bulk_changes import MAX_NAMES
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.errors import PlatformError

COLUMNS: Final = ("name", "level", "title", "groups", "account")
_SEPARATORS: Final = ",;\t"
"""What spreadsheets write between cells, by their language, and what they put on the clipboard."""
_FORMULAS: Final = tuple("=+-@\t\r")
"""What makes a spreadsheet take a text for a formula: no name, level or title begins so."""
_SHOWN: Final = 100


class TableError(PlatformError):
    """Raised if something is no table of people; ``line`` is 0 if that is no line's fault."""

    code = "people.table"

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


@dataclass(frozen=True, slots=True)
class TableFault:
    """What is wrong with a line; ``number`` is that of the column, from 1, or 0 for none."""

    line: int
    sentence: str
    column: str = ""
    number: int = 0

    @property
    def place(self) -> str:
        """Say in which column it is; empty if it is in none."""
        return f"column {self.number}, {self.column}" if self.number else ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A line that names one person."""

    line: int
    name: str
    document: Mapping[str, str]
    groups: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what is sent to add them; empty parts are left out, since a table may be long."""
        parts = {"document": dict(self.document), "groups": list(self.groups)}
        return {"name": self.name, **{key: value for key, value in parts.items() if value}}


@dataclass(frozen=True, slots=True)
class PeopleTable:
    """Who is to be added, and what is wrong with the other lines."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    faults: tuple[TableFault, ...]

    def explain(self, row: TableRow, reason: str) -> list[TableFault]:
        """Return each fault of a refused row, at the column that it is about."""
        lines = reason.splitlines()
        return [self.at(row.line, each, self._find_column(row, each)) for each in lines]

    def _find_column(self, row: TableRow, sentence: str) -> str:
        # A name may have a colon itself.
        found = re.match(rf"(?:users|groups)\..*?\.({'|'.join(self.columns)}): ", sentence)
        if found:
            return str(found[1])
        return "groups" if "group" in sentence and row.groups else "name"

    def at(self, line: int, sentence: str, column: str = "") -> TableFault:
        """Return a fault of a line, in a column of this table if it has that."""
        number = self.columns.index(column) + 1 if column in self.columns else 0
        return TableFault(line, sentence, column, number)


def parse_table(data: bytes) -> PeopleTable:
    """Return the people of a table in CSV, and what is wrong with it.

    Raises
    ------
    TableError
        Raised if it is not a table of these columns.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError("is not UTF-8; save it as CSV in UTF-8.") from None
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = next((each for each in _SEPARATORS if each in first), ",")
    # Not by splitlines, which also breaks at characters that no program shows as the end of a line.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns, *found = [(reader.line_num, each) for each in reader if each] or [(0, [])]
    except csv.Error as error:
        raise TableError(f"is not CSV: {error}.", reader.line_num) from None
    return _read_rows(_read_columns(columns[1]), found)


def _read_columns(cells: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(each.strip().lower() for each in cells)
    if "name" not in columns or not set(columns) <= set(COLUMNS):
        raise TableError(
            f"has the columns {', '.join(columns)[:_SHOWN] or 'of nothing'}; its first line is "
            f"some of {', '.join(COLUMNS)}, with name among them."
        )
    if twice := [each for each in COLUMNS if columns.count(each) > 1]:
        raise TableError(f"has the column {twice[0]} twice; remove one.")
    return columns


def _read_rows(columns: tuple[str, ...], found: Sequence[tuple[int, list[str]]]) -> PeopleTable:
    if len(found) > MAX_NAMES:
        raise TableError(f"has {len(found):,} lines of people; add {MAX_NAMES:,} at once at most.")
    table, rows, faults = PeopleTable(columns, (), ()), dict[str, TableRow](), list[TableFault]()
    for line, cells in found:
        if len(cells) > len(columns):
            faults.append(table.at(line, "has more cells than columns; quote cells with commas"))
            continue
        values = dict(zip(columns, cells, strict=False))
        wrong = list(_check_cells(table, line, values))
        name = fold_user(values.get("name", "").strip())
        if not name:
            wrong.append(table.at(line, "has no name; write one, or remove the line", "name"))
        elif name in rows:
            again = f"repeats {name} of line {rows[name].line}; remove one"
            wrong.append(table.at(line, again, "name"))
        if not wrong:
            rows[name] = _make_row(line, name, values)
        faults += wrong
    return PeopleTable(columns, tuple(rows.values()), tuple(faults))


def _check_cells(table: PeopleTable, line: int, values: Mapping[str, str]) -> list[TableFault]:
    formula = "begins as a formula, which a spreadsheet would run; begin it with something else"
    control = "has a character that is not printed; remove it"
    begins = [k for k, v in values.items() if v.startswith(_FORMULAS)]
    hidden = [k for k, v in values.items() if not re.sub(r"[\r\n\t]", "", v).isprintable()]
    return [
        *(table.at(line, formula, each) for each in begins),
        *(table.at(line, control, each) for each in hidden),
    ]


def _make_row(line: int, name: str, values: Mapping[str, str]) -> TableRow:
    cells = {key: value.strip() for key, value in values.items()}
    document = {key: cells[key] for key in ("title", "level", "account") if cells.get(key)}
    groups = tuple(filter(None, re.split(r"[;,\s]+", cells.get("groups", ""))))
    return TableRow(line, name, document, groups)
