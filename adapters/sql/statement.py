"""Selects by key, compiled once for the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine


class Statement:
    """A compiled select with its parameters in the driver's style."""

    def __init__(self, engine: Engine, table: str, columns: Sequence[str], where: str, order: str, many: int) -> None:
        schema, _, name = table.rpartition(".")
        source = sa.table(
            name, *(sa.column(column) for column in {*columns, where, order} if column), schema=schema or None
        )
        select = sa.select(*(source.c[column] for column in columns))
        names = [f"k{position}" for position in range(many)]
        if many == 1:
            select = select.where(source.c[where] == sa.bindparam("k0"))
        elif many:
            select = select.where(source.c[where].in_([sa.bindparam(name) for name in names]))
        if order:
            select = select.order_by(source.c[order].desc() if many else source.c[order])
        compiled = select.compile(engine)
        self.sql = str(compiled)
        self._names = None if compiled.positional else names

    def parameters(self, keys: Sequence[Any]) -> Any:
        """`keys` as the driver wants them."""
        return tuple(keys) if self._names is None else dict(zip(self._names, keys, strict=True))
