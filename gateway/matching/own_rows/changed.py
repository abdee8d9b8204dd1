"""Compare two states of a country's own rows: those that count in a process, and those in its folder now."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.matching.scripts.tables import OwnRows, Row

_MOST = 20
"""The most rows of one table that are named one by one."""


def changed_rows(before: OwnRows, now: OwnRows) -> list[str]:
    """Return which rows differ: `names/titles.tsv:3` is new or another, `names/titles.tsv -sadet` is not there now."""
    return [place for table in sorted({*before.rows, *now.rows}) for place in _of_table(table, before, now)]


def _of_table(table: str, before: OwnRows, now: OwnRows) -> Iterator[str]:
    old, new = ({row.fields: row for row in state.rows.get(table, ())} for state in (before, now))
    added = [new[fields].where for fields in new if fields not in old]
    keys = {row.fields[0] for row in new.values()}
    gone = [_gone(row) for fields, row in old.items() if fields not in new and row.fields[0] not in keys]
    found = added + gone
    yield from found[:_MOST]
    if more := found[_MOST:]:
        yield f"{_file(next(iter([*new.values(), *old.values()])))}: {len(more)} more rows"


def _gone(row: Row) -> str:
    return f"{_file(row)} -{row.fields[0]}"


def _file(row: Row) -> str:
    return row.where.rpartition(":")[0]
