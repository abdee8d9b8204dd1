"""From a TOML file to a `Mapping`. Everything that is not understood is an error with its line."""

from __future__ import annotations

import codecs
import hashlib
import re
import tomllib
from collections.abc import Mapping as Map
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from adapters.converters import CONVERTERS, Convert
from adapters.lines import Lines
from adapters.mapping import (
    SEARCH_KEYS,
    CategoryRule,
    Join,
    JoinKind,
    Mapping,
    MarkingRule,
    Part,
    RecordMapping,
    Ref,
    Value,
    When,
)
from adapters.nodes import Node, nearest
from gateway.errors import Malformed, Misconfigured
from gateway.model.marking import Caveat, Level, Marking, Onward, SubjectCategory, UseCode, code
from gateway.model.names import identifier
from gateway.records.types import RECORD_TYPES

_Code = TypeVar("_Code", bound=StrEnum)
_TESTS = ("in", "not_in", "filled", "empty", "not_past")
_MARKING_KEYS = ("level", "use", "caveats", "releasable_to", "withhold_from", "onward", "evaluation")
_PART_KEYS = (
    "convert",
    "otherwise",
    "column",
    "columns",
    "value",
    "field",
    "item",
    "from",
    "where",
    "pick",
    "separator",
)
_RECORD_KEYS = (
    "type", "table", "key", "live", "category", "left_out", "join", "fields", "search", "marking", "subject"
)  # fmt: skip
_EVALUATION = re.compile(r"[ABCX][1-4]", re.ASCII)


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file. `Misconfigured` names file, line, and what was probably meant."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misconfigured("the mapping cannot be read", where=str(path), remedy="check path and rights") from error
    return read_mapping(str(path), content)


def read_mapping(file: str, content: bytes) -> Mapping:
    """The mapping in `content`; `file` is its name in errors."""
    root = _root(file, content)
    root.only("source", "marking", "codes", "record")
    source = root.table("source")
    source.only("id", "agency", "kind", "encoding", "junk")
    codes = _codes(root)
    records: dict[str, RecordMapping] = {}
    for node in root.tables("record"):
        record = _Record(node, codes).read()
        if record.type in records:
            node.fail(f"`{record.type}` is mapped twice", "type")
        records[record.type] = record
    if not records:
        root.fail("no record is mapped", remedy="add a [[record]] table")
    return Mapping(
        file=file,
        digest=hashlib.sha256(content).hexdigest(),
        id=_identifier(source, "id"),
        agency=_identifier(source, "agency"),
        kind=source.text("kind"),
        encoding=_encoding(source),
        junk=frozenset(source.texts("junk")),
        marking=_default_marking(root.table("marking")),
        records=records,
    )


