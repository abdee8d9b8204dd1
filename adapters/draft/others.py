"""The part of a draft about tables that look like no record type: their columns, and a [[record]] to begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from adapters.database_tables import Column, Table
from adapters.draft.guess_column import Look, guess_date, look_at
from adapters.draft.key_values import key_values_of
from adapters.draft.written import bare, quoted
from adapters.masking import mask
from gateway.records.types import RECORD_TYPES

MOST_TABLES = 30
"""The most tables that are listed with their columns; the others only by name."""

_SHAPES = 3
_LONGEST = 24


def others_of(tables: Sequence[Table], encoding: str) -> Iterator[str]:
    """Yield comment lines for tables that nothing uses."""
    if not tables:
        return
    yield f"# Not used: {', '.join(bare(table.name) for table in tables)}."
    for table in tables[:MOST_TABLES]:
        yield from _told(table, encoding)
    if len(tables) > MOST_TABLES:
        yield f"# Of {len(tables) - MOST_TABLES} more only the name is told: --table NAME shows one."


def _told(table: Table, encoding: str) -> Iterator[str]:
    seen = f"{table.rows} rows" if table.is_whole else f"the first {table.rows} rows"
    yield "#"
    yield f"# `{bare(table.name)}`, {seen}. Columns, with letters and figures masked:"
    for column in table.columns:
        yield f"#   {bare(column.name)}  {bare(column.type)}  {_values(column, encoding)}"
    if attributes := key_values_of(table, encoding):
        yield from attributes.view()
    yield "# To use it, take the comment signs away, say what it is, and name the columns:"
    main = RECORD_TYPES["Person"].main
    left_out = ", ".join(quoted(name) for name in main if name != "names")
    key = table.key[0] if len(table.key) == 1 else (table.columns[0].name if table.columns else "")
    yield "#     [[record]]"
    yield f'#     type = "Person"  # or {", ".join(name for name in list(RECORD_TYPES)[:8] if name != "Person")} ...'
    yield f"#     table = {bare(quoted(table.name))}"
    yield f"#     key = {bare(quoted(key))}  # the column that tells its rows apart"
    yield f"#     left_out = [{left_out}]"
    yield "#     [record.fields]"
    yield '#     names = [{ column = "COLUMN", convert = "name" }]'
    yield "#     [record.search]"
    yield '#     names = { field = "names" }'


def _values(column: Column, encoding: str) -> str:
    look = look_at(column, encoding)
    if not look.values:
        return "(no value seen)"
    shapes = Counter[str]()
    for value, count in look.counts.items():
        shapes[_shape(value)] += count
    told = ", ".join(shape for shape, _ in shapes.most_common(_SHAPES)) + (" ..." if len(shapes) > _SHAPES else "")
    return told + _about(look, column)


def _shape(value: str) -> str:
    shape = bare(mask(value))
    return shape if len(shape) <= _LONGEST else shape[: _LONGEST - 1] + "…"


def _about(look: Look, column: Column) -> str:
    if any(map(str.isdigit, "".join(look.counts))):
        guess = guess_date(look, column)
        if guess.is_sure:
            return f"  (reads as{guess.toml.removeprefix(',')})"
    return f"  ({len(look.counts)} different)" if look.is_code and len(look.counts) > 1 else ""
