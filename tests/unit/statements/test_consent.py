"""Requests for consent and owners' words as statements, as logs of earlier versions hold them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liaison.exchange.v1 import consent_pb2 as pb
from msgspec import structs

from gateway.errors import Forbidden, LiaisonError, Malformed, Reason, Stale
from gateway.model.desk.consent import ConsentAnswer, ConsentRequest, ConsentState, OnwardUse, Place, Use
from gateway.model.exchange import Refusal, Verified
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.model.requester import Requester
from gateway.statements.consent import (
    CONSENT_ANSWER,
    CONSENT_ANSWER_KIND,
    CONSENT_REQUEST,
    CONSENT_REQUEST_KIND,
    parse_consent_request,
    verify_consent_answer,
)
from tests.support.policies import NOW_US
from tests.support.sealing import ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

HOUR_US = 3_600_000_000
TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")
KEY = new_key()
REQUEST = ConsentRequest(
    id="ab" * 16,
    sender=TH,
    recipient=VN,
    issued_us=NOW_US,
    expires_us=NOW_US + 24 * HOUR_US,
    exchange_id=ExchangeId("cd" * 16),
    answer_hash=bytes(range(32)),
    reference="r-1_x",
    record="ef" * 16,
    asked=OnwardUse(Place(TH, "customs", "th.blo.mae-sot"), Purpose.CUSTOMS_CONTROL, Use.PASS_ON),
    requester=Requester("officer", "th.blo.mae-sot", "police", "0123456789abcdef"),
    case="TH-2026-17",
    justification="ตู้สินค้าอยู่ในลานของศุลกากร",
    log_number=1,
    entry_index=12,
)
ANSWER = ConsentAnswer(REQUEST.id, VN, TH, bytes(32), NOW_US, ConsentState.GRANTED, NOW_US + HOUR_US)


KEYS = ListedKeys()
for _member in (TH, VN, KH):
    KEYS.add(_member, KEY)


def verify(envelope: bytes, now_us: int = NOW_US) -> Verified[ConsentRequest]:
    return CONSENT_REQUEST_KIND.verify(envelope, keys=KEYS, peer=TH, me=VN, now_us=now_us)


def verify_word(envelope: bytes, **changes: Any) -> ConsentAnswer:
    expected: dict[str, Any] = {"member": VN, "me": TH, "request": REQUEST, "request_hash": bytes(32), "now_us": NOW_US}
    return verify_consent_answer(envelope, keys=KEYS, **(expected | changes)).value


# ---------------------------------------------------------------- statements

uses = st.builds(
    OnwardUse,
    st.builds(Place, st.sampled_from([TH, VN, KH]), st.sampled_from(["", "customs"]), st.sampled_from(["", "a.b"])),
    st.sampled_from(Purpose),
    st.sampled_from(Use),
)


@given(uses, st.integers(1, 48 * HOUR_US), st.integers(0, 2**63))
def test_a_request_comes_back_as_it_was_written(asked: OnwardUse, valid_us: int, index: int) -> None:
    request = structs.replace(REQUEST, asked=asked, expires_us=NOW_US + valid_us, entry_index=index)
    envelope = CONSENT_REQUEST_KIND.build(request, KEY).envelope
    assert verify(envelope).value == parse_consent_request(envelope) == request


def test_two_requests_of_the_same_content_have_different_hashes() -> None:
    first, other = (CONSENT_REQUEST_KIND.build(REQUEST, KEY) for _ in range(2))
    assert first.payload_hash != other.payload_hash


@table(
    ("change", "error"),
    [
        ({"expires_us": NOW_US + 49 * HOUR_US}, Stale),
        ({"expires_us": NOW_US}, Stale),
        ({"id": "AB" * 16}, Malformed),
        ({"case": ""}, Malformed),
        ({"justification": "x" * 501}, Malformed),
        ({"answer_hash": b""}, Malformed),
        ({"requester": Requester("", "a", "b", "c")}, Malformed),
    ],
)
def test_nothing_is_signed_that_an_owner_would_refuse(change: dict[str, Any], error: type[LiaisonError]) -> None:
    with pytest.raises(error):
        CONSENT_REQUEST_KIND.build(structs.replace(REQUEST, **change), KEY)


def test_an_unknown_field_is_refused() -> None:
    payload = payload_of(CONSENT_REQUEST_KIND.build(REQUEST, KEY).envelope) + b"\xf2\x07\x01x"
    with pytest.raises(Malformed):
        verify(envelope_of(payload, CONSENT_REQUEST, KEY))


@pytest.mark.parametrize("value", ["", "SOMETHING"])
def test_an_unknown_purpose_or_use_is_refused(value: str) -> None:
    for name in ("purpose", "use"):
        message = pb.ConsentRequest.FromString(payload_of(CONSENT_REQUEST_KIND.build(REQUEST, KEY).envelope))
        setattr(message.asked, name, value)
        with pytest.raises(Malformed, match="unknown"):
            verify(envelope_of(message.SerializeToString(), CONSENT_REQUEST, KEY))


@pytest.mark.parametrize("late_us", [24 * HOUR_US, 400 * HOUR_US])
def test_an_expired_request_is_refused(late_us: int) -> None:
    with pytest.raises(Stale):
        verify(CONSENT_REQUEST_KIND.build(REQUEST, KEY).envelope, NOW_US + late_us)


@table(
    ("state", "until_us", "refusal"),
    [
        (ConsentState.TAKEN, 0, None),
        (ConsentState.GRANTED, NOW_US + HOUR_US, None),
        (ConsentState.REFUSED, 0, None),
        (ConsentState.NOT_TAKEN, 0, Refusal(Reason.SUSPENDED, "suspended")),
    ],
)
def test_each_word_comes_back_as_it_was_said(state: ConsentState, until_us: int, refusal: Refusal | None) -> None:
    answer = structs.replace(ANSWER, state=state, until_us=until_us, refusal=refusal)
    assert verify_word(CONSENT_ANSWER_KIND.build(answer, KEY).envelope) == answer


def test_a_grant_beyond_the_time_that_was_asked_for_is_refused() -> None:
    longer = CONSENT_ANSWER_KIND.build(structs.replace(ANSWER, until_us=REQUEST.expires_us + 1), KEY).envelope
    with pytest.raises(Malformed, match="more than was asked"):
        verify_word(longer)


@table(
    "changes",
    [
        {"request_hash": bytes(31) + b"x"},
        {"request": structs.replace(REQUEST, id="00" * 16)},
        {"member": KH},
        {"me": KH},
    ],
)
def test_a_word_on_another_request_or_for_another_member_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        verify_word(CONSENT_ANSWER_KIND.build(ANSWER, KEY).envelope, **changes)


@table(("until", "state"), [(True, 1), (False, 2), (False, 4), (False, 0), (False, 9)])
def test_a_word_that_contradicts_itself_is_refused(until: bool, state: pb.ConsentState.ValueType) -> None:
    message = pb.ConsentAnswer.FromString(payload_of(CONSENT_ANSWER_KIND.build(ANSWER, KEY).envelope))
    message.state = state
    if not until:
        message.ClearField("until_time")
    with pytest.raises(Malformed):
        verify_word(envelope_of(message.SerializeToString(), CONSENT_ANSWER, KEY))
