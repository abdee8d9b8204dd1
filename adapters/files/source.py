"""The files of a drop folder as a `RowSource`: all rows for the key index, one row by key from its place.

The key index keeps with each key the file, a mark of the file's state, and the row's place in it. While the file is
unchanged, that row alone is read; after that the folder is searched for the key, and its present content counts.
Either way the row must carry the key that was asked for.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from adapters.base import check_deadline
from adapters.files.delimited import DelimitedReader
from adapters.files.elements import XmlReader
from adapters.files.ending import head
from adapters.files.folder import Entry, Folder, Listing
from adapters.files.found import Found, RawFile, Reader
from adapters.files.jsonlines import JsonLinesReader
from adapters.files.settings import Duplicates, Format, Table, tables_of
from adapters.files.workbook import WorkbookReader
from adapters.mapping.documents import RowMaker, Tables, check_columns, codes_of, getter
from adapters.mapping.joins import JoinPlace, On
from adapters.mapping.mapping import JoinKind, RecordMapping
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Layout, Row, Rows
from adapters.values.cells import cleaner
from gateway.clock import Clock
from gateway.errors import Malformed, Unavailable, Unknown

_LINK = "at"
_MAX_NAMED = 50
_CHECK_ROWS = 500
_BATCH = 256
_ROW_BITS = 40


class FilesSource:
    """The files of one drop folder."""

    def __init__(self, mapping: SourceMapping, folder: Path, clock: Clock) -> None:
        self.mapping = mapping
        self.builders = {name: Builder(mapping, record) for name, record in mapping.records.items()}
        self._clock = clock
        self._folder = Folder(folder, clock)
        self._tables = tables_of(mapping)
        self._readers = {name: _reader(table) for name, table in self._tables.items()}
        clean = cleaner(mapping.encoding, mapping.junk, repair=mapping.repair)
        self._makers = {
            name: RowMaker(record, self.builders[name].layout, clean, mapping.file, self._tables[record.table].is_flat)
            for name, record in mapping.records.items()
        }
        self._clean = clean
        self._check_headers()
        self._codes: dict[str, Tables] = {}
        for name in mapping.records:
            self._load_codes(name)

    def _check_headers(self) -> None:
        """Raise `Misconfigured` for a column that no file of its table has; if only some lack it, they are bad."""
        for name, record in self.mapping.records.items():
            layout = self.builders[name].layout
            self._check_header(record, layout, record.table, "")
            for join in record.joins:
                if join.kind is JoinKind.CODES:
                    self._check_header(record, layout, join.table, join.name)

    def _check_header(self, record: RecordMapping, layout: Layout, table: str, join: str) -> None:
        if not self._tables[table].is_flat:
            return
        known: list[str] = []
        for entry in self._folder.files(self._tables[table])[0]:
            try:
                with self._folder.open(entry) as file:
                    known += self._readers[table].columns(file)
            except Malformed:
                continue
            if set(layout.columns[join]) <= set(known):
                return
        if known:
            check_columns(record, layout, [name for name in known if name], self.mapping.file, join)

    # ---------------------------------------------------- code tables

    def _load_codes(self, record_type: str) -> None:
        record, layout = self.mapping.records[record_type], self.builders[record_type].layout
        self._codes[record_type] = {
            join.name: self._code_table(JoinPlace(layout, join), layout.columns[join.name])
            for join in record.joins
            if join.kind is JoinKind.CODES
        }

    def _code_table(self, place: JoinPlace, columns: Sequence[str]) -> dict[On, Sequence[Row]]:
        join = place.join
        where = f"{self.mapping.file}:{join.line_on}"
        gets = [getter(column, self._tables[join.table].is_flat, where) for column in columns]
        documents = (found.document for found in self._found(join.table, columns) if not found.reason)
        return codes_of(place, gets, self._clean, documents, where)

    # ---------------------------------------------------- all records

    def scan(self, record_type: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        """Yield all rows of a record type with the link to the place of each; reasons for unreadable rows and files."""
        self._check_whole(record_type)
        self._load_codes(record_type)
        record, maker, tables = self.mapping.records[record_type], self._makers[record_type], self._codes[record_type]
        columns = self._columns(record_type)
        listing = self._folder.files(self._tables[record.table])
        twice = self._repeated_keys(record.table, columns, maker, listing)
        keeps_last = self._tables[record.table].duplicates is Duplicates.LAST
        named = 0
        current, mark = None, ""
        for number, entry, found in self._numbered(record.table, columns, listing):
            if entry is not current:
                current, mark = entry, entry.mark
            if found.reason:
                named += not found.place
                yield None, {}, found.reason if found.place else _about(entry.name, found.reason, named)
                continue
            try:
                key = maker.key_of(found.document)
                last = twice.get(key)
                if last is not None and last != number and keeps_last:
                    continue
                if last is not None and not keeps_last:
                    raise Malformed("a key that occurs more than once", code="key-twice")
                rows = maker.rows(found.document, tables)
            except Malformed as error:
                yield None, {}, error.message
                continue
            yield rows, {_LINK: [entry.name, mark, *found.place]}, ""

    def _check_whole(self, record_type: str) -> None:
        """Raise `Unavailable` unless each table of a record type has a whole file now."""
        record = self.mapping.records[record_type]
        for table in (record.table, *(join.table for join in record.joins if join.kind is JoinKind.CODES)):
            self._whole(table)

    def _whole(self, table: str) -> Listing:
        """Return the files of a table. Raises `Unavailable` without any whole one: its rows are on their way or lost.

        One file that is cut off raises the same, since its missing rows would be taken for deleted.
        """
        listing = self._folder.files(self._tables[table])
        if cut := next((one for one in listing[1] if one.is_cut), None):
            raise Unavailable(
                "a file of `{table}` is not whole",
                code="source-unavailable",
                remedy="{about}; put the whole file in its place, or take it away",
                table=table,
                about=_about(cut.name, cut.reason, 1),
            )
        if not listing[0]:
            raise Unavailable(
                "the folder has no whole file of `{table}`",
                code="source-unavailable",
                remedy="a finished file called {pattern} must lie in it",
                table=table,
                pattern=self._tables[table].pattern,
            )
        return listing

    def _columns(self, record_type: str) -> Sequence[str]:
        return self.builders[record_type].layout.columns[""]

    def _found(self, table: str, columns: Sequence[str]) -> Iterator[Found]:
        """Yield every row and fault in the files of a table as they are now."""
        for _, _, found in self._numbered(table, columns, self._folder.files(self._tables[table])):
            yield found

    def _numbered(self, table: str, columns: Sequence[str], listing: Listing) -> Iterator[tuple[int, Entry, Found]]:
        """Yield every row and fault of a listing's files, numbered by file and row; refused files have no place."""
        entries, refused = listing
        for one in refused:
            yield 0, Entry(one.name, (0, 0, 0, 0)), Found((), None, one.reason)
        for position, entry in enumerate(entries, 1):
            first = position << _ROW_BITS
            try:
                yield from ((first + row, entry, found) for row, found in enumerate(self._rows(table, columns, entry)))
            except Malformed as error:
                yield first, entry, Found((), None, error.message)

    def _rows(self, table: str, columns: Sequence[str], entry: Entry) -> Iterator[Found]:
        """Yield the rows of one file in batches, each after checking that the file has not changed."""
        with self._folder.open(entry) as file:
            rows = self._readers[table].scan(head(file, entry.upto), columns)
            while batch := list(islice(rows, _BATCH)):
                self._folder.check(file, entry)
                yield from batch

    def _repeated_keys(self, table: str, columns: Sequence[str], maker: RowMaker, listing: Listing) -> Repeated:
        """Return the keys that occur more than once, from a pass over all rows that keeps sixteen bytes for each."""
        hashes, numbers = array("Q"), array("Q")
        for number, _, found in self._numbered(table, columns, listing):
            try:
                if not found.reason:
                    hashes.append(_hash(maker.key_of(found.document)))
                    numbers.append(number)
            except Malformed:
                continue
        return Repeated(hashes, numbers)

    def raw_files(self, table: str, rows: int) -> Iterator[RawFile]:
        """Yield each CSV file of a table with the bytes of its header and of its first rows."""
        reader = self._readers[table]
        if not isinstance(reader, DelimitedReader):
            return
        for entry in self._folder.files(self._tables[table])[0]:
            with suppress(Malformed), self._folder.open(entry) as file:
                cells = list(reader.raw_cells(head(file, entry.upto), rows))
                yield RawFile(entry.name, self._tables[table].encoding, cells)

    # ---------------------------------------------------- one record

    def read(self, record_type: str, key: str, links: Mapping[str, Any], deadline: float) -> Rows:
        """Return the rows of one record as they are in the folder now. Raises `Unknown` when there is none.

        Raises `Unavailable` when a table has no whole file.
        """
        check_deadline(self._clock, deadline)
        record = self.mapping.records[record_type]
        maker, columns = self._makers[record_type], self._columns(record_type)
        document = self._at(record.table, columns, maker, key, links.get(_LINK, ()))
        if document is None:
            self._check_whole(record_type)
            document = self._search(record.table, columns, maker, key, deadline)
        return maker.rows(document, self._codes[record_type])

    def _at(self, table: str, columns: Sequence[str], maker: RowMaker, key: str, link: Sequence[Any]) -> Any:
        """Return the row at the place in the index, or None when the file has changed since."""
        if len(link) < 3:
            return None
        name, mark, *place = link
        entry = self._folder.stat(name)
        if entry is None or entry.mark != mark:
            return None
        try:
            with self._folder.open(entry) as file:
                document = self._readers[table].one(file, columns, place)
                return document if maker.key_of(document) == key else None
        except Malformed:
            return None

    def _search(self, table: str, columns: Sequence[str], maker: RowMaker, key: str, deadline: float) -> Any:
        """Return the row with a key among all rows of the folder, chosen as a scan would choose it."""
        matches: list[Any] = []
        for count, found in enumerate(self._found(table, columns)):
            if not count % _CHECK_ROWS:
                check_deadline(self._clock, deadline)
            try:
                if not found.reason and maker.key_of(found.document) == key:
                    matches.append(found.document)
            except Malformed:
                continue
        if not matches or (len(matches) > 1 and self._tables[table].duplicates is Duplicates.REFUSE):
            raise Unknown("the source has no such record", code="unknown-record")
        return matches[-1]

    # ---------------------------------------------------- the source as a whole

    def ping(self, deadline: float) -> None:
        """Raise `Unavailable` when the folder cannot be listed, or a table has no whole file."""
        check_deadline(self._clock, deadline)
        for table in self._tables:
            self._whole(table)

    def has_links(self, record_type: str) -> bool:
        """Tell whether the type is mapped: the key index keeps the place of each row."""
        return record_type in self.mapping.records

    def count(self, _record_type: str) -> int:
        """Return 0: the number is not known before the files are read."""
        return 0

    def fingerprint(self) -> str:
        """Return a text that changes when a file of the mapping's tables comes, goes or changes.

        Raises `Unavailable` when a table has no whole file: the index then stays as it is.
        """
        digest = hashlib.sha256()
        for name in sorted(self._tables):
            entries, refused = self._whole(name)
            digest.update(repr((name, [(entry.name, entry.stamp) for entry in entries], refused)).encode())
        return digest.hexdigest()

    def close(self) -> None:
        """Do nothing: no file is held open."""


