"""CASE-B for statements: whatever comes in, the answer is a refusal with a code."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liaison.exchange.v1 import envelope_pb2
from liaison.exchange.v1 import statements_pb2 as pb

from gateway.errors import Malformed, Refused, TooLarge
from gateway.statements.account import ACCOUNT_KIND, verify_account_answer
from gateway.statements.answer import ANSWER_KIND, verify_answer
from gateway.statements.envelope import ANSWER, REQUEST, PayloadType, unseal
from gateway.statements.receipt import RECEIPT, RECEIPT_KIND
from gateway.statements.request import REQUEST_KIND, request_reference
from tests.support import sealing
from tests.support.load import effort
from tests.support.sealing import EXCHANGE, NOW, REQUEST_HASH, TH, VN, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(TH, KEY)
KEYS.add(VN, KEY)
ENVELOPE = REQUEST_KIND.build(sealing.REQUEST, KEY).envelope
PAYLOAD = payload_of(ENVELOPE)


def request(envelope: bytes) -> object:
    return REQUEST_KIND.verify(envelope, keys=KEYS, peer=TH, me=VN, now_us=NOW)


def answer(envelope: bytes) -> object:
    return verify_answer(
        envelope, keys=KEYS, member=VN, me=TH, request_hash=REQUEST_HASH, exchange_id=EXCHANGE, now_us=NOW
    )


def receipt(envelope: bytes) -> object:
    return RECEIPT_KIND.verify(envelope, keys=KEYS, peer=TH, me=VN, now_us=NOW)


def account(envelope: bytes) -> object:
    return ACCOUNT_KIND.verify(envelope, keys=KEYS, peer=TH, me=VN, now_us=NOW)


def account_answer(envelope: bytes) -> object:
    return verify_account_answer(envelope, keys=KEYS, peer=TH, me=VN, account_hash=REQUEST_HASH, now_us=NOW)


VERIFIERS = [request, answer, receipt, account, account_answer]
PARSERS = [REQUEST_KIND.parse, ANSWER_KIND.parse, RECEIPT_KIND.parse]


def timed(call: Callable[[], object], kind: type[Refused] = Refused) -> None:
    """`call` is refused in under 50 ms."""
    with effort() as spent, pytest.raises(kind):
        call()
    assert spent.seconds < 0.05


@given(st.sampled_from(VERIFIERS), st.binary(max_size=600))
def test_b1_random_bytes_are_refused(verify: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(Refused):
        verify(data)
    assert request_reference(data) is None


@given(st.sampled_from(PARSERS), st.binary(max_size=600))
def test_b1_random_payloads_are_malformed(parse: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


@given(st.integers(0, len(ENVELOPE) - 1))
def test_b1_a_truncated_envelope_is_refused(length: int) -> None:
    with pytest.raises(Refused):
        request(ENVELOPE[:length])


@given(st.integers(0, len(PAYLOAD) - 1))
def test_b1_a_truncated_payload_is_malformed(length: int) -> None:
    with pytest.raises(Malformed):
        REQUEST_KIND.parse(PAYLOAD[:length])


@table(
    "extra",
    [
        b"\x00\x01",
        b"\x18\x01",
        b"\x1d\0\0\0\0",
        b"\x1b\x1c",
        b"\x1c",
        b"\x1a\x82\x80\x00th",
        b"\x9a\x80\x00\x02th",
        b"\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        b"\x1a\xff\xff\xff\xff\x0f",
        b"\x1a\x00",
        b"\x1a\x02th",
    ],
    ids=[
        "field zero",
        "number for a text",
        "fixed for a text",
        "group",
        "end of no group",
        "over-long length",
        "over-long tag",
        "number of eleven bytes",
        "length beyond the end",
        "explicit nothing",
        "field twice",
    ],
)
def test_b1_a_message_has_one_form(extra: bytes) -> None:
    with pytest.raises(Malformed):
        REQUEST_KIND.parse(PAYLOAD + extra)
    with pytest.raises(Refused):
        unseal(ENVELOPE + extra, REQUEST)


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xe0\xb8"])
def test_b2_invalid_utf_8_is_malformed(text: bytes) -> None:
    name = b"\x0a" + bytes([len(text)]) + text
    person = b"\x0a" + bytes([len(name)]) + name
    message = sealing.request_message(ENVELOPE)
    message.ClearField("person")
    with pytest.raises(Malformed):
        REQUEST_KIND.parse(message.SerializeToString() + b"\x82\x01" + bytes([len(person)]) + person)


@pytest.mark.timed
@pytest.mark.parametrize(("kind", "verify"), [(REQUEST, request), (ANSWER, answer), (RECEIPT, receipt)])
def test_b3_a_payload_one_byte_over_the_limit_is_refused(kind: PayloadType, verify: Callable[[bytes], object]) -> None:
    timed(lambda: verify(envelope_of(b"\0" * (kind.largest + 1), kind, KEY)), TooLarge)


@pytest.mark.timed
@pytest.mark.parametrize("depth", [101, 5_000])
def test_b4_nesting_is_refused_at_once(depth: int) -> None:
    """As groups of an unknown field, the only way to nest in a message without recursion of its own."""
    groups = b"\xfb\x07" * depth + b"\xfc\x07" * depth
    timed(lambda: REQUEST_KIND.parse((PAYLOAD + groups)[: REQUEST.largest]), Malformed)
    timed(lambda: request(ENVELOPE + groups))


@pytest.mark.timed
def test_b5_a_million_empty_items_are_refused_by_size() -> None:
    timed(lambda: request(ENVELOPE + b"\x1a\x00" * 1_000_000), TooLarge)


@pytest.mark.timed
def test_b5_as_many_empty_items_as_fit_are_refused_by_count() -> None:
    message = sealing.request_message(ENVELOPE)
    message.ClearField("person")
    room = (REQUEST.largest - message.ByteSize() - 8) // 2
    message.person.names.extend([pb.NameForm()] * room)
    payload = message.SerializeToString()
    timed(lambda: REQUEST_KIND.parse(payload), Malformed)
    timed(lambda: request(envelope_of(payload, REQUEST, KEY)), Malformed)
    signatures = envelope_pb2.Envelope(payload=PAYLOAD, payload_type=REQUEST)
    signatures.signatures.extend([envelope_pb2.Signature()] * room)
    timed(lambda: request(signatures.SerializeToString()))


@pytest.mark.timed
@pytest.mark.parametrize("field", ["hits", "missing"])
def test_b5_an_answer_has_a_limit_for_each_list(field: str) -> None:
    message = pb.Answer(blind=bytes(32), outcome=pb.OUTCOME_HIT)
    if field == "hits":
        message.hits.extend([pb.Hit()] * 30_000)
    else:
        message.missing.extend([""] * 30_000)
    message.padding = bytes(65_536 - message.ByteSize() - 4)
    timed(lambda: ANSWER_KIND.parse(message.SerializeToString()), Malformed)


@pytest.mark.timed
def test_b5_a_receipt_has_a_limit_for_its_gaps() -> None:
    message = pb.Receipt(blind=bytes(32), gaps=range(12_000))
    timed(lambda: RECEIPT_KIND.parse(message.SerializeToString()), Malformed)


UNKNOWN = b"\xfa\x07\x01x"


def test_b10_an_unknown_field_is_refused_wherever_it_stands() -> None:
    with pytest.raises(Malformed):
        request(ENVELOPE + UNKNOWN)
    with pytest.raises(Malformed):
        request(envelope_of(PAYLOAD + UNKNOWN, REQUEST, KEY))
    inner: list[Callable[[pb.Request], object]] = [
        lambda m: m.requester.MergeFromString(UNKNOWN),
        lambda m: m.person.MergeFromString(UNKNOWN),
        lambda m: m.person.names[0].MergeFromString(UNKNOWN),
        lambda m: m.issued_time.MergeFromString(UNKNOWN),
    ]
    for change in inner:
        message = sealing.request_message(ENVELOPE)
        change(message)
        with pytest.raises(Malformed) as refusal:
            request(envelope_of(message.SerializeToString(), REQUEST, KEY))
        assert refusal.value.code == "unknown-field"


LOOKALIKES = [
    unicodedata.normalize("NFC", "the\u0301"),
    unicodedata.normalize("NFD", "th\u00e9"),
    "th\uff11",
    "t\u200dh",
    "\u202eht",
    "th\u0430",
    "\u212ah",
    "th\u0131",
    "th ",
    "th\0",
    "TH",
    "../th",
    "x" * 65,
]


@table("value", LOOKALIKES, ids=ascii)
@table("field", ["exchange_id", "sender", "recipient", "agreement", "case_number", "ticket"])
def test_b12_identifiers_are_ascii_with_a_limit(field: str, value: str) -> None:
    if (field, value) in {("case_number", "TH"), ("ticket", "TH")}:
        return
    message = sealing.request_message(ENVELOPE)
    setattr(message, field, value)
    with pytest.raises(Malformed):
        REQUEST_KIND.parse(message.SerializeToString())


@table("value", LOOKALIKES, ids=ascii)
@table("field", ["role", "office", "agency", "pseudonym"])
def test_b12_the_officer_is_ascii_with_a_limit(field: str, value: str) -> None:
    message = sealing.request_message(ENVELOPE)
    setattr(message.requester, field, value)
    with pytest.raises(Malformed):
        REQUEST_KIND.parse(message.SerializeToString())


@table("name", ["สมชาย", "សុខ\u200bវិចិត្រ", "အောင်", "Nguyễn", "Nguye\u0302\u0303n", "‘ʻAna", "李"])
def test_b13_names_are_kept_as_they_came(name: str) -> None:
    message = sealing.request_message(ENVELOPE)
    message.person.names[0].text = name
    message.person.names[0].script = ""
    query = REQUEST_KIND.parse(message.SerializeToString()).query
    assert query.names[0].text == name  # type: ignore[union-attr]
