"""The rows of an agency's real system, read through its weather: what each call of the node meets there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.index.build import ChangingRows, RowSource, Scanned
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Rows


class WeatheredRows:
    """A `RowSource` that calls `meet` with the kind of each call: `look` at the state, `read` of rows, or `fetch`."""

    def __init__(self, rows: RowSource, meet: Callable[[str], None]) -> None:
        assert isinstance(rows, ChangingRows)
        self._rows, self._meet, self._changing = rows, meet, rows

    @property
    def mapping(self) -> SourceMapping:
        return self._rows.mapping

    @property
    def builders(self) -> Mapping[str, Builder]:
        return self._rows.builders

    def scan(self, record_type: str) -> Iterator[Scanned]:
        self._meet("read")
        return self._rows.scan(record_type)

    def read(self, record_type: str, key: str, links: Mapping[str, Any], deadline: float) -> Rows:
        self._meet("fetch")
        return self._rows.read(record_type, key, links, deadline)

    def ping(self, deadline: float) -> None:
        self._rows.ping(deadline)

    def has_links(self, record_type: str) -> bool:
        return self._rows.has_links(record_type)

    def count(self, record_type: str) -> int:
        return self._rows.count(record_type)

    def fingerprint(self) -> str:
        self._meet("look")
        return self._rows.fingerprint()

    def position(self) -> str:
        return self._changing.position()

    def changed(self, record_type: str, since: str) -> Iterator[Scanned]:
        self._meet("read")
        return self._changing.changed(record_type, since)

    def close(self) -> None:
        self._rows.close()
