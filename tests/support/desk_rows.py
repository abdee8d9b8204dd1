"""Rows of the desk for tests: threads with notices, deliveries, work and copies."""

from __future__ import annotations

import secrets
from typing import Any

from gateway.model.desk.notices import NoticeType, Urgency
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Delivery, DeskRows, Holding, NoticeRow, Thread, Work
from tests.support.audit_logs import VN, new_id

START_US = 1_795_521_600_000_000
"""Noon of 24 November 2026."""


def new_key(peer: str = VN) -> ThreadKey:
    """The key of a new thread."""
    return ThreadKey(MemberId(peer), new_id())


def a_thread(key: ThreadKey, version: int = 1, **more: Any) -> Thread:
    """A thread that is open."""
    fields: dict[str, Any] = {
        "kind": ThreadKind.ASK,
        "opener": True,
        "state": ThreadState.OPEN,
        "urgency": Urgency.URGENT,
        "opened_us": START_US,
        "office": "poipet-blo",
        "agency": "police",
        "officer": "th.o.1042",
        "ours": version,
        "our_last": secrets.token_bytes(32),
    }
    return Thread(key, version=version, **(fields | more))


def a_notice(key: ThreadKey, seq: int = 1, notice_id: str = "", **more: Any) -> NoticeRow:
    """A notice of a thread."""
    urgency = more.pop("urgency", Urgency.URGENT)
    fields: dict[str, Any] = {
        "placed": Placed(Side.OPENER, seq, 0, NoticeType.ASK, "hit", START_US + seq, 0, urgency),
        "payload_hash": secrets.token_bytes(32),
        "time_us": START_US + seq,
        "envelope": b"envelope " + secrets.token_bytes(40) + bytes(300) + b"end",
    }
    return NoticeRow(key, ExchangeId(notice_id or (key.thread_id if seq == 1 else new_id())), **(fields | more))


def a_delivery(notice: NoticeRow, **more: Any) -> Delivery:
    """The delivery of a notice of ours."""
    placed = notice.placed
    fields: dict[str, Any] = {
        "seq": placed.seq,
        "type": placed.type,
        "urgency": placed.urgency,
        "due_us": placed.issued_us,
        "expires_us": 0,
    }
    return Delivery(notice.notice_id, notice.key, **(fields | more))


def some_work(key: ThreadKey, id_: str = "", **more: Any) -> Work:
    """Work of a thread with a clock of two hours."""
    fields: dict[str, Any] = {
        "kind": WorkKind.DECIDE,
        "agency": "police",
        "office": "poipet-blo",
        "role": Role.DUTY,
        "urgency": Urgency.URGENT,
        "opened_us": START_US,
        "half_us": START_US + 3_600_000_000,
        "due_us": START_US + 7_200_000_000,
        "not_by": "th.o.1042",
    }
    return Work(id_ or f"decide-{key.thread_id}", key, **(fields | more))


def a_copy(jti: str = "", **more: Any) -> Holding:
    """A copy of a record that `vn` holds."""
    fields: dict[str, Any] = {
        "direction": Direction.OUT,
        "holder": VN,
        "owner": MemberId("th"),
        "source": new_id(),
        "state": HoldingState.HELD,
        "record": "th.police.persons/4711",
    }
    return Holding(jti or secrets.token_urlsafe(16), **(fields | more))


def opening(key: ThreadKey, **more: Any) -> DeskRows:
    """The rows with which a thread begins: notice, delivery and work."""
    notice = a_notice(key)
    fields: dict[str, Any] = {
        "thread": a_thread(key),
        "notice": notice,
        "deliveries": (a_delivery(notice),),
        "works": (some_work(key),),
    }
    return DeskRows(**(fields | more))
