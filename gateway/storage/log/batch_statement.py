"""One statement of PostgreSQL for a whole batch: it advances a log's state, and inserts rows only if it did.

Rows travel as one array for each column. That costs half of one statement for each row, and the server begins only when
it has all of it: a process that is suspended while it sends leaves no transaction behind that holds the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table

from gateway.storage.database.prepared import in_one_trip
from gateway.storage.database.tables import log_state

Rows = Sequence[tuple[Any, ...]]

_ELSE = {"log_node": " ON CONFLICT (log_id, level, place) DO UPDATE SET hash = excluded.hash"}
"""What an insertion does with a row that is there already."""

_ADVANCED = ("number", "size", "root", "checkpoint", "counters")


class LeasedBatch:
    """The statement. `tables` are those that a batch has rows for, all columns in the order of the table."""

    def __init__(self, tables: Sequence[Table], dialect: Dialect) -> None:
        sets = ", ".join(f"{name} = {_value(log_state, name, dialect)}" for name in _ADVANCED)
        size, root = (_value(log_state, name, dialect) for name in ("size", "root"))
        # Text comes from the names of our own tables and columns only.
        parts = [
            "lease AS (UPDATE log_lease SET busy = false WHERE log_id = %b::integer AND epoch = %b::bigint"
            " RETURNING log_id)",
            f"advanced AS (UPDATE log_state SET {sets} FROM lease"  # noqa: S608
            f" WHERE id = lease.log_id AND size = {size} AND root = {root} RETURNING id)",
        ]
        parts += [_insertion(table, dialect) for table in tables]
        self._text = f"WITH {', '.join(parts)} SELECT count(*) FROM advanced"  # noqa: S608
        self._widths = [len(table.columns) for table in tables]

    def run(
        self,
        connection: Connection,
        place: tuple[int, int, int, bytes],
        after: Mapping[str, Any],
        rows: Sequence[Rows],
        *,
        commit: bool,
    ) -> bool:
        """Write `rows`, those of each table, and the state `after`, if the log's id, epoch, size and root are `place`.

        Return whether they were. With `commit` the transaction ends with the statement, in the same round trip.
        """
        columns = [
            column
            for width, of_table in zip(self._widths, rows, strict=True)
            for column in (map(list, zip(*of_table, strict=True)) if of_table else ([] for _ in range(width)))
        ]
        log_id, epoch, size, root = place
        values = (log_id, epoch, *(after[name] for name in _ADVANCED), size, root, *columns)
        ((count,),) = in_one_trip(connection, (self._text, values), commit=commit)[0]
        return bool(count)


def _insertion(table: Table, dialect: Dialect) -> str:
    names = ", ".join(column.name for column in table.columns)
    arrays = ", ".join(f"{_value(table, column.name, dialect)}[]" for column in table.columns)
    return (
        f"in_{table.name} AS (INSERT INTO {table.name} ({names})"  # noqa: S608
        f" SELECT rows.* FROM advanced, unnest({arrays}) AS rows{_ELSE.get(table.name, '')})"
    )


def _value(table: Table, name: str, dialect: Dialect) -> str:
    """Return the place of a value in the statement, in the driver's binary form and with the column's type."""
    return f"%b::{table.columns[name].type.compile(dialect=dialect)}"
