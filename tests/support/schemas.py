"""The tables of a test's home on PostgreSQL: a schema of one database for each home, named in a file of the home.

A schema costs a twentieth of a second, and a database of its own three times that and 8 MB.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import psycopg

ENGINES = ("sqlite", "postgresql")
_FILE = "postgresql"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of the module runs once for each engine: new homes have their database there."""
    from tests.support.audit_logs import LogHome
    from tests.support.databases import server

    if request.param == "postgresql":
        server("postgresql")
    before, LogHome.engine = LogHome.engine, request.param
    yield request.param
    LogHome.engine = before


def address(folder: Path, *, make: bool) -> str:
    """The address of a home's tables, empty where it has none; they are made empty with `make`."""
    file = folder / _FILE
    if file.exists():
        return file.read_text()
    if not make:
        return ""
    from tests.support.databases import server

    name = f"s{secrets.token_hex(8)}"
    running = server("postgresql")
    running.execute("", [f"CREATE SCHEMA {name}"])
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{running.url('postgres')}&options=-csearch_path%3D{name}")
    return file.read_text()


def schema(folder: Path) -> str:
    """The name of a home's schema."""
    return (folder / _FILE).read_text().rpartition("%3D")[2]


def connect(folder: Path) -> psycopg.Connection:
    """A connection past the node."""
    import psycopg

    connection = psycopg.connect((folder / _FILE).read_text(), autocommit=True)
    connection.execute("SET lock_timeout = '10s'")
    return connection


def execute(folder: Path, statements: Iterable[str]) -> None:
    """Change the tables behind the node's back."""
    with connect(folder) as connection:
        for statement in statements:
            connection.execute(statement)


def copy(folder: Path, to: Path) -> None:
    """The same tables for the home `to`, which is a copy of `folder`."""
    (to / _FILE).unlink()
    address(to, make=True)
    old, new = schema(folder), schema(to)
    with connect(folder) as connection:
        for table in tables(connection):
            connection.execute(f"CREATE TABLE {new}.{table} (LIKE {old}.{table} INCLUDING ALL)")
            connection.execute(f"INSERT INTO {new}.{table} SELECT * FROM {old}.{table}")


def dump(folder: Path) -> bytes:
    """All rows of all tables."""
    with connect(folder) as connection:
        return b"".join(b"".join(bytes(part) for part in _binary(connection, table)) for table in tables(connection))


def _binary(connection: psycopg.Connection, table: str) -> list[memoryview]:
    with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as rows:
        return [memoryview(bytes(part)) for part in rows]


def tables(connection: psycopg.Connection) -> list[str]:
    """The tables of the connection's schema."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
    return [name for (name,) in found]
