"""The key index of one source: an SQLite file of normal forms that point to the source's own keys.

It holds no field of a record: search keys, the values that scoring compares, the marking and the subject's category, so
that hiding is decided before anything is fetched (design, section 5). It is derived: when it is missing, damaged or
older than its rules it is built anew beside the old file and then put in its place in one step; small changes are
transactions (`index_writer`).

Each thread holds one read-only connection of SQLite's own driver: a look-up costs a few microseconds.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import log as logarithm
from pathlib import Path
from typing import Any

from gateway.errors import Unavailable, Unknown
from gateway.host.in_use import InUse
from gateway.storage.index.index_file import FORMAT, Body, IndexedRecord, IndexRow, KeyKind, read_body, unreadable
from gateway.storage.index.index_seal import IndexSeal

__all__ = ["COMMON", "MIN_READ", "Births", "IndexRow", "IndexStore", "IndexedRecord", "KeyKind"]

FEW = 200
"""Up to so many rows of a key are read faster all together than by the wanted birth dates."""

COMMON = 2_000
"""A key with more rows is common: it is read for the wanted birth dates, and no further than this."""

TOGETHER = 64
"""Keys that one look-up takes at most."""

_FIND = "SELECT r.place, r.body FROM keys k JOIN records r ON r.id = k.record WHERE k.hash = ? LIMIT ?"
_FIND_MANY = "SELECT k.hash, r.place, r.body FROM keys k JOIN records r ON r.id = k.record WHERE k.hash IN ({}) LIMIT ?"
_BY_KEY = "SELECT record, birth FROM keys WHERE hash = ? LIMIT ?"
_BY_PLACE = "SELECT place, body FROM records WHERE place = ?"
_CACHE_KIB = 8_192


@dataclass(frozen=True, slots=True)
class Births:
    """Birth dates whose rows may have to be read: those in `days` (partial ones, too), all of `years`, or none."""

    days: Collection[str]
    years: Collection[str]


class _Asked:
    """`Births` in the form of an index: numbers, and ranges of numbers."""

    def __init__(self, days: Collection[int], years: Sequence[tuple[int, int]]) -> None:
        self._days = days
        self._years = years
        marks = ",".join("?" * len(days))
        branches = [f"birth IN ({marks})", *["birth BETWEEN ? AND ?"] * len(years), "birth = 0"]
        # Rows without a birth date come last: where many share a name, they must not take the place of the others.
        each = (f"SELECT record FROM keys WHERE hash = ? AND {branch}" for branch in branches)  # noqa: S608 - marks only
        self.statement = " UNION ALL ".join(each) + " LIMIT ?"

    def parameters(self, hashed: int) -> Iterator[int]:
        """Yield the parameters of `statement` before its limit."""
        yield hashed
        yield from self._days
        for ends in self._years:
            yield from (hashed, *ends)
        yield hashed

    def has(self, birth: int) -> bool:
        """Tell whether a row with this birth date may fit."""
        if not birth or birth in self._days:
            return True
        for least, most in self._years:  # noqa: SIM110 - a generator would cost each row of a name half a microsecond
            if least <= birth <= most:
                return True
        return False


class _Held:
    """The connection of one thread, which another one may close."""

    __slots__ = ("connection", "in_use")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.in_use = InUse(connection.close)


MIN_READ = 3
"""Records that every search for a name reads: its time must not show whether one more was found (design, section 5)."""


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
            self._seal = self._unlock(secret)
            self._rows = max(1, int(self.meta["next"]))
        except Unavailable:
            self.close()
            raise
        except (KeyError, ValueError, TypeError) as error:
            self.close()
            raise unreadable(self.file) from error
        self._markings: dict[int, str] = {}

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
        return dict(self._all("SELECT name, value FROM meta"))

    def marking(self, number: int) -> str:
        """Return the text of a marking."""
        text = self._markings.get(number)
        text = self._read_markings().get(number) if text is None else text
        if text is None:
            raise unreadable(self.file)
        return text

    def markings(self) -> list[str]:
        """Return the texts of all markings that its records have, or have had."""
        return sorted(self._read_markings().values())

    def _read_markings(self) -> dict[int, str]:
        for known, stored in self._all("SELECT id, marking FROM markings"):
            self._markings[known] = self._seal.open(stored, b"%d" % known).decode()
        return self._markings

    def find(self, kind: KeyKind, key: str, limit: int) -> list[IndexRow]:
        """Return at most `limit` rows with exactly this key. The last item is the key's detail."""
        return self._rows_of(kind, key, self._all(_FIND, (self._seal.key(kind, key), limit)))[:limit]

    def find_each(self, wanted: Sequence[tuple[KeyKind, str]], limit: int) -> list[list[IndexRow]]:
        """Return the result of `find` for each of `wanted`, with one look-up for up to `TOGETHER` of them."""
        found: list[list[IndexRow]] = []
        for first in range(0, len(wanted), TOGETHER):
            found += self._find_together(wanted[first : first + TOGETHER], limit)
        return found

    def _find_together(self, wanted: Sequence[tuple[KeyKind, str]], limit: int) -> list[list[IndexRow]]:
        hashes = [self._seal.key(kind, key) for kind, key in wanted]
        # Sizes are powers of two: a few statements serve every number of keys, and stay compiled.
        size = 1 << (len(hashes) - 1).bit_length()
        rows = self._all(_find_many(size), (*hashes, *hashes[-1:] * (size - len(hashes)), limit)) if size > 1 else []
        if size == 1 or len(rows) == limit:
            return [self.find(kind, key, limit) for kind, key in wanted]
        by_hash: dict[int, list[tuple[bytes, bytes]]] = {}
        for hashed, place, stored in rows:
            by_hash.setdefault(hashed, []).append((place, stored))
        return [
            self._rows_of(kind, key, by_hash.get(hashed, ()))[:limit]
            for (kind, key), hashed in zip(wanted, hashes, strict=True)
        ]

    def _rows_of(self, kind: KeyKind, key: str, stored: Iterable[tuple[bytes, bytes]]) -> list[IndexRow]:
        """Return the rows of a key among those with its hash: the hash has only 64 bits, so the key itself decides."""
        found: list[IndexRow] = []
        wanted = f"{kind:d}"
        for place, body in stored:
            read = self._body(place, body)
            found += [read.row(detail) for k, held, detail in read.identifiers if k == wanted and held == key]
        return found

    def find_names(
        self, keys: Sequence[str], limit: int, births: Births | None = None, *, only: bool = False
    ) -> tuple[list[IndexRow], bool]:
        """Return at most `limit` records that share the rarest of `keys`. The last item is their features.

        Of a common key (with `only`, of every key) those are read whose birth date is among `births`, and then those
        without one. Of keys that are common even so, or without `births`, the first `COMMON` are read, of the same
        birth dates for all keys, so that records with the whole name are among them. The second result is true where
        this limit was met without `births`.
        """
        ranks: dict[int, float] = {}
        asked = self._numbers(births) if births else None
        is_part = False
        for key in keys:
            found = self._records(self._seal.key(KeyKind.NAME, key), asked, only)
            is_part |= len(found) > COMMON
            self._count(ranks, found)
        best = sorted(ranks, key=lambda record: (-ranks[record], record))[:limit]
        return self._features(best), is_part and not births

    def has_name(self, key: str) -> bool:
        """Tell whether some record has a key of a name."""
        return bool(self._all(_BY_KEY, (self._seal.key(KeyKind.NAME, key), 1)))

    def _numbers(self, births: Births) -> _Asked:
        days = {self._seal.birth(day) for day in births.days}
        return _Asked(days, [self._seal.births_of_year(year) for year in births.years])

    def _records(self, hashed: int, asked: _Asked | None, only: bool) -> list[int]:
        if asked is None:
            return [record for record, _ in self._all(_BY_KEY, (hashed, COMMON + 1))]
        few = FEW if only else COMMON
        found: list[tuple[int, int]] = self._all(_BY_KEY, (hashed, few + 1))
        if len(found) > few:
            return [record for (record,) in self._all(asked.statement, (*asked.parameters(hashed), COMMON + 1))]
        return [record for record, birth in found if not only or asked.has(birth)]

    def _count(self, ranks: dict[int, float], found: list[int]) -> None:
        weight = logarithm(2 + self._rows / (1 + len(found)))
        for record in found:
            ranks[record] = ranks.get(record, 0.0) + weight

    def _features(self, records: list[int]) -> list[IndexRow]:
        """Return the rows of `records`. Always reads and opens at least `MIN_READ` records, for constant work."""
        spare = [record for record in range(1, 2 * MIN_READ) if record not in records]
        read = [*records, *spare[: max(0, MIN_READ - len(records))]]
        marks = ",".join("?" * len(read))
        statement = f"SELECT id, place, body FROM records WHERE id IN ({marks})"  # noqa: S608 - marks only
        rows = {number: self._body(place, stored) for number, place, stored in self._all(statement, read)}
        bodies = (rows[record] for record in records if record in rows)
        return [body.row(body.features.decode()) for body in bodies]

    def last(self) -> int:
        """Return the last number that was given to a record: a record that is new or changed gets the next one."""
        return int(self.meta["next"])

    def after(self, number: int) -> list[Body]:
        """Return the records whose numbers are greater, in their order."""
        found = self._all("SELECT place, body FROM records WHERE id > ? ORDER BY id", (number,))
        return [self._body(place, stored) for place, stored in found]

    def links(self, record_type: str, source_key: str) -> str:
        """Return the joined rows' keys of a record as JSON. Raises `Unknown` when the index has no such record."""
        for place, stored in self._all(_BY_PLACE, (self._seal.place(record_type, source_key),)):
            return self._body(place, stored).links.decode()
        raise Unknown("the source has no such record", code="unknown-record")

    def count(self) -> tuple[int, int]:
        """Return the numbers of records and of keys: a pass over all of the index."""
        ((records,),) = self._all("SELECT count(*) FROM records")
        ((keys,),) = self._all("SELECT count(*) FROM keys")
        return records, keys

    def size(self) -> int:
        """Return the bytes on the disk."""
        log = self.file.with_name(self.file.name + "-wal")
        return self.file.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def _body(self, place: bytes, stored: bytes) -> Body:
        return read_body(self._seal.open(stored, place))

    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
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


@cache
def _find_many(keys: int) -> str:
    return _FIND_MANY.format(",".join("?" * keys))
