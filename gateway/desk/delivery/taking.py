"""Take a counterpart's notice, in numbered steps.

1. the peer is an active member, by the certificate that TLS saw (its door checks it)
2. it is within its rate
3. size and form, of a type that we take
4. signer = TLS peer, recipient = us, of our time
5. its id is not known: the same bytes again get the receipt that we gave, other bytes are refused
6. the author's notice before it in the thread was taken
7. exchange with the peer is not suspended, its documents are in their time, an agreement covers the purpose, and the
   author's office may address the office that the notice names
8. policy allows it
9. the thread's table allows it
10. its author is within its budget: of what stands open, of the day's bytes, and of work put before our people
11. entry, notice, thread, work and holdings are durable in one transaction
12. the receipt leaves, with its proof

A refusal that may end (a rate, a suspension, a missing predecessor, our own trouble) is a bare status: the author goes
on sending. So is the refusal of what is not proved to be the peer's, of other bytes under a known id, and of a change
beyond its author's budget, since it is never lost. Any other refusal is signed, has an entry of its own and ends the
delivery; nothing is kept of what is beyond a budget but its hash.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NoReturn

from msgspec.structs import replace

from gateway.audit.entries.entry import parse_entry
from gateway.clock import check_time
from gateway.desk.clocks import answer_by_us
from gateway.desk.delivery.budget import CODES, KeepingBudget, needs_no_agreement, protects
from gateway.desk.delivery.effects import Effects, EffectTable, Occasion
from gateway.desk.delivery.offices import check_office
from gateway.desk.entries import answered_notice, refused_notice, unaccepted_notice
from gateway.desk.fold import admits, ends_us, kind_opened_by, placed_notice, thread_after
from gateway.desk.pen import Pen, Unsigned, Written
from gateway.desk.raising import Raising, from_notice, with_ended
from gateway.errors import (
    Forbidden,
    LiaisonError,
    Overloaded,
    Refused,
    Replayed,
    Stale,
    Suspended,
    TimedOut,
    Unavailable,
    Unknown,
    Unsupported,
)
from gateway.exchange.counterparts import check_heard
from gateway.exchange.incidents import Incidents
from gateway.exchange.parts import Parts
from gateway.exchange.stages import reraise_fatal
from gateway.model.desk.attachments import FileState
from gateway.model.desk.delivered import NoticeMessage, NoticeReceipt
from gateway.model.desk.notices import Notice, NoticeType
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.exchange import AnswerMessage, LogProof, Refusal, Verified
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import DeskRows, DeskStore, NoticeRow, Thread
from gateway.ports.entries import events
from gateway.ports.files.held import KEY_BYTES, HeldFile
from gateway.ports.journal import EntryDraft, ReplayClaim
from gateway.statements.envelope import Sealed
from gateway.statements.notices.notice import UnprovedNotice, check_unexpired, notice_reference, unproved_notice
from gateway.statements.notices.receipt import write_receipt
from gateway.throttle import Rates

RATE_PER_S = 1_000.0
REFUSALS_PER_S, REFUSALS_BURST_S = 1.0, 300.0
"""Refused notices of one counterpart that have an entry, with the whole notice: they must not fill the disk."""

_CLAIM_US = 86_400_000_000
_FOR_GOOD = frozenset({"not-now", "expired", "thread-full", "bad-validity"})
"""Codes of refusals that do not end by themselves, among those of errors that do (`_MAY_END`)."""

_MAY_END = (Overloaded, Suspended, Stale, Unavailable, TimedOut)
_ALARMS = frozenset(
    {
        *("seq-taken", "seen-beyond", "seen-back", "not-the-owner"),
        *("wrong-answer", "wrong-hit", "wrong-record", "wrong-notice", "bad-alert", "not-the-asker"),
    }
)
"""Codes of refusals that an honest node never earns: a human looks at them."""


def ends_delivery(error: LiaisonError) -> bool:
    """Tell whether a notice that is refused with `error` would be refused again. Trouble of our own may end, too."""
    if error.code == "replayed":  # its author's other notice, which has this id, stands
        return False
    return error.code in _FOR_GOOD or (isinstance(error, Refused) and not isinstance(error, _MAY_END))


def passes_suspension(notice: Notice, kind: ThreadKind) -> bool:
    """Tell whether a notice goes through a suspension, in a thread of this kind.

    In threads of changes and of a node's own words all do: a note before a confirmation must not hold it up.
    """
    return kind in (ThreadKind.CHANGE, ThreadKind.SERVICE) or needs_no_agreement(notice)


@dataclass(frozen=True, slots=True)
class TakerParts:
    """The parts that taking works with.

    `policy` raises the refusal of a notice that policy does not allow; `raising` returns what a notice's work is raised
    with: its clocks, and whether somebody is on duty.
    """

    parts: Parts
    store: DeskStore
    pen: Pen
    incidents: Incidents
    effects: EffectTable
    types: Collection[NoticeType]
    policy: Callable[[Notice, int], None]
    raising: Callable[[Thread, Notice], Raising]
    entry_of: Callable[[str, int], bytes]
    budget: KeepingBudget


def _suspended(peer: MemberId, reason: str) -> Suspended:
    return Suspended("exchange with `{peer}` is suspended: {reason}", peer=peer, reason=reason)


class NoticeTaker:
    """Takes counterparts' notices."""

    def __init__(self, taker: TakerParts) -> None:
        self._it = taker
        self._rates = Rates(RATE_PER_S, taker.parts.clock.monotonic, 2.0)
        self._refusals = Rates(REFUSALS_PER_S, taker.parts.clock.monotonic, REFUSALS_BURST_S)

    async def take(self, peer: MemberId, message: NoticeMessage) -> AnswerMessage:
        """Return our receipt with the proof of its entry. Raises for a refusal with a bare status."""
        parts = self._it.parts
        if not self._rates.admits(peer):  # 2
            raise Overloaded("too many notices", code="notice-rate", where=peer)
        check_time(parts.clock)
        check_heard(parts, peer)
        come = unproved_notice(message.envelope, peer=peer, me=parts.member)  # 3, 4
        key = ThreadKey(peer, ExchangeId(come.named[1]))
        written = await self._it.pen.write(peer, key, lambda: self._draft(come), come)
        return await self._reply(come, written)

    # ------------------------------------------------------------ in the pen

    def _draft(self, come: UnprovedNotice) -> EntryDraft | Unsigned:
        """Take the rest of 3 and 4, and 5 to 10, of a notice whose signature holds; return the entry of its outcome.

        Raises for a refusal that may end.
        """
        parts = self._it.parts
        try:
            verified = come.accepted(parts.clock.now_us())
        except LiaisonError as error:
            if not ends_delivery(error):
                raise
            return self._turned_down(come, error)
        parts.signed_time(come.signer, verified.value.issued_us)
        key = ThreadKey(come.signer, verified.value.head.thread_id)
        try:
            known = self._it.store.notice(key.peer, verified.value.exchange_id)  # 5
            if known is not None:
                return self._again(known, verified)
            return self._accept(key, verified)
        except Exception as error:
            reraise_fatal(error)
            if not isinstance(error, LiaisonError) or not ends_delivery(error):
                if isinstance(error, LiaisonError) and error.code in CODES:
                    self._it.incidents.note(key.peer, error.code)
                raise
            return self._refusal(key, verified, error)

    def _turned_down(self, come: UnprovedNotice, error: LiaisonError) -> Unsigned:
        """Refuse for good what the peer has signed and what breaks the form of notices, if it names an id."""
        peer, envelope, parts = come.signer, come.opened.unsealed.data, self._it.parts
        reference = notice_reference(envelope)
        if reference is None:
            raise error
        if (reason := parts.suspensions.suspends(peer=peer)) is not None:
            raise _suspended(peer, reason)
        is_kept = self._keeps_refused(peer, len(envelope))
        refusal, policy_hash = Refusal(error.reason, error.code), parts.policy().hash
        notice_id, notice_hash = reference.notice_id, reference.notice_hash
        receipt = NoticeReceipt(notice_id, parts.member, peer, notice_hash, parts.clock.now_us(), refusal=refusal)

        def finish(sealed: Sealed) -> EntryDraft:
            made = unaccepted_notice(
                peer, envelope, refusal, why=error, policy_hash=policy_hash, is_kept=is_kept, sealed=sealed
            )
            made.claim = ReplayClaim(peer, notice_id, notice_hash, self._claim_until_us())
            return made

        return Unsigned(write_receipt(receipt, parts.trust()), finish)

    def _again(self, known: NoticeRow, verified: Verified[Notice]) -> EntryDraft:
        if known.payload_hash != verified.payload_hash or not known.receipt:
            self._replayed(verified.signer, verified.value.exchange_id)
        self._check_peer(verified, self._it.store.thread(known.key), is_known=True)
        # The same bytes again have an entry of their own, and count as a refusal does.
        self._it.budget.keeps_refused(verified.signer, 0)
        return events.DUPLICATE.draft(
            peer=verified.signer,
            exchange_id=verified.value.exchange_id,
            request_hash=verified.payload_hash,
            first_index=known.index,
        )

    def _accept(self, key: ThreadKey, verified: Verified[Notice]) -> Unsigned:
        it, notice, head = self._it, verified.value, verified.value.head
        now_us = it.parts.clock.now_us()
        before = it.store.thread(key)
        self._check_peer(verified, before)  # 7
        check_unexpired(notice, now_us)
        if notice.type not in it.types or not self._takes(notice.type):
            raise Unsupported("notices of this type are not taken", code="unsupported", where="payload_type")
        if before is None:
            opened = head.thread_id == head.notice_id
            if not opened:
                raise Stale("the thread's first notice has not come", code="gap", where="thread_id")
        kind = before.kind if before is not None else kind_opened_by(notice)
        new = placed_notice(verified.value, opener=before is None or not before.opener)
        placed = it.store.placed(key) if before is not None else []
        self._check_chain(before.their_last if before else b"", before.theirs if before else 0, notice)
        state = admits(kind, placed, new)  # 6, 9
        self._check_agreement(notice, kind, now_us)
        if head.to_office:
            own = it.parts.trust().descriptor(it.parts.member)
            check_office(own, notice.body, head.requester.office, head.to_office)
        it.policy(notice, now_us)  # 8
        if before is None:  # 10
            it.budget.check_open(notice)
        thread = thread_after(before, key, notice, verified.payload_hash, state, ours=False, now_us=now_us)
        occasion = Occasion(False, notice, verified.payload_hash, before, thread, now_us, it.store)
        effect = it.effects.get(notice.type)
        effects = effect(occasion) if effect is not None else Effects()
        thread = replace(thread, agency=thread.agency or effects.agency, office=thread.office or effects.office)
        raised = from_notice(thread, notice, now_us, it.raising(thread, notice)) if effects.raises else ()
        told = sum(not work.done_us for work in raised + effects.works)
        # After all else that may refuse it: what is turned away uses up nothing of the day.
        it.budget.charge(notice, len(verified.envelope), told)
        works = with_ended(it.store, before, thread, notice, now_us, raised + effects.works)
        answer_us = answer_by_us(work for work in works if not work.done_us)
        due_us = answer_us or thread.due_us
        thread = replace(thread, due_us=due_us)
        thread = replace(thread, closed_us=ends_us(before, thread, notice, now_us))
        receipt = self._receipt(verified, answer_us)

        def finish(sealed: Sealed) -> EntryDraft:
            draft = answered_notice(
                verified, receipt, sealed, self._claim_until_us(), agency=thread.agency, office=thread.office
            )
            draft.rows = DeskRows(
                thread=thread,
                before=before.version if before is not None else 0,
                notice=NoticeRow(
                    key, head.notice_id, new, verified.payload_hash, now_us, verified.envelope, receipt=sealed.envelope
                ),
                works=works,
                holdings=effects.holdings,
                erased=effects.erased,
                reports=effects.reports,
                files=taken_files(notice, now_us),
            )
            return draft

        return Unsigned(write_receipt(receipt, self._it.parts.trust()), finish)

    def _check_chain(self, last: bytes, count: int, notice: Notice) -> None:
        """Raise for a notice whose `previous` is not the author's last one (6)."""
        head = notice.head
        if head.seq > count + 1:
            raise Stale("a notice before this one has not come", code="gap", where="seq")
        if head.seq == count + 1 and head.previous != last:
            raise Forbidden("the thread has another last notice of this author", code="seq-taken", where="previous")

    def _check_peer(self, verified: Verified[Notice], thread: Thread | None, *, is_known: bool = False) -> None:
        """Raise where the peer's documents are out of their time, or exchange with it is suspended.

        A suspended member is heard with what protects the persons of records, in threads of our own changes and words,
        and with one urgent word about itself in an hour; and it gets the receipt of what is known.
        """
        parts, peer, notice = self._it.parts, verified.signer, verified.value
        parts.trust().freshness(peer, parts.clock.now_us())
        if (reason := parts.suspensions.suspends(peer=peer, purpose=notice.head.purpose.value)) is None:
            return
        is_answer = thread is not None and (thread.opener or is_known) and passes_suspension(notice, thread.kind)
        if protects(notice) or is_answer:
            return
        if is_known or not self._it.budget.hears(notice, thread):
            raise _suspended(peer, reason)

    def _takes(self, kind: NoticeType) -> bool:
        """Tell whether our own descriptor lists the type."""
        parts = self._it.parts
        return parts.trust().descriptor(parts.member).can_take(kind)

    def _check_agreement(self, notice: Notice, kind: ThreadKind, now_us: int) -> None:
        """Raise unless an agreement in force covers the purpose.

        What ends an exchange needs none any more, nor does what is said under a node's own word, which holds no record.
        """
        if kind is ThreadKind.SERVICE or needs_no_agreement(notice):
            return
        if not self._it.parts.policy().agreement_for(notice.head.purpose.value, notice.sender, now_us):
            raise Forbidden("no agreement in force covers this purpose", code="purpose-not-covered")

    def _claim_until_us(self) -> int:
        """Return until when the id is claimed: of two processes that take one notice at once, one does.

        The notice's row claims it for good.
        """
        return self._it.parts.clock.now_us() + _CLAIM_US

    def _receipt(
        self, verified: Verified[Notice], answer_by_us: int = 0, refusal: Refusal | None = None
    ) -> NoticeReceipt:
        parts = self._it.parts
        return NoticeReceipt(
            verified.value.exchange_id,
            parts.member,
            verified.signer,
            verified.payload_hash,
            parts.clock.now_us(),
            answer_by_us,
            refusal,
        )

    def _keeps_refused(self, peer: MemberId, size: int) -> bool:
        """Use up one refusal with an entry; tell whether it keeps the notice. Raise where the peer has none left."""
        if not self._refusals.admits(peer):
            raise Overloaded("too many notices that are refused", code="notice-rate", where=peer)
        return self._it.budget.keeps_refused(peer, size)

    def _refusal(self, key: ThreadKey, verified: Verified[Notice], error: LiaisonError) -> Unsigned:
        is_kept = self._keeps_refused(key.peer, 0 if error.code in CODES else len(verified.envelope))
        if error.code in _ALARMS:
            self._it.incidents.note(key.peer, error.code, str(error)[:200], verified.value.exchange_id)
        refusal, parts = Refusal(error.reason, error.code), self._it.parts
        policy_hash = parts.policy().hash

        def finish(sealed: Sealed) -> EntryDraft:
            until_us = self._claim_until_us()
            return refused_notice(
                verified, refusal, sealed, until_us, why=error, policy_hash=policy_hash, is_kept=is_kept
            )

        return Unsigned(write_receipt(self._receipt(verified, refusal=refusal), parts.trust()), finish)

    # ------------------------------------------------------------ what leaves

    async def _reply(self, come: UnprovedNotice, written: Written) -> AnswerMessage:
        """Return what leaves (12): trust is looked at again, since it may have changed before the commit."""
        parts, unsealed = self._it.parts, come.opened.unsealed
        parts.trust().verify_key(come.signer, unsealed.key_id, "statement", parts.clock.now_us())
        draft, logged = written.draft, written.logged
        if logged is not None and draft.answer:
            return AnswerMessage(draft.answer, logged.entry, logged.proof)
        notice_id = ExchangeId(come.named[0])
        return await asyncio.to_thread(self._given, come.signer, notice_id, unsealed.payload_hash, written)

    def _given(self, peer: MemberId, notice_id: ExchangeId, notice_hash: bytes, written: Written) -> AnswerMessage:
        """Return the receipt that was given before, with a proof of today. It reads the database: not on the loop."""
        stored = written.stored
        if stored is not None and stored.request_hash != notice_hash:
            self._replayed(peer, notice_id)
        if stored is not None and stored.answer:
            return AnswerMessage(stored.answer, stored.entry, self._proof(stored.index, stored.entry))
        row = self._it.store.notice(peer, notice_id)
        entry = self._it.entry_of(row.log, row.index) if row is not None and row.receipt else b""
        if row is None or not entry:
            raise Unknown("the receipt was erased", code="erased", where="notice_id")
        return AnswerMessage(row.receipt, entry, self._proof(row.index, entry))

    def _proof(self, index: int, entry: bytes) -> LogProof:
        return self._it.parts.journal.proof(index, parse_entry(entry).log)

    def _replayed(self, peer: MemberId, notice_id: ExchangeId) -> NoReturn:
        error = Replayed("this notice id was used with another notice", where="notice_id")
        self._it.incidents.note(peer, error.code, str(error), notice_id)
        raise error


def taken_files(notice: Notice, now_us: int) -> tuple[HeldFile, ...]:
    """Return the rows of the files that a notice of the counterpart names: each is to be fetched, under a new key."""
    head = notice.head
    return tuple(
        HeldFile(
            head.sender,
            head.notice_id,
            head.thread_id,
            about,
            ours=False,
            state=FileState.WAITING,
            file=new_exchange_id(),
            key=os.urandom(KEY_BYTES),
            time_us=now_us,
            due_us=now_us,
        )
        for about in head.attachments
    )
