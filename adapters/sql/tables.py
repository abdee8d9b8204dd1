"""Runs statements on one database: a connection for each thread, deadlines, lost connections, and no foreign errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from adapters.base import check_deadline
from adapters.sql.connection.access import SqlAccess
from adapters.sql.connection.connect import Connection, read_only_engine
from adapters.sql.connection.engines import KINDS
from adapters.sql.connection.watchdog import Watchdog
from adapters.sql.statement import Statement, Wanted
from gateway.clock import Clock
from gateway.errors import LiaisonError, TimedOut, Unavailable
from gateway.host.in_use import InUse

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
