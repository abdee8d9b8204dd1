"""Return what the notices of an alert change beside its thread: copies of its record, and work that is settled by them.

A counterpart's alert is taken where its record verifies for this thread and says what the notice says.
"""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from gateway.desk.alerts.issuing import check_alert, verified
from gateway.desk.alerts.values import SOURCE
from gateway.desk.delivery.effects import Effects, EffectTable, Occasion, copy_of
from gateway.desk.raising import from_opening
from gateway.errors import Forbidden, LiaisonError
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Alert, Change, NoticeType, Status, StatusCode
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import WorkKind
from gateway.ports.desk import Work, WorkFilter
from gateway.records.verify import VerifiedRecord
from gateway.statements.notices.notice import parse_notice


def alert_effects(parts: Parts) -> EffectTable:
    """Return what notices of alerts change."""
    return {
        NoticeType.ALERT: partial(_alert, parts),
        NoticeType.CHANGE: partial(_change, parts),
        NoticeType.OUTCOME: _outcome,
        NoticeType.STATUS: _status,
    }


def _alert(parts: Parts, occasion: Occasion) -> Effects:
    """Return the copy of the record; raise for an alert whose record does not stand for it."""
    head, body = occasion.notice.head, occasion.notice.body
    assert isinstance(body, Alert)
    record = _record(parts, occasion, body.record)
    offices = parts.trust().descriptor(head.recipient).offices
    check_alert(head, body, record, offices)
    return Effects(works=_renewed(occasion), holdings=(copy_of(occasion, record, SOURCE),))


def _change(parts: Parts, occasion: Occasion) -> Effects:
    """Return the copy of the record that a change brings; raise where it does not stand for this alert."""
    body = occasion.notice.body
    assert isinstance(body, Change)
    if occasion.thread.kind is not ThreadKind.ALERT or not body.record:
        return Effects()
    record = _record(parts, occasion, body.record)
    placed = (row for row in occasion.store.notices(occasion.thread.key) if row.placed.type is NoticeType.ALERT)
    newest = max(placed, key=lambda row: row.placed.seq)
    if newest.envelope:
        alert = parse_notice(newest.envelope)
        assert isinstance(alert.body, Alert)
        check_alert(alert.head, alert.body, record, alert.body.scope)
    return Effects(holdings=(copy_of(occasion, record, SOURCE),))


def _record(parts: Parts, occasion: Occasion, compact: str) -> VerifiedRecord:
    """Return a record that comes with an alert. Raises `Forbidden` for one that does not verify in this thread."""
    head = occasion.notice.head
    try:
        return verified(parts, compact, head.sender, head.recipient, head.thread_id, occasion.now_us)
    except LiaisonError as error:
        raise Forbidden("the record does not verify", code="wrong-record", where="record") from error


def _outcome(occasion: Occasion) -> Effects:
    """Return the questions for an outcome that are open at the owner, as answered by the other side."""
    if occasion.ours or occasion.thread.kind is not ThreadKind.ALERT or not occasion.thread.opener:
        return Effects()
    asked = occasion.store.works(WorkFilter(key=occasion.thread.key, kinds=(WorkKind.OUTCOME,)))
    now_us, code = occasion.now_us, occasion.notice.code
    return Effects(works=tuple(replace(one, done_us=now_us, result=code) for one in asked if one.opened_us <= now_us))


def _renewed(occasion: Occasion) -> tuple[Work, ...]:
    """Return the open acknowledgements of earlier notices of this thread as done."""
    if occasion.ours or occasion.before is None:
        return ()
    wanted = WorkFilter(key=occasion.thread.key, kinds=(WorkKind.ACKNOWLEDGE,))
    return tuple(replace(work, done_us=occasion.now_us, result="renewed") for work in occasion.store.works(wanted))


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
