"""Hold a watch as an officer asks for it, its standing at home, and what it has met in our own agencies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from gateway.clock import DAY_US
from gateway.conversion import converter
from gateway.desk.acting.home import Own, OwnKind
from gateway.desk.acts import Act
from gateway.desk.roles import matter_by
from gateway.desk.widening import ASKED, CONTENT, ENDS, GROUND, HANDLING, WHO, Way, Widens, begins, later, reads_more
from gateway.errors import Unknown
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.watches import Goods, Subject, Watched
from gateway.model.hit import Quality
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QUERIES
from gateway.model.requester import Officer

USUAL_US = 30 * DAY_US
"""The time for which a watch is asked, unless its officer says otherwise."""

AGAIN_US = 30 * DAY_US
"""After this time its officer and a supervisor say again that it is needed, or it is paused."""

AHEAD_US = 7 * DAY_US
"""So long before that the officer has the work of saying so."""

WIDE = 20
"""A watch that more records fit than this is too wide."""

MOST_HITS = 256
"""What one watch meets at most: then it is too wide, and ends."""

LIVE = (ThreadState.OPEN, ThreadState.ANSWERED)
"""The states of the thread of a watch that is looked after at its recipient."""


class WhyPaused(StrEnum):
    """The reasons for which a watch of ours is paused; its recipients read one as a code."""

    NOT_REVALIDATED = "not-revalidated"
    TRAINING_OVER = "training-over"
    ACCOUNT_BARRED = "account-barred"
    """The account of its officer is frozen or revoked."""


class WhyStopped(StrEnum):
    """The reasons for which a watch of a counterpart stops here; its author reads one as a code."""

    TOO_WIDE = "too-wide"
    NOTHING_WATCHED = "nothing-watched"
    POLICY = "policy-denies"


class OwnAddressee(msgspec.Struct, frozen=True):
    """A recipient of a watch of ours, with the thread in which it gets it and the agreement that covers it."""

    member: MemberId
    thread_id: ExchangeId
    agreement: str


class OwnHit(msgspec.Struct, frozen=True):
    """A record of our own agencies that a watch has met: it is read in their system, under its key there."""

    source: str
    key: str
    record_type: str
    quality: Quality
    rules: tuple[str, ...]
    seen_us: int


class Renewal(msgspec.Struct, frozen=True):
    """An officer's statement that a watch is needed for longer, which a supervisor has not approved yet."""

    until_us: int
    by: Officer
    reason: str = ""


class OwnWatch(Own, frozen=True):
    """A watch of ours as it should stand everywhere. `bring_up` makes the threads with its recipients follow it."""

    to: tuple[OwnAddressee, ...]
    kind: str
    asked: dict[str, Any]
    purpose: Purpose
    offence: Offence
    case: str
    raised_us: int
    until_us: int
    revalidate_by_us: int
    no_tip_off: bool
    approver: Officer | None = None
    reason: str = ""
    renewal: Renewal | None = None
    renewed: int = 0
    watched: Watched | None = None
    """The reach in our own agencies, once they were searched."""
    hits: tuple[OwnHit, ...] = ()

    @property
    def subject(self) -> Subject:
        """The question, or the goods, that it is about."""
        return subject_of(self.kind, self.asked)

    def thread_with(self, member: MemberId) -> ExchangeId:
        """Return the id of the thread with a recipient. Raises `Unknown` for another member."""
        found = next((to.thread_id for to in self.to if to.member == member), None)
        if found is None:
            raise Unknown("this watch is not sent to `{member}`", code="no-such-watch", where="from", member=member)
        return found


WIDENS: Widens = {
    **GROUND,
    "id": CONTENT,
    "author": CONTENT,
    "to": (Way.READERS, reads_more),
    "kind": CONTENT,
    "asked": CONTENT,
    "raised_us": CONTENT,
    "until_us": (Way.LONGER, later),
    "revalidate_by_us": (Way.LONGER, later),
    "no_tip_off": HANDLING,
    "stand": (Way.IN_FORCE, begins),
    "approver": WHO,
    "reason": ENDS,
    "renewal": ASKED,
    "renewed": "it counts approvals",
    "watched": "it says what our own sources hold",
    "hits": "it says what was met",
}
"""Tells what two persons approve of a watch, by field (`gateway.desk.widening`)."""


_READERS: Mapping[str, Callable[[object], Subject]] = {
    **{kind: converter(each) for kind, each in QUERIES.items() if each.watched},
    Goods.kind: converter(Goods),
}


def subject_of(kind: str, asked: Mapping[str, Any]) -> Subject:
    """Return what a watch is about, as `asked_of` wrote it."""
    return _READERS[kind](asked)


def asked_of(subject: Subject) -> tuple[str, dict[str, Any]]:
    """Return the kind of what a watch is about, and the same as JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(subject)
    return str(subject.kind), plain


def _unknown(watch_id: str) -> Unknown:
    return Unknown("there is no watch `{watch}` of ours", code="no-such-watch", where="watch", watch=watch_id[:64])


WATCHES = OwnKind(
    kind=ThreadKind.WATCH,
    value=OwnWatch,
    unknown=_unknown,
    see=Act.SEE,
    matter=lambda watch: matter_by(watch.author),
)
"""Watches of ours at home."""


def hit_id(thread_id: ExchangeId, reference: str) -> str:
    """Return the id of a hit of a watch in the ledger of copies, the same at both sides."""
    return hashlib.sha256(f"watch {thread_id} {reference}".encode()).hexdigest()[:32]
