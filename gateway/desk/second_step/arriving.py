"""Return what notices of the second step change beside their thread: at the owner who is asked, and at the asker."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from gateway.desk.acting.step import last_ask
from gateway.desk.clocks import resumed
from gateway.desk.delivery.effects import Effects, EffectTable, Occasion
from gateway.desk.evidence.own_answers import OwnAnswers
from gateway.desk.forms.catalogue import form_named, topic_named
from gateway.desk.forms.values import check_values
from gateway.desk.originator.meant import changed_before, obeyed_again
from gateway.desk.raising import Raising, for_reading
from gateway.errors import Forbidden, LiaisonError, Malformed
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import About, Ask, Change, Notice, NoticeType, Reply, ReplyCode, Status, StatusCode
from gateway.model.desk.threads import Side, ThreadKind
from gateway.model.desk.work import Direction, HoldingState, WorkKind
from gateway.model.names import ExchangeId
from gateway.ports.desk import Holding, Work, WorkFilter
from gateway.records.verify import VerifiedRecord, verify_record

LATE = "LATE"
"""The mark on open work about an answer that came after its time."""

_OF_OURS = (About.HIT, About.ERROR, About.EXTENSION)
"""Asks about a hit that we gave; the onward use of a record has rules of its own."""

_ASKED = (WorkKind.DECIDE, WorkKind.CORRECT, WorkKind.DISTINGUISH)


class Arrivals:
    """The effects of the second step's notices.

    `origin` finds the hits that we gave. `agency` returns the agency of ours that a question is for, by that of its
    topic and the office that it names; empty for none.
    """

    def __init__(self, parts: Parts, origin: OwnAnswers, agency: Callable[[str, str], str]) -> None:
        self._parts = parts
        self._origin = origin
        self._agency = agency

    @property
    def effects(self) -> EffectTable:
        """The functions by type of notice."""
        return {
            NoticeType.ASK: self._ask,
            NoticeType.REPLY: self._reply,
            NoticeType.CHANGE: self._change,
            NoticeType.STATUS: self._status,
        }

    # ------------------------------------------------------------ at the owner

    def _ask(self, it: Occasion) -> Effects:
        ask = it.notice.body
        if it.ours or not isinstance(ask, Ask):
            return Effects()
        if ask.about is About.FORM:
            check_values(form_named(ask.topic), ask.values)
        if it.before is not None:
            return _asked_again(it, ask)
        if ask.about is About.QUESTION:
            return Effects(agency=self._agency(topic_named(ask.topic).agency, it.notice.head.to_office))
        if ask.hit is None or ask.about not in _OF_OURS:
            return Effects()
        found = self._origin.find(it.thread.key.peer, ask.hit)
        return Effects(agency=found.agency)

    def _change(self, it: Occasion) -> Effects:
        """Refuse a change of a notice that the thread does not have."""
        change = it.notice.body
        if it.ours or it.thread.kind is ThreadKind.CHANGE or not isinstance(change, Change):
            return Effects()
        if change.of:
            _check_said_here(it, ExchangeId(change.of), it.thread.side(ours=False))
        return Effects()

    def _status(self, it: Occasion) -> Effects:
        """Refuse word of a notice that the thread does not have, or that is the author's own; a pause is of its own."""
        status = it.notice.body
        if it.ours or not isinstance(status, Status):
            return Effects()
        _check_said_here(it, status.of, it.thread.side(ours=status.code is not StatusCode.PAUSED))
        return Effects()

    # ------------------------------------------------------------ at the asker

    def _reply(self, it: Occasion) -> Effects:
        reply = it.notice.body
        if it.ours or not isinstance(reply, Reply):
            return Effects()
        if reply.code is ReplyCode.CLARIFY:
            return Effects()
        records = self._records(it, reply)
        peer, own = it.thread.key.peer, self._parts.member
        gone = changed_before(it, own, [each.jti for each in records])
        holdings = tuple(
            Holding(
                each.jti,
                Direction.IN,
                own,
                peer,
                it.notice.head.notice_id,
                HoldingState.HIDDEN if each.jti in gone else HoldingState.HELD,
                type=each.type,
                expires_us=each.exp * 1_000_000,
            )
            for each in records
        )
        works = (_to_read(it), *obeyed_again(it, gone.values()))
        return Effects(works=works, holdings=holdings, raises=False)

    def _records(self, it: Occasion, reply: Reply) -> list[VerifiedRecord]:
        """Return the records of a reply, each verified for us and for our ask. Raises `Refused` for any other one."""
        if not reply.records:
            return []
        row, _, ask = last_ask(it.store.notices(it.thread.key))
        found = [self._verified(it, text, row.payload_hash) for text in reply.records]
        if ask.hit is not None and len(found) > 1:
            raise Malformed("one hit has one record", code="too-many", where="records")
        return found

    def _verified(self, it: Occasion, text: str, ask_hash: bytes) -> VerifiedRecord:
        parts = self._parts
        try:
            return verify_record(
                text,
                parts.trust(),
                member=it.notice.sender,
                audience=parts.member,
                request_hash=ask_hash,
                now_us=it.now_us,
            )
        except LiaisonError as error:
            raise Forbidden("a record does not verify", code="wrong-record", where="records") from error


def _check_said_here(it: Occasion, notice_id: ExchangeId, side: Side) -> None:
    """Raise `Forbidden` unless this side has said a notice with this id in this thread."""
    of = it.store.notice(it.thread.key.peer, notice_id)
    if of is None or of.key != it.thread.key or of.placed.side is not side:
        raise Forbidden("it tells of a notice that this thread does not have", code="wrong-notice", where="of")


def is_late(due_us: int, arrived_us: int) -> bool:
    """Tell whether an answer came after the time until which a human should have given it."""
    return 0 < due_us < arrived_us


def _to_read(it: Occasion) -> Work:
    """Return the work of reading an answer, marked where it came late."""
    due_us = it.before.due_us if it.before is not None else 0
    work = for_reading(it.thread, it.notice.head.notice_id, it.now_us, Raising())
    return replace(work, urgency=it.thread.urgency, result=LATE if is_late(due_us, it.now_us) else "")


def _asked_again(it: Occasion, ask: Ask) -> Effects:
    """Let the clock go on that was stopped by our question back. Raises `Forbidden` for an ask about something else."""
    _, _, first = last_ask(it.store.notices(it.thread.key))
    same = (first.about, first.hit, first.use, first.topic) == (ask.about, ask.hit, ask.use, ask.topic)
    if not same:
        raise Forbidden("an answer to a question is about the same", code="other-matter", where="about")
    waiting = it.store.works(WorkFilter(key=it.thread.key, kinds=_ASKED))
    if not waiting:
        return Effects()
    ours: Notice = it.notice
    return Effects(
        works=tuple(replace(resumed(each, it.now_us), notice_id=ours.head.notice_id) for each in waiting), raises=False
    )
