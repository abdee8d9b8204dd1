"""Find alerts by names and numbers, with the matching of all other sources: their keys, and their scores.

Alerts are few and change often, so that the book of them is in memory.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from operator import itemgetter
from typing import Any, TypeVar

import msgspec

from adapters.index.rows import KIND_OF, day_of_birth, swapped, word_and_year
from gateway.errors import Malformed
from gateway.matching.confirm import held_names, judge
from gateway.matching.identifiers import asked_numbers, held_items, held_number
from gateway.matching.keys import VESSEL, asked_word_keys, name_keys, query_cost, query_keys, word_keys
from gateway.matching.thresholds import Thresholds
from gateway.model.desk.threads import ThreadKey
from gateway.model.forms.numbers import compact
from gateway.model.hit import Match
from gateway.model.names import MemberId
from gateway.model.query import Query

MAX_JUDGED = 200
"""Alerts that are compared in full for one question: those that share most keys with it, of each owner in turn."""

T = TypeVar("T")

_SHARED = slice(-6, -1)
"""The signs of a number's key that are in every text that has the number (`confirm`)."""

_NUMBERED = ("identifiers", "objects")
_NAMING = re.compile("name|text|romanised")
_BETWEEN = re.compile(r"[;/|()\n]")


class HeldAlert(msgspec.Struct, frozen=True):
    """An alert by which our gates are warned: one of ours (`owner` is our own member), or of a counterpart.

    `offices` are those of ours that it is for; empty means all. Times are microseconds.
    """

    key: ThreadKey
    owner: MemberId
    agency: str
    own_key: bool
    offices: tuple[str, ...]
    action: str
    fields: dict[str, Any]
    marking: dict[str, Any]
    jti: str
    compact: str
    undisclosed: int
    from_us: int
    until_us: int
    heard_us: int
    version: int

    def is_for(self, office: str) -> bool:
        """Tell whether the alert is for this office."""
        return not self.offices or office in self.offices


