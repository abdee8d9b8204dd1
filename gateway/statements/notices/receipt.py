"""The receipt of a notice: it was taken, or refused."""

from __future__ import annotations

import re

from liaison.exchange.v1 import notices_pb2 as pb
from liaison.exchange.v1 import statements_pb2

from gateway.errors import Forbidden, Malformed, Reason
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.exchange import Refusal, Verified
from gateway.model.names import ExchangeId, MemberId, exchange_id, member_id
from gateway.statements import fields
from gateway.statements.envelope import (
    NOTICE_RECEIPT,
    PayloadType,
    Sealed,
    SigningKey,
    StatementKeys,
    check_signature,
)
from gateway.statements.fields import check_hash, check_issued, microseconds, optional_text, timestamp
from gateway.statements.kind import Kind, Unproved
from gateway.statements.notices.texts import listed, optional_time
from gateway.statements.versions import Versions
from gateway.trust.documents.statement_versions import Descriptors

SIZES = (1_024, 2_048)
"""The only lengths in bytes of a receipt's payload."""

_PADDING_TAG = 15 << 3 | 2
_TEXT_LIMIT = 256
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)


def _write(receipt: NoticeReceipt) -> pb.NoticeReceipt:
    message = pb.NoticeReceipt(
        notice_id=receipt.notice_id,
        sender=receipt.sender,
        recipient=receipt.recipient,
        notice_hash=receipt.notice_hash,
        issued_time=timestamp(receipt.issued_us),
    )
    if receipt.answer_by_us:
        message.answer_by_time.CopyFrom(timestamp(receipt.answer_by_us))
    if receipt.refusal is not None:
        told = receipt.refusal
        message.refusal.CopyFrom(statements_pb2.Refusal(reason=told.reason.value, code=told.code, text=told.text))
    return message


def _read(message: pb.NoticeReceipt) -> NoticeReceipt:
    check_hash(message.blind, "blind")
    refused, timed = message.HasField("refusal"), message.HasField("answer_by_time")
    if refused and timed:
        raise Malformed("nothing is to be done about what was refused", code="bad-receipt", where="answer_by_time")
    return NoticeReceipt(
        notice_id=exchange_id(message.notice_id),
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        notice_hash=check_hash(message.notice_hash, "notice_hash"),
        issued_us=microseconds(message.issued_time, "issued_time"),
        answer_by_us=optional_time(message.answer_by_time, "answer_by_time", present=timed),
        refusal=_read_refusal(message.refusal) if refused else None,
    )


def _read_refusal(message: statements_pb2.Refusal) -> Refusal:
    if not _CODE.fullmatch(message.code):
        raise Malformed("not a code", code="bad-receipt", where="refusal.code")
    text = optional_text(message.text, "refusal.text", _TEXT_LIMIT)
    return Refusal(listed(Reason, message.reason, "reason"), message.code, text)


NOTICE_RECEIPT_KIND = Kind(
    NOTICE_RECEIPT,
    pb.NoticeReceipt,
    "notice-receipt",
    _write,
    _read,
    check_issued,
    finish=lambda payload, _message: fields.pad(payload, _PADDING_TAG, SIZES),
    check_form=lambda payload, message: fields.check_padding(payload, message.padding, SIZES),
)
"""The receipt of a notice."""

NOTICE_RECEIPT_VERSIONS = Versions(NOTICE_RECEIPT_KIND)


def build_receipt(receipt: NoticeReceipt, key: SigningKey) -> Sealed:
    """Sign a receipt. Raises what the notice's author would raise."""
    return NOTICE_RECEIPT_KIND.build(receipt, key)


def write_receipt(receipt: NoticeReceipt, members: Descriptors) -> tuple[PayloadType, bytes]:
    """Return payload type and payload of a receipt, that its recipient can read, for `sealed_together`.

    Raises like `build_receipt`.
    """
    kind = NOTICE_RECEIPT_VERSIONS.newest(members, receipt.recipient)
    return kind.payload_type, kind.payload(receipt)


def parse_receipt(envelope: bytes) -> NoticeReceipt:
    """Return the receipt in an envelope: its content is checked, its signature is not."""
    return NOTICE_RECEIPT_VERSIONS.parse(envelope)


class UnprovedReceipt(Unproved[pb.NoticeReceipt, NoticeReceipt], frozen=True):
    """A receipt whose signature is not verified yet."""

    @property
    def refuses(self) -> bool:
        """Tell whether it says that our notice was refused."""
        return self.opened.message.HasField("refusal")


def unproved_receipt(
    envelope: bytes, *, member: MemberId, me: MemberId, notice_hash: bytes, notice_id: ExchangeId
) -> UnprovedReceipt:
    """Return a receipt of which checks 1 to 5 of `Kind.verify` hold. Raises like `verify_receipt`."""

    def answers(message: pb.NoticeReceipt) -> None:
        if message.notice_hash != notice_hash or message.notice_id != notice_id:
            raise Forbidden("the receipt is for another notice", code="wrong-request", where="notice_hash")

    opened = NOTICE_RECEIPT_VERSIONS.open(envelope)
    return UnprovedReceipt(opened.kind.unproved(opened, peer=member, me=me, answers=answers).opened, member)


def verify_receipt(
    envelope: bytes,
    *,
    keys: StatementKeys,
    member: MemberId,
    me: MemberId,
    notice_hash: bytes,
    notice_id: ExchangeId,
    now_us: int,
) -> Verified[NoticeReceipt]:
    """Return the receipt in `envelope` of the member that we told, when the checks of `Kind.verify` hold, of which

    5. it is for our notice: its hash, and its id

    Raises like `Kind.verify`.
    """
    unproved = unproved_receipt(envelope, member=member, me=me, notice_hash=notice_hash, notice_id=notice_id)
    check_signature(unproved.opened.unsealed, keys, member, now_us)
    return unproved.accepted(now_us)
