"""Hold the live watches so that a changed row finds those that it may fit, however many there are.

It is a look-up from keys to watches, the other way round than a key index. A name is found under the year of birth,
too, so that a common name with ten thousand watches costs little. What is found is only possible: the record itself is
compared with the question before anything is told.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from adapters.index.rows import KIND_OF, read_features
from gateway.desk.alerts.book import asked_keys, in_turn
from gateway.desk.watches.goods import RECORD_TYPE, asked_tokens, held_tokens
from gateway.matching.dates import compare_births
from gateway.matching.identifiers import asked_numbers
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.thresholds import WIDE
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.watches import Goods, Subject, Watched
from gateway.model.exchange import Request
from gateway.model.names import ExchangeId, MemberId
from gateway.model.query import PersonQuery, VesselQuery
from gateway.ports.sources import FreshRow

_NUMBERS = frozenset(int(kind) for kind in KIND_OF.values())
_MOST_COMPARED = 400
"""Different questions by name that are compared with one row: those that share most keys with it."""


class LiveWatch(msgspec.Struct, frozen=True):
    """A watch that is here: a counterpart's on our records, or of our own agencies (`own`).

    `request` is the question that a counterpart's stands for. `notice_id` is the newest word of it, and `due` tells
    that the indexes were not searched for it since that. `watched` is the reach that was told last.
    """

    key: ThreadKey
    notice_id: ExchangeId
    subject: Subject
    purpose: str
    request: Request | None
    until_us: int
    revalidate_by_us: int
    version: int
    own: bool = False
    due: bool = False
    quiet: bool = False
    watched: Watched | None = None

    @property
    def peer(self) -> MemberId:
        """The member whose watch it is."""
        return self.key.peer

    def is_on(self, now_us: int) -> bool:
        """Tell whether its times let it stand."""
        return now_us < self.until_us and now_us < self.revalidate_by_us


Place = tuple[str, str]
"""A key, and the year of birth that is asked for under it; empty for none, and for keys that are of no name."""


class WatchBook:
    """The live watches with their keys. Thread-safe.

    Watches that ask the same stand together under a number: they are compared once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[ThreadKey, LiveWatch] = {}
        self._asking: dict[Subject, set[ThreadKey]] = {}
        self._numbers: dict[Subject, int] = {}
        self._subjects: dict[int, Subject] = {}
        self._by_key: dict[str, dict[str, set[int]]] = {}
        self._next = 0

    @property
    def watches(self) -> Mapping[ThreadKey, LiveWatch]:
        """Return all watches of the book by their threads."""
        with self._lock:
            return dict(self._watches)

    def get(self, key: ThreadKey) -> LiveWatch | None:
        """Return a watch, or None."""
        with self._lock:
            return self._watches.get(key)

    @property
    def reads_goods(self) -> bool:
        """Tell whether a watch needs the declarations themselves."""
        with self._lock:
            return any(isinstance(subject, Goods) for subject in self._asking)

    def put(self, watch: LiveWatch) -> None:
        """Take in a watch, in place of an earlier state of it. Raises `Malformed` for one that asks for nothing."""
        places = places_of(watch.subject)
        with self._lock:
            self._forget(watch.key)
            self._watches[watch.key] = watch
            same = self._asking.setdefault(watch.subject, set())
            if not same:
                self._next += 1
                self._numbers[watch.subject], self._subjects[self._next] = self._next, watch.subject
                for key, year in places:
                    self._by_key.setdefault(key, {}).setdefault(year, set()).add(self._next)
            same.add(watch.key)

    def remove(self, key: ThreadKey) -> None:
        """Take a watch out, if it is there."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: ThreadKey) -> None:
        watch = self._watches.pop(key, None)
        if watch is None:
            return
        same = self._asking[watch.subject]
        same.discard(key)
        if same:
            return
        del self._asking[watch.subject]
        number = self._numbers.pop(watch.subject)
        del self._subjects[number]
        for place, year in places_of(watch.subject):
            years = self._by_key[place]
            years[year].discard(number)
            if not years[year]:
                del years[year]
            if not years:
                del self._by_key[place]

    def asking(self, subject: Subject) -> list[LiveWatch]:
        """Return the watches that ask this."""
        with self._lock:
            return [self._watches[key] for key in sorted(self._asking.get(subject, ()))]

    def possible(self, row: FreshRow) -> tuple[list[Subject], list[Subject]]:
        """Return what is asked that a changed row may fit, and what is to be searched for instead of compared.

        Names were compared, roughly. Of declared goods nothing is among it. Where too much is asked by name, the
        likeliest questions of each member are compared in turn, so that those of one leave room for those of another.
        """
        with self._lock:
            named, numbered = self._looked_up(row)
            found: list[Subject] = [self._subjects[number] for number in numbered]
            asked = [(count, self._subjects[number]) for number, count in named.items()]
        found += [each for _, each in asked if isinstance(each, VesselQuery) and each not in found]
        features = _features(row.features) if asked else None
        if features is None:
            return found, []
        likely = [(count, each) for count, each in asked if isinstance(each, PersonQuery) and _is_born(each, features)]
        likely.sort(key=lambda each: -each[0])
        if len(likely) > _MOST_COMPARED:
            with self._lock:
                likely = in_turn(likely, lambda each: (key.peer for key in self._asking.get(each[1], ())))
        compared, rest = likely[:_MOST_COMPARED], likely[_MOST_COMPARED:]
        least = min((count for count, _ in compared), default=0)
        fitting = [each for _, each in compared if score_person(each, features, WIDE) is not None]
        return [*found, *fitting], [each for count, each in rest if count >= least]

    def declared(self, fields: Mapping[str, Any]) -> list[Subject]:
        """Return what is asked of declarations that the fields of one may fit."""
        found: set[int] = set()
        tokens = held_tokens(fields)
        with self._lock:
            for token in tokens:
                found |= self._by_key.get(f"#{token}", {}).get("", set())
            return [each for number in sorted(found) if isinstance(each := self._subjects[number], Goods)]

    def _looked_up(self, row: FreshRow) -> tuple[dict[int, int], list[int]]:
        """Return the numbers of questions by name that share keys with a row, with how many, and of those by number."""
        named: dict[int, int] = {}
        found: set[int] = set()
        for kind, key, detail in row.keys:
            if kind in _NUMBERS:
                found |= self._by_key.get(f"{kind:d}{key}", {}).get("", set())
                continue
            years = self._by_key.get(key)
            for year in _years_for(years, detail) if years else ():
                for number in years[year] if years else ():
                    named[number] = named.get(number, 0) + 1
        return named, sorted(found)


def _years_for(years: Mapping[str, Any], birth: str) -> Iterator[str]:
    """Yield the years of birth that are asked for and that may be one with that of a row: one digit may be misread."""
    if not birth:
        yield from years
        return
    near = _near(birth[:4])
    yield from (
        (year for year in near if year in years) if len(years) > len(near) else (year for year in years if year in near)
    )


@lru_cache(maxsize=512)
def _near(year: str) -> frozenset[str]:
    number = int(year)
    decade = number - number % 10
    return frozenset(f"{each:04d}" for each in {*range(number - 2, number + 3), *range(decade, decade + 10)}) | {""}


def places_of(subject: Subject) -> list[Place]:
    """Return the places of what a watch is about; none for a name that has nothing to look for.

    Raises `Malformed` for a number that has nothing.
    """
    if isinstance(subject, Goods):
        # One of the words that it must have is enough to find it: the rarest kind stands first.
        return [(f"#{token}", "") for token in asked_tokens(subject)[0]]
    numbers = [(f"{KIND_OF[asked.held_as]:d}{asked.key}", "") for asked in asked_numbers(subject)]
    birth = subject.named.birth if subject.named is not None else None
    return [*numbers, *((key, birth.value[:4] if birth else "") for key in asked_keys(subject))]


def _features(text: str) -> PersonFeatures | None:
    return read_features(text)[0] if text else None


def _is_born(subject: PersonQuery, features: PersonFeatures) -> bool:
    """Tell whether the dates of birth let a row be the person that is asked for."""
    return WIDE.floor(compare_births(subject.birth, features.birth)) <= 1


def is_goods(row: FreshRow) -> bool:
    """Tell whether a changed row is a declaration."""
    return row.record_type == RECORD_TYPE
