"""One [[record]] of a mapping: joins, fields, search keys and rules."""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import Any

from adapters.mapping.fit import misfits
from adapters.mapping.mapping import (
    SEARCH_KEYS,
    CategoryRule,
    Join,
    JoinKind,
    MarkingRule,
    Part,
    RecordMapping,
    Ref,
    Value,
    When,
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
            live=tuple(self._when(each) for each in node.tables("live")),
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
        node.only("kind", "table", "column", "to", "key", "order")
        to = self._ref(node, "to", node.text("to"))
        if to.join and self._joins[to.join].kind.has_many:
            node.fail(f"`{to.join}` has many rows; a join starts from one", "to")
        column = node.text("column")
        key = node.text("key") if kind is JoinKind.MANY else column
        order = node.text("order", key)
        return Join(name, kind, node.text("table"), column, to, key, order, node.line("table"), node.line("column"))

    def _nested(self, name: str, node: TomlTable) -> Join:
        """Return a list inside the row; only rows that are documents have one."""
        node.only("kind", "path")
        if not self._has_paths:
            node.fail("only files and web sources have nested rows", "kind")
        line = node.line("path")
        return Join(name, JoinKind.NESTED, node.text("path"), "", Ref("", "", line), "", "", line, line)

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
        if own and (own not in self._joins or not self._joins[own].kind.has_many or rows):
            many = [join.name for join in self._joins.values() if join.kind.has_many]
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
            if ref.join and ref.join != rows and self._joins[ref.join].kind.has_many:
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
        data: Any = node.data.get("when")
        items = data if isinstance(data, list) else [data]
        if not data or not all(isinstance(item, dict) for item in items):
            node.fail("a rule needs `when`", "when", remedy='when = { column = "...", in = ["..."] }')
        return tuple(self._when(node.inner("when", item)) for item in items)

    def _when(self, node: TomlTable, rows: str = "") -> When:
        node.only("column", *TESTS)
        tests = [test for test in TESTS if test in node.data]
        if len(tests) != 1:
            node.fail("a condition needs exactly one test", remedy=f"one of {', '.join(TESTS)}")
        test = tests[0]
        ref = self._ref(node, "column", node.text("column"), rows)
        if test == "not_past":
            return When(ref, test, date=self._date(node))
        if test in ("filled", "empty"):
            if not node.get(test, bool):
                node.fail(f"`{test}` is only ever true", test)
            return When(ref, test)
        return When(ref, test, frozenset(node.texts(test)))

    def _date(self, node: TomlTable) -> Convert:
        try:
            return date_of({"formats": [node.text("not_past")]}, bounded=False)
        except Misconfigured as error:
            node.fail(error.message, "not_past", remedy=error.remedy)


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
