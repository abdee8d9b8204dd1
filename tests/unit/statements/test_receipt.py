"""Building and verifying receipts; one test for each number in the docstring of `Kind.verify` that concerns them."""

from __future__ import annotations

import pytest
from liaison.exchange.v1 import statements_pb2 as pb
from msgspec.structs import replace

from gateway.errors import BadSignature, Forbidden, Malformed, Stale
from gateway.model.exchange import Receipt, Verified
from gateway.statements.envelope import ANSWER
from gateway.statements.receipt import MAX_GAPS, RECEIPT, RECEIPT_KIND
from tests.support import sealing
from tests.support.sealing import NOW, SECOND, TH, VN, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(TH, KEY)


def verify(envelope: bytes, **changes: object) -> Verified[Receipt]:
    values: dict[str, object] = {"keys": KEYS, "peer": TH, "me": VN, "now_us": NOW} | changes
    return RECEIPT_KIND.verify(envelope, **values)  # type: ignore[arg-type]


def built(**changes: object) -> bytes:
    return RECEIPT_KIND.build(replace(sealing.RECEIPT, **changes), KEY).envelope


@table(
    "receipt",
    [
        sealing.RECEIPT,
        replace(sealing.RECEIPT, gaps=(), previous=b"\6" * 32),
        replace(sealing.RECEIPT, first=7, through=7, gaps=(7,)),
        replace(sealing.RECEIPT, through=2**40, gaps=tuple(range(1, MAX_GAPS + 1))),
    ],
)
def test_a_receipt_arrives_as_it_was_built(receipt: Receipt) -> None:
    sealed = RECEIPT_KIND.build(receipt, KEY)
    verified = verify(sealed.envelope)
    assert verified.value == receipt == RECEIPT_KIND.parse(payload_of(sealed.envelope))
    assert verified.payload_hash == sealed.payload_hash


@table(
    "changes",
    [
        {"first": 0},
        {"first": 10},
        {"through": 2**63},
        {"exchanges_hash": b""},
        {"previous": b"x"},
        {"gaps": (5, 3)},
        {"gaps": (3, 3)},
        {"gaps": (0,)},
        {"gaps": (10,)},
        {"through": 5000, "gaps": tuple(range(1, MAX_GAPS + 2))},
    ],
)
def test_we_sign_nothing_that_the_other_side_would_refuse(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        built(**changes)


def test_check_1_another_kind_of_statement_is_refused() -> None:
    with pytest.raises(BadSignature):
        verify(envelope_of(payload_of(built()), ANSWER, KEY))


def test_check_2_an_unknown_field_is_refused() -> None:
    with pytest.raises(Malformed):
        verify(envelope_of(payload_of(built()) + b"\xf8\x07\x01", RECEIPT, KEY))


def test_check_3_the_sender_is_the_peer() -> None:
    with pytest.raises(BadSignature):
        verify(built(), peer="kh")


def test_check_4_a_receipt_for_somebody_else_is_refused() -> None:
    with pytest.raises(Forbidden):
        verify(built(), me="kh")


def test_check_6_a_signer_that_is_not_listed_is_refused() -> None:
    with pytest.raises(BadSignature):
        verify(RECEIPT_KIND.build(sealing.RECEIPT, new_key()).envelope)


@table(
    "change",
    [
        lambda m: setattr(m, "blind", b""),
        lambda m: setattr(m, "first", 0),
        lambda m: setattr(m, "exchanges_hash", b"x"),
        lambda m: m.gaps.extend([1]),
        lambda m: m.gaps.extend([9] * MAX_GAPS),
        lambda m: m.ClearField("issued_time"),
    ],
)
def test_check_7_content_of_another_form_is_refused(change: object) -> None:
    message = pb.Receipt.FromString(payload_of(built()))
    change(message)  # type: ignore[operator]
    with pytest.raises(Malformed):
        verify(envelope_of(message.SerializeToString(), RECEIPT, KEY))


def test_check_8_a_receipt_from_the_future_is_refused() -> None:
    assert verify(built(), now_us=NOW - 30 * SECOND)
    with pytest.raises(Stale):
        verify(built(), now_us=NOW - 31 * SECOND)
