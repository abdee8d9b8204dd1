"""Reads agency databases over SQLAlchemy, never writing: SQLite, PostgreSQL, MariaDB and MySQL; others by URL.

Identifiers come from the mapping and are checked against the real catalogue before the first row is read; values
are bound parameters only (CASE-K1). Each connection is set up so that it cannot write, and is then asked to confirm
that (`engines`). Statements are compiled once; each thread holds a connection of its own.
"""

from adapters.base import Adapter
from adapters.load import Place, open_indexed
from adapters.mapping.file import load_mapping
from adapters.sql.connection.access import read_sql_access
from adapters.sql.source import SqlSource

__all__ = ["SqlSource", "open_sql"]


def open_sql(place: Place) -> Adapter:
    """Return the database at `place.url`, behind a key index (`adapters.load.Opener`)."""
    access = read_sql_access(place.access)
    return open_indexed(
        SqlSource(load_mapping(place.mapping, is_draft=place.is_draft), place.url, place.clock, access), place
    )
