"""One [[record]] of a mapping: joins, fields, search keys and rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from adapters.mapping.fit import misfits
from adapters.mapping.mapping import (
    SEARCH_KEYS,
    CategoryRule,
    Join,
    JoinKind,
    MarkingRule,
    Over,
    Part,
    RecordMapping,
    Ref,
    Value,
    When,
    members,
)
from adapters.mapping.marking import MARKING_KEYS, marking_rule, one_of
from adapters.mapping.options import (
    CONDITION,
    OVER,
    columns_of,
    conditions_of,
    converter_names,
    date_reader_of,
    option_of,
    pairs_of,
    pick_of,
    spares_record,
)
from adapters.values.conversion import Convert
from adapters.values.converters import CONVERTERS
from gateway.config.mistakes import FollowsError, Mistakes
from gateway.config.toml import TomlTable, nearest
from gateway.errors import Misconfigured
from gateway.model.forms.vessels import MEMBERS
from gateway.model.marking import SubjectCategory
from gateway.records.types import RECORD_TYPES

_Read = TypeVar("_Read")

TESTS = ("in", "not_in", "filled", "empty", "not_past")
_OF_VESSELS = (*(name for names in MEMBERS.values() for name in names), "flag")
_SOURCES = ("column", "columns", "value", "field", "item")
PART_KEYS = (*_SOURCES, "from", "where", "pick", "separator", "convert", "otherwise", "unreadable")
JOIN_KEYS = ("kind", "table", "on", "column", "to", "key", "order", "where", "shared")
CONDITION_KEYS = ("column", "rows", "dates", *TESTS)
RECORD_KEYS = (
    "type", "table", "key", "changed", "live", "category", "left_out", "join", "fields", "search", "marking", "subject"
)  # fmt: skip


class RecordReader:
    """Reads one [[record]] table; keeps what its parts need to know of each other."""

    def __init__(
        self, node: TomlTable, codes: Map[str, Map[str, str]], mistakes: Mistakes, has_paths: bool = False
    ) -> None:
        self._node = node
        self._mistakes = mistakes
        self._broken: set[str] = set()
        self._has_paths = has_paths
        self._codes = codes
        self._joins: dict[str, Join] = {}
        self._fields: tuple[str, ...] = ()
        self._main: tuple[str, ...] = ()
        self._name = ""

    def read(self) -> RecordMapping:
        """Return the record; joins are read first, since everything else may name them."""
        node, kept = self._node, self._mistakes.kept
        self._mistakes.keep(node.unknown(*RECORD_KEYS))
        name = node.text("type")
        if name not in RECORD_TYPES:
            node.fail(f"unknown record type `{name}`", "type", remedy=nearest(name, RECORD_TYPES))
        self._name = name
        self._fields, self._main = RECORD_TYPES[name].fields, RECORD_TYPES[name].main
        joins = node.table("join")
        for join in joins.data:
            self._broken.add(join)
            with kept():
                self._joins[join] = self._join(join, joins.table(join))
                self._broken.discard(join)
        table = key = ""
        category, changed = SubjectCategory.UNKNOWN, None
        with kept():
            table = node.text("table")
        with kept():
            key = node.text("key")
        with kept():
            category = one_of(node, "category", SubjectCategory, node.text("category", "UNKNOWN"))
        with kept():
            changed = self._ref(node, "changed", node.text("changed")) if "changed" in node.data else None
        return RecordMapping(
            type=name,
            table=table,
            key=key,
            joins=tuple(self._joins.values()),
            live=self._each("live", partial(self._when, is_live=True)),
            fields=self._all_fields(),
            search=self._search(),
            markings=self._each("marking", self._marking),
            categories=self._each("subject", self._subject),
            category=category,
            changed=changed,
            line=node.line("table"),
            line_key=node.line("key"),
        )

    def _each(self, key: str, read: Callable[[TomlTable], _Read]) -> tuple[_Read, ...]:
        """Return what the tables of a list say."""
        found: list[_Read] = []
        with self._mistakes.kept():
            for node in self._node.tables(key):
                with self._mistakes.kept():
                    found.append(read(node))
        return tuple(found)

    def _join(self, name: str, node: TomlTable) -> Join:
        kind = one_of(node, "kind", JoinKind, node.text("kind"))
        if kind is JoinKind.NESTED:
            return self._nested(name, node)
        node.only(*JOIN_KEYS)
        pairs, key_on = pairs_of(node)
        to = tuple(self._ref(node, "on" if key_on == "on" else "to", text) for _, text in pairs)
        columns = tuple(column for column, _ in pairs)
        key = node.text("key") if kind is JoinKind.MANY else columns[0]
        start = self._start(node, key_on, to)
        made = Join(
            name=name,
            kind=kind,
            table=node.text("table"),
            columns=columns,
            to=to,
            key=key,
            order=node.text("order", key),
            line=node.line("table"),
            line_on=node.line(key_on),
            is_shared=bool(node.get("shared", bool, False)),
            start=start,
            rows=name if kind.is_list else start,
        )
        self._joins[name] = made
        return replace(made, where=tuple(self._own_condition(each, name) for each in conditions_of(node, "where")))

    def _start(self, node: TomlTable, key: str, to: tuple[Ref, ...]) -> str:
        """Return the list of rows that a join starts from; empty where each record has one row to start from."""
        lists = [self._joins[ref.join].rows for ref in to if ref.join and self._joins[ref.join].rows]
        carried = members(self._joins.values())
        for rows in lists:
            if all(other in carried[rows] for other in lists):
                return rows
        if lists:
            node.fail("a join starts from the rows of one join", key, remedy=f"it names those of {', '.join(lists)}")
        return ""

    def _own_condition(self, node: TomlTable, name: str) -> When:
        """Return a condition that a joined row must meet, on a column of its own."""
        when = self._when(node, name)
        if when.ref.join != name:
            node.fail("the `where` of a join names its own columns", "column", remedy="other rows belong into `when`")
        return when

    def _nested(self, name: str, node: TomlTable) -> Join:
        """Return a list inside the row; only rows that are documents have one."""
        node.only("kind", "path")
        if not self._has_paths:
            node.fail("only files and web sources have nested rows", "kind")
        line = node.line("path")
        return Join(name, JoinKind.NESTED, node.text("path"), (), (), "", "", line, line, rows=name)

    def _ref(self, node: TomlTable, key: str, text: str, rows: str = "") -> Ref:
        """Return `column`, or `join.column`; inside `from` a bare column is one of that join.

        A column that is a path into a document has dots of its own.
        """
        join, column = self._parted(text)
        if self._has_paths:
            first, _, rest = text.partition(".")
            join, column = (first, rest) if rest and first in self._joins else ("", text)
        if join in self._broken:
            raise FollowsError("the join `{join}` cannot be used", where=node.place(key), join=join)
        if join and join not in self._joins:
            remedy = f"{nearest(join, self._joins)}; a column with a dot in its own name stands in quotes: '\"{text}\"'"
            node.fail(f"unknown join `{join}`", key, word=text, remedy=remedy)
        return Ref(join or rows, column, node.line(key, column if f'"{column}"' in text else text))

    def _parted(self, text: str) -> tuple[str, str]:
        """Return join and column; a column with a dot in its own name is in quotes: `join."a.b"`."""
        for join in ("", *self._joins) if text.endswith('"') else ():
            begin = f'{join}."' if join else '"'
            if text.startswith(begin) and "." in (column := text[len(begin) : -1]):
                return join, column
        join, _, column = text.rpartition(".")
        return join, column

    # ---------------------------------------------------- fields and search keys

    def _all_fields(self) -> Map[str, Value]:
        node = self._node.table("fields")
        self._mistakes.keep(node.unknown(*self._fields))
        with self._mistakes.kept():
            self._mistakes.keep(self._unsaid(node, self._node.texts("left_out")))
        values = self._values(node, self._fields)
        for name, value in values.items():
            field = RECORD_TYPES[self._name].by_name[name]
            told = (
                node.wrong(problem, name, word, f"the field is {field.form}") for word, problem in misfits(field, value)
            )
            self._mistakes.keep(told)
        return values

    def _unsaid(self, node: TomlTable, left_out: Sequence[str]) -> Iterator[Misconfigured]:
        """Yield a mistake for each field that `left_out` misspells, and each that is not said once."""
        for name in left_out:
            if name not in self._fields:
                yield self._node.wrong(f"unknown field `{name}`", "left_out", name, nearest(name, self._fields))
        for name in self._fields:
            mapped, said = name in node.data, name in left_out
            if (mapped and said) or (name in self._main and not (mapped or said)):
                problem = "both mapped and left out" if said else "neither mapped nor left out"
                remedy = f"map `{name}` in [record.fields], or name it in `left_out`"
                yield node.wrong(f"`{name}` is {problem}", remedy=remedy)

    def _values(self, node: TomlTable, known: Sequence[str]) -> dict[str, Value]:
        """Return the value of each key that is known; the others are mistakes that are told elsewhere."""
        found: dict[str, Value] = {}
        for name in node.data:
            with self._mistakes.kept():
                if name in known:
                    found[name] = self._value(node, name)
        return found

    def _search(self) -> Map[str, Value]:
        node = self._node.table("search")
        self._mistakes.keep(node.unknown(*SEARCH_KEYS))
        found = self._values(node, SEARCH_KEYS)
        for name in (name for part in found["vessels"].parts for name in part.item or ()) if "vessels" in found else ():
            with self._mistakes.kept():
                if name not in _OF_VESSELS:
                    node.fail(f"no number of a vessel is called `{name}`", "vessels", name, nearest(name, _OF_VESSELS))
        return found

    def _value(self, node: TomlTable, key: str, rows: str = "") -> Value:
        data = node.data[key]
        items = data if isinstance(data, list) else [data]
        parts = tuple(part for item in items if (part := self._kept_part(node, key, item, rows)))
        many = any(part.rows and not part.pick for part in parts)
        return Value(parts, is_list=isinstance(data, list) or (many and not rows))

    def _kept_part(self, node: TomlTable, key: str, data: Any, rows: str) -> Part | None:
        with self._mistakes.kept():
            return self._part(node, key, data, rows)
        return None

    def _part(self, node: TomlTable, key: str, data: Any, rows: str) -> Part:
        if not isinstance(data, dict):
            node.fail(f'`{key}` must be a table such as {{ column = "..." }}', key)
        inner = node.inner(key, data)
        names = converter_names(inner)
        known = (*PART_KEYS, *sorted(option for name in names for option in CONVERTERS[name].options))
        self._mistakes.keep(inner.unknown(*known))
        own = inner.text("from", "")
        if own in self._broken:
            raise FollowsError("the join `{join}` cannot be used", where=inner.place("from"), join=own)
        if own and (own not in self._joins or not self._joins[own].rows or rows):
            many = [join.name for join in self._joins.values() if join.rows]
            inner.fail(f"`{own}` is not a join with many rows", "from", own, nearest(own, many))
        item = inner.data.get("item")
        part = Part(
            refs=tuple(self._ref(inner, "column", name, own or rows) for name in columns_of(inner)),
            constant=inner.text("value", ""),
            field=self._field(inner),
            item=None if item is None else self._item(inner, own or rows),
            rows=own,
            pick=pick_of(inner),
            where=self._where(inner, own or rows),
            separator=inner.text("separator", " "),
            converters=tuple(self._converter(inner, name) for name in names),
            otherwise=inner.text("otherwise", ""),
            spares_record=spares_record(inner, names),
            codes=self._codes[inner.text("codes")] if names[:1] == ("code",) else None,
            names=names,
            script=str(inner.data.get("script") or inner.data.get("lang") or ""),
            line=inner.line(),
        )
        if sum(map(bool, (part.refs, part.constant, part.field, part.item))) != 1:
            inner.fail("a value needs exactly one of `column`, `columns`, `value`, `field` and `item`")
        self._check_rows(inner, part, own or rows)
        return part

    def _where(self, inner: TomlTable, rows: str) -> When | None:
        return self._when(inner.table("where"), rows) if "where" in inner.data else None

    def _item(self, inner: TomlTable, rows: str) -> Map[str, Value]:
        table = inner.table("item")
        for name, each in table.data.items():
            if any(isinstance(part, dict) and "item" in part for part in (each if isinstance(each, list) else [each])):
                table.fail("an object holds no other objects", name, remedy="write its members beside the others")
        return {name: self._value(table, name, rows) for name in table.data}

    def _check_rows(self, inner: TomlTable, part: Part, rows: str) -> None:
        for ref in part.refs:
            if self._is_list(ref, rows):
                inner.fail(f"`{ref.join}` has many rows", "column", ref.join, f'say from = "{ref.join}"')

    def _field(self, inner: TomlTable) -> str:
        name = inner.text("field", "")
        if name and name not in self._fields:
            inner.fail(f"unknown field `{name}`", "field", name, nearest(name, self._fields))
        return name

    def _converter(self, inner: TomlTable, name: str) -> Convert:
        converter = CONVERTERS[name]
        options = {key: option_of(inner, key, option) for key, option in converter.options.items() if key in inner.data}
        for key, option in converter.options.items():
            if option.needed and key not in options:
                inner.fail(f"`{name}` needs `{key}`", "convert", remedy=f"`{key}`: {option.doc}")
        if "codes" in options:
            table = options["codes"]
            if table not in self._codes:
                inner.fail(f"unknown code table `{table}`", "codes", table, nearest(table, self._codes))
            options["codes"] = self._codes[table]
        try:
            return converter.make(options)
        except Misconfigured as error:
            inner.fail(error.message, "convert", remedy=error.remedy, code=error.code)

    # ---------------------------------------------------- rules

    def _marking(self, node: TomlTable) -> MarkingRule:
        node.only("when", *MARKING_KEYS)
        return marking_rule(node, self._conditions(node))

    def _subject(self, node: TomlTable) -> CategoryRule:
        node.only("when", "is")
        return CategoryRule(self._conditions(node), one_of(node, "is", SubjectCategory, node.text("is")))

    def _conditions(self, node: TomlTable) -> tuple[When, ...]:
        if not node.data.get("when"):
            node.fail("a rule needs `when`", "when", remedy=CONDITION.format("when"))
        return tuple(self._when(each) for each in conditions_of(node, "when"))

    def _when(self, node: TomlTable, rows: str = "", *, is_live: bool = False) -> When:
        node.only(*CONDITION_KEYS)
        tests = [test for test in TESTS if test in node.data]
        if len(tests) != 1:
            node.fail("a condition needs exactly one test", remedy=f"one of {', '.join(TESTS)}")
        test = tests[0]
        ref = self._ref(node, "column", node.text("column"), rows)
        over, by, by_date = self._over(node, ref, rows)
        if test in ("filled", "empty") and not node.get(test, bool):
            node.fail(f"`{test}` is only ever true", test)
        if test == "not_past" and not is_live:
            node.fail("`not_past` is a condition of `live`", "not_past", remedy="a record is not read anew each day")
        values = frozenset(node.texts(test)) if test in ("in", "not_in") else frozenset[str]()
        date = date_reader_of(node, "not_past") if test == "not_past" else None
        return When(ref, test, values, date, over, by, by_date)

    def _is_list(self, ref: Ref, rows: str) -> bool:
        """Tell whether a column has many cells for a record, or for a row of the list `rows`."""
        join = self._joins.get(ref.join)
        if join is None or not join.rows:
            return False
        return not rows or ref.join not in members(self._joins.values())[self._joins[rows].rows]

    def _over(self, node: TomlTable, ref: Ref, rows: str) -> tuple[Over, Ref | None, Convert | None]:
        """Return the rows of a list that decide about a condition, with the column of time and how it is written."""
        said = node.text("rows", "")
        if not self._is_list(ref, rows):
            if said:
                node.fail("`rows` is for a column of a join with many rows", "rows", remedy="leave it out")
            return Over.ONE, None, None
        word, _, column = said.partition(" by ")
        if said in ("any", "all"):
            return Over(said), None, None
        if word != "newest" or not column.strip():
            what = f"`{ref.join}` may have many rows, and the condition does not say which of them decide"
            node.fail(what if not said else f"`rows` cannot be `{said}`", "rows" if said else "column", remedy=OVER)
        by = self._ref(node, "rows", column.strip(), ref.join)
        held = members(self._joins.values())[self._joins[ref.join].rows]
        if by.join not in held:
            node.fail(f"`{column}` is no column of `{ref.join}`", "rows", remedy="a row's time stands in the row")
        return Over.NEWEST, by, date_reader_of(node, "dates") if "dates" in node.data else None
