"""A key index as one asker sees it: rows whose class is hidden from them are not touched by any look-up.

Neither is a row that was withdrawn given, ranked or counted: a look-up passes over it as over one that was removed.

So a row that is hidden takes no place of another one, counts in no weight and for no limit, and costs no time. The rows
of a key are sorted by class first. Where a look-up is cut, it reads on in the order of the birth dates over all classes
that are seen, as if there were no classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import merge
from itertools import islice
from math import log as logarithm
from typing import Any

from orjson import dumps

from gateway.storage.index.index_file import IndexRow, KeyKind
from gateway.storage.index.index_store import IndexStore

FEW = 200
"""Up to so many rows of a key are read faster all together than by the wanted birth dates."""

COMMON = 2_000
"""A key with more rows is common: it is read for the wanted birth dates, and no further than this."""

TOGETHER = 64
"""Keys that one look-up takes at most."""

MIN_READ = 3
"""Records that every search for a name reads: its time must not show whether one more was found (design, section 5)."""

_MOST_MERGED = 256
"""Classes whose rows are merged by birth date; SQLite takes no more than 500 parts of a statement."""

_EVERY_BIRTH = (0, (1 << 31) - 1)
_ALIVE = " AND record NOT IN (SELECT record FROM dead)"
_GONE = "WITH gone AS (SELECT value FROM json_each(?)) "
_NOT_GONE = " AND record NOT IN (SELECT value FROM gone)"


@dataclass(frozen=True, slots=True)
class Births:
    """Birth dates whose rows may have to be read: those in `days` (partial ones, too), all of `years`, or none."""

    days: Collection[str]
    years: Collection[str]


class _Asked:
    """`Births` in the form of an index: numbers, and ranges of numbers."""

    def __init__(self, days: Collection[int], years: Sequence[tuple[int, int]]) -> None:
        self.days = frozenset(days)
        self.years = tuple(years)

    def has(self, birth: int) -> bool:
        """Tell whether a row with this birth date may fit."""
        if not birth or birth in self.days:
            return True
        for least, most in self.years:  # noqa: SIM110 - a generator would cost each row of a name half a microsecond
            if least <= birth <= most:
                return True
        return False


class IndexView:
    """The rows of an index that are in some of its classes; in all of them where `numbers` is None.

    Those of the records in `without`, each with its class, are not there (`IndexStore.numbers`).
    """

    def __init__(
        self, store: IndexStore, numbers: Collection[int] | None = None, without: Mapping[int, int] | None = None
    ) -> None:
        self._store = store
        self._without = without or {}
        self._gone = (dumps(list(self._without)).decode(),) if self._without else ()
        self._rest = _NOT_GONE if self._gone else ""
        seen = sorted(store.classes() if numbers is None else numbers)
        self._numbers = tuple(seen) or (0,)  # no class has the number 0
        self._classes = _filled(self._numbers)

    # ------------------------------------------------------------ numbers

    def find(self, kind: KeyKind, key: str, limit: int) -> list[IndexRow]:
        """Return at most `limit` rows with exactly this key. The last item is the key's detail."""
        statement = _find(len(self._classes), self._rest)
        found = self._all(statement, (self._store.seal.key(kind, key), *self._classes, limit))
        return self._rows_of(kind, key, found)[:limit]

    def find_each(self, wanted: Sequence[tuple[KeyKind, str]], limit: int) -> list[list[IndexRow]]:
        """Return the result of `find` for each of `wanted`, with one look-up for up to `TOGETHER` of them."""
        found: list[list[IndexRow]] = []
        for first in range(0, len(wanted), TOGETHER):
            found += self._find_together(wanted[first : first + TOGETHER], limit)
        return found

    def _find_together(self, wanted: Sequence[tuple[KeyKind, str]], limit: int) -> list[list[IndexRow]]:
        hashes = [self._store.seal.key(kind, key) for kind, key in wanted]
        if len(hashes) == 1:
            return [self.find(kind, key, limit) for kind, key in wanted]
        asked = _filled(hashes)
        statement = _find_many(len(asked), len(self._classes), self._rest)
        rows = self._all(statement, (*asked, *self._classes, limit))
        if len(rows) == limit:
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
            read = self._store.body(place, body)
            found += [read.row(detail) for k, held, detail in read.identifiers if k == wanted and held == key]
        return found

    # ------------------------------------------------------------ names

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
        asked = self._asked(births) if births else None
        alive = (_ALIVE if self._store.has_dead() else "") + self._rest
        size = self._size()
        is_part = False
        for key in keys:
            found = self._records(self._store.seal.key(KeyKind.NAME, key), asked, alive, only=only)
            is_part |= len(found) > COMMON
            weight = logarithm(2 + size / (1 + len(found)))
            for record in found:
                ranks[record] = ranks.get(record, 0.0) + weight
        best = sorted(ranks, key=lambda record: (-ranks[record], record))[:limit]
        return self._features(best), is_part and not births

    def has_name(self, key: str) -> bool:
        """Tell whether some record has a key of a name."""
        hashed = self._store.seal.key(KeyKind.NAME, key)
        return bool(self._all(_by_key(len(self._classes), _ALIVE + self._rest), (hashed, *self._classes, 1)))

    def _asked(self, births: Births) -> _Asked:
        seal = self._store.seal
        return _Asked({seal.birth(day) for day in births.days}, [seal.births_of_year(year) for year in births.years])

    def _size(self) -> int:
        """Return the number of records that are seen."""
        ((size,),) = self._store.all(_size(len(self._classes)), self._classes)
        return max(1, (size or 0) - sum(number in self._numbers for number in self._without.values()))

    def _records(self, hashed: int, asked: _Asked | None, alive: str, *, only: bool) -> list[int]:
        few = FEW if only and asked is not None else COMMON
        by_key = _by_key(len(self._classes), alive)
        found: list[tuple[int, int]] = self._all(by_key, (hashed, *self._classes, few + 1))
        if len(found) <= few:
            is_all = asked is None or not only
            return [record for record, birth in found if is_all or (asked is not None and asked.has(birth))]
        if asked is None:
            return self._merged(hashed, _EVERY_BIRTH, alive, COMMON + 1)
        return self._born(hashed, asked, alive)

    def _born(self, hashed: int, asked: _Asked, alive: str) -> list[int]:
        """Return the rows of a common key with some birth dates.

        Rows without one come last: where many share a name, they must not take the place of the others.
        """
        each, days = (hashed, *self._classes), sorted(asked.days)
        births = (each, days, *((*each, *ends) for ends in asked.years), each, (COMMON + 1,))
        statement = _by_births(len(self._classes), len(days), len(asked.years), alive)
        found = [record for (record,) in self._all(statement, [one for some in births for one in some])]
        if len(found) <= COMMON:
            return found
        found = []
        for ends in (*((day, day) for day in days), *asked.years, (0, 0)):
            found += self._merged(hashed, ends, alive, COMMON + 1 - len(found))
            if len(found) > COMMON:
                break
        return found

    def _merged(self, hashed: int, ends: tuple[int, int], alive: str, limit: int) -> list[int]:
        """Return the first rows of a key between two birth dates, in the order of these over all classes."""
        parts = []
        for first in range(0, len(self._numbers), _MOST_MERGED):
            numbers = self._numbers[first : first + _MOST_MERGED]
            parameters = [value for number in numbers for value in (hashed, number, *ends)]
            parts.append(self._all(_by_births_merged(len(numbers), alive), (*parameters, limit)))
        return [record for _, record in islice(merge(*parts), limit)]

    def _all(self, statement: str, parameters: Sequence[object]) -> list[Any]:
        """Return all rows of a statement on keys, which has `_rest` among its conditions."""
        return self._store.all(_GONE + statement if self._gone else statement, (*self._gone, *parameters))

    def _features(self, records: list[int]) -> list[IndexRow]:
        """Return the rows of `records`. Always reads and opens at least `MIN_READ` records, for constant work."""
        spare = [record for record in range(1, 2 * MIN_READ) if record not in records]
        read = [*records, *spare[: max(0, MIN_READ - len(records))]]
        statement = f"SELECT id, place, body FROM records WHERE id IN ({_marks(len(read))})"  # noqa: S608 - marks only
        rows = {number: self._store.body(place, stored) for number, place, stored in self._store.all(statement, read)}
        bodies = (rows[record] for record in records if record in rows)
        return [body.row(body.features.decode()) for body in bodies]


