"""Measure the speed of a source behind its key index, and whether records are found by their content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.base import Adapter
from adapters.check.conformance import BUDGET
from adapters.check.report import TypeReport
from gateway.clock import Clock
from gateway.errors import Malformed, Unavailable, Unknown
from gateway.model.forms.vessels import IMO, MARK, MMSI, numbers_of
from gateway.model.query import FOUND_BY, QUERIES, PersonQuery, Query, VesselQuery
from gateway.model.values import NameForm, PartialDate

_QUERIES = 20


@dataclass(frozen=True, slots=True)
class Speed:
    """Rows a second of the index build, and milliseconds of searches and fetches: median and slowest."""

    rows_per_s: float
    search_ms: tuple[float, float]
    fetch_ms: tuple[float, float]
    searches: int
    found: int

    def as_value(self) -> dict[str, Any]:
        """Return the speed as a JSON value."""
        return {
            "rows_per_s": round(self.rows_per_s),
            "search_ms": {"median": round(self.search_ms[0], 2), "slowest": round(self.search_ms[1], 2)},
            "fetch_ms": {"median": round(self.fetch_ms[0], 2), "slowest": round(self.fetch_ms[1], 2)},
            "searches": self.searches,
            "found": self.found,
        }


def queries_of(report: TypeReport) -> Iterator[tuple[Query, tuple[str, str]]]:
    """Yield, for each record that was read, a query that must find it, and its type and key."""
    for built in report.built:
        for made in (_query(key, value, built.search) for key, value in built.search.items()):
            if made is not None:
                yield made, (built.record.record_type, built.record.key)
                break


def _query(key: str, value: Any, search: Mapping[str, Any]) -> Query | None:
    if key not in FOUND_BY:
        return None
    first = value[0] if isinstance(value, list) else value
    try:
        return _OF_ITEMS[key](first, search) if key in _OF_ITEMS else QUERIES[FOUND_BY[key]].of(_text(first))
    except (Malformed, KeyError, TypeError, StopIteration):
        return None


def _text(item: Any) -> str:
    """Return the text of an item: its number, its plate, or the first of its members."""
    if isinstance(item, str):
        return item
    members = (name for name in ("number", "plate", "text") if name in item)
    return str(item[next(members, next(iter(item)))])


def _person(item: Any, search: Mapping[str, Any]) -> Query:
    birth = search.get("birth")
    return PersonQuery((NameForm(_text(item)),), PartialDate(birth["value"]) if birth else None)


def _vessel(item: Any, _search: Mapping[str, Any]) -> Query:
    """Return the query by the first number of an item."""
    sort, text = (MARK, item) if isinstance(item, str) else next(numbers_of(item))
    return VesselQuery(**{_ASKED_AS[sort]: text})


_ASKED_AS: Mapping[str, str] = {IMO: "imo", MMSI: "mmsi", MARK: "local_reg"}
_OF_ITEMS: Mapping[str, Callable[[Any, Mapping[str, Any]], Query]] = {
    "names": _person,
    "vessels": _vessel,
    "vessel_names": lambda item, _search: VesselQuery(_text(item)),
}
"""Makes a query of an item under a search key, where it is more than the query of one text."""


def measure(adapter: Adapter, clock: Clock, asked: Sequence[tuple[Query, tuple[str, str]]], rows_per_s: float) -> Speed:
    """Return the speed of searches and fetches: each query of `asked` must find the record of its type and key.

    A query that nothing can be searched by is passed over."""
    searches, fetches, found = [], [], 0
    for query, place in asked[:_QUERIES]:
        began = clock.monotonic()
        try:
            result = adapter.search(query, began + BUDGET)
        except Malformed:  # a row that holds a placeholder in the place of a number or a name
            continue
        searches.append(clock.monotonic() - began)
        found += place in {(each.record_type, each.key) for each in result.candidates}
        began = clock.monotonic()
        try:
            adapter.fetch(place[1], place[0], began + BUDGET)
        except (Unknown, Unavailable):
            continue
        fetches.append(clock.monotonic() - began)
    return Speed(rows_per_s, _median(searches), _median(fetches), len(searches), found)


def _median(seconds: list[float]) -> tuple[float, float]:
    ordered = sorted(seconds) or [0.0]
    return ordered[len(ordered) // 2] * 1000, ordered[-1] * 1000
