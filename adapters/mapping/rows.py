"""From the rows of a source to a record, by a mapping compiled once into closures.

`Rows` are the cells of one record: the row of its own table, one row or None for each `codes` and `one` join, and a
list of rows for each `many` join, with the cells of what each of these is joined to. At the end stand the reasons for
spared values and the finished fields, which search keys may refer to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from adapters.mapping.conditions import condition, last_day
from adapters.mapping.mapping import (
    MAX_JOINED,
    Join,
    JoinKind,
    Mapping,
    Over,
    Part,
    RecordMapping,
    Ref,
    Value,
    When,
    members,
    test_of,
)
from adapters.values.cells import Cell
from adapters.values.dates import FUTURE, is_to_come
from gateway.clock import SystemClock
from gateway.errors import Malformed
from gateway.model.hit import SourceRecord
from gateway.model.marking import Marking, SubjectCategory
from gateway.records.types import RECORD_TYPES

Row = tuple[Cell, ...]
Rows = list[Any]
Get = Callable[[Rows, Row], Any]
"""Reads from `Rows` and, inside `from`, from the current joined row."""

_NO_ROW: Row = ()
_PAST = frozenset(("birth", "issued", "search.birth"))
_SPARED, _FIELDS = -2, -1


class Layout:
    """The columns that a record needs of each table, and their places in `Rows`."""

    def __init__(self, record: RecordMapping) -> None:
        self.joins: tuple[Join, ...] = record.joins
        self.columns: dict[str, list[str]] = {"": [record.key]} | {join.name: [] for join in record.joins}
        for join in record.joins:
            if join.kind is JoinKind.NESTED:
                continue
            for ref in join.to:
                self._add(ref.join, ref.column)
            for column in (join.key, *join.columns, join.order):
                self._add(join.name, column)
            for ref in (ref for when in join.where for ref in when.refs):
                self._add(ref.join, ref.column)
        for ref in refs_of(record):
            self._add(ref.join, ref.column)
        slots = {"": 0} | {join.name: position for position, join in enumerate(record.joins, 1)}
        self.slots = {"": 0} | {join.name: slots[join.rows or join.name] for join in record.joins}
        self.judged = {
            held
            for when in conditions_of(record)
            if when.over is not Over.ONE and (held := next(j.rows for j in record.joins if j.name == when.ref.join))
        }
        self._lists = {join.name: join.rows for join in record.joins}
        self.begins: dict[str, dict[str, int]] = {
            rows: dict(zip(joins, accumulate((len(self.columns[name]) for name in joins[:-1]), initial=0), strict=True))
            for rows, joins in members(record.joins).items()
        }

    def _add(self, join: str, column: str) -> None:
        if column not in self.columns[join]:
            self.columns[join].append(column)

    def place(self, ref: Ref, rows: str = "") -> tuple[int, int]:
        """Return the slot in `Rows` and the index in its row; inside the list `rows`, the place in that list's rows."""
        own = self.columns[ref.join].index(ref.column)
        held = self._lists.get(rows) or self._lists.get(ref.join, "")
        if ref.join not in self.begins.get(held, ()):
            held = self._lists.get(ref.join, "")
        if not held:
            return self.slots[ref.join], own
        return self.slots[held], self.begins[held][ref.join] + own

    def joined(self, name: str) -> tuple[int, int | None]:
        """Return the slot of a list's rows, and the index of a cell that a row has only where this join gave one.

        The index is None where the list is the join's own: each of its rows has one.
        """
        join = next(join for join in self.joins if join.name == name)
        if join.rows == name:
            return self.slots[name], None
        return self.place(Ref(name, join.columns[0], join.line))

    def empty(self) -> Rows:
        """Return `Rows` without any cells yet."""
        return [None] * (len(self.joins) + 3)


def refs_of(record: RecordMapping) -> Iterator[Ref]:
    """Yield every column that fields, search keys and rules of a record name."""
    for value in (*record.fields.values(), *record.search.values()):
        yield from value_refs(value)
    yield from (ref for when in rule_conditions(record) for ref in when.refs)


def rule_conditions(record: RecordMapping) -> Iterator[When]:
    """Yield the conditions of a record's rules."""
    ruled = [rule.when for rule in record.markings] + [rule.when for rule in record.categories]
    yield from (when for conditions in (record.live, *ruled) for when in conditions)


def conditions_of(record: RecordMapping) -> Iterator[When]:
    """Yield the conditions of a record's rules, fields and search keys."""
    yield from rule_conditions(record)
    waiting = [*record.fields.values(), *record.search.values()]
    while waiting:
        for part in waiting.pop().parts:
            waiting += (part.item or {}).values()
            if part.where:
                yield part.where


