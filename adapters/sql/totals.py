"""Tell from a few aggregates if the rows of a source have changed, without reading all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Layout
from adapters.sql.catalogue import Catalogue
from adapters.sql.tables import Tables, table_of

NEWEST = 1_000
"""The most rows sharing the newest value of the change column whose cells are compared."""

_PRIME = 1_000_003


def count(tables: Tables, catalogue: Catalogue, table: str, deadline: float) -> int:
    """Return the number of rows of `table`."""
    select = sa.select(sa.func.count()).select_from(table_of(catalogue.place(table), ()))
    return int(_one(tables, select, deadline)[0])


def fingerprint(
    tables: Tables, catalogue: Catalogue, mapping: SourceMapping, layouts: Mapping[str, Layout], deadline: float
) -> str:
    """Return a text that changes with the rows.

    For each table it holds the number of rows, the largest key and, where keys are numbers, a sum over all of them,
    which shows a row that went while another came. Where a record names `changed`, it holds the newest value, how many
    rows have it, and a hash of them: a change column often knows the day only.
    """
    parts = []
    for table, column in sorted(catalogue.growing_columns(mapping)):
        parts.append(f"{table}:{standing(tables, catalogue, table, column, deadline)}")
    for name, record in sorted(mapping.records.items()):
        if record.changed:
            joined = {"": record.table} | {join.name: join.table for join in record.joins}
            table, columns = joined[record.changed.join], layouts[name].columns[record.changed.join]
            parts.append(f"{name}:{_newest(tables, catalogue, table, record.changed.column, columns, deadline)}")
    return ";".join(parts)


def standing(tables: Tables, catalogue: Catalogue, table: str, column: str, deadline: float) -> str:
    """Return a text that changes when rows of `table`, whose key is `column`, come or go."""
    source = table_of(catalogue.place(table), (column,))
    key = source.c[column]
    ordered = sa.cast(key, sa.String(36)) if catalogue.is_unordered(table, column) else key
    figures = [sa.func.count(), sa.func.max(ordered)]
    if catalogue.is_whole(table, column):
        figures.append(sa.func.sum(sa.cast(key, sa.BigInteger) % sa.literal_column(str(_PRIME))))
    row = _one(tables, sa.select(*figures).select_from(source), deadline)
    return f"{row[0]}:{_digest([tuple(row)])}"


def _newest(
    tables: Tables, catalogue: Catalogue, table: str, column: str, columns: Iterable[str], deadline: float
) -> str:
    source = table_of(catalogue.place(table), (column, *columns))
    newest = sa.select(sa.func.max(source.c[column])).select_from(source).scalar_subquery()
    those = source.c[column] == newest
    number = int(_one(tables, sa.select(sa.func.count()).select_from(source).where(those), deadline)[0])
    if number > NEWEST:
        value = _one(tables, sa.select(newest), deadline)
        return f"{number}:{_digest([tuple(value)])}"
    return f"{number}:{_digest(tables.execute(*compiled(tables, sa.select(*source.c).where(those)), deadline))}"


def _one(tables: Tables, select: Any, deadline: float) -> Any:
    return tables.execute(*compiled(tables, select), deadline)[0]


def compiled(tables: Tables, select: Any) -> tuple[str, Any]:
    """Return a select as text with its parameters, as the driver takes both."""
    made: Any = select.compile(tables.engine, compile_kwargs={"render_postcompile": True})
    values = made.params
    return str(made), tuple(values[name] for name in made.positiontup) if made.positional else values


def _digest(rows: Iterable[Any]) -> str:
    """Return a hash of rows in any order, from which their cells cannot be read."""
    digest = hashlib.sha256()
    for row in sorted(map(repr, map(tuple, rows))):
        digest.update(row.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]