class Repeated:
    """Keys that occur more than once, by hash, with the number of the last row that has each.

    `hashes` are those of all rows in their order, `numbers` the numbers of these rows.
    """

    def __init__(self, hashes: array[int], numbers: array[int]) -> None:
        self._hashes, self._last = array("Q"), array("Q")
        order = sorted(range(len(hashes)), key=hashes.__getitem__)
        for position, at in enumerate(order[1:], 1):
            known = hashes[at]
            if known != hashes[order[position - 1]]:
                continue
            if self._hashes and self._hashes[-1] == known:
                self._last[-1] = numbers[at]
            else:
                self._hashes.append(known)
                self._last.append(numbers[at])

    def get(self, key: str) -> int | None:
        """Return the number of the last row with `key` when there are several, else None."""
        wanted = _hash(key)
        place = bisect_left(self._hashes, wanted)
        if place == len(self._hashes) or self._hashes[place] != wanted:
            return None
        return self._last[place]


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def _about(name: str, reason: str, named: int) -> str:
    """Return a reason with the file's name, unless too many were named before or it cannot be printed."""
    if named > _MAX_NAMED or not name.isprintable():
        return f"a file: {reason}"
    return f"`{name}`: {reason}"


def _reader(table: Table) -> Reader:
    if table.format is Format.CSV:
        return DelimitedReader(table)
    if table.format is Format.XLSX:
        return WorkbookReader(table)
    return XmlReader(table) if table.format is Format.XML else JsonLinesReader(table)