def value_refs(value: Value) -> Iterator[Ref]:
    """Yield every column that one value names."""
    for part in value.parts:
        yield from part.refs
        if part.where:
            yield from part.where.refs
        for inner in (part.item or {}).values():
            yield from value_refs(inner)


@dataclass(frozen=True, slots=True)
class Built:
    """A record with the parts of its index rows. `last_day`: the last day (ordinal) that it is live, or 0.

    `spared`: the reasons for missing values that could not be read, where the mapping spares the record.
    """

    record: SourceRecord
    search: dict[str, Any]
    last_day: int
    spared: tuple[str, ...] = ()


class Builder:
    """Makes records of one type. Raises `Malformed` with the field when a row cannot be read as mapped."""

    def __init__(self, mapping: Mapping, record: RecordMapping) -> None:
        self.layout = Layout(record)
        self.type = record.type
        self._source = mapping.id
        # The owner in a record is the agency as other countries name it: `<member>.<agency>`.
        self._owner = f"{mapping.id.partition('.')[0]}.{mapping.agency}"
        self._marking = mapping.marking
        self._category = record.category
        compiler = _Compiler(self.layout)
        shapes = RECORD_TYPES[record.type].by_name
        self._fields = [
            (name, compiler.value(value), "list" in shapes[name].form.partition(",")[0])
            for name, value in record.fields.items()
        ]
        self._search = [(name, compiler.value(value)) for name, value in record.search.items()]
        self._clock = SystemClock()
        self._sparing = {name for name, value in record.fields.items() if all(p.spares_record for p in value.parts)}
        self._own_live = [
            (self.layout.place(when.ref)[1], test_of(when))
            for when in record.live
            if not when.ref.join and when.test != "not_past"
        ]
        place = self.layout.place
        self._live = [condition(when, place) for when in record.live if when.test != "not_past"]
        self._expiry = [last_day(when, place) for when in record.live if when.date]
        self._markings = [(_all([condition(w, place) for w in rule.when]), rule) for rule in record.markings]
        self._categories = [
            (_all([condition(w, place) for w in rule.when]), rule.category) for rule in record.categories
        ]

    def is_live(self, rows: Rows) -> bool:
        """Tell whether the row counts, apart from its expiry."""
        return all(holds(rows) for holds in self._live)

    def last_day(self, rows: Rows) -> int:
        """Return the last day that the record is live, as an ordinal; 0 when it has no end."""
        return min((day for ends in self._expiry if (day := ends(rows))), default=0)

    def record(self, rows: Rows) -> SourceRecord:
        """Return the record in `rows`; stores its fields at the end of `rows`."""
        fields: dict[str, Any] = {}
        rows[_FIELDS], rows[_SPARED] = fields, []
        for name, get, as_list in self._fields:
            value = self._read(name, get, rows)
            if value is not None and value != []:
                fields[name] = [value] if as_list and not isinstance(value, list) else value
        return SourceRecord(
            source=self._source,
            key=str(rows[0][0]),
            record_type=self.type,
            owner=self._owner,
            fields=fields,
            marking=self._mark(rows),
            category=self._categorise(rows),
        )

    def search(self, rows: Rows) -> dict[str, Any]:
        """Return the search keys of the record that `record` has made of `rows`."""
        found = ((name, self._read(f"search.{name}", get, rows)) for name, get in self._search)
        return {name: value for name, value in found if value not in (None, [])}

    def build(self, rows: Rows) -> Built:
        """Return the record, checked against its type, with its search keys."""
        record = self.record(rows)
        RECORD_TYPES[self.type].check_whole(record.fields)
        return Built(record, self.search(rows), self.last_day(rows), tuple(rows[_SPARED]))

    def is_surely_past(self, row: Row, unread: Collection[int]) -> bool:
        """Tell whether the readable own cells alone show that a row does not count; `unread` cannot be read."""
        return any(index not in unread and not holds(row[index]) for index, holds in self._own_live)

    def _read(self, name: str, get: Get, rows: Rows) -> Any:
        try:
            value = get(rows, _NO_ROW)
            if name in _PAST and value and is_to_come(value, self._clock.now_us()):
                if name in self._sparing:
                    rows[_SPARED].append(f"{name}: {FUTURE}")
                    return None
                raise Malformed(FUTURE, code="future")
            return value
        except Malformed as error:
            raise Malformed(error.message, code=error.code, where=f"{self.type}.{name}") from None

    def _mark(self, rows: Rows) -> Marking:
        marking = self._marking
        for holds, rule in self._markings:
            if holds(rows):
                marking = rule.tighten(marking)
        return marking

    def _categorise(self, rows: Rows) -> SubjectCategory:
        for holds, category in self._categories:
            if holds(rows):
                return category
        return self._category


