"""Threads: all notices about one matter between two members, and the states that they move through."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.desk.notices import NoticeType, Urgency
from gateway.model.names import ExchangeId, MemberId


class ThreadKind(StrEnum):
    """The kind of a thread, which is that of its first notice."""

    ASK = "ask"
    ALERT = "alert"
    CHANGE = "change"
    SERVICE = "service"
    OUTCOME = "outcome"
    """What came of a hit that no ask followed up."""
    REPORT = "report"
    ROOM = "room"
    WATCH = "watch"


class ThreadState(StrEnum):
    """The state of a thread. `OVERDUE` and `EXPIRED` are computed from the clock, and never told."""

    NEW = "new"
    OPEN = "open"
    BACK = "back"
    ANSWERED = "answered"
    REFUSED = "refused"
    ENDED = "ended"
    OVERDUE = "overdue"
    EXPIRED = "expired"
    PAUSED = "paused"


class Side(StrEnum):
    """An author in a thread: the member that opened it, or the other one."""

    OPENER = "opener"
    OTHER = "other"


class ThreadKey(msgspec.Struct, frozen=True, order=True):
    """The name of a thread at one node: the counterpart and the id of its first notice."""

    peer: MemberId
    thread_id: ExchangeId


class Placed(msgspec.Struct, frozen=True):
    """The part of one notice that the fold reads: its author, its place, what it says, and its times (microseconds)."""

    side: Side
    seq: int
    seen: int
    type: NoticeType
    code: str
    issued_us: int
    expires_us: int = 0
    urgency: Urgency = Urgency.ROUTINE
