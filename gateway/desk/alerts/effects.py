"""Return what the notices of an alert change beside its thread: copies of its record, and work that is settled by them.

A counterpart's alert is taken where its record verifies for this thread and says what the notice says.
"""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from gateway.desk.alerts.issuing import check_alert, verified
from gateway.desk.alerts.values import SOURCE
from gateway.desk.delivery.effects import Effects, EffectTable, Occasion
from gateway.desk.raising import from_opening
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Alert, NoticeType, Status, StatusCode
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Direction, HoldingState, WorkKind
from gateway.ports.desk import Holding, Work, WorkFilter


def alert_effects(parts: Parts) -> EffectTable:
    """Return what notices of alerts change."""
    return {
        NoticeType.ALERT: partial(_alert, parts),
        NoticeType.CHANGE: _ending,
        NoticeType.OUTCOME: _ending,
        NoticeType.STATUS: _status,
    }


def _alert(parts: Parts, occasion: Occasion) -> Effects:
    """Return the copy of the record; raise for an alert whose record does not stand for it."""
    head, body = occasion.notice.head, occasion.notice.body
    assert isinstance(body, Alert)
    record = verified(parts, body.record, head.sender, head.recipient, head.thread_id, occasion.now_us)
    offices = parts.trust().descriptor(head.recipient).offices
    check_alert(head, body, record, offices)
    holding = Holding(
        record.jti,
        Direction.OUT if occasion.ours else Direction.IN,
        head.recipient,
        head.sender,
        head.notice_id,
        HoldingState.HELD,
        record=f"{SOURCE}/{head.group_id or head.thread_id}" if occasion.ours else "",
        type=record.type,
        expires_us=record.exp * 1_000_000,
    )
    return Effects(works=_settled(occasion, "renewed"), holdings=(holding,))


def _ending(occasion: Occasion) -> Effects:
    """Return the acknowledgements that an ended alert does not need any more, as done."""
    if occasion.thread.kind is not ThreadKind.ALERT or occasion.thread.state is not ThreadState.ENDED:
        return Effects()
    return Effects(works=_settled(occasion, "over"))


def _settled(occasion: Occasion, result: str) -> tuple[Work, ...]:
    """Return the open acknowledgements of earlier notices of this thread as done."""
    if occasion.ours or occasion.before is None:
        return ()
    wanted = WorkFilter(key=occasion.thread.key, kinds=(WorkKind.ACKNOWLEDGE,))
    return tuple(replace(work, done_us=occasion.now_us, result=result) for work in occasion.store.works(wanted))


def _status(occasion: Occasion) -> Effects:
    """Return the questions for an outcome, once the other side acts on an alert of ours."""
    body = occasion.notice.body
    assert isinstance(body, Status)
    thread = occasion.thread
    if occasion.ours or thread.kind is not ThreadKind.ALERT or body.code is not StatusCode.ACTING:
        return Effects()
    asked = from_opening(thread, body.of, thread.officer, occasion.now_us)
    known = {work.id for work in occasion.store.works(WorkFilter(key=thread.key, open_only=False))}
    return Effects(works=tuple(work for work in asked if work.id not in known))
