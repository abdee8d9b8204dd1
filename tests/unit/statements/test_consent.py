"""Requests for consent and owners' words as statements, the owner's book, and the words of commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liaison.exchange.v1 import consent_pb2 as pb
from msgspec import structs

from gateway.audit.acts.table import ActKind
from gateway.clock import ManualClock, from_us
from gateway.desk.consent_outbox import WAITING, OutgoingConsent, outgoing_key
from gateway.desk.consents import Consent, ConsentBook, Decision
from gateway.errors import Forbidden, LiaisonError, Malformed, Reason, Replayed, Stale, Unauthenticated, Unknown
from gateway.model.consent import ConsentAnswer, ConsentRequest, ConsentState, OnwardUse, Place, Use
from gateway.model.exchange import Refusal, Verified
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.model.requester import Officer, Requester
from gateway.ops.acts.consents import ConsentActs
from gateway.ops.acts.mailbox import Order
from gateway.statements.consent import (
    CONSENT_ANSWER,
    CONSENT_ANSWER_KIND,
    CONSENT_REQUEST,
    CONSENT_REQUEST_KIND,
    parse_consent_request,
    verify_consent_answer,
)
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from tests.support.policies import NOW_US
from tests.support.sealing import ListedKeys, envelope_of, new_key, payload_of

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


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(("until", "state"), [(True, 1), (False, 2), (False, 4), (False, 0), (False, 9)])
def test_a_word_that_contradicts_itself_is_refused(until: bool, state: pb.ConsentState.ValueType) -> None:
    message = pb.ConsentAnswer.FromString(payload_of(CONSENT_ANSWER_KIND.build(ANSWER, KEY).envelope))
    message.state = state
    if not until:
        message.ClearField("until_time")
    with pytest.raises(Malformed):
        verify_word(envelope_of(message.SerializeToString(), CONSENT_ANSWER, KEY))


# ---------------------------------------------------------------- the owner's book


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_us(NOW_US))


@pytest.fixture
def book(tmp_path: Path, clock: ManualClock) -> ConsentBook:
    database = open_database(tmp_path / "node.sqlite")
    migrate(database)
    return ConsentBook(SqlDocumentStore(database, KeyStore(tmp_path / "keystore"), clock))


@pytest.fixture
def taken(book: ConsentBook) -> Consent:
    request = verify(CONSENT_REQUEST_KIND.build(REQUEST, KEY).envelope)
    book.take(request, {"type": "Vehicle", "owner": "kh.customs"}, NOW_US)
    found = book.known(request)
    assert found is not None
    return found


def decision(**changes: Any) -> Decision:
    return replace(Decision(True, "Tran Thi Binh", "same case", NOW_US, NOW_US + HOUR_US), **changes)


def test_a_decision_counts_once_its_entry_is_written(book: ConsentBook, taken: Consent) -> None:
    assert taken.state is ConsentState.TAKEN
    book.decide(taken, decision())
    (waiting,) = book.unlogged()
    assert waiting.state is ConsentState.TAKEN
    book.logged(waiting)
    assert book.get(taken.key).state is ConsentState.GRANTED
    assert book.unlogged() == []


def test_a_human_decides_once(book: ConsentBook, taken: Consent) -> None:
    book.decide(taken, decision(granted=False, until_us=0))
    with pytest.raises(Forbidden, match="decided"):
        book.decide(taken, decision())
    book.logged(book.get(taken.key))
    assert book.get(taken.request.id).state is ConsentState.REFUSED


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"by": ""}, Malformed),
        ({"reason": " "}, Malformed),
        ({"until_us": NOW_US}, Malformed),
        ({"until_us": REQUEST.expires_us + 1}, Malformed),
        ({"decided_us": REQUEST.expires_us}, Stale),
    ],
)
def test_a_decision_has_a_name_a_reason_and_a_time_within_the_request_s(
    book: ConsentBook, taken: Consent, change: dict[str, Any], error: type[LiaisonError]
) -> None:
    with pytest.raises(error):
        book.decide(taken, decision(**change))
    assert book.unlogged() == []


def deciding(book: ConsentBook, agency: str, clock: ManualClock) -> ConsentActs:
    """The act of an officer of this agency, whose token is good."""

    def officer_of(token: str) -> Officer:
        if token != "good":
            raise Unauthenticated("it is not", code="bad-token")
        return Officer("kh.o.1", "officer", "kh.desk", agency, frozenset(), bytes(32), "client-cli")

    return ConsentActs(book.documents, clock, officer_of)


def deciding_order(taken: Consent, token: str = "good", **changes: Any) -> Order:
    detail = {"consent": taken.request.id, "granted": True, "hours": 1} | changes
    return Order(ActKind.CONSENT, token=token, reason="same case", detail=detail)


def test_an_officer_of_the_owning_agency_decides_and_the_same_act_once(
    book: ConsentBook, taken: Consent, clock: ManualClock
) -> None:
    order, acts = deciding_order(taken), deciding(book, "customs", clock)
    assert acts.decide(order)["state"] == "granted"
    assert acts.decide(order)["state"] == "granted", "it was cut off before its result was written, and goes on"
    noted = book.get(taken.key).decision
    assert noted is not None
    assert (noted.by, noted.role, noted.proof, noted.token) == ("kh.o.1", "officer", "token", bytes(32).hex())
    with pytest.raises(Forbidden, match="decided"):
        acts.decide(deciding_order(taken))


@pytest.mark.parametrize(
    ("agency", "order", "code"),
    [
        ("police", {}, "not-the-owner"),
        ("customs", {"token": ""}, "proof-needed"),
        ("customs", {"token": "forged"}, "bad-token"),
        ("customs", {"granted": 1}, "bad-act"),
        ("customs", {"hours": 0}, "bad-act"),
        ("customs", {"more": 1}, "bad-act"),
    ],
)
def test_nobody_else_decides_and_nothing_else_is_decided(
    book: ConsentBook, taken: Consent, clock: ManualClock, agency: str, order: dict[str, Any], code: str
) -> None:
    with pytest.raises(LiaisonError) as refused:
        deciding(book, agency, clock).decide(deciding_order(taken, **order))
    assert refused.value.code == code
    assert book.get(taken.key).decision is None


def test_a_decision_of_version_0_1_0_is_read(book: ConsentBook, taken: Consent) -> None:
    """It has a name and no proof."""
    value = {"granted": True, "by": "Sok Dara", "reason": "x", "decided_us": NOW_US, "until_us": NOW_US + HOUR_US}
    book.documents.put("consent-decision", taken.key, json.dumps(value).encode())
    noted = book.get(taken.key).decision
    assert noted is not None
    assert (noted.by, noted.proof) == ("Sok Dara", "unproved")


def test_a_request_is_gone_when_its_time_is_over(book: ConsentBook, taken: Consent, clock: ManualClock) -> None:
    book.decide(taken, decision())
    clock.advance(timedelta(hours=24))
    assert list(book.all()) == []
    assert book.unlogged() == []
    with pytest.raises(Unknown):
        book.get(taken.request.id)


def test_the_same_id_of_two_counterparts_is_two_requests(book: ConsentBook, taken: Consent) -> None:
    envelope = CONSENT_REQUEST_KIND.build(structs.replace(REQUEST, sender=KH), KEY).envelope
    other = CONSENT_REQUEST_KIND.verify(envelope, keys=KEYS, peer=KH, me=VN, now_us=NOW_US)
    book.take(other, {"type": "Vehicle"}, NOW_US)
    assert len(list(book.all())) == 2
    with pytest.raises(Malformed, match="two counterparts"):
        book.get(REQUEST.id)
    assert book.get(f"kh/{REQUEST.id}").request.sender == KH


def test_the_same_id_with_other_bytes_is_a_replay(book: ConsentBook, taken: Consent) -> None:
    with pytest.raises(Replayed):
        book.known(verify(CONSENT_REQUEST_KIND.build(REQUEST, KEY).envelope))


# ---------------------------------------------------------------- the asker's key

_CHANGES: list[Callable[[OnwardUse], OnwardUse]] = [
    lambda use: structs.replace(use, use=Use.EVIDENCE),
    lambda use: structs.replace(use, purpose=Purpose.INVESTIGATION),
    lambda use: structs.replace(use, to=structs.replace(use.to, member=KH)),
    lambda use: structs.replace(use, to=structs.replace(use.to, agency="")),
    lambda use: structs.replace(use, to=structs.replace(use.to, office="")),
    lambda use: structs.replace(use, to=Place(use.to.member, use.to.agency + use.to.office, "")),
]


def test_every_part_of_a_use_makes_another_request() -> None:
    keys = {outgoing_key(VN, "th.o.1", "s1", REQUEST.record, change(REQUEST.asked)) for change in _CHANGES}
    keys |= {outgoing_key(*who, REQUEST.asked) for who in ((VN, "th.o.1", "s1", "r"), (VN, "th.o.2", "s1", "r"))}
    keys |= {outgoing_key(*who, REQUEST.asked) for who in ((VN, "th.o.1", "s2", "r"), (KH, "th.o.1", "s1", "r"))}
    assert len(keys) == len(_CHANGES) + 4


def test_a_wish_comes_back_as_it_was_kept() -> None:
    sealed = CONSENT_REQUEST_KIND.build(REQUEST, KEY)
    wish = OutgoingConsent(
        "vn/1", "th.o.1", "s1", REQUEST, sealed.payload_hash, sealed.envelope, WAITING, "suspended", 7
    )
    assert OutgoingConsent.decode("vn/1", wish.encode()) == wish
