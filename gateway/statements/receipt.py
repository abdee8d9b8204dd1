"""The receipt statement: one side of a channel says which answers have arrived (design, section 5, step 8)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise

from liaison.exchange.v1 import statements_pb2 as pb

from gateway.errors import Malformed
from gateway.model.exchange import Receipt, Verified
from gateway.model.names import MemberId, member_id
from gateway.statements.envelope import (
    RECEIPT,
    Sealed,
    SigningKey,
    StatementKeys,
    check_parties,
    check_signature,
    parse,
    sealed,
    unseal,
)
from gateway.statements.fields import HASH_SIZE, check_hash, check_not_from_the_future, microseconds, timestamp

MAX_GAPS = 1024
"""Numbers that one receipt can name as not arrived."""

_MAX_NUMBER = 2**63 - 1


def build_receipt(receipt: Receipt, key: SigningKey) -> Sealed:
    """`receipt`, signed; `Malformed` for what a counterpart would refuse."""
    _check_receipt(receipt)
    message = pb.Receipt(
        blind=os.urandom(HASH_SIZE),
        sender=receipt.sender,
        recipient=receipt.recipient,
        first=receipt.first,
        through=receipt.through,
        exchanges_hash=receipt.exchanges_hash,
        gaps=receipt.gaps,
        previous=receipt.previous,
        issued_time=timestamp(receipt.issued_us),
    )
    return sealed(RECEIPT, message.SerializeToString(), key)


def verify_receipt(
    envelope: bytes, *, keys: StatementKeys, peer: MemberId, me: MemberId, now_us: int
) -> Verified[Receipt]:
    """The receipt in `envelope`, when every check holds:

    1. size, form, payload type, and exactly one signature
    2. the payload parses, without unknown fields
    3. the sender is the peer
    4. the recipient is us
    5. a key that the sender lists for statements at `now_us` signed exactly these bytes
    6. the content is complete and well-formed
    7. it is not from the future

    Receipts are chained by `previous` and only ever grow, so an old one does no harm. Raises like
    `verify_request`.
    """
    unsealed = unseal(envelope, RECEIPT)  # 1
    message = parse(pb.Receipt, unsealed.payload, "receipt")  # 2
    check_parties(message.sender, message.recipient, peer, me)  # 3, 4
    check_signature(unsealed, keys, peer, now_us)  # 5
    receipt = read_receipt(message)  # 6
    check_not_from_the_future(receipt.issued_us, now_us)  # 7
    return Verified(receipt, unsealed.payload_hash, envelope, peer, unsealed.key_id)


def parse_receipt(payload: bytes) -> Receipt:
    """The receipt in exact payload bytes, checked for content, not for signature or time."""
    return read_receipt(parse(pb.Receipt, payload, "receipt"))


def read_receipt(message: pb.Receipt) -> Receipt:
    """The receipt that a parsed payload says, or `Malformed`."""
    check_hash(message.blind, "blind")
    if len(message.gaps) > MAX_GAPS:
        raise Malformed(f"more than {MAX_GAPS} gaps", code="too-many", where="gaps")
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
        raise Malformed(f"more than {MAX_GAPS} gaps", code="too-many", where="gaps")
    rising = all(earlier < later for earlier, later in pairwise(gaps))
    if gaps and (not rising or gaps[0] < first or gaps[-1] > through):
        raise Malformed("gaps rise, and lie inside the range", code="bad-range", where="gaps")
