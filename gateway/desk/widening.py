"""Tell in which ways an act makes more of what two persons approved.

Each kind brings its table `WIDENS`. It names each field of the kind: the way in which a change of it makes more of what
was approved, or why none does. `check_alone` is called where a kind writes its value at home: an act of one person that
would make more of it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from gateway.audit.acts.desk_acts import needs_of
from gateway.errors import Forbidden


class Way(StrEnum):
    """The ways to make more of what two persons approved."""

    IN_FORCE = "in-force"
    """What waits, or has ended, stands."""
    LONGER = "longer"
    READERS = "readers"
    """More members or offices read it."""
    CONTENT = "content"
    """It says something else: other fields, another subject, other files."""
    HANDLING = "handling"
    """Another level of urgency, another action, ground or handling."""


More = Callable[[Any, Any], bool]
"""Tells whether a value is more than the one before it."""

Widens = Mapping[str, tuple[Way, More] | str]
"""Tells by field what two persons approve of a kind: the way, or why a change of the field makes nothing more."""


class _To(Protocol):
    @property
    def member(self) -> str: ...


def _other(before: object, after: object) -> bool:
    return after != before


def later(before: int, after: int) -> bool:
    """Tell whether a time is later than it was."""
    return after > before


def sooner(before: int, after: int) -> bool:
    """Tell whether a time is sooner than it was."""
    return after < before


def reads_more(before: Iterable[_To], after: Iterable[_To]) -> bool:
    """Tell whether someone reads it who did not. Without offices all of a member's offices do."""
    had = {one.member: _offices(one) for one in before}
    return any(one.member not in had or not covers(had[one.member], _offices(one)) for one in after)


def _offices(to: _To) -> frozenset[str]:
    return frozenset(getattr(to, "offices", ()))


def covers(all_of: frozenset[str], some: frozenset[str]) -> bool:
    """Tell whether a set holds all of another. An empty one stands for all there are."""
    return not all_of or (bool(some) and some <= all_of)


def begins(before: str, after: str) -> bool:
    """Tell whether a value is in force that was not."""
    return after == "on" and before != "on"


CONTENT, HANDLING = (Way.CONTENT, _other), (Way.HANDLING, _other)
ENDS, FOLLOWS, ASKED = "it says how it ended", "it is made of the other fields", "it has no effect yet"
WHO = "it says who acted"

GROUND: Widens = {"purpose": HANDLING, "offence": HANDLING, "case": HANDLING}


def ways(widens: Widens, before: msgspec.Struct, after: msgspec.Struct) -> frozenset[Way]:
    """Return the ways in which a value is more than it was. A field that the table does not have counts as content."""
    found = set[Way]()
    for name in before.__struct_fields__:
        part = widens.get(name, CONTENT)
        if not isinstance(part, str) and part[1](getattr(before, name), getattr(after, name)):
            found.add(part[0])
    return frozenset(found)


def check_alone(act: str, widens: Widens, before: msgspec.Struct, after: msgspec.Struct) -> None:
    """Raise `Forbidden` where an act of one person, or one that only asks, makes more of a matter at home."""
    if not needs_of(act).approves:
        check_no_more(widens, before, after)


def check_no_more(widens: Widens, before: msgspec.Struct, after: msgspec.Struct) -> None:
    """Raise `Forbidden` where what two persons approved would be more than it was."""
    if more := ways(widens, before, after):
        raise Forbidden(
            "{persons} different persons decide this, and {count} did",
            code="persons-needed",
            where=", ".join(sorted(more)),
            remedy="end it, and ask for it anew: another person approves that",
            persons=2,
            count=1,
        )
