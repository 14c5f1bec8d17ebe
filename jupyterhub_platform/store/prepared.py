"""An insert that is compiled once per kind of database, and then handed to the driver.

SQLAlchemy looks up the compiled form of a statement, and puts its values together, each time anew:
half of what a row of the ledger costs. Values are written as the table's own types write them, and
a failure is raised as that of any other statement.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sqlalchemy import Dialect, Table, insert

from jupyterhub_platform.store.engine import Transaction


class _Compiled(NamedTuple):
    """``text`` in the driver's own style; ``order`` is of names, if that style has none."""

    text: str
    order: tuple[str, ...] | None
    writers: tuple[tuple[str, Callable[[Any], Any]], ...]


class PreparedInsert:
    """Inserts one row with a value for each of ``columns``."""

    def __init__(self, table: Table, columns: tuple[str, ...]) -> None:
        self._table: Final = table
        self._columns: Final = columns
        self._compiled: Final[dict[str, _Compiled]] = {}

    def execute(self, tx: Transaction, values: dict[str, Any]) -> None:
        """Insert a row; ``values`` are changed into what the driver takes."""
        compiled = self._compiled.get(tx.dialect.name)
        if compiled is None:
            compiled = self._compiled[tx.dialect.name] = self._compile(tx.dialect)
        for name, write in compiled.writers:
            values[name] = write(values[name])
        if compiled.order is None:
            tx.exec_driver_sql(compiled.text, values)
        else:
            tx.exec_driver_sql(compiled.text, tuple(map(values.__getitem__, compiled.order)))

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = insert(self._table).compile(dialect=dialect, column_keys=list(self._columns))
        writers = (
            (name, self._table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in self._columns
        )
        order = compiled.positiontup
        return _Compiled(
            str(compiled),
            None if order is None else tuple(order),
            tuple((name, write) for name, write in writers if write is not None),
        )
