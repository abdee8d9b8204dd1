"""Insertions that say what becomes of a row that is there already: each database has its own form of them.

Only the form that is used is loaded: that of PostgreSQL brings all its drivers, which a search in a file does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Table

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert


def insert_for(table: Table, *, shared: bool) -> PostgresInsert | SqliteInsert:
    """An insertion into `table`, in the form of PostgreSQL where the database is `shared`, else of SQLite."""
    if shared:
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        return postgres_insert(table)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table)
