"""Selects, compiled once for the driver: names quoted by the dialect, values as parameters."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

Table = tuple[str, str]
"""Schema (empty: the connection's own) and name."""


def table_of(table: Table, columns: Sequence[str]) -> Any:
    """Return the table with these columns, in SQLAlchemy's form."""
    schema, name = table
    return sa.table(name, *map(sa.column, dict.fromkeys(columns)), schema=schema or None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content of a select: `columns` of the rows whose `where`, one column or several, is one of `many` values.

    The values of several columns follow each other. With `compare` (`>` or `>=`) it selects the rows whose `where` is
    beyond one value. `order` sorts, `newest` in falling order; `limit` is the most rows that come, 0 = all.
    """

    table: Table
    columns: tuple[str, ...]
    where: str | tuple[str, ...] = ""
    many: int = 0
    compare: str = ""
    order: str = ""
    newest: bool = False
    limit: int = 0


_BEYOND: Mapping[str, Callable[[Any, Any], Any]] = {">": operator.gt, ">=": operator.ge}


def _equal(columns: Sequence[Any], values: Sequence[Any]) -> Any:
    """Return the condition that the columns have the values of one of the rows of `values`.

    Not every database compares rows of values with each other, and all of them use an index for these.
    """
    if len(columns) == 1:
        return columns[0] == values[0] if len(values) == 1 else columns[0].in_(values)
    rows = (values[first : first + len(columns)] for first in range(0, len(values), len(columns)))
    return sa.or_(*(sa.and_(*map(operator.eq, columns, row)) for row in rows))


class Statement:
    """A compiled select with its parameters in the driver's style."""

    def __init__(self, dialect: Dialect, wanted: Wanted) -> None:
        where = (wanted.where,) if isinstance(wanted.where, str) else wanted.where
        source = table_of(wanted.table, [name for name in (*wanted.columns, *where, wanted.order) if name])
        select = sa.select(*(source.c[column] for column in wanted.columns))
        names = [f"k{position}" for position in range(wanted.many * len(where))]
        values: list[Any] = [sa.bindparam(name, required=False) for name in names]
        if wanted.compare:
            select = select.where(_BEYOND[wanted.compare](source.c[where[0]], values[0]))
        elif wanted.many:
            select = select.where(_equal([source.c[column] for column in where], values))
        if wanted.order:
            select = select.order_by(source.c[wanted.order].desc() if wanted.newest else source.c[wanted.order])
        if wanted.limit:
            select = select.limit(wanted.limit)
        compiled: Any = select.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.sql = str(compiled)
        # The limit is a parameter, too; it comes after the keys.
        self._names = None if compiled.positional else names
        placed = compiled.positiontup if compiled.positional else compiled.params
        self._rest = {name: compiled.params[name] for name in placed if name not in names}

    def parameters(self, keys: Sequence[Any]) -> Any:
        """Return `keys` in the form that the driver takes."""
        if self._names is None:
            return (*keys, *self._rest.values())
        return dict(zip(self._names, keys, strict=True)) | self._rest
