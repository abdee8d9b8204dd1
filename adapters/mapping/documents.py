"""From the documents of a source (rows of a table file, JSON objects, XML elements) to `Rows`.

In flat rows a column is a name; in documents it is a JMESPath expression, and a nested join is
the JMESPath of a list inside the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Map
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from adapters.mapping.joins import JoinPlace, On
from adapters.mapping.mapping import JoinKind, Mapping, RecordMapping
from adapters.mapping.rows import Layout, Row, Rows, refs_of
from adapters.values.cells import Cell
from gateway.config.toml import TomlTable, nearest
from gateway.errors import Malformed, Misconfigured

Path = Callable[[Any], Any]
Clean = Callable[[Any], Cell]
Tables = Map[str, Map[On, Sequence[Row]]]
"""Code tables by the name of their join: rows by the texts of the columns that they are joined on."""

MAX_NESTED = 64
"""Items of one nested list; a document with more is left out, since a field holds as many at most."""

MAX_CODES = 100_000
"""Rows of a code table, which is held in memory."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def path(expression: str, where: str) -> Path:
    """Return a JMESPath expression as a function, which raises `Malformed` for a document that it cannot read.

    Raises `Misconfigured` at `where` when the expression is not JMESPath.
    """
    if _NAME.fullmatch(expression):
        return lambda document: document.get(expression) if type(document) is dict else None
    try:
        compiled = jmespath.compile(expression)
    except JMESPathError as error:
        raise Misconfigured(
            "`{expression}` is not a JMESPath expression",
            code="bad-mapping",
            where=where,
            remedy="names with other letters than a-z stand in double quotes inside single ones",
            expression=expression,
        ) from error

    def search(document: Any) -> Any:
        try:
            return compiled.search(document)
        except (JMESPathError, TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
            raise Malformed("a document that a path cannot read", code="bad-path") from error

    return search


def places_of(mapping: Mapping, section: str, what: str) -> TomlTable:
    """Return the section `[files]` or `[http]` of a mapping, which must have this one and no other.

    Raises `Misconfigured`; `what` is the content of the section, for the message.
    """
    if set(mapping.places) != {section}:
        raise Misconfigured(
            "the mapping does not say {what}, or says something else besides",
            code="bad-mapping",
            where=mapping.file,
            remedy="it needs one section such as [{section}.persons], and no other of its kind",
            what=what,
            section=section,
        )
    return mapping.places[section]


def getter(column: str, is_flat: bool, where: str) -> Path:
    """Return a function that reads a column of a flat row, or follows it as a path into a document."""
    return (lambda document: document[column]) if is_flat else path(column, where)


def codes_of(
    place: JoinPlace, gets: Sequence[Path], clean: Clean, documents: Iterable[Any], where: str
) -> dict[On, Sequence[Row]]:
    """Return the rows of a code table by the columns that it is joined on; unreadable rows are left out.

    Raises `Misconfigured` at `where` when it has two meanings for one code, or is too large for memory.
    """
    codes: dict[On, Sequence[Row]] = {}
    for document in documents:
        try:
            row = tuple([clean(get(document)) for get in gets])
        except Malformed:
            continue
        if (on := place.on(row)) is None:
            continue
        if codes.setdefault(on, (row,)) != (row,) or len(codes) > MAX_CODES:
            raise Misconfigured(
                "the code table `{table}` says two things of one code, or has more than {limit} rows",
                code="bad-codes",
                where=where,
                table=place.join.table,
                limit=MAX_CODES,
            )
    return codes


class RowMaker:
    """Makes the `Rows` of one record type from documents. `file` is the mapping that errors name."""

    def __init__(self, record: RecordMapping, layout: Layout, clean: Clean, file: str, is_flat: bool) -> None:
        self._layout = layout
        self._clean = clean
        self._file = file
        self._is_flat = is_flat
        self._key = getter(record.key, is_flat, f"{file}:{record.line_key}")
        self._own = [getter(column, is_flat, f"{file}:{record.line}") for column in layout.columns[""]]
        self._joins: list[Callable[[Any, Rows, Tables], None]] = [
            self._join(record, join.name) for join in layout.joins
        ]

    def _join(self, record: RecordMapping, name: str) -> Callable[[Any, Rows, Tables], None]:
        join = next(join for join in record.joins if join.name == name)
        where = f"{self._file}:{join.line}"
        if join.kind is JoinKind.CODES:
            place = JoinPlace(self._layout, join)
            return lambda _document, rows, tables: place.put(
                rows, place.starts(rows), lambda on: tables[name].get(on, ())
            )
        if join.kind is not JoinKind.NESTED or self._is_flat:
            kinds = "codes" if self._is_flat else "codes or nested"
            raise Misconfigured(
                "a join of kind `{kind}` cannot be followed here",
                code="bad-mapping",
                where=where,
                remedy="a join of this source is {kinds}",
                kind=join.kind,
                kinds=kinds,
            )
        items, slot = path(join.table, where), self._layout.slots[name]
        gets = [path(column, where) for column in self._layout.columns[name]]

        def put(document: Any, rows: Rows, _tables: Tables) -> None:
            rows[slot] = self._nested(items(document), gets)

        return put

    def _nested(self, found: Any, gets: Sequence[Path]) -> list[Row]:
        items = found if isinstance(found, list) else [] if found is None else [found]
        if len(items) > MAX_NESTED:
            raise Malformed("a list of more than {limit} items", code="too-many-items", limit=MAX_NESTED)
        return [tuple(self._cell(get(item)) for get in gets) for item in items]

    def _cell(self, value: Any) -> Cell:
        if isinstance(value, list | dict):
            raise Malformed("a list or an object where one value must stand", code="bad-type")
        return self._clean(value)

    def key_of(self, document: Any) -> str:
        """Return the key of a document's record. Raises `Malformed` when it has none."""
        key = self._cell(self._key(document))
        if key is None:
            raise Malformed("a row without a key", code="no-key")
        return str(key)

    def rows(self, document: Any, tables: Tables) -> Rows:
        """Return the rows of a document's record. Raises `Malformed` when a cell cannot be read."""
        rows = self._layout.empty()
        cell = self._cell
        try:
            rows[0] = tuple([cell(get(document)) for get in self._own])
        except Malformed as error:
            raise self._with_column(document, error) from None
        for put in self._joins:
            put(document, rows, tables)
        return rows

    def _with_column(self, document: Any, error: Malformed) -> Malformed:
        """Return the error with the name of the first own column whose cell cannot be read."""
        for column, get in zip(self._layout.columns[""], self._own, strict=True):
            try:
                self._cell(get(document))
            except Malformed as first:
                return Malformed("{detail}, in `{column}`", code=first.code, detail=first.message, column=column)
        return error


def check_columns(record: RecordMapping, layout: Layout, known: Sequence[str], file: str, join: str = "") -> None:
    """Check that every flat column that the record names (of its own table, or of `join`) is one of `known`.

    Raises `Misconfigured` with its line.
    """
    table = next((each.table for each in record.joins if each.name == join), record.table)
    for column in layout.columns[join]:
        if column not in known:
            raise Misconfigured(
                "unknown column `{column}` in table `{table}`",
                code="bad-mapping",
                where=f"{file}:{_line(record, join, column)}",
                remedy="{advice}",
                column=column,
                table=table,
                advice=nearest(column, known),
            )


def _line(record: RecordMapping, name: str, column: str) -> int:
    lines = [ref.line for ref in refs_of(record) if (ref.join, ref.column) == (name, column)]
    if lines:
        return lines[0]
    if name:
        return next(join.line_on for join in record.joins if join.name == name)
    return record.line_key if column == record.key else record.line
