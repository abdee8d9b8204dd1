"""The receipt of a notice of ours, as it comes: it is checked in the pen's worker, with those of its batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.desk.entries import received_receipt
from gateway.exchange.asking.check_answer import check_entry
from gateway.exchange.parts import Parts
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import Notice
from gateway.model.exchange import AnswerMessage
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows
from gateway.ports.journal import EntryDraft
from gateway.statements.envelope import Unsealed, check_signature
from gateway.statements.notices.notice import read_notice
from gateway.statements.notices.receipt import UnprovedReceipt, unproved_receipt


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that verifies, with our notice, and the draft of the receipt's entry."""

    told: NoticeReceipt
    notice: Notice
    draft: Callable[[DeskRows], EntryDraft]


@dataclass(slots=True)
class ComingReceipt:
    """A receipt of `peer` for the notice `ours`, in the right form. `holds` once it was checked as a whole."""

    parts: Parts
    peer: MemberId
    ours: Unsealed
    message: AnswerMessage
    unproved: UnprovedReceipt
    holds: bool = field(default=False)

    @classmethod
    def of(
        cls, parts: Parts, peer: MemberId, notice_id: ExchangeId, ours: Unsealed, message: AnswerMessage
    ) -> ComingReceipt:
        """Return the receipt in a message; raise for one of another form, of another member, or for another notice."""
        unproved = unproved_receipt(
            message.envelope, member=peer, me=parts.member, notice_hash=ours.payload_hash, notice_id=notice_id
        )
        return cls(parts, peer, ours, message, unproved)

    def proved(self) -> Receipt:
        """Verify the signature, then check the rest."""
        parts = self.parts
        check_signature(self.unproved.opened.unsealed, parts.trust(), self.peer, parts.clock.now_us())
        return self.checked()

    def checked(self) -> Receipt:
        """Check the receipt's content and the counterpart's entry. Only once its signature was verified."""
        parts, message = self.parts, self.message
        receipt = self.unproved.accepted(parts.clock.now_us())
        told = receipt.value
        parts.signed_time(self.peer, told.issued_us)
        expected = (told.notice_id, told.notice_hash, receipt.payload_hash)
        entry, shown = check_entry(parts.trust(), self.peer, parts.member, message.entry, message.proof, expected)
        parts.note_head(shown)
        notice = read_notice(self.ours)
        self.holds = True

        def draft(rows: DeskRows) -> EntryDraft:
            made = received_receipt(notice, receipt, message, shown, entry.number or 0)
            made.rows = rows
            return made

        return Receipt(told, notice, draft)
