"""Name each column of a CSV file with bytes that are not of the file's character set, and the sets they may be of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from adapters.check.report import Finding
from adapters.check.unread_bytes import advice_on, cells, line_of
from adapters.draft.character_sets import likely_encodings
from adapters.files.found import RawFile
from adapters.indexed import RowSource
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.mapping import RecordMapping
from adapters.values.charsets import decoder
from gateway.errors import Malformed


@runtime_checkable
class RawFiles(Protocol):
    """The extra method of a `RowSource` whose rows are files of texts."""

    def raw_files(self, table: str, rows: int) -> Iterator[RawFile]:
        """Yield each file of a table with the bytes of its header and of its first rows."""


def unread_in_files(mapping: SourceMapping, record_type: str, source: RowSource, rows: int) -> Iterator[Finding]:
    """Yield a note for each column of a record type's files that has such bytes.

    A file has one character set, so that all its bytes together say which one it may be.
    """
    record, seen = mapping.records[record_type], set[tuple[str, str]]()
    for table in dict.fromkeys([record.table, *(join.table for join in record.joins)]):
        if not isinstance(source, RawFiles) or table not in mapping.places["files"].data:
            continue
        for file in source.raw_files(table, rows):
            odd = [
                (place, raw) for row in file.rows for place, raw in enumerate(row) if not _is_read(raw, file.encoding)
            ]
            if odd:
                yield from _told(mapping, record, _Odd(table, file, odd), seen)


@dataclass(frozen=True, slots=True)
class _Odd:
    """Cells of a file that are not of its character set, each with the place of its column."""

    table: str
    file: RawFile
    cells: Sequence[tuple[int, bytes]]

    def columns(self) -> list[str]:
        """Return the names of the columns; a name that is not of the character set, as the likeliest one reads it."""
        likely = likely_encodings([raw for _, raw in self.cells])
        return [_text(raw, self.file.encoding) or _text(raw, *likely) or "?" for raw in self.file.rows[0]]


def _told(mapping: SourceMapping, record: RecordMapping, odd: _Odd, seen: set[tuple[str, str]]) -> Iterator[Finding]:
    """Yield a note for each column that was not told of before, in another file of the table."""
    advice = advice_on([raw for _, raw in odd.cells], f"[files.{odd.table}]")
    where, about = f"`{odd.file.name}` of table `{odd.table}`", f"are bytes that are not {odd.file.encoding}"
    if header := sum(not _is_read(raw, odd.file.encoding) for raw in odd.file.rows[0]):
        yield Finding(
            "note", f"{cells(header)} of the header of {where} {about}", f"{mapping.file}:{record.line}", advice
        )
    for place, column in enumerate(odd.columns()):
        count = sum(each == place for each, _ in odd.cells)
        # A file without a header has a person's values in its first row: only names of the mapping are told.
        line = line_of(record, odd.table, column)
        if count and line and (odd.table, column) not in seen:
            seen.add((odd.table, column))
            told = f"{cells(count)} of column `{column}` in {where} {about}"
            yield Finding("note", told, f"{mapping.file}:{line}", advice)


def _is_read(raw: bytes, encoding: str) -> bool:
    return raw.isascii() or _text(raw, encoding) != ""


def _text(raw: bytes, *encodings: str) -> str:
    """Return bytes as a text of the first character set that reads them; empty if none does."""
    for encoding in encodings:
        decode = decoder(encoding)
        assert decode is not None
        try:
            return decode(raw).strip() or "?"
        except (UnicodeError, Malformed):
            continue
    return ""
