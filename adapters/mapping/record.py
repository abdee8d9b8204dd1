"""One [[record]] of a mapping: joins, fields, search keys and rules."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import replace
from typing import Any

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
from adapters.values.conversion import Convert, Option
from adapters.values.converters import CONVERTERS, date_of
from gateway.config.toml import TomlTable, nearest
from gateway.errors import Misconfigured
from gateway.model.marking import SubjectCategory
from gateway.records.types import RECORD_TYPES

TESTS = ("in", "not_in", "filled", "empty", "not_past")
_SOURCES = ("column", "columns", "value", "field", "item")
PART_KEYS = (*_SOURCES, "from", "where", "pick", "separator", "convert", "otherwise", "unreadable")
JOIN_KEYS = ("kind", "table", "on", "column", "to", "key", "order", "where", "shared")
CONDITION_KEYS = ("column", "rows", "dates", *TESTS)
RECORD_KEYS = (
    "type", "table", "key", "changed", "live", "category", "left_out", "join", "fields", "search", "marking", "subject"
)  # fmt: skip


class RecordReader:
    """Reads one [[record]] table; keeps what its parts need to know of each other."""

    def __init__(self, node: TomlTable, codes: Map[str, Map[str, str]], has_paths: bool = False) -> None:
        self._node = node
        self._has_paths = has_paths
        self._codes = codes
        self._joins: dict[str, Join] = {}
        self._fields: tuple[str, ...] = ()
        self._main: tuple[str, ...] = ()
        self._name = ""

    def read(self) -> RecordMapping:
        """Return the record; joins are read first, since everything else may name them."""
        node = self._node
        node.only(*RECORD_KEYS)
        name = node.text("type")
        if name not in RECORD_TYPES:
            node.fail(f"unknown record type `{name}`", "type", remedy=nearest(name, RECORD_TYPES))
        self._name = name
        self._fields, self._main = RECORD_TYPES[name].fields, RECORD_TYPES[name].main
        joins = node.table("join")
        for join in joins.data:
            self._joins[join] = self._join(join, joins.table(join))
        return RecordMapping(
            type=name,
            table=node.text("table"),
            key=node.text("key"),
            joins=tuple(self._joins.values()),
            live=tuple(self._when(each, is_live=True) for each in node.tables("live")),
            fields=self._all_fields(),
            search=self._search(),
            markings=tuple(self._marking(each) for each in node.tables("marking")),
            categories=tuple(self._subject(each) for each in node.tables("subject")),
            category=one_of(node, "category", SubjectCategory, node.text("category", "UNKNOWN")),
            changed=self._ref(node, "changed", node.text("changed")) if "changed" in node.data else None,
            line=node.line("table"),
            line_key=node.line("key"),
        )

    def _join(self, name: str, node: TomlTable) -> Join:
        kind = one_of(node, "kind", JoinKind, node.text("kind"))
        if kind is JoinKind.NESTED:
            return self._nested(name, node)
        node.only(*JOIN_KEYS)
        pairs, key_on = _pairs(node)
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
        return replace(made, where=tuple(self._own_condition(each, name) for each in _each(node, "where")))

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
        if join and join not in self._joins:
            remedy = f"{nearest(join, self._joins)}; a column with a dot in its own name stands in quotes: '\"{text}\"'"
            node.fail(f"unknown join `{join}`", key, word=text, remedy=remedy)
        return Ref(join or rows, column, node.line(key, column if f'"{column}"' in text else text))

    def _parted(self, text: str) -> tuple[str, str]:
        """Return join and column; a column with a dot in its own name stands in quotes: `join."a.b"`."""
        for join in ("", *self._joins) if text.endswith('"') else ():
            begin = f'{join}."' if join else '"'
            if text.startswith(begin) and "." in (column := text[len(begin) : -1]):
                return join, column
        join, _, column = text.rpartition(".")
        return join, column

    # ---------------------------------------------------- fields and search keys

    def _all_fields(self) -> Map[str, Value]:
        node, left_out = self._node.table("fields"), self._node.texts("left_out")
        node.only(*self._fields)
        for name in left_out:
            if name not in self._fields:
                self._node.fail(f"unknown field `{name}`", "left_out", name, nearest(name, self._fields))
        for name in self._fields:
            mapped, said = name in node.data, name in left_out
            if (mapped and said) or (name in self._main and not (mapped or said)):
                problem = "both mapped and left out" if said else "neither mapped nor left out"
                node.fail(f"`{name}` is {problem}", remedy=f"map `{name}` in [record.fields], or name it in `left_out`")
        values = {name: self._value(node, name) for name in node.data}
        for name, value in values.items():
            field = RECORD_TYPES[self._name].by_name[name]
            for word, problem in misfits(field, value):
                node.fail(problem, name, word, remedy=f"the field is {field.form}")
        return values

    def _search(self) -> Map[str, Value]:
        node = self._node.table("search")
        node.only(*SEARCH_KEYS)
        return {name: self._value(node, name) for name in node.data}

    def _value(self, node: TomlTable, key: str, rows: str = "") -> Value:
        data = node.data[key]
        items = data if isinstance(data, list) else [data]
        parts = tuple(self._part(node, key, item, rows) for item in items)
        many = any(part.rows and not part.pick for part in parts)
        return Value(parts, is_list=isinstance(data, list) or (many and not rows))

    def _part(self, node: TomlTable, key: str, data: Any, rows: str) -> Part:
        if not isinstance(data, dict):
            node.fail(f'`{key}` must be a table such as {{ column = "..." }}', key)
        inner = node.inner(key, data)
        names = _converter_names(inner)
        inner.only(*PART_KEYS, *sorted(option for name in names for option in CONVERTERS[name].options))
        own = inner.text("from", "")
        if own and (own not in self._joins or not self._joins[own].rows or rows):
            many = [join.name for join in self._joins.values() if join.rows]
            inner.fail(f"`{own}` is not a join with many rows", "from", own, nearest(own, many))
        item = inner.data.get("item")
        part = Part(
            refs=tuple(self._ref(inner, "column", name, own or rows) for name in _columns(inner)),
            constant=inner.text("value", ""),
            field=self._field(inner),
            item=None if item is None else self._item(inner, own or rows),
            rows=own,
            pick=_pick(inner),
            where=self._where(inner, own or rows),
            separator=inner.text("separator", " "),
            converters=tuple(self._converter(inner, name) for name in names),
            otherwise=inner.text("otherwise", ""),
            spares_record=_spares_record(inner),
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
        options = {key: _option(inner, key, option) for key, option in converter.options.items() if key in inner.data}
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
            node.fail("a rule needs `when`", "when", remedy=_CONDITION.format("when"))
        return tuple(self._when(each) for each in _each(node, "when"))

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
        date = _date(node, "not_past") if test == "not_past" else None
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
            node.fail(what if not said else f"`rows` cannot be `{said}`", "rows" if said else "column", remedy=_OVER)
        by = self._ref(node, "rows", column.strip(), ref.join)
        held = members(self._joins.values())[self._joins[ref.join].rows]
        if by.join not in held:
            node.fail(f"`{column}` is no column of `{ref.join}`", "rows", remedy="a row's time stands in the row")
        return Over.NEWEST, by, _date(node, "dates") if "dates" in node.data else None


_CONDITION = '{} = {{ column = "...", in = ["..."] }}'


def _each(node: TomlTable, key: str) -> list[TomlTable]:
    """Return the conditions of `key`: one table, or a list of them."""
    data: Any = node.data.get(key, [])
    items = data if isinstance(data, list) else [data]
    if not all(isinstance(item, dict) for item in items):
        node.fail(f"`{key}` holds conditions", key, remedy=_CONDITION.format(key))
    return [node.inner(key, item) for item in items]


_OVER = (
    'say `rows = "newest by COLUMN"` for the present state of a history, `rows = "any"` (as it was read until now), or '
    '`rows = "all"`'
)


def _date(node: TomlTable, key: str) -> Convert:
    try:
        return date_of({"formats": list(node.texts(key))}, bounded=False)
    except Misconfigured as error:
        node.fail(error.message, key, remedy=error.remedy)


def _pairs(node: TomlTable) -> tuple[list[tuple[str, str]], str]:
    """Return the columns of a join, each with the column that it equals, and the key that says so."""
    if "on" not in node.data:
        return [(node.text("column"), node.text("to"))], "column"
    if "column" in node.data or "to" in node.data:
        node.fail("a join has either `on`, or `column` and `to`", "on", remedy="leave `column` and `to` out")
    pairs = node.data["on"]
    if not isinstance(pairs, list) or not pairs or not all(_is_pair(pair) for pair in pairs):
        node.fail("`on` is a list of pairs", "on", remedy='on = [["column of the joined table", "column of this one"]]')
    return [(column, to) for column, to in pairs], "on"


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) and text for text in pair)


def _option(inner: TomlTable, key: str, option: Option) -> Any:
    """Return an option's value, checked for type and choices."""
    value: Any = inner.texts(key) if option.kind is list else inner.get(key, option.kind)
    if option.choices and value not in option.choices:
        inner.fail(f"`{key}` cannot be `{value}`", key, remedy=nearest(str(value), option.choices))
    return value


def _spares_record(inner: TomlTable) -> bool:
    spared = inner.text("unreadable", "record")
    if spared not in ("record", "field"):
        inner.fail("`unreadable` is `record` or `field`", "unreadable", remedy="what is left out")
    return spared == "field"


def _columns(inner: TomlTable) -> tuple[str, ...]:
    return inner.texts("columns") + ((inner.text("column"),) if "column" in inner.data else ())


def _pick(inner: TomlTable) -> str:
    pick = inner.text("pick", "")
    if pick and (pick not in ("first", "last") or "from" not in inner.data):
        inner.fail("`pick` is `first` or `last`, with `from`", "pick")
    return pick


def _converter_names(inner: TomlTable) -> tuple[str, ...]:
    names = inner.texts("convert")
    for name in names:
        if name not in CONVERTERS:
            inner.fail(f"unknown converter `{name}`", "convert", name, nearest(name, CONVERTERS))
    if names or "item" in inner.data or "field" in inner.data:
        return names
    return ("text",)
