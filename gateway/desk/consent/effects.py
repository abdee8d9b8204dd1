"""Return what asks for consent and the replies to them bring with them.

The owner takes an ask for consent where, beside the steps of all notices,

1. it asks for no longer than a record lives, and for the purpose of its head
2. our own log has the exchange: answered by us to this counterpart, with exactly this answer
3. the record stands in that answer, under this hit, signed by an agency of ours, and its time is not over
4. its type is not suspended

It raises a decision for the agency that owns the record. The asker takes a consent that gives no more than was asked
for. Where a record may go to a third country, the ledger of copies names that country as a holder from then on.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.desk.consent.records import find_record
from gateway.desk.delivery.effects import Effects, EffectTable, Occasion
from gateway.errors import Forbidden, Malformed, Suspended
from gateway.exchange.parts import Parts
from gateway.model.desk.consent import Use
from gateway.model.desk.notices import About, Ask, Notice, NoticeType, Reply, ReplyCode
from gateway.model.desk.work import Direction, HoldingState
from gateway.ports.desk import Holding
from gateway.records.verify import verify_record
from gateway.statements.consent import MAX_VALIDITY_US
from gateway.statements.notices.notice import parse_notice

_DECISIONS = frozenset({ReplyCode.RELEASED, ReplyCode.REFUSED, ReplyCode.CLARIFY, ReplyCode.NEEDS_COURT})
_NOTHING = Effects()


@dataclass(frozen=True, slots=True)
class ConsentEffects:
    """The effects of asks about consent, and of the replies to them."""

    parts: Parts
    kept: KeptAnswers

    @property
    def table(self) -> EffectTable:
        """The effects by type of notice."""
        return {NoticeType.ASK: self.ask, NoticeType.REPLY: self.reply}

    # ------------------------------------------------------------ at the owner

    def ask(self, occasion: Occasion) -> Effects:
        """Return the agency that decides on a counterpart's ask. Raises the refusal of one that may not come."""
        body = occasion.notice.body
        if occasion.ours or not isinstance(body, Ask):
            return _NOTHING
        if body.about is not About.CONSENT:
            return _NOTHING
        _check_form(occasion.notice, body)  # 1
        return Effects(agency=self._check_record(occasion, body))  # 2, 3, 4

    def _check_record(self, occasion: Occasion, ask: Ask) -> str:
        """Return the agency of the record, as it left us in the answer that the ask names."""
        peer = occasion.notice.sender
        assert ask.hit is not None
        compact, request_hash = find_record(self.kept, peer, ask.hit)
        record = verify_record(
            compact,
            self.parts.trust(),
            member=self.parts.member,
            audience=peer,
            request_hash=request_hash,
            now_us=occasion.now_us,
        )
        if record.jti != ask.hit.record:
            raise Forbidden("our answer has no such record", code="wrong-record", where="hit.record_id")
        if record.type in self.parts.suspensions.suspended_types(peer, occasion.notice.head.purpose.value):
            raise Suspended("`{type}` is suspended with `{peer}`", type=record.type, peer=peer)
        return record.agency

    # ------------------------------------------------------------ at both

    def reply(self, occasion: Occasion) -> Effects:
        """Return the copy that a consent lets another country have, for the ledgers of both sides.

        Raises the refusal of a word that goes too far.
        """
        body = occasion.notice.body
        if not isinstance(body, Reply) or not _is_about_consent(occasion):
            return _NOTHING
        if occasion.ours:
            return Effects(holdings=_onward(occasion)) if body.code is ReplyCode.RELEASED else _NOTHING
        notice = first_ask(occasion)
        if body.code not in _DECISIONS or body.records:
            raise Malformed("a consent is given or refused, and brings no record", code="bad-reply", where="code")
        if body.code is not ReplyCode.RELEASED:
            return _NOTHING
        if not 0 < body.until_us <= notice.head.expires_us:
            raise Malformed("more than was asked for", code="bad-validity", where="until_time")
        return Effects(holdings=_onward(occasion))


def first_ask(occasion: Occasion) -> Notice:
    """Return the notice that opened the thread. Raises `Forbidden` where it is erased."""
    key = occasion.thread.key
    row = occasion.store.notice(key.peer, key.thread_id)
    if row is None or not row.envelope:
        raise Forbidden("the ask of this thread is erased", code="erased", where="thread_id")
    return parse_notice(row.envelope)


def _is_about_consent(occasion: Occasion) -> bool:
    placed = occasion.store.placed(occasion.thread.key)
    return bool(placed) and placed[0].code == About.CONSENT


def _check_form(notice: Notice, ask: Ask) -> None:
    head = notice.head
    if not 0 < head.expires_us - head.issued_us <= MAX_VALIDITY_US:
        raise Malformed("an ask for consent is valid for at most 48 h", code="bad-validity", where="expires_time")
    assert ask.use is not None
    if ask.use.purpose is not head.purpose:
        raise Malformed("the use is for another purpose than its head's", code="wrong-purpose", where="use.purpose")


def _onward(occasion: Occasion) -> tuple[Holding, ...]:
    """Return the copy of a third country, to which the owner's changes are passed on by the asker.

    It stands in both ledgers: what the first copy is called, and when it ends, is true of it, too. A record that was
    changed meanwhile is passed on no more.
    """
    ask, head = first_ask(occasion).body, occasion.notice.head
    assert isinstance(ask, Ask)
    assert ask.use is not None
    assert ask.hit is not None
    holder, jti = ask.use.to.member, ask.hit.record
    if ask.use.use is not Use.PASS_ON or holder in (head.sender, head.recipient):
        return ()
    first = next(
        (one for one in occasion.store.holdings(jti=jti, holder=head.recipient) if one.owner == head.sender),
        Holding(jti, Direction.OUT, holder, head.sender, head.thread_id, HoldingState.HELD),
    )
    if first.state is not HoldingState.HELD:
        return ()
    return (replace(first, direction=Direction.OUT, holder=holder, source=head.thread_id),)
