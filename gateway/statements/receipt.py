"""The receipt statement: one side of a channel names the answers that have arrived (design, section 5, step 8)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from liaison.exchange.v1 import statements_pb2 as pb

from gateway.errors import Malformed
from gateway.model.exchange import Receipt
from gateway.model.names import member_id
from gateway.statements.envelope import payload_types
from gateway.statements.fields import check_hash, check_issued, microseconds, timestamp
from gateway.statements.kind import Kind
from gateway.statements.versions import Versions

RECEIPT = payload_types("receipt", 16 * 1024)[0]

MAX_GAPS = 1024
"""Numbers that one receipt can name as not arrived."""

_MAX_NUMBER = 2**63 - 1


def _write(receipt: Receipt) -> pb.Receipt:
    return pb.Receipt(
        sender=receipt.sender,
        recipient=receipt.recipient,
        first=receipt.first,
        through=receipt.through,
        exchanges_hash=receipt.exchanges_hash,
        gaps=receipt.gaps,
        previous=receipt.previous,
        issued_time=timestamp(receipt.issued_us),
    )


def read_receipt(message: pb.Receipt) -> Receipt:
    """Return the receipt in a parsed payload, or raise `Malformed`."""
    check_hash(message.blind, "blind")
    if len(message.gaps) > MAX_GAPS:
        raise Malformed("more than {limit} gaps", code="too-many", where="gaps", limit=MAX_GAPS)
    receipt = Receipt(
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        first=message.first,
        through=message.through,
        exchanges_hash=message.exchanges_hash,
        gaps=tuple(message.gaps),
        previous=message.previous,
        issued_us=microseconds(message.issued_time, "issued_time"),
    )
    _check_receipt(receipt)
    return receipt


def _check_receipt(receipt: Receipt) -> None:
    check_hash(receipt.exchanges_hash, "exchanges_hash")
    if receipt.previous:
        check_hash(receipt.previous, "previous")
    if not 1 <= receipt.first <= receipt.through <= _MAX_NUMBER:
        raise Malformed("a range counts from 1 upwards", code="bad-range", where="first")
    _check_gaps(receipt.gaps, receipt.first, receipt.through)


def _check_gaps(gaps: Sequence[int], first: int, through: int) -> None:
    if len(gaps) > MAX_GAPS:
        raise Malformed("more than {limit} gaps", code="too-many", where="gaps", limit=MAX_GAPS)
    rising = all(earlier < later for earlier, later in pairwise(gaps))
    if gaps and (not rising or gaps[0] < first or gaps[-1] > through):
        raise Malformed("gaps rise, and lie inside the range", code="bad-range", where="gaps")


RECEIPT_KIND = Kind(RECEIPT, pb.Receipt, "receipt", _write, read_receipt, check_issued, check=_check_receipt)
"""A receipt. Receipts are chained by `previous` and only ever grow, so an old one does no harm."""

RECEIPT_VERSIONS = Versions(RECEIPT_KIND)
