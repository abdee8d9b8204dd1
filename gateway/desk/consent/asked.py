"""An ask for consent of ours, as its asker reads it: which thread it has, and what became of it.

Each use of a record by an officer has one thread, whose id is made of the use. So asking again finds the same ask, at
whichever process of the node, and after a restart.
"""

from __future__ import annotations

import hashlib

import msgspec

from gateway.model.desk.consent import ConsentState, OnwardUse
from gateway.model.desk.notices import NoticeType, Reply, ReplyCode
from gateway.model.desk.threads import Side, ThreadKey
from gateway.model.desk.work import DeliveryState
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Delivery, DeskStore, NoticeRow
from gateway.statements.notices.notice import parse_notice

WAITING = "waiting"
"""The state of an ask that the owner's node has not taken yet."""


class AskedConsent(msgspec.Struct, frozen=True):
    """An ask for consent as it stands. `state` is `waiting` or a `ConsentState`; `problem` says why it waits, or why it
    was not taken. `until_us` is the end of a consent that was given.
    """

    id: ExchangeId
    request_hash: bytes
    expires_us: int
    state: str
    problem: str = ""
    until_us: int = 0


def consent_thread(owner: MemberId, officer: str, search: str, record: str, wanted: OnwardUse) -> ThreadKey:
    """Return the thread for this use of this record by this officer; another use has another one.

    The search's id is random and stays at home, so that the owner cannot tell the officer from the thread's id.
    """
    to = wanted.to
    parts = (owner, officer, search, record, to.member, to.agency, to.office, wanted.purpose.value, wanted.use.value)
    return ThreadKey(owner, ExchangeId(hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]))


def find_asked(store: DeskStore, key: ThreadKey) -> AskedConsent | None:
    """Return the ask in a thread of ours as it stands, None where nothing was asked yet."""
    rows = store.notices(key)
    ask = next((row for row in rows if _is(row, Side.OPENER, NoticeType.ASK)), None)
    if ask is None:
        return None
    replies = [row for row in rows if _is(row, Side.OTHER, NoticeType.REPLY) and row.placed.code != ReplyCode.CLARIFY]
    state, problem, until_us = (
        _decided(replies[-1]) if replies else _delivered(store.deliveries(tuple(DeliveryState), key))
    )
    return AskedConsent(key.thread_id, ask.payload_hash, ask.placed.expires_us, state, problem, until_us)


def _is(row: NoticeRow, side: Side, kind: NoticeType) -> bool:
    return row.placed.side is side and row.placed.type is kind


def _decided(reply: NoticeRow) -> tuple[str, str, int]:
    """Return the owner's decision: only a release with a time is a consent."""
    body = parse_notice(reply.envelope).body if reply.envelope else None
    if isinstance(body, Reply) and body.code is ReplyCode.RELEASED and body.until_us:
        return ConsentState.GRANTED, "", body.until_us
    return ConsentState.REFUSED, "", 0


def _delivered(deliveries: list[Delivery]) -> tuple[str, str, int]:
    """Return how far the newest ask has come."""
    asks = [each for each in deliveries if each.type is NoticeType.ASK]
    if not asks:
        return WAITING, "", 0
    last = max(asks, key=lambda each: each.seq)
    if last.state is DeliveryState.WAITING:
        return WAITING, last.problem, 0
    if last.state is DeliveryState.TAKEN:
        return ConsentState.TAKEN, "", 0
    return ConsentState.NOT_TAKEN, last.problem, 0
