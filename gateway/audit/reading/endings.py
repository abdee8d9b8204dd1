"""Read what ends an exchange, an answer or the receipt of a notice, by its payload type."""

from __future__ import annotations

from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.exchange import Answer
from gateway.statements.answer import read_signed
from gateway.statements.envelope import ENDINGS, NOTICE_RECEIPTS, unseal
from gateway.statements.notices.receipt import parse_receipt


def read_ending(envelope: bytes) -> Answer | NoticeReceipt:
    """Return the answer or receipt in an envelope, its signature not verified. Raises like `Kind.open`."""
    if unseal(envelope, *ENDINGS).payload_type in NOTICE_RECEIPTS:
        return parse_receipt(envelope)
    return read_signed(envelope)
