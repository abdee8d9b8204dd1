"""The mapping of one source as types: tables, joins, fields, search keys, markings (docs/guides/mapping.md).

`mapping_file.load_mapping` reads it from TOML; `rows` turns a source's rows into records by it.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from enum import StrEnum

from adapters.converters import Convert
from gateway.model.marking import Caveat, Level, Marking, Onward, SubjectCategory, UseCode


@dataclass(frozen=True, slots=True)
class Ref:
    """A column: of the record's own table when `join` is empty. `line` is where the mapping names it."""

    join: str
    column: str
    line: int


class JoinKind(StrEnum):
    """`CODES`: a small code table, held in memory; `ONE`: a row by its key; `MANY`: rows that point here."""

    CODES = "codes"
    ONE = "one"
    MANY = "many"


@dataclass(frozen=True, slots=True)
class Join:
    """Rows of another table: those whose `column` equals `to`.

    Where there are many, `key` is the row's own key and `order` the column that they are sorted by.
    """

    name: str
    kind: JoinKind
    table: str
    column: str
    to: Ref
    key: str
    order: str
    line: int
    line_column: int


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a value: columns, a constant, a field or an object, through converters.

    With `rows` it is made for each row of that join (`pick` keeps the first or last one); `where` says when.
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
    line: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """What a field is made of; a list joins the items of its parts, each item once."""

    parts: tuple[Part, ...]
    is_list: bool


@dataclass(frozen=True, slots=True)
class When:
    """A condition on a cell. With a column of a `many` join it holds when it holds for any row.

    `test` is `in`, `not_in`, `filled`, `empty` or `not_past`; `date` reads the cell for the last one.
    """

    ref: Ref
    test: str
    values: frozenset[str] = frozenset()
    date: Convert | None = None


@dataclass(frozen=True, slots=True)
class MarkingRule:
    """What becomes stricter when all conditions hold; None leaves a part as it is."""

    when: tuple[When, ...]
    level: Level | None
    use: frozenset[UseCode]
    caveats: frozenset[Caveat]
    releasable_to: frozenset[str] | None
    withhold_from: frozenset[str]
    onward: Onward | None
    evaluation: str

    def tighten(self, marking: Marking) -> Marking:
        """The strictest of both, part by part (design, section 6)."""
        return Marking(
            level=max(marking.level, self.level or marking.level, key=list(Level).index),
            use=marking.use | self.use,
            caveats=marking.caveats | self.caveats,
            releasable_to=marking.releasable_to
            if self.releasable_to is None
            else marking.releasable_to & self.releasable_to,
            withhold_from=marking.withhold_from | self.withhold_from,
            onward=_strictest_onward(marking.onward, self.onward or marking.onward),
            evaluation=self.evaluation or marking.evaluation,
        )


# `ASK` forbids every onward step without the owner's consent, so only `NONE` is stricter.
_ONWARD = (Onward.NONE, Onward.ASK, Onward.SAME_UNIT, Onward.SAME_AGENCY, Onward.SAME_COUNTRY)


def _strictest_onward(one: Onward, other: Onward) -> Onward:
    return min(one, other, key=_ONWARD.index)


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """The subject's category when all conditions hold; the first rule that holds decides."""

    when: tuple[When, ...]
    category: SubjectCategory


SEARCH_KEYS = ("names", "birth", "documents", "national_ids", "plates", "containers")
"""What a record can be found by."""


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """One record type from one table. `live` says which rows count; the rest are as good as deleted.

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
class Mapping:
    """One source. `digest` is the hash of the file: another file, another index."""

    file: str
    digest: str
    id: str
    agency: str
    kind: str
    encoding: str
    junk: frozenset[str]
    marking: Marking
    records: Map[str, RecordMapping]
