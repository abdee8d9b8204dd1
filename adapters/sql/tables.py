"""Compiles selects once, and runs them on one database, without foreign errors.

Names are quoted by the dialect, values are parameters. Each thread has a connection; deadlines hold, and a connection
that was lost is made anew.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from adapters.base import check_deadline
from adapters.sql.connection.access import SqlAccess
from adapters.sql.connection.connect import Connection, read_only_engine
from adapters.sql.connection.engines import KINDS
from adapters.sql.connection.watchdog import Watchdog
from gateway.clock import Clock
from gateway.errors import LiaisonError, TimedOut, Unavailable
from gateway.host.in_use import InUse

Table = tuple[str, str]
"""Schema (empty: the connection's own) and name."""


def table_of(table: Table, columns: Sequence[str]) -> Any:
    """Return the table with these columns, in SQLAlchemy's form."""
    schema, name = table
    return sa.table(name, *map(sa.column, dict.fromkeys(columns)), schema=schema or None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content of a select: `columns` of the rows whose `where`, one column or several, is one of `many` values.

    The values of several columns follow each other. With `compare` (`>` or `>=`) it selects the rows whose `where` is
    beyond one value. `order` sorts, `newest` in falling order; `limit` is the most rows that come, 0 = all.
    """

    table: Table
    columns: tuple[str, ...]
    where: str | tuple[str, ...] = ""
    many: int = 0
    compare: str = ""
    order: str = ""
    newest: bool = False
    limit: int = 0


_BEYOND: Mapping[str, Callable[[Any, Any], Any]] = {">": operator.gt, ">=": operator.ge}


def _equal(columns: Sequence[Any], values: Sequence[Any]) -> Any:
    """Return the condition that the columns have the values of one of the rows of `values`.

    Not every database compares rows of values with each other, and all of them use an index for these.
    """
    if len(columns) == 1:
        return columns[0] == values[0] if len(values) == 1 else columns[0].in_(values)
    rows = (values[first : first + len(columns)] for first in range(0, len(values), len(columns)))
    return sa.or_(*(sa.and_(*map(operator.eq, columns, row)) for row in rows))


class Statement:
    """A compiled select with its parameters in the driver's style."""

    def __init__(self, dialect: Dialect, wanted: Wanted) -> None:
        where = (wanted.where,) if isinstance(wanted.where, str) else wanted.where
        source = table_of(wanted.table, [name for name in (*wanted.columns, *where, wanted.order) if name])
        select = sa.select(*(source.c[column] for column in wanted.columns))
        names = [f"k{position}" for position in range(wanted.many * len(where))]
        values: list[Any] = [sa.bindparam(name, required=False) for name in names]
        if wanted.compare:
            select = select.where(_BEYOND[wanted.compare](source.c[where[0]], values[0]))
        elif wanted.many:
            select = select.where(_equal([source.c[column] for column in where], values))
        if wanted.order:
            select = select.order_by(source.c[wanted.order].desc() if wanted.newest else source.c[wanted.order])
        if wanted.limit:
            select = select.limit(wanted.limit)
        compiled: Any = select.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.sql = str(compiled)
        # The limit is a parameter, too; it comes after the keys.
        self._names = None if compiled.positional else names
        placed = compiled.positiontup if compiled.positional else compiled.params
        self._rest = {name: compiled.params[name] for name in placed if name not in names}

    def parameters(self, keys: Sequence[Any]) -> Any:
        """Return `keys` in the form that the driver takes."""
        if self._names is None:
            return (*keys, *self._rest.values())
        return dict(zip(self._names, keys, strict=True)) | self._rest


BATCH = 2_000
"""Rows of one batch of a scan."""

_SIZES = (1, 2, 4, 8, 16, 32, 64, 512)


class _Held:
    """The connection of one thread, which another one may close."""

    __slots__ = ("connection", "in_use")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.in_use = InUse(partial(_close, connection))


class Tables:
    """The tables behind one URL. Thread-safe; raises nothing but `LiaisonError`."""

    def __init__(self, name: str, url: str, clock: Clock, access: SqlAccess | None = None) -> None:
        self.engine = read_only_engine(url, access)
        self.kind = KINDS[self.engine.dialect.name]
        self._name = name
        self._clock = clock
        self._watchdog = Watchdog(clock, name)
        self._local = threading.local()
        self._open: list[_Held] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._statements: dict[Wanted, Statement] = {}

    def run(self, wanted: Wanted, keys: Sequence[Any], deadline: float) -> Sequence[Any]:
        """Return the rows of a statement. Raises `TimedOut`, `Unavailable`."""
        statement = self.statement(wanted)
        return self.execute(statement.sql, statement.parameters(keys), deadline)

    def execute(self, sql: str, parameters: Any, deadline: float) -> Sequence[Any]:
        """Return the rows of any select. A connection that was lost since its last use is opened again, once."""
        check_deadline(self._clock, deadline)
        held = None
        try:
            held = self._connection()
            with held.in_use as is_open:
                if not is_open:
                    raise self._unavailable()
                return held.connection.fetch(sql, parameters, deadline)
        except LiaisonError:
            raise
        except Exception as error:
            was_used = held is not None and not held.connection.is_fresh
            failure = self._failure(error, held.connection if held is not None else None, deadline)
            if isinstance(failure, TimedOut) or not (was_used and self._is_lost(error)):
                raise failure from error
        return self.execute(sql, parameters, deadline)

    def stream(self, wanted: Wanted, keys: Sequence[Any], deadline: float) -> Iterator[Sequence[Any]]:
        """Yield all rows of a statement in batches, over a connection of its own."""
        statement = self.statement(wanted)
        connection = None
        try:
            connection = Connection(self.engine, self._clock, self._watchdog)
            yield from connection.stream(statement.sql, statement.parameters(keys), deadline, BATCH)
        except LiaisonError:
            raise
        except Exception as error:
            raise self._failure(error, None, deadline) from error
        finally:
            if connection is not None:
                _close(connection)

    def most(self, columns: int) -> int:
        """Return the most values of that many columns that one statement may name."""
        return self.kind.many if columns == 1 else min(self.kind.many // columns, _SIZES[-1])

    def padded(self, values: list[Any]) -> list[Any]:
        """Return `values` with the last one repeated up to a fixed size, so that few compiled statements are needed."""
        size = next((size for size in _SIZES if size >= len(values)), self.kind.many)
        return values + values[-1:] * (size - len(values))

    def statement(self, wanted: Wanted) -> Statement:
        """Return the compiled statement for `wanted`, the same one each time."""
        known = self._statements.get(wanted)
        if known is None:
            known = self._statements[wanted] = Statement(self.engine.dialect, wanted)
        return known

    def _connection(self) -> _Held:
        held: _Held | None = getattr(self._local, "held", None)
        if self._is_closed:
            raise self._unavailable()
        if held is None:
            held = self._local.held = _Held(Connection(self.engine, self._clock, self._watchdog))
            with self._lock:
                self._open.append(held)
            if self._is_closed:  # meanwhile: `close` may have missed it
                held.in_use.close()
        return held

    def _unavailable(self) -> Unavailable:
        return Unavailable("the source cannot be read", code="source-unavailable", where=self._name)

    def _is_lost(self, error: Exception) -> bool:
        """Tell whether a new connection may succeed: this one is gone, or the tables have changed under its plans."""
        if getattr(error, "sqlstate", "") in ("0A000", "57P01", "57P02", "57P03"):
            return True
        dialect: Any = self.engine.dialect
        return isinstance(error, OSError) or bool(dialect.is_disconnect(error, None, None))

    def _failure(self, error: Exception, connection: Connection | None, deadline: float) -> LiaisonError:
        """Return the error that may leave: it holds nothing of the database's own text (CASE-K10)."""
        if connection is not None and connection.is_stop(error):
            return TimedOut("the source had no time left", code="source-deadline")
        self._drop_connection()
        if self._clock.monotonic() >= deadline:
            return TimedOut("the source had no time left", code="source-deadline")
        return self._unavailable()

    def _drop_connection(self) -> None:
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            return
        self._local.held = None
        with self._lock:
            if held in self._open:
                self._open.remove(held)
        held.in_use.close()

    def close(self) -> None:
        """Close every connection, those in use when their statement has ended. Nothing can be read afterwards."""
        self._is_closed = True
        with self._lock:
            held, self._open = self._open, []
        for each in held:
            each.in_use.close()
        self.engine.dispose()
        self._watchdog.close()


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except Exception:  # noqa: BLE001 - a lost connection cannot be closed properly
        return
