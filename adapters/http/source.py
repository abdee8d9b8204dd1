"""A web interface as a `RowSource`: its lists for the key index, one item by key for a record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from adapters.base import check_deadline
from adapters.http.access import Access
from adapters.http.client import MAX_ITEM, Client
from adapters.http.encoded import Encoding
from adapters.http.pages import first_page, pages, rows_of
from adapters.http.settings import Table, tables_of
from adapters.mapping.documents import RowMaker, Tables, codes_of, getter
from adapters.mapping.joins import JoinPlace, On
from adapters.mapping.mapping import JoinKind
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Row, Rows
from adapters.values.cells import cleaner
from gateway.clock import Clock, rfc3339
from gateway.errors import Malformed, Unavailable, Unknown
from gateway.signing import strict_json

SCAN_SECONDS = 3_600.0
_FINGERPRINT_SECONDS = 30.0
_MAX_KEY = 512
_CLOCKS_APART = 300
"""Seconds that the interface's clock may be behind ours, so that no change is missed."""


class HttpSource:
    """The lists and items of one web interface."""

    def __init__(self, mapping: SourceMapping, base: str, access: Access, clock: Clock) -> None:
        self.mapping = mapping
        self.builders = {name: Builder(mapping, record) for name, record in mapping.records.items()}
        self._clock = clock
        self._tables = tables_of(mapping)
        self._clean = cleaner(mapping.encoding, mapping.junk, repair=mapping.repair)
        self._makers = {
            name: RowMaker(record, self.builders[name].layout, self._clean, mapping.file, is_flat=False)
            for name, record in mapping.records.items()
        }
        self._since = self._moment()
        self._client = Client(base, access, clock, mapping.id, self._encoding())
        self._codes: dict[str, Tables] = {}
        try:
            for name in mapping.records:
                self._load_codes(name)
        except BaseException:
            self.close()
            raise

    def _encoding(self) -> Encoding:
        columns = [column for each in self.builders.values() for own in each.layout.columns.values() for column in own]
        return Encoding(self.mapping.encoding, columns)

    def _load_codes(self, record_type: str) -> None:
        layout = self.builders[record_type].layout
        self._codes[record_type] = {
            join.name: self._code_table(JoinPlace(layout, join), layout.columns[join.name])
            for join in self.mapping.records[record_type].joins
            if join.kind is JoinKind.CODES
        }

    def _code_table(self, place: JoinPlace, columns: Sequence[str]) -> dict[On, Sequence[Row]]:
        where = f"{self.mapping.file}:{place.join.line_on}"
        gets = [getter(column, False, where) for column in columns]
        listed = pages(self._client, self._tables[place.join.table], self._clock.monotonic() + SCAN_SECONDS)
        return codes_of(place, gets, self._clean, (row for page in listed for row in page), where)

    # ---------------------------------------------------- all records and one

    def scan(self, record_type: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        """Yield all rows of a record type's list; a row that cannot be read comes as None with the reason."""
        self._load_codes(record_type)
        yield from self._listed(record_type, "")

    def position(self) -> str:
        """Return the present time if every list can be asked for changes since a time; else an empty text."""
        tables = [self._tables[record.table] for record in self.mapping.records.values()]
        return self._moment() if all(table.changed_since for table in tables) else ""

    def changed(self, record_type: str, since: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        """Yield the rows that the interface lists as changed since a position."""
        yield from self._listed(record_type, since)

    def _moment(self) -> str:
        return rfc3339(self._clock.now_us() - _CLOCKS_APART * 1_000_000)

    def _listed(self, record_type: str, since: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        maker, tables = self._makers[record_type], self._codes[record_type]
        seen: dict[int, int] = {}
        table = self._tables[self.mapping.records[record_type].table]
        more = _since(table, since) if since else ""
        for page in pages(self._client, table, self._clock.monotonic() + SCAN_SECONDS, more):
            for document in page:
                try:
                    key = self._new_key(maker, document, seen)
                    rows = maker.rows(document, tables) if key else None
                except Malformed as error:
                    yield None, {}, error.message
                    continue
                if rows is not None:
                    yield rows, {}, ""

    def _new_key(self, maker: RowMaker, document: Any, seen: dict[int, int]) -> str:
        """Return the key of a row; empty for a row that came before, as happens when rows move between pages.

        Raises `Malformed` when another row came before with this key.
        """
        if type(document) is not dict:
            raise Malformed("a row that is no object", code="bad-row")
        key = maker.key_of(document)
        if len(key) > _MAX_KEY:
            raise Malformed("a key that is too long", code="bad-key")
        known = len(seen)
        mark, content = _mark(key.encode()), _mark(strict_json.dumps(document))
        before = seen.setdefault(mark, content)
        if before != content:
            raise Malformed("a key that occurs more than once", code="key-twice")
        return key if len(seen) > known else ""

    def read(self, record_type: str, key: str, links: Mapping[str, Any], deadline: float) -> Rows:
        """Return the rows of one record, from its item. Raises `Unknown` when there is none."""
        del links
        check_deadline(self._clock, deadline)
        if not key or len(key) > _MAX_KEY or key in (".", ".."):
            raise Unknown("the source has no such record", code="unknown-record")
        table, maker = self._tables[self.mapping.records[record_type].table], self._makers[record_type]
        url = self._client.base + table.item.replace("{key}", quote(key, safe=""))
        document = table.item_row(self._client.get(url, deadline, MAX_ITEM, table=table.name).value)
        if document is None or document == []:
            raise Unknown("the source has no such record", code="unknown-record")
        if type(document) is not dict or maker.key_of(document) != key:
            raise Unavailable("the source answers with another record", code="source-other-record")
        return maker.rows(document, self._codes[record_type])

    # ---------------------------------------------------- the source as a whole

    def ping(self, deadline: float) -> None:
        """Ask each list for its first page. Raises when one of them cannot be asked."""
        for record in self.mapping.records.values():
            table = self._tables[record.table]
            rows_of(table, self._client.get(first_page(self._client, table), deadline, table=table.name).value)

    def has_links(self, record_type: str) -> bool:
        """Tell whether the type is mapped: a key that the index does not know is not asked for at the interface."""
        return record_type in self.mapping.records

    def count(self, _record_type: str) -> int:
        """Return 0: the number is not known before the list is read."""
        return 0

    def fingerprint(self) -> str:
        """Return a text that changes when the interface reports changed rows."""
        deadline = self._clock.monotonic() + _FINGERPRINT_SECONDS
        parts = []
        for name in sorted({record.table for record in self.mapping.records.values()}):
            table = self._tables[name]
            parts.append(f"{name}:{self._state(table, deadline)}")
        return ";".join(parts)

    def _state(self, table: Table, deadline: float) -> str:
        """Return the table's state: a value of the interface, rows changed since the opening, or its headers."""
        if table.changes:
            value = self._client.get(self._client.base + table.changes, deadline, patient=True, table=table.name).value
            return _digest(strict_json.dumps(table.changes_value(value)))
        if table.changed_since:
            url = first_page(self._client, table, _since(table, self._since))
            value = self._client.get(url, deadline, patient=True, table=table.name).value
            return self._since + _digest(strict_json.dumps(rows_of(table, value)))
        headers = self._client.get(first_page(self._client, table), deadline, patient=True, table=table.name).headers
        return _digest(f"{headers.get('etag', '')}|{headers.get('last-modified', '')}".encode())

    def close(self) -> None:
        """End all connections."""
        self._client.close()


def _since(table: Table, moment: str) -> str:
    return f"{table.changed_since}={quote(moment, safe='')}"


def _mark(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")


def _digest(state: bytes) -> str:
    return hashlib.sha256(state).hexdigest()
