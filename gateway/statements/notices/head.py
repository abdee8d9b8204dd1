"""The head of a notice: its place in the thread, its parties and times, and whose notice it is."""

from __future__ import annotations

from liaison.exchange.v1 import notices_pb2 as pb
from liaison.exchange.v1 import statements_pb2

from gateway.errors import Malformed, Stale
from gateway.model.desk.notices import Head, NoticeType, Urgency
from gateway.model.desk.threads import ThreadKind
from gateway.model.names import exchange_id, identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.statements.fields import check_hash, microseconds, requester_message, timestamp
from gateway.statements.notices.files import file_messages, read_files
from gateway.statements.notices.texts import listed, optional_time

MAX_SEQ = 2**31 - 1
"""The largest number of a notice in a thread."""

MAX_LIFE_US = 366 * 86_400_000_000
"""The longest time between `issued` and `expires`, in microseconds."""

OPENERS = frozenset(kind.value for kind in ThreadKind)
"""The types of notices that open a thread."""


def head_message(head: Head) -> pb.NoticeHead:
    """Return a head for a payload, without its blind."""
    message = pb.NoticeHead(
        notice_id=head.notice_id,
        thread_id=head.thread_id,
        group_id=head.group_id,
        seq=head.seq,
        previous=head.previous,
        seen=head.seen,
        sender=head.sender,
        recipient=head.recipient,
        to_office=head.to_office,
        issued_time=timestamp(head.issued_us),
        urgency=head.urgency.value,
        purpose=head.purpose.value,
        offence=head.offence.value,
        case_number=head.case,
        ticket=head.ticket,
        agreement=head.agreement,
        requester=requester_message(head.requester),
        trust_hash=head.trust_hash,
        policy_hash=head.policy_hash,
        attachments=file_messages(head.attachments),
    )
    if head.expires_us:
        message.expires_time.CopyFrom(timestamp(head.expires_us))
    if head.approver is not None:
        message.approver.CopyFrom(requester_message(head.approver))
    return message


def read_head(message: pb.NoticeHead, of: NoticeType) -> Head:
    """Return the head of a notice of type `of`, or raise `Malformed`, `Stale`."""
    check_hash(message.blind, "blind")
    case, ticket, agreement = message.case_number, message.ticket, message.agreement
    head = Head(
        notice_id=exchange_id(message.notice_id),
        thread_id=exchange_id(message.thread_id),
        seq=message.seq,
        previous=message.previous,
        seen=message.seen,
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        issued_us=microseconds(message.issued_time, "issued_time"),
        expires_us=optional_time(message.expires_time, "expires_time", present=message.HasField("expires_time")),
        urgency=listed(Urgency, message.urgency, "urgency"),
        purpose=listed(Purpose, message.purpose, "purpose"),
        offence=listed(Offence, message.offence, "offence"),
        case=reference(case, "case_number") if case else "",
        ticket=reference(ticket, "ticket") if ticket else "",
        agreement=identifier(agreement, "agreement") if agreement else "",
        requester=_read_human(message.requester, "requester"),
        trust_hash=check_hash(message.trust_hash, "trust_hash"),
        policy_hash=check_hash(message.policy_hash, "policy_hash"),
        group_id=identifier(message.group_id, "group_id") if message.group_id else "",
        to_office=identifier(message.to_office, "to_office") if message.to_office else "",
        approver=_read_human(message.approver, "approver") if message.HasField("approver") else None,
        attachments=read_files(message.attachments, of),
    )
    if head.approver is not None and head.approver.pseudonym == head.requester.pseudonym:
        raise Malformed("its author approved it", code="own-approval", where="approver")
    _check_place(head, of)
    if head.expires_us and not 0 < head.expires_us - head.issued_us <= MAX_LIFE_US:
        raise Stale("a notice is delivered for at most 366 days", code="bad-validity", where="expires_time")
    return head


def _check_place(head: Head, of: NoticeType) -> None:
    """Check the place in the thread as far as the head tells; the fold compares it with the notices before.

    The opener of a thread begins without a notice of the other side, and names the thread after its notice. The other
    side has seen a notice when it begins.
    """
    if not 1 <= head.seq <= MAX_SEQ or head.seen > MAX_SEQ:
        raise Malformed("notices are counted from 1", code="bad-place", where="seq")
    if head.seq > 1:
        check_hash(head.previous, "previous")
    elif head.previous:
        raise Malformed("nothing comes before the first notice", code="bad-place", where="previous")
    opens = head.seq == 1 and head.seen == 0
    if opens != (head.thread_id == head.notice_id):
        raise Malformed("a thread has the id of the notice that opens it", code="bad-place", where="thread_id")
    if opens and of not in OPENERS:
        raise Malformed("a notice of this type opens no thread", code="bad-place", where="thread_id")


def _read_human(message: statements_pb2.Requester, where: str) -> Requester:
    return Requester(
        role=identifier(message.role, f"{where}.role"),
        office=identifier(message.office, f"{where}.office"),
        agency=identifier(message.agency, f"{where}.agency"),
        pseudonym=identifier(message.pseudonym, f"{where}.pseudonym"),
    )
