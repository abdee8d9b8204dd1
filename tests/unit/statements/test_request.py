"""Building and verifying requests; one test for each number in `Kind.verify` for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liaison.exchange.v1 import statements_pb2 as pb
from msgspec.structs import replace

from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Stale, TooLarge
from gateway.model.exchange import Request, Verified
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    PhoneQuery,
    Query,
    ReportQuery,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm, NameSource
from gateway.statements.envelope import ANSWER, ENVELOPE_OVERHEAD, REQUEST
from gateway.statements.kind import Signed, accept, check_senders
from gateway.statements.request import REQUEST_KIND, read_request, request_reference
from tests.support import sealing
from tests.support.sealing import EXCHANGE, HOUR, NOW, SECOND, TH, VN, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(TH, KEY)


def verify(envelope: bytes, **changes: object) -> Verified[Request]:
    values: dict[str, object] = {"keys": KEYS, "peer": TH, "me": VN, "now_us": NOW} | changes
    return REQUEST_KIND.verify(envelope, **values)  # type: ignore[arg-type]


def built(**changes: object) -> bytes:
    return REQUEST_KIND.build(replace(sealing.REQUEST, **changes), KEY).envelope


def changed(**changes: object) -> bytes:
    """A properly signed request whose payload was changed before it was signed."""
    message = sealing.request_message(built())
    for name, value in changes.items():
        if value is None:
            message.ClearField(name)  # type: ignore[arg-type]
        elif isinstance(getattr(message, name), str | bytes | int):
            setattr(message, name, value)
        else:
            getattr(message, name).CopyFrom(value)
    return envelope_of(message.SerializeToString(), REQUEST, KEY)


QUERIES: list[Query] = [
    PersonQuery((NameForm("สมชาย ใจดี", "Thai", "th", NameSource.VISUAL), NameForm("SOMCHAI")), father="สมพร ใจดี"),
    DocumentQuery("ZZ0000001", "THA"),
    NationalIdQuery("1100000000000", "THA-PIN"),
    VehicleQuery("1กก 1234", "กรุงเทพมหานคร", "THA"),
    ContainerQuery("ABCU1234560"),
    VesselQuery("ນາງ ຂອງ 7", "IMO 9074729", "574001230", "XVAB", "LA-VTE 0417", "LA"),
    VesselQuery(local_reg="LA-VTE 0417"),
    ReportQuery("ซ่อนใต้พื้นรถ", "NARC", "Chiang Rai", "mae-sai.tachilek", "2026-03/2026-05"),
    PhoneQuery("081-234 5678", "TH"),
]


@table("query", QUERIES, ids=lambda query: query.kind)
def test_a_request_arrives_as_it_was_built(query: Query) -> None:
    request = replace(sealing.REQUEST, query=query)
    sealed = REQUEST_KIND.build(request, KEY)
    verified = verify(sealed.envelope)
    assert verified.value == request
    assert verified.payload_hash == sealed.payload_hash
    assert verified.envelope == sealed.envelope
    assert (verified.signer, verified.key_id) == (TH, KEY.key_id)


def test_the_same_request_has_another_hash_each_time() -> None:
    first, other = (REQUEST_KIND.build(sealing.REQUEST, KEY) for _ in range(2))
    assert first.payload_hash != other.payload_hash


def test_we_send_nothing_that_we_would_refuse() -> None:
    with pytest.raises(Malformed):
        REQUEST_KIND.build(replace(sealing.REQUEST, case="", ticket=""), KEY)


# ---------------------------------------------------------------- the numbered checks


def test_check_1_size_and_form_of_the_envelope() -> None:
    """CASE-B3: one byte over the limit is refused before anything is parsed."""
    limit = REQUEST.largest + ENVELOPE_OVERHEAD
    with pytest.raises(TooLarge):
        verify(b"\0" * (limit + 1))
    with pytest.raises(Malformed):
        verify(b"\xff" * limit)


def test_check_1_a_payload_over_its_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        verify(envelope_of(b"\0" * (REQUEST.largest + 1), REQUEST, KEY))


def test_check_1_another_kind_of_statement_is_refused() -> None:
    with pytest.raises(BadSignature) as refusal:
        verify(envelope_of(payload_of(built()), ANSWER, KEY))
    assert refusal.value.code == "wrong-payload-type"


def test_check_2_a_payload_that_does_not_parse_is_refused_even_when_signed() -> None:
    with pytest.raises(Malformed):
        verify(envelope_of(b"\xff\xff", REQUEST, KEY))


def test_check_3_the_sender_is_the_peer() -> None:
    with pytest.raises(BadSignature) as refusal:
        verify(built(), peer="kh")
    assert refusal.value.code == "wrong-sender"


def test_check_4_a_request_for_somebody_else_is_refused() -> None:
    with pytest.raises(Forbidden) as refusal:
        verify(built(), me="kh")
    assert refusal.value.code == "wrong-audience"


def test_check_6_a_signer_that_is_not_listed_is_refused() -> None:
    stranger = new_key()
    with pytest.raises(BadSignature):
        verify(REQUEST_KIND.build(sealing.REQUEST, stranger).envelope)


def test_check_6_comes_before_the_content_is_looked_at() -> None:
    message = sealing.request_message(built())
    message.purpose = "CURIOSITY"
    envelope = envelope_of(message.SerializeToString(), REQUEST, new_key(), keyid=KEY.key_id)
    with pytest.raises(BadSignature):
        verify(envelope)


@table(
    ("changes", "code"),
    [
        ({"purpose": ""}, "missing-purpose"),
        ({"purpose": "CURIOSITY"}, "unknown-purpose"),
        ({"offence": ""}, "missing-offence"),
        ({"offence": "JAYWALKING"}, "unknown-offence"),
        ({"case_number": ""}, "missing-case"),
        ({"agreement": ""}, "missing-agreement"),
        ({"requester": pb.Requester(role="r", office="o", agency="a")}, "missing-officer"),
        ({"requester": pb.Requester(office="o", agency="a", pseudonym="p")}, "missing-role"),
        ({"requester": pb.Requester(role="r", agency="a", pseudonym="p")}, "missing-office"),
        ({"requester": None}, "missing-role"),
        ({"person": None}, "missing-query"),
        ({"blind": b""}, "bad-hash"),
        ({"blind": b"x" * 33}, "bad-hash"),
        ({"token_commitment": b""}, "bad-hash"),
        ({"trust_hash": b"x"}, "bad-hash"),
        ({"policy_hash": None}, "bad-hash"),
        ({"issued_time": None}, "bad-time"),
        ({"expires_time": None}, "bad-time"),
        ({"exchange_id": "0" * 31}, "bad-exchange-id"),
        ({"exchange_id": "0" * 31 + "G"}, "bad-exchange-id"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x")] * 9)}, "bad-query"),
        ({"person": pb.PersonQuery()}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x" * 257)])}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x\0")])}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text=" ")])}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x", script="latin")])}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x", lang="*")])}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x", source="heard")])}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x")], birth="1980-02-30")}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x")], sex="W")}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x")], nationality="thai")}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x")], father="x" * 257)}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x")], father="x\0")}, "bad-query"),
        ({"person": pb.PersonQuery(names=[pb.NameForm(text="x")], father=" ")}, "bad-query"),
        ({"document": pb.DocumentQuery(issuer="THA")}, "bad-query"),
        ({"document": pb.DocumentQuery(number="x" * 41)}, "bad-query"),
        ({"national_id": pb.NationalIdQuery(number="1", scheme="a b")}, "bad-query"),
        ({"vehicle": pb.VehicleQuery(plate="1", province="x" * 65)}, "bad-query"),
        ({"container": pb.ContainerQuery(number="\n")}, "bad-query"),
        ({"vessel": pb.VesselQuery()}, "bad-query"),
        ({"vessel": pb.VesselQuery(flag="LA")}, "bad-query"),
        ({"vessel": pb.VesselQuery(imo="9074728")}, "bad-query"),
        ({"vessel": pb.VesselQuery(name="x" * 257)}, "bad-query"),
        ({"report": pb.ReportQuery()}, "bad-query"),
        ({"report": pb.ReportQuery(period="2026")}, "bad-query"),
        ({"report": pb.ReportQuery(text="x" * 201)}, "bad-query"),
        ({"report": pb.ReportQuery(offence="ANY")}, "bad-query"),
        ({"report": pb.ReportQuery(text="floor", period="2026-13")}, "bad-query"),
    ],
)
def test_check_7_what_is_missing_or_unknown_is_refused_by_its_name(changes: dict[str, object], code: str) -> None:
    with pytest.raises(Malformed) as refusal:
        verify(changed(**changes))
    assert refusal.value.code == code


@table(("seconds", "nanos"), [(0, 0), (-1, 0), (253_402_300_800, 0), (2**62, 0), (1, -1), (1, 10**9), (1, 1)])
def test_check_7_a_time_outside_the_calendar_is_refused(seconds: int, nanos: int) -> None:
    """CASE-E10: no crash at any date."""
    envelope = changed()
    message = sealing.request_message(envelope)
    message.issued_time.seconds, message.issued_time.nanos = seconds, nanos
    with pytest.raises(Malformed) as refusal:
        read_request(message)
    assert refusal.value.code == "bad-time"


@pytest.mark.parametrize("year", [2038, 9999])
def test_check_7_far_dates_are_read(year: int) -> None:
    """CASE-E10."""
    far = (year - 1970) * 31_536_000 * SECOND
    assert verify(built(issued_us=far, expires_us=far + SECOND), now_us=far).value.issued_us == far


@table("seconds", [29, -29, 30, -30])
def test_check_8_a_clock_that_differs_by_29_seconds_is_accepted(seconds: int) -> None:
    """CASE-E7."""
    issued = NOW + seconds * SECOND
    assert verify(built(issued_us=issued, expires_us=issued + 60 * SECOND))


@pytest.mark.parametrize("seconds", [31, -31])
def test_check_8_a_clock_that_differs_by_31_seconds_is_refused(seconds: int) -> None:
    """CASE-E7."""
    issued = NOW + seconds * SECOND
    with pytest.raises(Stale):
        verify(built(issued_us=issued, expires_us=issued + 60 * SECOND))


@table("life", [0, -1, 60 * SECOND + 1, HOUR])
def test_check_8_a_request_lives_more_than_nothing_and_at_most_a_minute(life: int) -> None:
    """CASE-E11: issued = expires, expires before issued."""
    with pytest.raises(Stale):
        verify(built(issued_us=NOW + SECOND, expires_us=NOW + SECOND + life))


def test_check_8_a_request_that_expires_now_is_refused() -> None:
    """CASE-E11."""
    envelope = built(issued_us=NOW - 10 * SECOND, expires_us=NOW)
    assert verify(envelope, now_us=NOW - 1)
    with pytest.raises(Stale):
        verify(envelope)


# ---------------------------------------------------------------- parts


def test_a_stage_may_check_step_by_step() -> None:
    opened = REQUEST_KIND.open(built())
    (signed,) = check_senders([(opened, TH)], keys=KEYS, me=VN, now_us=NOW)
    assert isinstance(signed, Signed)
    assert accept(signed, NOW).value == sealing.REQUEST
    assert read_request(opened.message) == sealing.REQUEST == REQUEST_KIND.parse(opened.unsealed.payload)


def test_a_refusal_can_name_the_request_that_it_refuses() -> None:
    envelope = changed(purpose="")
    reference = request_reference(envelope)
    assert reference is not None
    assert reference.exchange_id == EXCHANGE
    assert reference.request_hash == REQUEST_KIND.open(envelope).unsealed.payload_hash


@pytest.mark.parametrize("envelope", [b"", b"\xff", changed(exchange_id="../etc")], ids=["empty", "bytes", "no-id"])
def test_what_names_no_exchange_has_no_reference(envelope: bytes) -> None:
    assert request_reference(envelope) is None


@given(
    st.from_regex(r"[A-Z0-9]{1,40}", fullmatch=True),
    st.text(st.characters(categories=["L", "N", "Mn", "Mc"]), min_size=1, max_size=64),
)
def test_any_query_text_survives_the_wire(number: str, province: str) -> None:
    for query in (DocumentQuery(number), VehicleQuery(number, province)):
        try:
            envelope = built(query=query)
        except LiaisonError:
            assert not province.strip()
            continue
        assert verify(envelope).value.query == query
