"""Insertions with a rule for a row that is there already: each database has its own form of them."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert


def insert_for(table: Table, *, shared: bool) -> PostgresInsert | SqliteInsert:
    """Return an insertion into `table`, in the form of PostgreSQL where the database is `shared`, else of SQLite."""
    if shared:
        return postgres_insert(table)
    return sqlite_insert(table)
