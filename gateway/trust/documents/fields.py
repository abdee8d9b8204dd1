"""Read signed JSON with closed fields: a missing, unknown or ill-typed member is refused (CASE-B10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from gateway.clock import from_us, to_us
from gateway.errors import Malformed

SKEW_US = 30_000_000
"""Microseconds by which the clock of a document's signer may be ahead of ours."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Fields:
    """The members of one JSON object, read by name and type. `where` names the object in errors."""

    __slots__ = ("_members", "_where")

    def __init__(self, value: Any, where: str, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        needed = frozenset(required)
        if not isinstance(value, dict):
            raise Malformed("an object is expected", code="bad-field", where=where)
        if missing := needed - value.keys():
            raise Malformed("`{missing}` is missing", code="bad-field", where=where, missing=min(missing))
        if unknown := value.keys() - needed - frozenset(optional):
            raise Malformed(
                "`{unknown!a}` is not a known field", code="unknown-field", where=where, unknown=min(unknown)[:40]
            )
        self._members: Mapping[str, Any] = value
        self._where = where

    def has(self, name: str) -> bool:
        """Tell whether an optional member exists."""
        return name in self._members

    def text(self, name: str) -> str:
        """Return a text."""
        value = self._members[name]
        if not isinstance(value, str):
            raise self._bad(name, "a text")
        return value

    def number(self, name: str, minimum: int = 1) -> int:
        """Return an integer of at least `minimum`."""
        value = self._members[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise self._bad(name, f"an integer of at least {minimum}")
        return value

    def time_us(self, name: str) -> int:
        """Return a time as microseconds since 1970."""
        return parse_time(self._members[name], f"{self._where}.{name}")

    def value(self, name: str) -> Any:
        """Return a member as it is, for the caller to check."""
        return self._members[name]

    def items(self, name: str, maximum: int) -> list[Any]:
        """Return a list of at most `maximum` items."""
        value = self._members[name]
        if not isinstance(value, list) or len(value) > maximum:
            raise self._bad(name, f"a list of at most {maximum} items")
        return value

    def texts(self, name: str, maximum: int) -> tuple[str, ...]:
        """Return a list of different texts."""
        value = self.items(name, maximum)
        if not all(isinstance(item, str) for item in value) or len(set(value)) != len(value):
            raise self._bad(name, "a list of different texts")
        return tuple(value)

    def _bad(self, name: str, what: str) -> Malformed:
        return Malformed("{what} is expected", code="bad-field", where=f"{self._where}.{name}", what=what)


def parse_time(value: Any, where: str) -> int:
    """Return `2026-11-24T09:30:00Z` as microseconds since 1970; raise `Malformed` for every other form."""
    try:
        return _read_time(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed(
            "a time is expected", code="bad-field", where=where, remedy="such as 2026-11-24T09:30:00Z"
        ) from error


@lru_cache(4_096)
def _read_time(value: Any) -> int:
    """Return a time in microseconds. The keys of one descriptor mostly begin and end together."""
    # `strptime` takes ten times as long, and a large federation has many times.
    moment = datetime.fromisoformat(value).astimezone(UTC)
    if moment.strftime(_TIME) != value:
        raise ValueError(value)
    return to_us(moment)


def format_time(us: int) -> str:
    """Return microseconds since 1970 as text, in whole seconds."""
    return from_us(us).strftime(_TIME)
