"""Dump all tables of a node's database to one file of SQLite, of one moment, and load it; the node may be running.

A file of SQLite is copied without its free pages. The tables of PostgreSQL are read in one snapshot. So a dump does not
depend on the engine: a dump of one can be loaded into the other.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Table, func, insert, inspect, select

from gateway.errors import Misconfigured
from gateway.storage.database.desk_tables import SCHEMA
from gateway.storage.database.engine import Database, open_database, storage_errors
from gateway.storage.database.home_id import id_of_database
from gateway.storage.database.migrate import migrate, require_current, version
from gateway.storage.database.tables import log_state

_ROWS = 2_000


def dump(database: Database, out: Path) -> None:
    """Write everything that is committed to the new file `out`, which gets the schema that the database has.

    Raises `Misconfigured` for a schema that cannot be read.
    """
    require_current(database)
    out.touch(mode=0o600)
    if not database.shared:
        # VACUUM must run outside a transaction. It writes to `out` alone; the file itself is open
        # for reading only, whatever this switch says.
        with storage_errors("dump"), database.engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA query_only=OFF")
            cursor.execute("VACUUM INTO ?", (str(out),))
        return
    with closing(open_database(out)) as target:
        migrate(target, to=str(version(database)))
        with database.snapshot("dump") as source:
            there = inspect(source)
            for table in SCHEMA.sorted_tables:
                if there.has_table(table.name):
                    columns = {column["name"] for column in there.get_columns(table.name)}
                    with target.write("copy") as connection:
                        _copy(source, connection, table, columns)
        target.truncate_wal()


def load(file: Path, database: Database) -> None:
    """Put a dump into an empty database of the newest schema: all of it, or nothing where it is cut off.

    Raises `Misconfigured` when the database is not empty.
    """
    require_empty(database)
    with closing(open_database(file)) as source:
        migrate(source)
        with source.snapshot("load") as rows, database.write("load") as connection:
            for table in SCHEMA.sorted_tables:
                _copy(rows, connection, table)
            if database.shared:
                _advance_ids(connection)


def require_empty(database: Database) -> None:
    """Bring the tables up to date, and raise `Misconfigured` when a log is in them, or a home has them as its own."""
    migrate(database)
    if _logs(database) or id_of_database(database):
        raise Misconfigured(
            "the database is not empty",
            code="not-empty",
            where="storage.url",
            remedy="name an empty database: nothing that is there is overwritten",
        )


def is_loaded(file: Path, database: Database) -> bool:
    """Tell whether the database has exactly the logs of a dump: it was loaded, and nothing was written since."""
    migrate(database)
    with closing(open_database(file)) as source:
        migrate(source)
        return _logs(database) == _logs(source) != []


def _logs(database: Database) -> list[tuple[object, ...]]:
    with database.read("logs") as connection:
        return [tuple(row) for row in connection.execute(select(log_state).order_by(log_state.c.id))]


def _copy(source: Connection, target: Connection, table: Table, there: Collection[str] | None = None) -> None:
    """Copy a table. `there` are the columns that an older schema has."""
    columns = [column for column in table.c if there is None or column.name in there]
    found = source.execution_options(yield_per=_ROWS).execute(select(*columns))
    for page in found.mappings().partitions(_ROWS):
        target.execute(insert(table), [dict(row) for row in page])


def _advance_ids(connection: Connection) -> None:
    """Set the server's own numbering to go on behind the loaded rows."""
    for table in SCHEMA.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            highest = connection.execute(select(func.max(column))).scalar()
            if highest is not None:
                connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), highest)))
