"""Find the rows that are new or changed since an earlier position, by change columns and growing keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from adapters.mapping.mapping import Join, JoinKind, RecordMapping
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Layout
from adapters.sql.catalogue import Catalogue
from adapters.sql.tables import Tables, Wanted, table_of
from adapters.sql.totals import standing

Grown = tuple[str, str]
"""A table, and a column of it whose newest values are those of new or changed rows."""


def position(tables: Tables, catalogue: Catalogue, mapping: SourceMapping, deadline: float) -> str:
    """Return the newest value of every watched column, as JSON; left out are values other than texts and numbers.

    For a table that has no such column it holds the number of rows and their largest key.
    """
    newest: dict[str, Any] = {}
    for record in mapping.records.values():
        if _is_blind(catalogue, record):
            newest[_place(record.table, "")] = standing(tables, catalogue, record.table, record.key, deadline)
    for table, column in sorted(
        {place for record in mapping.records.values() for place in _watched(catalogue, record)}
    ):
        source = table_of(catalogue.place(table), (column,))
        select = sa.select(sa.func.max(source.c[column])).select_from(source)
        value = _plain(tables.execute(str(select.compile(tables.engine)), (), deadline)[0][0])
        if value is not None:
            newest[_place(table, column)] = value
    return json.dumps(newest, sort_keys=True)


def _place(table: str, column: str) -> str:
    return json.dumps([table, column])


def _is_blind(catalogue: Catalogue, record: RecordMapping) -> bool:
    """Tell whether no column shows which rows of the record's own table are new."""
    return record.changed is None and not catalogue.is_whole(record.table, record.key)


def _plain(value: Any) -> str | int | None:
    if isinstance(value, int | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else None


def _watched(catalogue: Catalogue, record: RecordMapping) -> Iterator[Grown]:
    if record.changed and (table := _table_of(record, record.changed.join)):
        yield table, record.changed.column
    if catalogue.is_whole(record.table, record.key):
        yield record.table, record.key
    for join in _followed(record):
        if catalogue.is_whole(join.table, join.key):
            yield join.table, join.key


def _followed(record: RecordMapping) -> list[Join]:
    """Return the joins that start at the record's own table: from their rows the way back is one step."""
    return [join for join in record.joins if join.kind in (JoinKind.ONE, JoinKind.MANY) and _starts_here(join)]


def _starts_here(join: Join) -> bool:
    return not any(ref.join for ref in join.to)


def _table_of(record: RecordMapping, name: str) -> str:
    if not name:
        return record.table
    return next((join.table for join in _followed(record) if join.name == name), "")


def rows(
    tables: Tables,
    catalogue: Catalogue,
    mapping: SourceMapping,
    layout: Layout,
    record_type: str,
    since: str,
    deadline: float,
) -> Iterator[Sequence[Any]]:
    """Yield the new and changed rows of a record's own table in batches; a row may come more than once."""
    record, newest = mapping.records[record_type], _Since(since)
    columns = tuple(layout.columns[""])
    place = catalogue.place(record.table)
    if _is_blind(catalogue, record) and newest.differs(
        record.table, standing(tables, catalogue, record.table, record.key, deadline)
    ):
        yield from tables.stream(Wanted(place, columns), (), deadline)
        return
    for table, column in _watched(catalogue, record):
        value = newest.of(catalogue, table, column)
        compare = ">=" if record.changed and column == record.changed.column else ">"
        found = Wanted(place, columns) if value is None else Wanted(place, columns, column, 1, compare)
        if table == record.table:
            yield from tables.stream(found, () if value is None else (value,), deadline)
            continue
        for join in (join for join in _followed(record) if join.table == table):
            wanted = Wanted(catalogue.place(table), join.columns)
            if value is not None:
                wanted = Wanted(catalogue.place(table), join.columns, column, 1, compare)
            for batch in tables.stream(wanted, () if value is None else (value,), deadline):
                values = sorted({tuple(row) for row in batch if None not in tuple(row)}, key=str)
                yield from _back(tables, catalogue, record, join, columns, values, deadline)


class _Since:
    """An earlier position. If it lacks a value, or the value cannot be compared, all rows count as new."""

    def __init__(self, text: str) -> None:
        self._newest: Mapping[str, Any] = json.loads(text) if text else {}

    def differs(self, table: str, now: str) -> bool:
        """Tell whether a table that shows no new rows had another count or largest key then."""
        return bool(self._newest.get(_place(table, "")) != now)

    def of(self, catalogue: Catalogue, table: str, column: str) -> Any:
        value = self._newest.get(_place(table, column))
        return None if value is None else catalogue.parameter(table, column, value)


def _back(
    tables: Tables,
    catalogue: Catalogue,
    record: RecordMapping,
    join: Join,
    columns: tuple[str, ...],
    values: Sequence[tuple[Any, ...]],
    deadline: float,
) -> Iterator[Sequence[Any]]:
    """Yield the rows of the record's own table to which joined rows with these values belong."""
    where = tuple(ref.column for ref in join.to)
    wanted = [fitted for each in values if (fitted := fitted_to(catalogue, record.table, where, each)) is not None]
    most = tables.most(len(where))
    for begin in range(0, len(wanted), most):
        some = tables.padded(wanted[begin : begin + most])
        found = Wanted(catalogue.place(record.table), columns, where, len(some))
        yield tables.run(found, [value for each in some for value in each], deadline)


def fitted_to(
    catalogue: Catalogue, table: str, columns: Sequence[str], values: Sequence[Any]
) -> tuple[Any, ...] | None:
    """Return values in the types of the columns; None when one of them cannot be a value of its column."""
    if len(columns) == 1:
        value = catalogue.parameter(table, columns[0], values[0])
        return None if value is None else (value,)
    fitted = tuple(catalogue.parameter(table, column, value) for column, value in zip(columns, values, strict=True))
    return None if None in fitted else fitted