def _root(file: str, content: bytes) -> Node:
    try:
        document = content.decode()
        data = tomllib.loads(document)
    except UnicodeDecodeError as error:
        raise Misconfigured("the mapping is not UTF-8", where=file, remedy="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = found[1] if found else str(content.count(b"\n") + 1)
        reason = str(error).partition(" (at")[0].lower()
        raise Misconfigured(f"not TOML: {reason}", code="bad-mapping", where=f"{file}:{line}") from error
    return Node(file, Lines(document), data)


def _identifier(node: Node, key: str) -> str:
    text = node.text(key)
    try:
        return identifier(text, key)
    except Malformed as error:
        node.fail(error.message, key, remedy=error.remedy)


def _encoding(source: Node) -> str:
    name = source.text("encoding", "utf-8")
    # Windows' superset reads every TIS-620 text, and what Thai clerks really typed.
    try:
        return codecs.lookup("cp874" if name.lower() in ("tis-620", "tis620") else name).name
    except LookupError:
        source.fail(f"unknown encoding `{name}`", "encoding", remedy="such as utf-8, tis-620, cp1252, big5")


def _codes(root: Node) -> Map[str, Map[str, str]]:
    node = root.table("codes")
    tables: dict[str, Map[str, str]] = {}
    for name in node.data:
        table = node.table(name)
        tables[name] = {key: table.text(key) for key in table.data}
    return tables


# ---------------------------------------------------------------- markings


def _closed(node: Node, key: str, kind: type[_Code]) -> frozenset[_Code]:
    return frozenset(_one(node, key, kind, text) for text in node.texts(key))


def _one(node: Node, key: str, kind: type[_Code], text: str) -> _Code:
    try:
        return code(kind, text)
    except Misconfigured as error:
        node.fail(error.message, key, word=text, remedy=error.remedy, code=error.code)


def _rule(node: Node, when: tuple[When, ...]) -> MarkingRule:
    evaluation = node.text("evaluation", "")
    if evaluation and not _EVALUATION.fullmatch(evaluation):
        node.fail(f"`{evaluation}` is not an evaluation", "evaluation", remedy="A, B, C or X, and 1 to 4, such as `B2`")
    return MarkingRule(
        when=when,
        level=_one(node, "level", Level, node.text("level")) if "level" in node.data else None,
        use=_closed(node, "use", UseCode),
        caveats=_closed(node, "caveats", Caveat),
        releasable_to=frozenset(node.texts("releasable_to")) if "releasable_to" in node.data else None,
        withhold_from=frozenset(node.texts("withhold_from")),
        onward=_one(node, "onward", Onward, node.text("onward")) if "onward" in node.data else None,
        evaluation=evaluation,
    )


def _default_marking(node: Node) -> Marking:
    """Parts that are not given keep the model's default; nobody may see what is releasable to nobody."""
    node.only(*_MARKING_KEYS)
    rule, base = _rule(node, ()), Marking()
    return replace(
        base,
        level=rule.level or base.level,
        use=rule.use or base.use,
        caveats=rule.caveats,
        releasable_to=rule.releasable_to or frozenset(),
        withhold_from=rule.withhold_from,
        onward=rule.onward or base.onward,
        evaluation=rule.evaluation or base.evaluation,
    )


# ---------------------------------------------------------------- records


class _Record:
    """Reads one [[record]] table; holds what its parts need to know of each other."""

    def __init__(self, node: Node, codes: Map[str, Map[str, str]]) -> None:
        self._node = node
        self._codes = codes
        self._joins: dict[str, Join] = {}
        self._fields: tuple[str, ...] = ()

    def read(self) -> RecordMapping:
        """The record; joins first, since everything else may name them."""
        node = self._node
        node.only(*_RECORD_KEYS)
        name = node.text("type")
        if name not in RECORD_TYPES:
            node.fail(f"unknown record type `{name}`", "type", remedy=nearest(name, RECORD_TYPES))
        self._fields = RECORD_TYPES[name].fields
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
            category=_one(node, "category", SubjectCategory, node.text("category", "UNKNOWN")),
            line=node.line("table"),
            line_key=node.line("key"),
        )

    def _join(self, name: str, node: Node) -> Join:
        node.only("kind", "table", "column", "to", "key", "order")
        kind = _one(node, "kind", JoinKind, node.text("kind"))
        to = self._ref(node, "to", node.text("to"))
        if to.join and self._joins[to.join].kind is JoinKind.MANY:
            node.fail(f"`{to.join}` has many rows; a join starts from one", "to")
        column = node.text("column")
        key = node.text("key") if kind is JoinKind.MANY else column
        order = node.text("order", key)
        return Join(name, kind, node.text("table"), column, to, key, order, node.line("table"), node.line("column"))

    def _ref(self, node: Node, key: str, text: str, rows: str = "") -> Ref:
        """`column`, or `join.column`; inside `from` a bare column is one of that join."""
        join, _, column = text.rpartition(".")
        if join and join not in self._joins:
            node.fail(f"unknown join `{join}`", key, word=text, remedy=nearest(join, self._joins))
        return Ref(join or rows, column, node.line(key, text))

    # ---------------------------------------------------- fields and search keys

    def _all_fields(self) -> Map[str, Value]:
        node, left_out = self._node.table("fields"), self._node.texts("left_out")
        node.only(*self._fields)
        for name in left_out:
            if name not in self._fields:
                self._node.fail(f"unknown field `{name}`", "left_out", name, nearest(name, self._fields))
        for name in self._fields:
            if (name in node.data) == (name in left_out):
                problem = "both mapped and left out" if name in left_out else "neither mapped nor left out"
                node.fail(f"`{name}` is {problem}", remedy=f"map `{name}` in [record.fields], or name it in `left_out`")
        return {name: self._value(node, name) for name in node.data}

    def _search(self) -> Map[str, Value]:
        node = self._node.table("search")
        node.only(*SEARCH_KEYS)
        return {name: self._value(node, name) for name in node.data}

    def _value(self, node: Node, key: str, rows: str = "") -> Value:
        data = node.data[key]
        items = data if isinstance(data, list) else [data]
        parts = tuple(self._part(node, key, item, rows) for item in items)
        many = any(part.rows and not part.pick for part in parts)
        return Value(parts, is_list=isinstance(data, list) or (many and not rows))

    def _part(self, node: Node, key: str, data: Any, rows: str) -> Part:
        if not isinstance(data, dict):
            node.fail(f'`{key}` must be a table such as {{ column = "..." }}', key)
        inner = node.inner(key, data)
        names = _converter_names(inner)
        inner.only(*_PART_KEYS, *sorted(option for name in names for option in CONVERTERS[name].options))
        own = inner.text("from", "")
        if own and (own not in self._joins or self._joins[own].kind is not JoinKind.MANY or rows):
            many = [join.name for join in self._joins.values() if join.kind is JoinKind.MANY]
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
            line=inner.line(),
        )
        if sum(map(bool, (part.refs, part.constant, part.field, part.item))) != 1:
            inner.fail("a value needs exactly one of `column`, `columns`, `value`, `field` and `item`")
        self._check_rows(inner, part, own or rows)
        return part

    def _where(self, inner: Node, rows: str) -> When | None:
        return self._when(inner.table("where"), rows) if "where" in inner.data else None

    def _item(self, inner: Node, rows: str) -> Map[str, Value]:
        table = inner.table("item")
        return {name: self._value(table, name, rows) for name in table.data}

    def _check_rows(self, inner: Node, part: Part, rows: str) -> None:
        for ref in part.refs:
            if ref.join and ref.join != rows and self._joins[ref.join].kind is JoinKind.MANY:
                inner.fail(f"`{ref.join}` has many rows", "column", ref.join, f'say from = "{ref.join}"')

    def _field(self, inner: Node) -> str:
        name = inner.text("field", "")
        if name and name not in self._fields:
            inner.fail(f"unknown field `{name}`", "field", name, nearest(name, self._fields))
        return name

    def _converter(self, inner: Node, name: str) -> Convert:
        converter = CONVERTERS[name]
        options = {option: inner.data[option] for option in converter.options if option in inner.data}
        if "codes" in converter.options:
            table = inner.text("codes")
            if table not in self._codes:
                inner.fail(f"unknown code table `{table}`", "codes", table, nearest(table, self._codes))
            options["codes"] = self._codes[table]
        try:
            return converter.make(options)
        except Misconfigured as error:
            inner.fail(error.message, "convert", remedy=error.remedy)

    # ---------------------------------------------------- rules

    def _marking(self, node: Node) -> MarkingRule:
        node.only("when", *_MARKING_KEYS)
        return _rule(node, self._conditions(node))

    def _subject(self, node: Node) -> CategoryRule:
        node.only("when", "is")
        return CategoryRule(self._conditions(node), _one(node, "is", SubjectCategory, node.text("is")))

    def _conditions(self, node: Node) -> tuple[When, ...]:
        data: Any = node.data.get("when")
        items = data if isinstance(data, list) else [data]
        if not data or not all(isinstance(item, dict) for item in items):
            node.fail("a rule needs `when`", "when", remedy='when = { column = "...", in = ["..."] }')
        return tuple(self._when(node.inner("when", item)) for item in items)

    def _when(self, node: Node, rows: str = "") -> When:
        node.only("column", *_TESTS)
        tests = [test for test in _TESTS if test in node.data]
        if len(tests) != 1:
            node.fail("a condition needs exactly one test", remedy=f"one of {', '.join(_TESTS)}")
        test = tests[0]
        ref = self._ref(node, "column", node.text("column"), rows)
        if test == "not_past":
            return When(ref, test, date=self._date(node))
        if test in ("filled", "empty"):
            if not node.get(test, bool):
                node.fail(f"`{test}` is only ever true", test)
            return When(ref, test)
        return When(ref, test, frozenset(node.texts(test)))

    def _date(self, node: Node) -> Convert:
        try:
            return CONVERTERS["date"].make({"formats": [node.text("not_past")]})
        except Misconfigured as error:
            node.fail(error.message, "not_past", remedy=error.remedy)


def _columns(inner: Node) -> tuple[str, ...]:
    return inner.texts("columns") + ((inner.text("column"),) if "column" in inner.data else ())


def _pick(inner: Node) -> str:
    pick = inner.text("pick", "")
    if pick and (pick not in ("first", "last") or "from" not in inner.data):
        inner.fail("`pick` is `first` or `last`, with `from`", "pick")
    return pick


def _converter_names(inner: Node) -> tuple[str, ...]:
    names = inner.texts("convert")
    for name in names:
        if name not in CONVERTERS:
            inner.fail(f"unknown converter `{name}`", "convert", name, nearest(name, CONVERTERS))
    if names or "item" in inner.data or "field" in inner.data:
        return names
    return ("text",)
