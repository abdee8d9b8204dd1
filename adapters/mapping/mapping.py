"""The mapping of one source as types: tables, joins, fields, search keys, markings (docs/guides/mapping.md).

`mapping.file.load_mapping` reads it from TOML; `mapping.rows` turns a source's rows into records by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from adapters.values.cells import Cell
from adapters.values.conversion import Convert
from gateway.config.toml import TomlTable
from gateway.model.marking import Level, Marking, Onward, SubjectCategory
from gateway.model.query import FOUND_BY


@dataclass(frozen=True, slots=True)
class Ref:
    """A column: of the record's own table when `join` is empty. `line` is its line in the mapping."""

    join: str
    column: str
    line: int


class JoinKind(StrEnum):
    """`CODES`: a small code table, held in memory; `ONE`: a row by its key; `MANY`: rows that point here.

    `NESTED`: a list inside the row itself, where rows are documents.
    """

    CODES = "codes"
    ONE = "one"
    MANY = "many"
    NESTED = "nested"

    @property
    def is_list(self) -> bool:
        """True if it gives a list of rows for one row that it starts from."""
        return self in (JoinKind.MANY, JoinKind.NESTED)


@dataclass(frozen=True, slots=True)
class Join:
    """Rows of another table: those whose `columns` equal the cells of `to`, one by one, and that meet `where`.

    If there are many, `key` is the row's own key and `order` the column that they are sorted by; with `is_shared`
    several records may have the same rows. For a nested list, `table` is the JMESPath that leads to it, and nothing
    else is set.

    `start` is the list of rows that it starts from, by the name of its join; empty for a single row. `rows` is the
    list that its own rows are part of: itself, or `start` where each row of that one gets one row more; empty for a
    join that gives a record one row.
    """

    name: str
    kind: JoinKind
    table: str
    columns: tuple[str, ...]
    to: tuple[Ref, ...]
    key: str
    order: str
    line: int
    line_on: int
    where: tuple[When, ...] = ()
    is_shared: bool = False
    start: str = ""
    rows: str = ""


MAX_JOINED = 64
"""Joined rows of one record that give values, the last in their order: a field holds as many at most."""


def members(joins: Iterable[Join]) -> dict[str, list[str]]:
    """Return, for each list of rows, the joins whose columns its rows have, in their order.

    Rows that start from a list carry the columns of the row that each of them starts from.
    """
    lists: dict[str, list[str]] = {}
    for join in joins:
        if join.rows == join.name:
            lists[join.name] = [join.name, *lists.get(join.start, ())]
        elif join.rows:
            lists[join.rows].append(join.name)
    return lists


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a value: columns, a constant, a field or an object, through converters.

    With `rows` it is made for each row of that join (`pick` keeps the first or last one); `where` says when. An
    unreadable value leaves the record out, or with `spares_record` only this value. `codes` is the table in which the
    cell itself is looked up, `names` are those of the converters, `script` is the declared script of a name, or else
    its language.
    """

    refs: tuple[Ref, ...] = ()
    constant: str = ""
    field: str = ""
    item: Map[str, Value] | None = None
    rows: str = ""
    pick: str = ""
    where: When | None = None
    separator: str = " "
    converters: tuple[Convert, ...] = ()
    otherwise: str = ""
    spares_record: bool = False
    codes: Map[str, str] | None = None
    names: tuple[str, ...] = ()
    script: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """The parts of a field; a list joins the items of its parts, each item once."""

    parts: tuple[Part, ...]
    is_list: bool


class Over(StrEnum):
    """The rows of a list that decide about a condition; `ONE` where there is no list."""

    ONE = "one"
    ANY = "any"
    ALL = "all"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class When:
    """A condition on a cell, or on the cells of a list of rows as `over` says.

    `test` is `in`, `not_in`, `filled`, `empty` or `not_past`; `date` reads the cell for the last one. `by` is the
    column whose largest value the newest row has; `by_date` reads it where it is a date in words of its own.
    """

    ref: Ref
    test: str
    values: frozenset[str] = frozenset()
    date: Convert | None = None
    over: Over = Over.ONE
    by: Ref | None = None
    by_date: Convert | None = None

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The columns that it looks at."""
        return (self.ref, self.by) if self.by else (self.ref,)


def test_of(when: When) -> Callable[[Cell], bool]:
    """Return the test of one cell, for a condition that has no date."""
    values = when.values
    if when.test == "in":
        return lambda cell: cell is not None and str(cell) in values
    if when.test == "not_in":
        return lambda cell: cell is None or str(cell) not in values
    if when.test == "filled":
        return lambda cell: cell is not None
    return lambda cell: cell is None


WIDEST = Marking(Level.OPEN, frozenset(), onward=Onward.SAME_COUNTRY, evaluation="A1")
"""Joining with it makes no part stricter, except `releasable_to`, which is empty."""


@dataclass(frozen=True, slots=True)
class MarkingRule:
    """The parts `names` of `marking` that become stricter when all conditions hold."""

    when: tuple[When, ...]
    marking: Marking
    names: frozenset[str]

    def tighten(self, marking: Marking) -> Marking:
        """Return the stricter of both, part by part (`Marking.join`); the rule's evaluation replaces the other."""
        own = self.marking
        if "releasable_to" not in self.names:
            own = replace(own, releasable_to=marking.releasable_to)
        evaluation = own.evaluation if "evaluation" in self.names else marking.evaluation
        return replace(marking.join(own), evaluation=evaluation)


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """The subject's category when all conditions hold; the first rule that holds decides."""

    when: tuple[When, ...]
    category: SubjectCategory


SEARCH_KEYS = ("names", "birth", *(key for key in FOUND_BY if key != "names"))
"""The keys by which a record can be found."""


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """One record type from one table. `live` says which rows count; the rest are treated as deleted.

    The largest value of `changed` grows with every change of a row.
    """

    type: str
    table: str
    key: str
    joins: tuple[Join, ...]
    live: tuple[When, ...]
    fields: Map[str, Value]
    search: Map[str, Value]
    markings: tuple[MarkingRule, ...]
    categories: tuple[CategoryRule, ...]
    category: SubjectCategory
    changed: Ref | None
    line: int
    line_key: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """A test beside the mapping: what the record of the row with this key must be.

    `fields` are values as a person writes them, `absent` fields that it must not have; an empty `category` or `level`
    may be any. Without `counts` the row must not count (`live`).
    """

    record_type: str
    key: str
    fields: Map[str, Any]
    absent: tuple[str, ...]
    category: str
    level: str
    counts: bool
    line: int


FRESH_WITHIN_S = 900
"""Stands for the promise of a mapping that names none, in seconds."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One source. `digest` is the hash of the file: another file, another index.

    `repair` mends texts whose UTF-8 was encoded twice. `url` is the source's address for `liaison adapter check`;
    a node's own settings say where it reads.
    `fresh_within_s` is the age up to which what was read of the source may be searched: older, it is not.
    `places` holds the section `[files]` or `[http]`, by which their adapters find the tables.
    """

    file: str
    digest: str
    id: str
    agency: str
    kind: str
    encoding: str
    junk: frozenset[str]
    marking: Marking
    records: Map[str, RecordMapping]
    repair: bool = False
    url: str = ""
    fresh_within_s: int = FRESH_WITHIN_S
    places: Map[str, TomlTable] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
