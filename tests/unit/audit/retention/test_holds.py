"""Documents of legal holds: two approvers, an end, and nothing that was not signed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.retention.holds import (
    HOLD_TYPE,
    MAX_HELD,
    MAX_HOLD_US,
    MAX_PLACES,
    Hold,
    HoldAction,
    HoldOrder,
    parse_hold,
    seal_hold,
    verify_hold,
)
from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Stale
from gateway.model.names import ExchangeId, MemberId
from gateway.signing.dsse import sign_document
from gateway.signing.keys import SigningKey, VerifyKey
from tests.support.tables import table

TH = MemberId("th")
NOW = 1_795_000_000_000_000
ONE, TWO, STRANGER = (SigningKey(Ed25519PrivateKey.generate()) for _ in range(3))
APPROVERS = [VerifyKey.admit(key.spki) for key in (ONE, TWO)]
ORDER = HoldOrder(
    TH,
    HoldAction.PLACE,
    "hold-0123456789ab",
    "court case 7",
    {"exchange/1": (3, 17)},
    (ExchangeId("ab" * 16),),
    NOW + 86_400_000_000,
)
VALUE = json.loads(parse_hold(seal_hold(ORDER, [ONE]))[1].payload)


def signed(**changes: Any) -> bytes:
    return sign_document(HOLD_TYPE, json.dumps(VALUE | changes).encode(), [ONE, TWO])


def test_check_1_to_4_a_hold_that_two_approvers_signed() -> None:
    data = seal_hold(ORDER, [ONE, TWO])
    order = verify_hold(data, TH, APPROVERS, NOW)
    assert replace(order, signers=(), data=b"") == ORDER
    assert order.signers == tuple(sorted((ONE.key_id, TWO.key_id)))


def test_a_hold_of_many_entries_says_the_steps_between_them() -> None:
    many = replace(ORDER, entries={"exchange/1": tuple(range(3, 3 + 5 * MAX_HELD, 5))})
    order = verify_hold(seal_hold(many, [ONE, TWO]), TH, APPROVERS, NOW)
    assert order.entries == many.entries
    assert len(order.data) < 10_000
    for steps in (f"0 1x{MAX_HELD}", "", "1,2", "1 0"):
        with pytest.raises(Malformed):
            verify_hold(signed(entries={"exchange/1": steps}), TH, APPROVERS, NOW)


@table(
    "changes",
    [
        {"more": 1},
        {"action": "keep"},
        {"id": "hold-1"},
        {"id": "../../x"},
        {"reason": ""},
        {"reason": "x\x1b[2J"},
        {"until_us": 1.5},
        {"until_us": True},
        {"entries": {"secret/1": [1]}},
        {"entries": {"exchange/1": []}},
        {"entries": {"exchange/1": [-1]}},
        {"entries": {"exchange/1": [True]}},
        {"entries": {"exchange/1": list(range(MAX_PLACES + 1))}},
        {"exchanges": ["x"]},
        {"exchanges": "ab"},
        {"entries": {}, "exchanges": []},
        {"action": "lift"},
        {"member": "Thailand"},
    ],
)
def test_check_1_what_is_no_hold_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        verify_hold(signed(**changes), TH, APPROVERS, NOW)


def test_check_2_another_members_hold_is_refused() -> None:
    with pytest.raises(Forbidden):
        verify_hold(signed(member="vn"), TH, APPROVERS, NOW)


@table("keys", [[ONE], [ONE, ONE], [ONE, STRANGER], [STRANGER]])
def test_check_3_two_different_approvers_must_sign(keys: list[SigningKey]) -> None:
    with pytest.raises(BadSignature):
        verify_hold(seal_hold(ORDER, keys), TH, APPROVERS, NOW)


def test_check_3_a_stranger_who_signs_as_well_is_no_approver() -> None:
    order = verify_hold(seal_hold(ORDER, [ONE, TWO, STRANGER]), TH, APPROVERS, NOW)
    assert STRANGER.key_id not in order.signers


@pytest.mark.parametrize("until", [NOW, NOW - 1, NOW + MAX_HOLD_US + 1])
def test_check_4_a_hold_ends_within_a_year(until: int) -> None:
    with pytest.raises(Stale):
        verify_hold(signed(until_us=until), TH, APPROVERS, NOW)


@given(st.data())
def test_a_changed_byte_is_refused(data: st.DataObject) -> None:
    whole = bytearray(seal_hold(ORDER, [ONE, TWO]))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(LiaisonError):
        verify_hold(bytes(whole), TH, APPROVERS, NOW)


def test_a_hold_covers_what_it_names_while_it_stands() -> None:
    hold = Hold("hold-1", "r", {"exchange/1": frozenset({3})}, frozenset({"ab" * 16}), NOW + 5, NOW, ())
    assert hold.covers("exchange/1", 3, "")
    assert hold.covers("operations/1", 9, "ab" * 16)
    assert not hold.covers("exchange/2", 3, "")
    assert hold.stands(NOW)
    assert not hold.stands(NOW + 5)
    assert not replace(hold, ended="lifted").stands(NOW)
