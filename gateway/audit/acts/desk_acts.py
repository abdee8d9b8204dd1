"""The table of what people do at the desk: how many persons each act needs, and why.

An act that is not in the table gets no entry, so it is not done. Where two persons are needed, the first one's act
asks, and has no effect; the second one's act approves it, by the rights that approving needs, and its entry names both.
What two persons approved is made less by one: shorter, for fewer readers, ended. It is made more by two persons
(`gateway.desk.widening`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.errors import Forbidden
from gateway.model.desk.threads import ThreadKind

APPROVES: Final = "approves"
"""The member of an approval's content that names the act that it puts in force, its person, and that one's token."""


@dataclass(frozen=True, slots=True)
class Needs:
    """A row: how many persons must have acted before the act has its effect, and why so many.

    `asks`: it is the first person's act, and has no effect. `approves` are the acts of a first person that it puts in
    force. `of` is the kind of the matter at home that it writes, None where it writes none that two persons approve.
    """

    persons: int
    why: str
    asks: bool = False
    approves: frozenset[str] = frozenset()
    of: ThreadKind | None = None


def _one(why: str, *names: str, of: ThreadKind | None = None) -> dict[str, Needs]:
    return {name: Needs(1, why, of=of) for name in names}


def _asks(why: str, *names: str, of: ThreadKind | None = None) -> dict[str, Needs]:
    return {name: Needs(2, why, asks=True, of=of) for name in names}


def _approves(name: str, *asked: str, of: ThreadKind | None = None) -> dict[str, Needs]:
    why = "it puts in force what another person has asked for"
    return {name: Needs(2, why, approves=frozenset(asked), of=of)}


_LOOKS = "it shows something to one person, under the rights of that person, and changes nothing"
_DECLINES = "nothing comes of it: what was asked for does not take place, and what stands goes on as it was approved"
_LESS = "it makes less of what two persons approved: shorter, ended, or told to nobody new"
_LISTS = "it says who works on something; what the work needs is asked of whoever does it"
_ASKS = "it has no effect before another person has approved it"

_ALERT, _REPORT, _ROOM, _WATCH = ThreadKind.ALERT, ThreadKind.REPORT, ThreadKind.ROOM, ThreadKind.WATCH
_FREEZE = ThreadKind.SERVICE

DESK_ACTS: Mapping[str, Needs] = MappingProxyType(
    _one(
        _LOOKS,
        *("read-alert", "read-watches", "read-room", "read-report", "read-misuse", "read-freezes"),
        *(
            "list-reports",
            "search-reports",
            "check-report",
            "check-token",
            "choice",
            "look",
            "open",
            "open-file",
            "read",
        ),
        *("office-copy", "offline-lookup", "watch-too-wide"),
    )
    | _one(_LISTS, "assign", "pass-on", "take")
    | _one(
        "an officer's own finding about a hit that was given; the owner's record stays as it is",
        "mark",
    )
    | _asks(_ASKS, "draft", of=ThreadKind.ASK)
    | _one(_DECLINES, "decline", "take-back", of=ThreadKind.ASK)
    | _asks(
        "an alert acts on a person in other countries. Where a life is in danger it is sent first, and taken back in "
        "minutes unless another person approves it",
        "raise-alert",
        of=_ALERT,
    )
    | _asks(f"to stand for longer is more than was approved: {_ASKS}", "renew-alert", of=_ALERT)
    | _approves("approve-alert", "raise-alert", "renew-alert", of=_ALERT)
    | _one(_DECLINES, "decline-alert", of=_ALERT)
    | _one(_LESS, "shorten-alert", "lift-alert", "close-alert", of=_ALERT)
    | _asks(f"a watch is a question that stays: {_ASKS}", "add-watch", of=_WATCH)
    | _asks(f"that it is still needed lets it stand for longer: {_ASKS}", "renew-watch", of=_WATCH)
    | _approves("approve-watch", "add-watch", "renew-watch", of=_WATCH)
    | _one(_DECLINES, "decline-watch", of=_WATCH)
    | _one(_LESS, "end-watch", of=_WATCH)
    | _asks(f"a report leaves the country, for good: {_ASKS}", "write-report", of=_REPORT)
    | _approves("approve-report", "write-report", of=_REPORT)
    | _one(_DECLINES, "decline-report", of=_REPORT)
    | _one(_LESS, "withdraw-report", of=_REPORT)
    | _asks(f"each member of an operation reads what all of them write: {_ASKS}", "open-room", "invite", of=_ROOM)
    | _approves("approve-room", "open-room", "invite", of=_ROOM)
    | _one(_DECLINES, "decline-room", of=_ROOM)
    | _one(_LESS, "seal-room", "leave-room", of=_ROOM)
    | _one(
        "two persons of the operation's owner have approved for whom it is; we read it, and write into it",
        *("join-room", "write-note", "write-outcome"),
        of=_ROOM,
    )
    | _asks(f"it takes the work away from a person: {_ASKS}", "ask-freeze", of=_FREEZE)
    | _asks(f"it gives an account back that two persons froze: {_ASKS}", "ask-lift", of=_FREEZE)
    | _approves("approve-freeze", "ask-freeze", of=_FREEZE)
    | _approves("approve-lift", "ask-lift", of=_FREEZE)
    | _one(_DECLINES, "decline-freeze", "decline-lift", of=_FREEZE)
    | _one("what leaves is written, and waits for its decision", "propose")
    | _asks("the record's marking, or policy, lets it out by two persons only: the second one signs", "first-decision")
    | _one(
        "it tells members of what went wrong, and no content; that it comes late does more harm than that it is wrong",
        *("tell-incident", "tell-more", "close-incident", "acknowledge-incident", "settle-incident"),
    )
    | _one("it looks at what another person did, and undoes nothing", "review")
    | _one(
        "the agency that owns the record gives a person whose identity is misused a token, which says less than the "
        "record; the person consents",
        "issue-token",
    )
    | _one(_LESS, "withdraw-token")
    | _one(
        "one data officer withdrew the record, and one says that it is right after all: what is given of it goes by "
        "policy, and by two persons where its marking demands them",
        "lift",
    )
)
"""All acts at the desk that get an entry of their own, each with its row.

What is told in a notice has the notice's entry (`asked`): it names the officer, and the second person where the notice
is one that two persons approve.
"""


def needs_of(act: str) -> Needs:
    """Return the row of an act at the desk. Raises `Forbidden` for one that is not in the table."""
    found = DESK_ACTS.get(act)
    if found is None:
        raise Forbidden("`{kind!a}` is no act that anybody may do", code="unknown-act", kind=act[:20])
    return found
