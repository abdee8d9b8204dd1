"""Say what of a matter two persons approve, and in which ways an act makes more of it.

`APPROVED` names each field of each kind of matter: the way in which a change of it makes more of what was approved, or
why none does. `check_alone` stands where a matter at home is written: where an act of one person would make more of it,
the act is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from gateway.audit.acts.desk_acts import needs_of
from gateway.desk.alerts.values import OwnAlert
from gateway.desk.reports.values import OwnReport
from gateway.desk.rooms.values import HomeRoom
from gateway.desk.watches.values import OwnWatch
from gateway.errors import Forbidden
from gateway.model.desk.notices import Ask


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


class _To(Protocol):
    @property
    def member(self) -> str: ...


def _other(before: object, after: object) -> bool:
    return after != before


def _later(before: int, after: int) -> bool:
    return after > before


def _sooner(before: int, after: int) -> bool:
    return after < before


def _reads_more(before: Iterable[_To], after: Iterable[_To]) -> bool:
    """Tell whether someone reads it who did not. Without offices all of a member's offices do."""
    had = {one.member: _offices(one) for one in before}
    return any(one.member not in had or not _covers(had[one.member], _offices(one)) for one in after)


def _offices(to: _To) -> frozenset[str]:
    return frozenset(getattr(to, "offices", ()))


def _covers(all_of: frozenset[str], some: frozenset[str]) -> bool:
    return not all_of or (bool(some) and some <= all_of)


def _begins(before: str, after: str) -> bool:
    return after == "on" and before != "on"


def _is_published(before: str, after: str) -> bool:
    return after == "published" and before != "published"


def _wants_more(before: Collection[str], after: Collection[str]) -> bool:
    """Tell whether fields are wanted that were not. None named are all that may be given."""
    return not _covers(frozenset(before), frozenset(after))


_CONTENT, _HANDLING = (Way.CONTENT, _other), (Way.HANDLING, _other)
_ENDS, _FOLLOWS, _ASKED = "it says how it ended", "it is made of the other fields", "it has no effect yet"
_WHO = "it says who acted"
_WORDS = "words for the owner's person who decides, who asked for others"

_GROUND: Mapping[str, tuple[Way, More]] = {"purpose": _HANDLING, "offence": _HANDLING, "case": _HANDLING}

APPROVED: Mapping[type, Mapping[str, tuple[Way, More] | str]] = {
    OwnAlert: {
        **_GROUND,
        "id": _CONTENT,
        "author": _CONTENT,
        "to": (Way.READERS, _reads_more),
        "fields": _CONTENT,
        "ticket": _HANDLING,
        "urgency": _HANDLING,
        "raised_us": _CONTENT,
        "until_us": (Way.LONGER, _later),
        "repeat_s": _HANDLING,
        "to_life": _HANDLING,
        "hidden_until_us": (Way.LONGER, _sooner),
        "record": _FOLLOWS,
        "signed_us": _FOLLOWS,
        "stand": (Way.IN_FORCE, _begins),
        "approver": _WHO,
        "reason": _ENDS,
        "text": _ENDS,
        "outcome": _ENDS,
        "operation": _HANDLING,
        "attachments": _CONTENT,
        "renewal": _ASKED,
    },
    OwnWatch: {
        **_GROUND,
        "id": _CONTENT,
        "author": _CONTENT,
        "to": (Way.READERS, _reads_more),
        "kind": _CONTENT,
        "asked": _CONTENT,
        "raised_us": _CONTENT,
        "until_us": (Way.LONGER, _later),
        "revalidate_by_us": (Way.LONGER, _later),
        "no_tip_off": _HANDLING,
        "stand": (Way.IN_FORCE, _begins),
        "approver": _WHO,
        "reason": _ENDS,
        "renewal": _ASKED,
        "renewed": "it counts approvals",
        "watched": "it says what our own sources hold",
        "hits": "it says what was met",
    },
    OwnReport: {
        **_GROUND,
        "id": _CONTENT,
        "author": _CONTENT,
        "fields": _CONTENT,
        "lang": _CONTENT,
        "level": _HANDLING,
        "wanted": _CONTENT,
        "written_us": _CONTENT,
        "until_us": (Way.LONGER, _later),
        "to": (Way.READERS, _reads_more),
        "left": "it says who does not get it",
        "stand": (Way.IN_FORCE, _is_published),
        "approver": _WHO,
        "reason": _ENDS,
        "text": _ENDS,
        "attachments": _CONTENT,
    },
    HomeRoom: {
        **_GROUND,
        "id": _CONTENT,
        "title": _CONTENT,
        "template": _CONTENT,
        "ticket": _HANDLING,
        "urgency": _HANDLING,
        "start_us": (Way.LONGER, _sooner),
        "end_us": (Way.LONGER, _later),
        "by": _CONTENT,
        "opened_us": _CONTENT,
        "stand": (Way.IN_FORCE, _begins),
        "own": (Way.READERS, lambda before, after: _reads_more((before,), (after,))),
        "to": (Way.READERS, _reads_more),
        "approver": _WHO,
        "entries": "each member writes its own, for those who were approved",
        "text": _ENDS,
        "invites": _ASKED,
    },
    Ask: {
        "about": _CONTENT,
        "facts": _WORDS,
        "why_you": _WORDS,
        "link": _WORDS,
        "topic": _CONTENT,
        "category": _HANDLING,
        "hit": _CONTENT,
        "use": _CONTENT,
        "fields": (Way.CONTENT, _wants_more),
        "values": _WORDS,
        "held_until_us": _WORDS,
    },
}
"""Tells what two persons approve, by the kind of the matter: for each field the way, or why it is none of it."""


def ways(before: msgspec.Struct, after: msgspec.Struct) -> frozenset[Way]:
    """Return the ways in which a matter is more than it was. A field that the table does not have counts as content."""
    table, found = APPROVED[type(before)], set[Way]()
    for name in before.__struct_fields__:
        part = table.get(name, _CONTENT)
        if not isinstance(part, str) and part[1](getattr(before, name), getattr(after, name)):
            found.add(part[0])
    return frozenset(found)


def check_alone(act: str, before: msgspec.Struct, after: msgspec.Struct) -> None:
    """Raise `Forbidden` where an act of one person, or one that only asks, makes more of a matter at home."""
    if not needs_of(act).approves:
        check_no_more(before, after)


def check_no_more(before: msgspec.Struct, after: msgspec.Struct) -> None:
    """Raise `Forbidden` where what two persons approved would be more than it was."""
    if more := ways(before, after):
        raise Forbidden(
            "{persons} different persons decide this, and {count} did",
            code="persons-needed",
            where=", ".join(sorted(more)),
            remedy="end it, and ask for it anew: another person approves that",
            persons=2,
            count=1,
        )
