"""Reads a database's catalogue and some rows of each table, never writing, for `liaison adapter init`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from adapters.nodes import nearest
from adapters.sql.access import read_sql_access
from adapters.sql.connect import read_only_engine
from adapters.sql.reach import not_opened
from adapters.survey import Column, Table
from gateway.errors import Misconfigured


def read_tables(url: str, access: Path | None, rows: int, only: Sequence[str]) -> list[Table]:
    """See `adapters.survey.survey`."""
    engine = read_only_engine(url, read_sql_access(access))
    try:
        with engine.connect() as connection:
            inspector = sa.inspect(connection)
            names = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
            for name in only:
                if name not in names:
                    raise Misconfigured(f"unknown table `{name}`", where="--table", remedy=nearest(name, names))
            return [_table(connection, inspector, name, rows) for name in only or names]
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        raise not_opened(url, "url") from error
    finally:
        engine.dispose()


def _table(connection: Connection, inspector: sa.Inspector, name: str, rows: int) -> Table:
    described = inspector.get_columns(name)
    names = [column["name"] for column in described]
    sampled = _rows(connection, name, names, rows)
    key = tuple(inspector.get_pk_constraint(name)["constrained_columns"])
    foreign: dict[str, tuple[str, str]] = {}
    with suppress(NotImplementedError):
        for each in inspector.get_foreign_keys(name):
            if len(each["constrained_columns"]) == 1 and not each.get("referred_schema"):
                foreign[each["constrained_columns"][0]] = (each["referred_table"], each["referred_columns"][0])
    indexes: list[Any] = [index["column_names"][:1] for index in inspector.get_indexes(name)]
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


def _rows(connection: Connection, table: str, columns: Sequence[str], rows: int) -> list[Any]:
    """One row more than asked for, to know whether there are more."""
    if not columns or not rows:
        return []
    source = sa.table(_quoted(table), *(sa.column(_quoted(column)) for column in columns))
    return [tuple(row) for row in connection.execute(sa.select(*source.c).limit(rows + 1))]


def _quoted(name: str) -> str:
    """A name that is always quoted unless it is one plain word, whose case is the dialect's business."""
    return name if name.isidentifier() else sa.sql.quoted_name(name, quote=True)


def _type(kind: Any) -> str:
    try:
        return str(kind)
    except SQLAlchemyError:
        return "?"
