"""Reads a database's catalogue and some rows of each table, never writing, for `liaison adapter init`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from adapters.database_tables import DATABASES, Column, Table
from adapters.sql.connection.access import read_sql_access
from adapters.sql.connection.connect import read_only_engine
from adapters.sql.connection.open_failure import not_opened
from gateway.config.toml import nearest
from gateway.errors import Misconfigured

Place = tuple[str | None, str]
"""Schema (None: the connection's own) and name of a table."""

_SYSTEM = frozenset({"information_schema", "pg_catalog", "pg_toast", "performance_schema", "mysql", "sys"})


def survey(url: str, access: Path | None, rows: int, only: Sequence[str] = ()) -> list[Table]:
    """Return the tables at `url` (or only those named), each with up to `rows` rows of values.

    Raises `Misconfigured` for an address that is not a database's, `Unavailable` when the database cannot be read.
    """
    if url.partition(":")[0].partition("+")[0] not in DATABASES:
        raise Misconfigured(
            "drafts are made from databases",
            where="url",
            remedy="an address that begins with {databases}",
            databases=", ".join(DATABASES),
        )
    engine = read_only_engine(url, read_sql_access(access))
    try:
        with engine.connect() as connection:
            inspector = sa.inspect(connection)
            places = _places(inspector, only)
            for name in only:
                if name not in places:
                    raise Misconfigured(
                        "unknown table `{name}`",
                        where="--table",
                        remedy="{advice}",
                        name=name,
                        advice=nearest(name, places),
                    )
            return [_table(connection, inspector, name, places[name], rows) for name in only or places]
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        raise not_opened(url, "url") from error
    finally:
        engine.dispose()


def _places(inspector: sa.Inspector, only: Sequence[str]) -> dict[str, Place]:
    """Return tables and views by the name that a mapping gives them: `schema.table`, or `table` in the own schema.

    Other schemas are read if the own one is empty, as that of a read-only account often is, or lacks a name of `only`.
    """
    found = _named(inspector, None)
    if found and not set(only) - found.keys():
        return found
    own = inspector.default_schema_name
    for schema in inspector.get_schema_names():
        if schema != own and schema.lower() not in _SYSTEM:
            found |= _named(inspector, schema)
    return found


def _named(inspector: sa.Inspector, schema: str | None) -> dict[str, Place]:
    names = sorted([*inspector.get_table_names(schema), *inspector.get_view_names(schema)])
    return {f"{schema}.{name}" if schema else name: (schema, name) for name in names}


def _table(connection: Connection, inspector: sa.Inspector, name: str, place: Place, rows: int) -> Table:
    schema, table = place
    described = inspector.get_columns(table, schema)
    names = [column["name"] for column in described]
    sampled = _rows(connection, place, names, rows)
    key = tuple(inspector.get_pk_constraint(table, schema)["constrained_columns"])
    foreign: dict[str, tuple[str, str]] = {}
    with suppress(NotImplementedError):
        for each in inspector.get_foreign_keys(table, schema):
            if len(each["constrained_columns"]) == 1 and each.get("referred_schema") == schema:
                other = f"{schema}.{each['referred_table']}" if schema else each["referred_table"]
                foreign[each["constrained_columns"][0]] = (other, each["referred_columns"][0])
    indexes: list[Any] = [index["column_names"][:1] for index in inspector.get_indexes(table, schema)]
    return Table(
        name=name,
        columns=tuple(
            Column(column["name"], _type(column["type"]), tuple(row[place] for row in sampled[:rows]))
            for place, column in enumerate(described)
        ),
        key=key,
        indexed=frozenset(column for first in (list(key[:1]), *indexes) for column in first if column),
        foreign=foreign,
        rows=min(len(sampled), rows),
        is_whole=len(sampled) <= rows,
    )


def _rows(connection: Connection, place: Place, columns: Sequence[str], rows: int) -> list[Any]:
    """Return up to one row more than `rows`, which shows that there are more."""
    if not columns or not rows:
        return []
    schema, table = place
    home = _quoted(schema) if schema else None
    source = sa.table(_quoted(table), *(sa.column(_quoted(column)) for column in columns), schema=home)
    return [tuple(row) for row in connection.execute(sa.select(*source.c).limit(rows + 1))]


def _quoted(name: str) -> str:
    """Return a name that is always quoted unless it is one plain word: the dialect decides the case of those."""
    return name if name.isidentifier() else sa.sql.quoted_name(name, quote=True)


def _type(kind: Any) -> str:
    try:
        return str(kind)
    except SQLAlchemyError:
        return "?"