# ---------------------------------------------------------------- statements


def _filled(numbers: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers, the last one repeated up to a power of two: a few statements serve all, and stay compiled."""
    size = 1 << (len(numbers) - 1).bit_length()
    return (*numbers, *[numbers[-1]] * (size - len(numbers)))


def _marks(count: int) -> str:
    return ",".join("?" * count)


@cache
def _find(classes: int, rest: str) -> str:
    return (
        "SELECT r.place, r.body FROM keys k JOIN records r ON r.id = k.record "  # noqa: S608 - marks only
        f"WHERE k.hash = ? AND k.class IN ({_marks(classes)}){rest} LIMIT ?"
    )


@cache
def _find_many(keys: int, classes: int, rest: str) -> str:
    return (
        "SELECT k.hash, r.place, r.body FROM keys k JOIN records r ON r.id = k.record "  # noqa: S608 - marks only
        f"WHERE k.hash IN ({_marks(keys)}) AND k.class IN ({_marks(classes)}){rest} LIMIT ?"
    )


@cache
def _size(classes: int) -> str:
    return f"SELECT sum(size) FROM classes WHERE id IN ({_marks(classes)})"  # noqa: S608 - marks only


@cache
def _by_key(classes: int, alive: str) -> str:
    return f"SELECT record, birth FROM keys WHERE hash = ? AND class IN ({_marks(classes)}){alive} LIMIT ?"  # noqa: S608


@cache
def _by_births(classes: int, days: int, years: int, alive: str) -> str:
    branches = [f"birth IN ({_marks(days)})", *["birth BETWEEN ? AND ?"] * years, "birth = 0"]
    each = _marks(classes)
    parts = (
        f"SELECT record FROM keys WHERE hash = ? AND class IN ({each}) AND {branch}{alive}"  # noqa: S608 - marks only
        for branch in branches
    )
    return " UNION ALL ".join(parts) + " LIMIT ?"


@cache
def _by_births_merged(classes: int, alive: str) -> str:
    each = f"SELECT birth, record FROM keys WHERE hash = ? AND class = ? AND birth BETWEEN ? AND ?{alive}"  # noqa: S608
    return " UNION ALL ".join([each] * classes) + " ORDER BY 1, 2 LIMIT ?"
