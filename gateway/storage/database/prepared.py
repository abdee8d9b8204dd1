"""Compile statements once to the driver's own form, and run several of them in one round trip to a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.util import LRUCache

_SQLITE = "sqlite"


_compiled: dict[tuple[ClauseElement, str], Any] = {}
"""The statements of this process, which lie in modules, in the form of each kind of database."""


class _Compiled(LRUCache[Any, Any]):
    """Keeps statements that SQLAlchemy compiled for all databases of the process, by kind of database.

    SQLAlchemy's own keys name the dialect object, and each engine has another one with the same settings.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the statement compiled for a database of the same kind."""
        return super().get(self._of_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep a compiled statement."""
        super().__setitem__(self._of_kind(key), value)

    @staticmethod
    def _of_kind(key: Any) -> Any:
        dialect, *rest = key
        return dialect.name, dialect.paramstyle, dialect.server_version_info, *rest


COMPILED: Mapping[str, Any] = {"compiled_cache": _Compiled(2_000)}
"""Options of an engine whose statements are compiled once in the process."""


class Prepared:
    """A statement in the driver's own form. The statement lies in a module: it is kept as long as the process."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        key = statement, dialect.name
        if key not in _compiled:
            _compiled[key] = statement.compile(dialect=dialect)
        self.text = str(_compiled[key])
        self._order: list[str] = _compiled[key].positiontup

    def values(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return named values in the statement's own order."""
        return tuple(values[name] for name in self._order)

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the rows that the statement finds with named values."""
        if connection.dialect.name == _SQLITE:
            found: Sequence[Any] = driver_of(connection).execute(self.text, self.values(values)).fetchall()
            return found
        return connection.exec_driver_sql(self.text, self.values(values)).all()


@cache
def insert_into(table: Table) -> ClauseElement:
    """Return an insertion whose values are in the order of the table's columns."""
    return insert(table).values({column: bindparam(column) for column in table.c.keys()})  # noqa: SIM118 - columns, not keys


def run_together(connection: Connection, work: Sequence[tuple[Prepared, Sequence[tuple[Any, ...]]]]) -> int:
    """Run each statement for its rows inside the connection's transaction. Return how many rows the first one changed.

    A server gets all of them in one round trip.
    """
    if connection.dialect.name == _SQLITE:
        driver = driver_of(connection)
        changed = [driver.executemany(statement.text, rows).rowcount for statement, rows in work]
        return int(changed[0])
    return _pipelined(connection, work)


def driver_of(connection: Connection) -> Any:
    """Return the driver's own connection. A statement of a batch that goes straight to it costs a tenth."""
    return connection.connection.driver_connection


def in_one_trip(
    connection: Connection, *statements: tuple[str, Sequence[Any]], commit: bool = False
) -> list[Sequence[Any]]:
    """Run statements of a server one after another, in one round trip, and return the rows of each.

    With `commit` the transaction ends in the same trip.
    """
    driver = driver_of(connection)
    dbapi: Any = connection.dialect.loaded_dbapi
    with _driver_errors(connection):
        with driver.pipeline():
            cursors = [driver.cursor(row_factory=dbapi.rows.namedtuple_row) for _ in statements]
            for cursor, (text, values) in zip(cursors, statements, strict=True):
                cursor.execute(text, values)
            if commit:
                driver.commit()
        return [cursor.fetchall() for cursor in cursors]


def _pipelined(connection: Connection, work: Sequence[tuple[Prepared, Sequence[tuple[Any, ...]]]]) -> int:
    driver = driver_of(connection)
    cursors = [driver.cursor() for _ in work]
    try:
        with _driver_errors(connection), driver.pipeline():
            for cursor, (statement, rows) in zip(cursors, work, strict=True):
                cursor.executemany(statement.text, rows)
        return int(cursors[0].rowcount)
    finally:
        for cursor in cursors:
            cursor.close()


@contextmanager
def _driver_errors(connection: Connection) -> Iterator[None]:
    """Raise errors of the driver as SQLAlchemy does where it has called it."""
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except dbapi.Error as error:
        if driver_of(connection).closed:
            connection.invalidate(
                error
            )  # so that nothing is rolled back on it, whose error would take this one's place
        raise DBAPIError.instance("append", None, error, dbapi.Error, dialect=connection.dialect) from error
