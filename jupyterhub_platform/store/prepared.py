"""An insert that is compiled once per kind of database, and then handed to the driver.

SQLAlchemy looks up the compiled form of a statement, and puts its values together, each time anew:
half of what a row of the ledger costs. Values are written as the table's own types write them, and
a failure is raised as that of any other statement.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Dialect, Insert, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

from jupyterhub_platform.store.engine import Transaction


class _Compiled(NamedTuple):
    """``text`` in the driver's own style; ``order`` is of names, if that style has none."""

    text: str
    order: tuple[str, ...] | None
    writers: tuple[tuple[str, Callable[[Any], Any]], ...]


class PreparedInsert:
    """Inserts rows with a value for each of ``columns``.

    Where there is a row with the same key, the values of the columns that it ``adds`` are added to
    it.
    """

    def __init__(self, table: Table, columns: tuple[str, ...], adds: tuple[str, ...] = ()) -> None:
        self._table: Final = table
        self._columns: Final = columns
        self._adds: Final = adds
        self._compiled: Final[dict[str, _Compiled]] = {}

    def execute(self, tx: Transaction, values: dict[str, Any]) -> None:
        """Insert a row; ``values`` are changed into what the driver takes."""
        compiled = self._compiled.get(tx.dialect.name) or self._compile(tx.dialect)
        for name, write in compiled.writers:
            values[name] = write(values[name])
        if compiled.order is None:
            tx.exec_driver_sql(compiled.text, values)
        else:
            tx.exec_driver_sql(compiled.text, tuple(map(values.__getitem__, compiled.order)))

    def execute_many(self, tx: Transaction, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows, whose values are in the order of the columns."""
        compiled = self._compiled.get(tx.dialect.name) or self._compile(tx.dialect)
        place = {name: number for number, name in enumerate(self._columns)}
        writers = [(place[name], write) for name, write in compiled.writers]
        order = [place[name] for name in compiled.order or ()]
        values: list[Any] = []
        for row in map(list, rows):
            for number, write in writers:
                row[number] = write(row[number])
            named = dict(zip(self._columns, row, strict=True)) if compiled.order is None else ()
            values.append(named or tuple(row[number] for number in order))
        if values:
            tx.exec_driver_sql(compiled.text, values)

    def _compile(self, dialect: Dialect) -> _Compiled:
        new: Insert = insert(self._table)
        if self._adds:
            make = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
            upsert = make(self._table)
            column = self._table.c
            added = {name: column[name] + upsert.excluded[name] for name in self._adds}
            new = upsert.on_conflict_do_update(index_elements=self._table.primary_key, set_=added)
        compiled = new.compile(dialect=dialect, column_keys=list(self._columns))
        writers = (
            (name, self._table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in self._columns
        )
        order = compiled.positiontup
        prepared = _Compiled(
            str(compiled),
            None if order is None else tuple(order),
            tuple((name, write) for name, write in writers if write is not None),
        )
        self._compiled[dialect.name] = prepared
        return prepared