class AlertBook:
    """Alerts with their keys. Thread-safe."""

    def __init__(self, alerts: Iterable[HeldAlert] = ()) -> None:
        self._lock = threading.Lock()
        self._alerts: dict[ThreadKey, HeldAlert] = {}
        self._keys: dict[ThreadKey, frozenset[str]] = {}
        self._wholes: dict[ThreadKey, tuple[str, ...]] = {}
        self._by_key: dict[str, set[ThreadKey]] = defaultdict(set)
        for alert in alerts:
            self.put(alert)

    @property
    def alerts(self) -> Mapping[ThreadKey, HeldAlert]:
        """Return all alerts of the book by their threads."""
        with self._lock:
            return dict(self._alerts)

    def put(self, alert: HeldAlert) -> None:
        """Take in an alert, in place of an earlier state of it."""
        keys, wholes = frozenset(_held_keys(alert.fields)), tuple(_wholes(alert.fields))
        with self._lock:
            self._forget(alert.key)
            self._alerts[alert.key], self._keys[alert.key], self._wholes[alert.key] = alert, keys, wholes
            for key in keys:
                self._by_key[key].add(alert.key)

    def remove(self, key: ThreadKey) -> None:
        """Take an alert out, if it is there."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: ThreadKey) -> None:
        if self._alerts.pop(key, None) is None:
            return
        del self._wholes[key]
        for each in self._keys.pop(key):
            held = self._by_key[each]
            held.discard(key)
            if not held:
                del self._by_key[each]

    def search(
        self,
        query: Query,
        thresholds: Thresholds,
        check: Callable[[], None] = lambda: None,
        sees: Callable[[HeldAlert], bool] = lambda _: True,
    ) -> Iterator[tuple[HeldAlert, Match]]:
        """Yield the alerts that a question finds, with their matches; `check` is called before each comparison.

        Those that its asker does not see (`sees`) are as if they were not held. Raises `Malformed` for a question with
        nothing to search by.
        """
        query_cost(query)
        for alert in self._candidates(query, sees):
            check()
            match = judge(query, "Alert", alert.fields, thresholds)
            if isinstance(match, Match):
                yield alert, match

    def _candidates(self, query: Query, sees: Callable[[HeldAlert], bool]) -> list[HeldAlert]:
        """Return the alerts by one of its numbers or names; none for words, since no alert is about a report."""
        numbers, keys = asked_numbers(query), asked_keys(query)
        if query.named is not None and not keys and not numbers:
            raise Malformed("the name has nothing to search by", code="bad-query", where="query.names")
        sharing = self._sharing(keys, sees)
        if not numbers:
            return sharing
        numbered = (alert for asked in numbers for alert in self._numbered(asked.key) if sees(alert))
        found = {alert.key: alert for alert in (*numbered, *sharing)}
        return [found[key] for key in sorted(found)]

    def _sharing(self, keys: Iterable[str], sees: Callable[[HeldAlert], bool]) -> list[HeldAlert]:
        """Return the alerts that share most keys, at most `MAX_JUDGED`, of each owner in turn."""
        with self._lock:
            shared = Counter(chain.from_iterable(self._by_key.get(key, ()) for key in keys))
            held = {key: self._alerts[key] for key in shared}
        seen = Counter({key: count for key, count in shared.items() if sees(held[key])})
        return in_turn((held[key] for key, _ in seen.most_common()), lambda alert: (alert.owner,))[:MAX_JUDGED]

    def _numbered(self, asked: str) -> list[HeldAlert]:
        signs = asked[_SHARED]
        with self._lock:
            places = set(self._by_key.get(_number(asked), ()))
            places |= {key for key, texts in self._wholes.items() if any(signs in text for text in texts)}
            return [self._alerts[key] for key in sorted(places)]


def in_turn(items: Iterable[T], owners: Callable[[T], Iterable[MemberId]]) -> list[T]:
    """Return the first item of each owner, then the second of each, and so on; in the order of `items` otherwise.

    An item of several owners comes as early as one of them lets it, and counts for each of them.
    """
    turns: Counter[MemberId] = Counter()
    placed = []
    for item in items:
        whose = set(owners(item))
        placed.append((min((turns[each] for each in whose), default=0), item))
        turns.update(whose)
    return [item for _, item in sorted(placed, key=itemgetter(0))]


def asked_keys(query: Query) -> set[str]:
    """Return the keys by which the names of a question find rows; none where it asks for no name."""
    if (named := query.named) is None:
        return set()
    keys = set(chain.from_iterable(query_keys(name.text) for name in named.names))
    if named is not query:  # the name of a vessel
        return {VESSEL + key for key in keys}
    if named.birth is None or not keys:
        return keys
    birth = named.birth.value
    keys |= {word_and_year(key, birth) for name in named.names for key in asked_word_keys(name.text)}
    if len(birth) == len("YYYY-MM-DD"):
        keys |= {day_of_birth(birth), day_of_birth(swapped(birth))}
    return keys


def _held_keys(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys under which an alert is found: of names, birth and numbers."""
    birth = (fields.get("birth") or {}).get("value", "") if isinstance(fields.get("birth"), Mapping) else ""
    names = list(_names(fields))
    for name in names:
        yield from name_keys(name)
        if birth:
            yield from (word_and_year(key, birth) for key in word_keys(name))
    if names and len(birth) == len("YYYY-MM-DD"):
        yield day_of_birth(birth)
    for item in held_items(fields.get("objects")):
        for name in _spellings(item) if isinstance(item, Mapping) else ():
            yield from (VESSEL + key for key in name_keys(name))
    for text, item in _texts(fields):
        for held_as in KIND_OF:
            if key := held_number(text, held_as, item)[0]:
                yield _number(key)


def _names(fields: Mapping[str, Any]) -> Iterator[str]:
    for item in held_items(fields.get("names")):
        for text in held_names({"names": item}) if isinstance(item, str) else _spellings(item):
            yield text
            yield from (part for part in map(str.strip, _BETWEEN.split(text)) if part and part != text)


def _spellings(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the spellings of a name: in its own script, and romanised."""
    yield from (value for name, value in item.items() if _NAMING.search(name) and isinstance(value, str) and value)


def _texts(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for field in _NUMBERED:
        for item in held_items(fields.get(field)):
            own = item if isinstance(item, Mapping) else {}
            texts = [item] if isinstance(item, str) else [text for text in own.values() if isinstance(text, str)]
            yield from ((text, own) for text in islice(texts, 32))


def _wholes(fields: Mapping[str, Any]) -> Iterator[str]:
    yield from (compact(text) for text, _ in _texts(fields))


def _number(key: str) -> str:
    """Return the key of a number in the book: no key of a name begins so."""
    return f"#{key}"