def _all(conditions: list[Callable[[Rows], bool]]) -> Callable[[Rows], bool]:
    if len(conditions) == 1:
        return conditions[0]
    return lambda rows: all(holds(rows) for holds in conditions)


class _Compiler:
    """Compiles values and conditions of one record."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def get(self, ref: Ref, rows: str = "") -> Get:
        """Return a getter of one cell."""
        slot, index = self._layout.place(ref, rows)
        if rows and slot == self._layout.slots[rows]:
            return lambda _rows, row: row[index]
        if slot == 0:
            return lambda rows, _row: rows[0][index]
        return lambda rows, _row: rows[slot][index] if rows[slot] else None

    def value(self, value: Value, rows: str = "") -> Get:
        """Return a getter of a whole value."""
        parts = [self._part(part, rows) for part in value.parts]
        if not value.is_list:
            return parts[0]

        def collect(all_rows: Rows, row: Row) -> list[Any]:
            found: list[Any] = []
            for part in parts:
                made = part(all_rows, row)
                for item in made if isinstance(made, list) else (made,):
                    if item is not None and item not in found:
                        found.append(item)
            return found

        return collect

    def _part(self, part: Part, rows: str) -> Get:
        base = _sparing(_converted(self._base(part, part.rows or rows), part), part)
        if part.where:
            base = _only(base, self._holds(part.where, part.rows or rows))
        if not part.rows:
            return base
        slot, joined = self._layout.joined(part.rows)
        step = -1 if part.pick == "last" else 1

        def each(all_rows: Rows, _row: Row) -> Any:
            found = all_rows[slot]
            if len(found) > MAX_JOINED:
                found = found[-MAX_JOINED:]
            if joined is not None:
                found = [row for row in found if row[joined] is not None]
            made = (value for row in found[::step] if (value := base(all_rows, row)) is not None)
            return next(made, None) if part.pick else list(made)

        return each

    def _base(self, part: Part, rows: str) -> Get:
        if part.item is not None:
            return _object([(name, self.value(value, rows)) for name, value in part.item.items()])
        if part.field:
            field = part.field
            return lambda all_rows, _row: all_rows[_FIELDS].get(field)
        if part.constant:
            constant = part.constant
            return lambda _rows, _row: constant
        gets = [self.get(ref, rows) for ref in part.refs]
        if len(gets) == 1:
            return gets[0]
        return lambda all_rows, row: _joined(part.separator, [get(all_rows, row) for get in gets])

    def _holds(self, when: When, rows: str) -> Callable[[Rows, Row], bool]:
        """Return the test of a condition on the current joined row, or on the record's rows."""
        if when.over is not Over.ONE:
            holds = condition(when, self._layout.place)
            return lambda all_rows, _row: holds(all_rows)
        get, test = self.get(when.ref, rows), test_of(when)
        return lambda all_rows, row: test(get(all_rows, row))


def _sparing(base: Get, part: Part) -> Get:
    """Return `base`, with an unreadable value replaced by `otherwise` or None, and the reason counted."""
    if not part.spares_record:
        return base
    names = ", ".join(ref.column for ref in part.refs) or part.field or "value"

    def spare(rows: Rows, row: Row) -> Any:
        try:
            return base(rows, row)
        except Malformed as error:
            rows[_SPARED].append(f"{names}: {error.message}")
            return part.otherwise or None

    return spare


def _converted(base: Get, part: Part) -> Get:
    converters = part.converters
    otherwise = part.otherwise or None
    if not converters and otherwise is None:
        return base
    if len(converters) == 1 and otherwise is None:
        only = converters[0]
        return lambda rows, row: None if (value := base(rows, row)) is None else only(value)

    def convert(rows: Rows, row: Row) -> Any:
        value = base(rows, row)
        for step in converters:
            if value is None:
                break
            value = _each(step, value) if isinstance(value, list) else step(value)
        return otherwise if value is None else value

    return convert


def _each(step: Callable[[Any], Any], values: list[Any]) -> list[Any] | None:
    """Return the converter's results for the items of a list from the converter before it."""
    made: list[Any] = []
    for value in values:
        found = step(value)
        made += found if isinstance(found, list) else [] if found is None else [found]
    return made or None


def _only(base: Get, holds: Callable[[Rows, Row], bool]) -> Get:
    return lambda rows, row: base(rows, row) if holds(rows, row) else None


def _object(members: list[tuple[str, Get]]) -> Get:
    """Return a getter of an object; None without its first member, which is its subject."""
    first = members[0][0]

    def make(rows: Rows, row: Row) -> dict[str, Any] | None:
        made = {name: value for name, get in members if (value := get(rows, row)) is not None}
        return made if first in made else None

    return make


def _joined(separator: str, cells: list[Cell]) -> str | None:
    return separator.join(str(cell) for cell in cells if cell is not None) or None
