"""Name each column with bytes that are not of the mapping's character set, and the sets that they may be of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from adapters.check.misread import is_stray
from adapters.check.report import Finding, TypeReport
from adapters.database_tables import DATABASES, Column, Table
from adapters.draft.character_sets import likely_encodings
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.mapping import RecordMapping, Ref
from adapters.mapping.rows import refs_of
from adapters.sql.survey import survey
from adapters.values.cells import cleaner
from gateway.errors import Malformed

UNREAD = "bytes that are not"
"""The beginning of the reason of such a row."""


def unread_columns(
    mapping: SourceMapping, report: TypeReport, url: str, access: Path | None, rows: int
) -> Iterator[Finding]:
    """Yield a note for each mapped column of a database that has such bytes, when some row was left out for them."""
    if url.partition(":")[0].partition("+")[0] not in DATABASES or not any(UNREAD in why for why in report.reasons):
        return
    record = mapping.records[report.type]
    tables = dict.fromkeys([record.table, *(join.table for join in record.joins)])
    for table in survey(url, access, rows, list(tables)):
        for column in table.columns:
            if (line := line_of(record, table.name, column.name)) and (odd := _unread(mapping.encoding, column.values)):
                yield _told(mapping, f"{mapping.file}:{line}", table, column, odd)


def _unread(encoding: str, values: Iterable[object]) -> list[bytes]:
    clean, found = cleaner(encoding, frozenset()), []
    for value in values:
        try:
            clean(value)
        except Malformed as error:
            if isinstance(value, bytes) and error.code == "bad-encoding":
                found.append(value)
    return found


def line_of(record: RecordMapping, table: str, column: str) -> int:
    """Return the line on which a mapping names a column of a table; 0 when it does not."""
    names = {join.name for join in record.joins if join.table == table}
    names |= {""} if record.table == table else set()
    refs: list[Ref] = list(refs_of(record))
    if line := next((ref.line for ref in refs if ref.join in names and ref.column == column), 0):
        return line
    return record.line_key if record.table == table and record.key == column else 0


def _told(mapping: SourceMapping, where: str, table: Table, column: Column, odd: list[bytes]) -> Finding:
    told = f"{cells(len(odd))} of column `{column.name}` in table `{table.name}` are bytes that are not"
    return Finding("note", f"{told} {mapping.encoding}", where, advice_on(odd, "[source]"))


def cells(count: int) -> str:
    """Return how many cells there are."""
    return "1 cell" if count == 1 else f"{count} cells"


def advice_on(odd: Collection[bytes], section: str) -> str:
    """Return which character sets bytes may be of, and the section of the mapping that says so."""
    if is_stray(odd):
        return "too few to tell a character set: damaged cells, which the agency corrects"
    if not (likely := likely_encodings(odd)):
        return "of no character set that is known here: are they texts at all?"
    return (
        f'`encoding = "{likely[0]}"` under {section}, if the samples are readable then; most likely {", ".join(likely)}'
    )
