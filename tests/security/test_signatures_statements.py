"""CASE-C for statements."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from liaison.exchange.v1 import envelope_pb2

from gateway.clock import ManualClock
from gateway.errors import BadSignature, Forbidden, Refused
from gateway.model.exchange import Request, Verified
from gateway.signing.dsse import pae
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.statements.answer import ANSWER_KIND, verify_answer
from gateway.statements.envelope import ANSWER, REQUEST, parse
from gateway.statements.receipt import RECEIPT
from gateway.statements.request import REQUEST_KIND
from tests.support import sealing
from tests.support.federation import Federation, make_federation
from tests.support.sealing import (
    EXCHANGE,
    HOUR,
    NOON,
    NOW,
    REQUEST_HASH,
    TH,
    VN,
    ListedKeys,
    envelope_of,
    new_key,
    payload_of,
)
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(TH, KEY)
KEYS.add(VN, KEY)
ENVELOPE = REQUEST_KIND.build(sealing.REQUEST, KEY).envelope
ANSWERED = ANSWER_KIND.build(sealing.ANSWER, KEY).envelope


def verify(envelope: bytes, keys: ListedKeys = KEYS) -> Verified[Request]:
    return REQUEST_KIND.verify(envelope, keys=keys, peer=TH, me=VN, now_us=NOW)


def with_signatures(*signatures: envelope_pb2.Signature) -> bytes:
    envelope = envelope_pb2.Envelope.FromString(ENVELOPE)
    del envelope.signatures[:]
    envelope.signatures.extend(signatures)
    return envelope.SerializeToString()


def flipped(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


@given(st.integers(0, len(ENVELOPE) * 8 - 1))
def test_c1_a_request_with_one_bit_changed_is_refused(position: int) -> None:
    with pytest.raises(Refused):
        verify(flipped(ENVELOPE, position))


@given(st.integers(0, len(ANSWERED) * 8 - 1))
def test_c1_an_answer_with_one_bit_changed_is_refused(position: int) -> None:
    with pytest.raises(Refused):
        verify_answer(
            flipped(ANSWERED, position),
            keys=KEYS,
            member=VN,
            me=TH,
            request_hash=REQUEST_HASH,
            exchange_id=EXCHANGE,
            now_us=NOW,
        )


@given(st.integers(0, len(payload_of(ENVELOPE)) * 8 - 1))
def test_c1_a_changed_payload_that_still_parses_is_not_permitted(position: int) -> None:
    payload = flipped(payload_of(ENVELOPE), position)
    try:
        parse(type(sealing.request_message(ENVELOPE)), payload, "request")
    except Refused:
        return
    envelope = envelope_pb2.Envelope.FromString(ENVELOPE)
    envelope.payload = payload
    with pytest.raises(Forbidden):
        verify(envelope.SerializeToString())


def test_c2_the_signature_of_another_statement_is_refused() -> None:
    other = envelope_pb2.Envelope.FromString(REQUEST_KIND.build(sealing.REQUEST, KEY).envelope)
    with pytest.raises(BadSignature):
        verify(with_signatures(other.signatures[0]))


@pytest.mark.parametrize("kind", [ANSWER, RECEIPT, REQUEST.upper(), REQUEST + " ", ""])
def test_c3_the_same_bytes_under_another_payload_type_are_refused(kind: str) -> None:
    envelope = envelope_pb2.Envelope.FromString(ENVELOPE)
    envelope.payload_type = kind
    with pytest.raises(BadSignature):
        verify(envelope.SerializeToString())


def test_c3_a_signature_over_another_payload_type_is_refused() -> None:
    payload = payload_of(ENVELOPE)
    with pytest.raises(BadSignature):
        verify(envelope_of(payload, REQUEST, KEY, sig=KEY.sign(pae(ANSWER, payload))))


def test_c5_no_signature_two_and_many_are_refused() -> None:
    right = envelope_pb2.Envelope.FromString(ENVELOPE).signatures[0]
    for signatures in ((), (right, right), (right, envelope_pb2.Signature()), (right,) * 100):
        with pytest.raises(BadSignature):
            verify(with_signatures(*signatures))
    with pytest.raises(Refused):
        verify(with_signatures(*[right] * 1_000))


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


GOOD = KEY.sign(pae(REQUEST, payload_of(ENVELOPE)))
R, S = int.from_bytes(GOOD[:32], "big"), int.from_bytes(GOOD[32:], "big")


@table(
    "signature",
    [
        b"",
        GOOD[:63],
        GOOD + b"\0",
        GOOD + bytes(8),
        bytes(64),
        raw(0, S),
        raw(R, 0),
        raw(2**256 - 1, S),
        encode_dss_signature(R, S),
    ],
    ids=["empty", "63", "65", "72", "zeros", "r-zero", "s-zero", "r-too-large", "der"],
)
def test_c7_a_signature_that_is_not_r_and_s_is_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(envelope_of(payload_of(ENVELOPE), REQUEST, KEY, sig=signature))


def test_c8_the_message_cannot_choose_an_algorithm() -> None:
    """There is no field for one, and one that is smuggled in is unknown."""
    assert [field.name for field in envelope_pb2.Signature.DESCRIPTOR.fields] == ["sig", "keyid"]
    signature = envelope_pb2.Signature.FromString(
        envelope_pb2.Envelope.FromString(ENVELOPE).signatures[0].SerializeToString() + b"\x1a\x05ES384"
    )
    with pytest.raises(Refused):
        verify(with_signatures(signature))


@pytest.mark.parametrize(
    "key_id",
    ["", "x" * 64, "0" * 63, new_key().key_id, KEY.key_id.upper()],
    ids=["empty", "not-hex", "short", "unlisted", "capitals"],
)
def test_c8_a_key_id_that_is_not_listed_is_refused(key_id: str) -> None:
    with pytest.raises(BadSignature):
        verify(envelope_of(payload_of(ENVELOPE), REQUEST, KEY, keyid=key_id))


@pytest.mark.parametrize("use", ["tls", "log", "witness", "agency/police", "approver"])
def test_c10_a_key_listed_for_another_use_signs_no_statement(use: str) -> None:
    keys = ListedKeys()
    keys.add(TH, KEY, use)
    with pytest.raises(BadSignature):
        verify(ENVELOPE, keys)


@pytest.mark.parametrize(("start", "stop"), [(NOW + 720 * HOUR, 2**62), (0, NOW - HOUR), (0, NOW)])
def test_c11_a_key_outside_its_time_signs_no_statement(start: int, stop: int) -> None:
    keys = ListedKeys()
    keys.add(TH, KEY, start=start, stop=stop)
    with pytest.raises(BadSignature):
        verify(ENVELOPE, keys)


class StumblingKey(VerifyKey):
    def verify(self, signature: bytes, data: bytes) -> None:
        raise ZeroDivisionError


class Stumbling(ListedKeys):
    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        raise ZeroDivisionError


class WithStumblingKey(ListedKeys):
    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        private = ec.generate_private_key(ec.SECP256R1())
        return StumblingKey(SigningKey(private).spki, private.public_key())


@pytest.mark.parametrize("keys", [Stumbling(), WithStumblingKey()])
def test_c14_an_unexpected_exception_is_a_refusal(keys: ListedKeys) -> None:
    with pytest.raises(BadSignature):
        verify(ENVELOPE, keys)


# ---------------------------------------------------------------- against real descriptors


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(NOON))


def test_a_listed_statement_key_of_a_member_signs(federation: Federation) -> None:
    envelope = REQUEST_KIND.build(sealing.REQUEST, federation["th"].key("statement")).envelope
    assert REQUEST_KIND.verify(envelope, keys=federation.view("vn"), peer=TH, me=VN, now_us=NOW)


@pytest.mark.parametrize("file", ["tls", "log", "witness", "status", "agency-police"])
def test_c10_no_other_key_of_the_same_member_signs_a_statement(federation: Federation, file: str) -> None:
    envelope = REQUEST_KIND.build(sealing.REQUEST, federation["th"].key(file)).envelope
    with pytest.raises(BadSignature):
        REQUEST_KIND.verify(envelope, keys=federation.view("vn"), peer=TH, me=VN, now_us=NOW)


def test_c10_the_statement_key_of_another_member_is_refused(federation: Federation) -> None:
    envelope = REQUEST_KIND.build(sealing.REQUEST, federation["kh"].key("statement")).envelope
    with pytest.raises(BadSignature):
        REQUEST_KIND.verify(envelope, keys=federation.view("vn"), peer=TH, me=VN, now_us=NOW)
