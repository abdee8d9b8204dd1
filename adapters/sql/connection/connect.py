"""Connections that cannot write, one for each thread, with a deadline for each statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from adapters.sql.connection.access import SqlAccess
from adapters.sql.connection.engines import KINDS, LOCK_SECONDS, Kind, address_of, read_bytes, watch_sqlite
from adapters.sql.connection.watchdog import Watchdog
from gateway.clock import Clock
from gateway.errors import Misconfigured

OPEN_SECONDS = 60.0
"""The server's limit for a statement until a connection sets another one."""

BATCH_SECONDS = 120.0
"""The longest that a server may take for the next rows of a streamed statement."""

_CLOSE_SECONDS = 1.0
_SLACK_SECONDS = 0.25
_EXTRA_SECONDS = 0.05


def read_only_engine(url: str, access: SqlAccess | None = None) -> Engine:
    """Return an engine whose every new connection is asked to confirm that it cannot write.

    Raises `Misconfigured` when `url` is not a database's address, when its driver is not installed, and later from
    `connect` when the server's session can write.
    """
    access = access or SqlAccess()
    kind, address = address_of(url, access)
    try:
        engine = sa.create_engine(
            address,
            poolclass=NullPool,
            connect_args=kind.arguments(address, access),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )
    except ImportError as error:
        # A module that is installed and does not load lacks a library of the operating system.
        why = "is not installed" if isinstance(error, ModuleNotFoundError) else "cannot be loaded"
        remedy = kind.package.remedy
        raise Misconfigured(
            "the driver of {kind} {why}",
            code="no-driver",
            where="url",
            remedy="{advice}",
            kind=kind.name,
            why=why,
            advice=remedy,
        ) from error
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise Misconfigured(
            "address and certificates of the source cannot be used", where="url", remedy="check url and access file"
        ) from error
    sa.event.listen(engine, "connect", lambda driver, _record: _prepare(kind, driver))
    return engine


def _prepare(kind: Kind, driver: Any) -> None:
    if kind.limit is not None:
        kind.limit(driver, OPEN_SECONDS)
    if kind.prepare is not None and not kind.prepare(driver):
        raise Misconfigured(
            "the database lets this session write", code="not-read-only", where="url", remedy="use another account"
        )


class Connection:
    """One thread's connection. A statement that outlives `deadline` ends, and the connection stays usable.

    The server ends it where it can; SQLite is interrupted from inside; `watchdog` cuts off a server that is silent.
    """

    def __init__(self, engine: Engine, clock: Clock, watchdog: Watchdog | None = None) -> None:
        self._kind = KINDS[engine.dialect.name]
        self._clock = clock
        self._watchdog = watchdog
        self._limit = OPEN_SECONDS
        self._lock_ms = LOCK_SECONDS * 1_000
        self.deadline = 0.0
        self.is_fresh = True
        self._held = engine.raw_connection()
        self.driver: Any = self._held.driver_connection
        if self._kind.name == "sqlite":
            watch_sqlite(self.driver, lambda: self._clock.monotonic() >= self.deadline)
        elif self._kind.name == "postgresql":
            read_bytes(self.driver)
        self.cursor: Any = self._held.cursor()

    def fetch(self, sql: str, parameters: Any, deadline: float) -> Sequence[Any]:
        """Return all rows of a statement. Raises the driver's errors."""
        self.deadline = deadline
        with self._watched(deadline):
            self._limit_server(deadline)
            return self._fetch(sql, parameters)

    def _fetch(self, sql: str, parameters: Any) -> Sequence[Any]:
        self.cursor.execute(sql, parameters)
        found: Sequence[Any] = self.cursor.fetchall()
        self.is_fresh = False
        return found

    def stream(self, sql: str, parameters: Any, deadline: float, size: int) -> Iterator[Sequence[Any]]:
        """Yield the rows of a statement in batches, as the server sends them. Raises the driver's errors.

        A server that sends nothing for `BATCH_SECONDS` is cut off, even if `deadline` is far away.
        """
        self.deadline = deadline
        with self._watched(self._batch_deadline()):
            self._limit_server(deadline)
        batches = self._kind.stream(self.driver, sql, parameters, size)
        while True:
            with self._watched(self._batch_deadline()):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    @contextmanager
    def _watched(self, deadline: float) -> Iterator[None]:
        """Have the watchdog cut the connection off when the block is not over by `deadline`."""
        if self._watchdog is None or self._kind.limit is None:
            yield
            return
        self._watchdog.watch(self.driver, deadline)
        try:
            yield
        finally:
            self._watchdog.done()

    def _batch_deadline(self) -> float:
        return min(self.deadline, self._clock.monotonic() + BATCH_SECONDS)

    def _limit_server(self, deadline: float) -> None:
        """Tell the server how long a statement may take, unless the limit it was given before is near enough."""
        left = deadline - self._clock.monotonic()
        if self._kind.name == "sqlite":
            self._limit_lock(left)
        if self._kind.limit is None or left <= self._limit <= left + _SLACK_SECONDS:
            return
        self._limit = max(left, 0.0) + _EXTRA_SECONDS
        self._kind.limit(self.driver, self._limit)

    def _limit_lock(self, left: float) -> None:
        """Let SQLite wait for a lock for `LOCK_SECONDS`, or as long as is left, in tenths of a second."""
        lock_ms = min(LOCK_SECONDS * 1_000, max(0, int(left * 10)) * 100)
        if lock_ms != self._lock_ms:
            self._lock_ms = lock_ms
            self.driver.execute(f"PRAGMA busy_timeout = {lock_ms}")

    def is_stop(self, error: BaseException) -> bool:
        """Tell whether the server ended a statement at its limit, which leaves the connection usable."""
        return self._kind.is_stop(error)

    def close(self) -> None:
        """Give the connection back; it is not used afterwards. A server that does not answer is cut off."""
        with self._watched(self._clock.monotonic() + _CLOSE_SECONDS):
            self._held.close()
