"""Receipts of notices: for our notice, from the member that we told, and in one of two lengths."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liaison.exchange.v1 import notices_pb2 as pb
from msgspec.structs import replace

from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Reason, Stale
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.exchange import Refusal
from gateway.statements.envelope import ANSWER, NOTICE_RECEIPT
from gateway.statements.notices.receipt import SIZES, build_receipt, parse_receipt, verify_receipt
from tests.support.notices import NEXT, RECEIPT
from tests.support.sealing import KH, NOW, SECOND, TH, VN, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(VN, KEY)
REFUSED = replace(RECEIPT, answer_by_us=0, refusal=Refusal(Reason.FAILED_PRECONDITION, "not-now", "សូមរង់ចាំ"))


def verify(envelope: bytes, **changes: Any) -> NoticeReceipt:
    values: dict[str, Any] = {
        "keys": KEYS,
        "member": VN,
        "me": TH,
        "notice_hash": RECEIPT.notice_hash,
        "notice_id": RECEIPT.notice_id,
        "now_us": NOW,
    }
    return verify_receipt(envelope, **(values | changes)).value


@pytest.mark.parametrize(
    "receipt", [RECEIPT, replace(RECEIPT, answer_by_us=0), REFUSED], ids=["timed", "taken", "refused"]
)
def test_a_receipt_comes_back_as_it_was_signed(receipt: NoticeReceipt) -> None:
    envelope = build_receipt(receipt, KEY).envelope
    assert verify(envelope) == parse_receipt(envelope) == receipt
    assert len(payload_of(envelope)) == SIZES[0]


@given(st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=256))
def test_a_refusal_may_say_why_in_any_script(text: str) -> None:
    receipt = replace(REFUSED, refusal=Refusal(Reason.SUSPENDED, "suspended", text))
    envelope = build_receipt(receipt, KEY).envelope
    assert verify(envelope) == receipt
    assert len(payload_of(envelope)) in SIZES


def test_a_receipt_for_another_notice_is_refused() -> None:
    envelope = build_receipt(RECEIPT, KEY).envelope
    for wrong in ({"notice_hash": bytes(32)}, {"notice_id": NEXT}):
        with pytest.raises(Forbidden) as refused:
            verify(envelope, **wrong)
        assert refused.value.code == "wrong-request"


def test_a_receipt_of_somebody_else_for_somebody_else_or_from_the_future_is_refused() -> None:
    envelope = build_receipt(RECEIPT, KEY).envelope
    with pytest.raises(BadSignature):
        verify(envelope, member=KH)
    with pytest.raises(Forbidden):
        verify(envelope, me=KH)
    with pytest.raises(BadSignature):
        verify(envelope_of(payload_of(envelope), NOTICE_RECEIPT, new_key()))
    with pytest.raises(BadSignature):
        verify(envelope_of(payload_of(envelope), ANSWER, KEY))
    with pytest.raises(Stale):
        verify(envelope, now_us=NOW - 31 * SECOND)


@pytest.mark.long
def test_no_changed_byte_is_taken() -> None:
    envelope = build_receipt(REFUSED, KEY).envelope
    for at in range(len(envelope)):
        changed = bytearray(envelope)
        changed[at] ^= 1 + at % 255
        with pytest.raises(LiaisonError):
            verify(bytes(changed))


@table(
    "wrong",
    [
        replace(REFUSED, answer_by_us=NOW),
        replace(RECEIPT, notice_hash=b""),
        replace(REFUSED, refusal=Refusal(Reason.SUSPENDED, "Not Now")),
        replace(REFUSED, refusal=Refusal(Reason.SUSPENDED, "not-now", "x" * 257)),
        replace(REFUSED, refusal=Refusal(Reason.SUSPENDED, "not-now", "\x1b[2J")),
    ],
)
def test_nothing_is_signed_that_its_reader_would_refuse(wrong: NoticeReceipt) -> None:
    with pytest.raises(Malformed):
        build_receipt(wrong, KEY)


def test_unknown_reasons_fields_and_lengths_are_refused() -> None:
    payload = payload_of(build_receipt(REFUSED, KEY).envelope)
    message = pb.NoticeReceipt.FromString(payload)
    message.refusal.reason = "WHATEVER_ELSE!!!!!!"
    unknown = message.SerializeToString()
    for data in (payload + b"\xf2\x07\x01x", unknown, payload[:-1]):
        with pytest.raises(LiaisonError):
            verify(envelope_of(data, NOTICE_RECEIPT, KEY))
