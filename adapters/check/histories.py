"""Finds records whose joined rows contradict each other about a condition: a history that is read as the present."""

from __future__ import annotations

from adapters.mapping.mapping import Over, RecordMapping, When, test_of
from adapters.mapping.rows import Builder, Rows, conditions_of

_SHOWN = 2


class History:
    """The records whose rows of one list contradict each other about a condition, with the keys of some."""

    def __init__(self, record: RecordMapping, builder: Builder, when: When) -> None:
        self.when = when
        self.records = 0
        self.keys: list[str] = []
        self.table = next(join.table for join in record.joins if join.name == when.ref.join)
        self._test = test_of(when)
        self._place = builder.layout.place(when.ref)

    def take(self, rows: Rows) -> None:
        """Look at the rows of one record."""
        slot, index = self._place
        if len({self._test(row[index]) for row in rows[slot]}) > 1:
            self.records += 1
            if len(self.keys) < _SHOWN:
                self.keys.append(str(rows[0][0]))


def histories(record: RecordMapping, builder: Builder) -> list[History]:
    """Return the histories of a record's conditions that no newest row decides."""
    judged = (when for when in conditions_of(record) if when.over in (Over.ANY, Over.ALL) and when.date is None)
    return [History(record, builder, when) for when in judged]
