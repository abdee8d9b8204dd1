"""Several records of one type read at once: one statement for each table instead of one for each record.

Where the result is in doubt, fewer records are read together; a single one is left to `SqlSource.read`, which says
what is wrong with it. A record is therefore the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.catalogue import Catalogue
from adapters.mapping.mapping import Join, JoinKind, RecordMapping
from adapters.mapping.rows import Builder, Layout, Row, Rows
from adapters.sql.statement import Wanted
from adapters.sql.tables import Tables
from adapters.values.cells import Cell
from gateway.errors import Malformed, Unknown

BATCH = 64
"""Records that are read at once."""

MOST = 256
"""Rows of one statement; with more it is uncertain that every row of each record was read."""


class _InDoubt(Exception):
    """Too many rows."""


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads records of types whose joined rows are all found by value. `codes`: code tables by type and join."""

    records: Mapping[str, RecordMapping]
    builders: Mapping[str, Builder]
    catalogue: Catalogue
    tables: Tables
    clean: Callable[[Any], Cell]
    codes: Mapping[tuple[str, str], Mapping[str, Row]]
    joined: int

    def read(self, record_type: str, keys: Sequence[str], deadline: float) -> dict[str, Rows]:
        """Return the rows of those `keys` whose result is certain. Raises `TimedOut`, `Unavailable`."""
        found: dict[str, Rows] = {}
        waiting = [keys[first : first + BATCH] for first in range(0, len(keys), BATCH)]
        while waiting:
            some = waiting.pop()
            if len(some) < 2:
                continue
            try:
                found |= self._read(record_type, some, deadline)
            except (Malformed, _InDoubt):
                half = len(some) // 2
                waiting += [some[:half], some[half:]]
        return found

    def _read(self, record_type: str, keys: Sequence[str], deadline: float) -> dict[str, Rows]:
        record, layout = self.records[record_type], self.builders[record_type].layout
        values = [value for key in keys if (value := self._value(record, key)) is not None]
        asked, found = set(keys), dict[str, Rows]()
        for row in self._rows(record.table, layout.columns[""], record.key, values, "", deadline):
            # As `SqlSource.read`: a key that only the database treats as equal is another record; the first row counts.
            if (key := str(row[0])) in asked and key not in found:
                rows = found[key] = layout.empty()
                rows[0] = row
        for slot, join in enumerate(layout.joins, 1):
            self._join(record_type, layout, slot, join, list(found.values()), deadline)
        return found

    def _value(self, record: RecordMapping, key: str) -> Any:
        try:
            return self.catalogue.key(record.table, record.key, key)
        except Unknown:
            return None

    def _join(
        self, record_type: str, layout: Layout, slot: int, join: Join, batch: Sequence[Rows], deadline: float
    ) -> None:
        source, index = layout.place(join.to)
        starts = [rows[source][index] if rows[source] else None for rows in batch]
        if join.kind is JoinKind.CODES:
            table = self.codes[record_type, join.name]
            for rows, start in zip(batch, starts, strict=True):
                rows[slot] = table.get(str(start))
            return
        groups = self._groups(layout, join, {str(start): start for start in starts if start is not None}, deadline)
        for rows, start in zip(batch, starts, strict=True):
            group = groups.get(str(start), []) if start is not None else []
            if join.kind is JoinKind.ONE:
                rows[slot] = group[0] if group else None
            else:
                rows[slot] = group[self.joined - 1 :: -1]

    def _groups(self, layout: Layout, join: Join, starts: Mapping[str, Any], deadline: float) -> dict[str, list[Row]]:
        """Return the joined rows by the value that they are joined on, newest first."""
        columns = layout.columns[join.name]
        fitted = (self.catalogue.parameter(join.table, join.column, start) for start in starts.values())
        values = [value for value in fitted if value is not None]
        order = join.order if join.kind is JoinKind.MANY else ""
        place = columns.index(join.column)
        groups: dict[str, list[Row]] = {}
        for row in self._rows(join.table, columns, join.column, values, order, deadline):
            groups.setdefault(str(row[place]), []).append(row)
        return groups

    def _rows(
        self, table: str, columns: Sequence[str], column: str, values: list[Any], order: str, deadline: float
    ) -> list[Row]:
        if not values:
            return []
        padded = self.tables.padded(values)
        wanted = Wanted(
            self.catalogue.place(table), tuple(columns), column, len(padded), order=order, newest=True, limit=MOST
        )
        found = self.tables.run(wanted, padded, deadline)
        if len(found) >= MOST:
            raise _InDoubt
        return [tuple(map(self.clean, raw)) for raw in found]
