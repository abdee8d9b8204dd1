"""Return what the notices of a watch change beside its thread, and refuse a watch that cannot stand."""

from __future__ import annotations

from functools import partial

from gateway.desk.delivery.effects import Effects, EffectTable, Occasion
from gateway.desk.watches.values import hit_id
from gateway.desk.watches.wide import check_asks, check_width
from gateway.errors import Forbidden
from gateway.matching.keys import query_cost
from gateway.model.desk.notices import NoticeType, Reply
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.watches import Goods, Watch
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import MemberId
from gateway.ports.desk import Holding
from gateway.records.identifiers.query_forms import check_asked
from gateway.records.types import RECORD_TYPES
from gateway.statements.notices.notice import parse_notice

_KEPT_US = 366 * 86_400_000_000


def watch_effects(member: MemberId) -> EffectTable:
    """Return what notices of watches change."""
    return {NoticeType.WATCH: _watch, NoticeType.REPLY: partial(_reply, member)}


def _watch(it: Occasion) -> Effects:
    """Refuse a watch that is too wide, or that asks something else than its thread began with."""
    watch = it.notice.body
    assert isinstance(watch, Watch)
    if it.ours:
        return Effects()
    if it.notice.head.expires_us != watch.until_us:
        raise Forbidden("a watch is delivered for as long as it stands", code="bad-watch", where="until_time")
    if not isinstance(watch.query, Goods):
        query_cost(watch.query)
        check_asked(watch.query, it.now_us)
    check_width(watch.query)
    check_asks(watch.query)
    if it.before is None:
        return Effects()
    first = next((row for row in it.store.notices(it.thread.key) if row.placed.seq == 1 and row.envelope), None)
    body = parse_notice(first.envelope).body if first is not None else None
    if isinstance(body, Watch) and (body.query, body.no_tip_off) != (watch.query, watch.no_tip_off):
        raise Forbidden("a renewal asks the same as the watch", code="other-matter", where="query")
    return Effects()


def _reply(member: MemberId, it: Occasion) -> Effects:
    """Return the rows of the references that a watch of ours was told."""
    reply = it.notice.body
    if it.ours or it.thread.kind is not ThreadKind.WATCH or not isinstance(reply, Reply):
        return Effects()
    if any(hit.record_type not in RECORD_TYPES for hit in reply.hits):
        raise Forbidden("unknown record type", code="unknown-record-type", where="hits")
    return Effects(
        holdings=tuple(
            Holding(
                hit_id(it.thread.key.thread_id, hit.reference),
                Direction.IN,
                member,
                it.thread.key.peer,
                it.notice.head.notice_id,
                HoldingState.HELD,
                type=hit.record_type,
                expires_us=it.notice.issued_us + _KEPT_US,
            )
            for hit in reply.hits
        )
    )
