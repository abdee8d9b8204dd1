"""The key index of one source: an SQLite file of normal forms that point to the source's own keys.

It holds no field of a record: search keys, the values that scoring compares, the marking and the subject's category, so
that hiding is decided before anything is fetched (design, section 5). It is derived: when it is missing, damaged or
older than its rules it is built anew beside the old file and then put in its place in one step; small changes are
transactions (`index_writer`).

Each thread holds one read-only connection of SQLite's own driver: a look-up costs a few microseconds. What is looked up
depends on who asks (`index_view`).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gateway.errors import Unavailable, Unknown
from gateway.host.in_use import InUse
from gateway.storage.index.index_file import FORMAT, Body, RecordClass, read_body, read_class, unreadable
from gateway.storage.index.index_seal import IndexSeal

_BY_PLACE = "SELECT place, body FROM records WHERE place = ?"
_CACHE_KIB = 8_192
_AT_ONCE = 500


class _Held:
    """The connection of one thread, which another one may close."""

    __slots__ = ("connection", "in_use")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.in_use = InUse(connection.close)


class IndexStore:
    """An index, opened for reading by any number of threads. Raises `Unavailable` when it cannot be read.

    `secret` is the one that it was sealed with, or None.
    """

    def __init__(self, path: Path, secret: bytes | None = None) -> None:
        self.file = path.resolve()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[_Held] = []
        self._is_closed = False
        try:
            self.seal = self._unlock(secret)
            int(self.meta["next"])
        except Unavailable:
            self.close()
            raise
        except (KeyError, ValueError, TypeError) as error:
            self.close()
            raise unreadable(self.file) from error
        self._classes: dict[int, RecordClass] = {}

    def _unlock(self, secret: bytes | None) -> IndexSeal:
        meta = self.meta
        if meta.get("format") != FORMAT:
            raise Unavailable("the key index has another format", code="index-unreadable", where=str(self.file))
        # A sealed index is not read as an open one, nor the other way round.
        seal = IndexSeal(bytes.fromhex(meta["salt"]), secret)
        if seal.check != meta["check"] or bool(secret) != bool(meta["sealed"]):
            raise Unavailable("the key index has another key", code="index-unreadable", where=str(self.file))
        return seal

    @property
    def meta(self) -> dict[str, str]:
        """The notes that are kept with the index, as they are now."""
        return dict(self.all("SELECT name, value FROM meta"))

    def classes(self) -> dict[int, RecordClass]:
        """Return the classes that its records have, or have had, by number."""
        stored = self.all("SELECT id, class FROM classes")
        self._classes.update(
            (number, read_class(self.seal.open(text, b"%d" % number).decode()))
            for number, text in stored
            if number not in self._classes
        )
        return {number: self._classes[number] for number, _ in stored}

    def class_of(self, number: int) -> RecordClass:
        """Return a class by its number."""
        found = self._classes.get(number) or self.classes().get(number)
        if found is None:
            raise unreadable(self.file)
        return found

    def count_classes(self) -> int:
        """Return the number of classes: it grows when there is a new one."""
        ((count,),) = self.all("SELECT count(*) FROM classes")
        return int(count)

    def has_dead(self) -> bool:
        """Tell whether there are keys of records that were replaced or removed."""
        return bool(self.all("SELECT 1 FROM dead LIMIT 1"))

    def last(self) -> int:
        """Return the last number that was given to a record: a record that is new or changed gets the next one."""
        return int(self.meta["next"])

    def after(self, number: int) -> list[Body]:
        """Return the records whose numbers are greater, in their order."""
        found = self.all("SELECT place, body FROM records WHERE id > ? ORDER BY id", (number,))
        return [self.body(place, stored) for place, stored in found]

    def numbers(self, records: Iterable[tuple[str, str]]) -> dict[int, int]:
        """Return the numbers of those of some types and keys that are records here, each with that of its class."""
        places, found = [self.seal.place(*record) for record in records], dict[int, int]()
        for first in range(0, len(places), _AT_ONCE):
            part = places[first : first + _AT_ONCE]
            marks = ",".join("?" * len(part))
            found.update(self.all(f"SELECT id, class FROM records WHERE place IN ({marks})", part))  # noqa: S608
        return found

    def links(self, record_type: str, source_key: str) -> str:
        """Return the joined rows' keys of a record as JSON. Raises `Unknown` when the index has no such record."""
        for place, stored in self.all(_BY_PLACE, (self.seal.place(record_type, source_key),)):
            return self.body(place, stored).links.decode()
        raise Unknown("the source has no such record", code="unknown-record")

    def count(self) -> tuple[int, int]:
        """Return the numbers of records and of keys: a pass over all of the index."""
        ((records,),) = self.all("SELECT count(*) FROM records")
        ((keys,),) = self.all("SELECT count(*) FROM keys")
        return records, keys

    def size(self) -> int:
        """Return the bytes on the disk."""
        log = self.file.with_name(self.file.name + "-wal")
        return self.file.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def body(self, place: bytes, stored: bytes) -> Body:
        """Return a stored row, taken apart."""
        return read_body(self.seal.open(stored, place))

    def all(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Return all rows of a statement."""
        held = self._connection()
        try:
            with held.in_use as is_open:
                if not is_open:
                    raise unreadable(self.file)
                return held.connection.execute(sql, parameters).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            raise unreadable(self.file) from error

    def _connection(self) -> _Held:
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            held = self._local.held = _Held(self._opened())
            with self._lock:
                self._open.append(held)
            if self._is_closed:  # meanwhile: `close` may have missed it
                held.in_use.close()
        return held

    def _opened(self) -> sqlite3.Connection:
        if self._is_closed:
            raise unreadable(self.file)
        try:
            address = f"{self.file.as_uri()}?mode=ro"
            made = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
            made.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        except sqlite3.Error as error:
            raise unreadable(self.file) from error
        return made

    def close(self) -> None:
        """Close the connections of all threads, those in use when their statement has ended."""
        self._is_closed = True
        with self._lock:
            held, self._open = self._open, []
        for each in held:
            each.in_use.close()
