"""Reads agency databases over SQLAlchemy: SQLite and PostgreSQL, and what else it speaks, never writing.

Identifiers come from the mapping and are checked against the real catalogue before the first row is read; values
are bound parameters only (threats.md, K1). SQLite is opened with `mode=ro`, PostgreSQL with
`default_transaction_read_only`. Statements are compiled once; each thread holds a connection of its own.
"""

from adapters.base import Adapter
from adapters.load import Place, open_indexed
from adapters.mapping_file import load_mapping
from adapters.sql.source import SqlSource

__all__ = ["SqlSource", "open_sql"]


def open_sql(place: Place) -> Adapter:
    """The database at `place.url`, behind a key index (`adapters.load.Opener`)."""
    return open_indexed(SqlSource(load_mapping(place.mapping), place.url, place.clock), place)
