"""A new passkey is taken from what a browser answers, and from nothing else."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LiaisonError, Malformed
from gateway.signing.passkeys.authenticator_data import read_authenticator_data
from gateway.signing.passkeys.base64url import encode_url64
from gateway.signing.passkeys.cbor import read_item, read_whole
from gateway.signing.passkeys.client_data import Ceremony
from gateway.signing.passkeys.public_key import CoseAlgorithm, PasskeyKey
from gateway.signing.passkeys.registration import asked_for, registration_options, verify_registration
from tests.support.authenticator import ORIGIN, PRESENT, RP_ID, Authenticator, cbor, client_data
from tests.support.tables import table

OPTIONS = registration_options(RP_ID, "th.d.7", [b"known"])
CHALLENGE = asked_for(OPTIONS)[2]


@pytest.mark.parametrize("algorithm", CoseAlgorithm)
def test_a_new_passkey_is_taken(algorithm: CoseAlgorithm) -> None:
    device = Authenticator(algorithm, counter=3, aaguid=secrets.token_bytes(16), extensions={"credProtect": 2})
    made = verify_registration(device.create(CHALLENGE), RP_ID, CHALLENGE, [ORIGIN])
    assert (made.credential, made.key.spki, made.counter) == (device.credential, device.spki, 3)
    assert made.key.algorithm is algorithm
    assert made.aaguid == device.aaguid


def test_the_options_demand_that_the_human_is_verified_and_name_what_is_known() -> None:
    assert asked_for(OPTIONS)[:2] == (RP_ID, "th.d.7")
    assert OPTIONS["authenticatorSelection"]["userVerification"] == "required"
    assert OPTIONS["excludeCredentials"] == [{"type": "public-key", "id": encode_url64(b"known")}]
    assert registration_options(RP_ID, "th.d.7")["challenge"] != OPTIONS["challenge"]


@table("rp_id", ["", "TH.example", "th.example.", "10.0.0.1", "https://th.example", "a" * 300, "ท.th"])
def test_a_relying_party_is_a_domain(rp_id: str) -> None:
    with pytest.raises(Malformed):
        registration_options(rp_id, "th.d.7")


@table("value", [None, {}, [], {"rp": {"id": 1}, "user": {"name": "x"}, "challenge": "AA"}])
def test_other_options_are_refused(value: Any) -> None:
    with pytest.raises(LiaisonError):
        asked_for(value)
    with pytest.raises(LiaisonError):
        asked_for(OPTIONS | {"challenge": "AAAA"})


def code_of(answer: Any, challenge: bytes = CHALLENGE) -> str:
    with pytest.raises(LiaisonError) as refused:
        verify_registration(answer, RP_ID, challenge)
    return refused.value.code


def attested(device: Authenticator, changes: dict[int, Any] | bytes, **more: Any) -> dict[str, Any]:
    """An answer with another key, or other bytes behind the credential's id."""
    key = changes if isinstance(changes, bytes) else cbor({**device.cose(), **changes})
    head = device.aaguid + len(device.credential).to_bytes(2, "big") + device.credential
    value = {"fmt": "none", "attStmt": {}, "authData": device.data(head + key)} | more
    said = client_data(Ceremony.CREATE, CHALLENGE)
    return device.answer({"clientDataJSON": encode_url64(said), "attestationObject": encode_url64(cbor(value))})


def test_a_registration_of_something_else_is_refused() -> None:
    device = Authenticator()
    assert code_of(device.create(CHALLENGE), bytes(32)) == "other-challenge"
    assert code_of(device.create(CHALLENGE, type="webauthn.get")) == "other-ceremony"
    assert code_of(device.create(CHALLENGE, origin="https://evil.example")) == "other-origin"
    assert code_of(Authenticator(rp_id="evil.example").create(CHALLENGE)) == "other-relying-party"
    assert code_of(Authenticator(flags=PRESENT).create(CHALLENGE)) == "human-not-verified"
    named = encode_url64(b"another")
    assert code_of(device.create(CHALLENGE) | {"id": named, "rawId": named}) == "other-credential"
    assert code_of(attested(device, {}, authData="text")) == "bad-passkey"
    assert code_of(attested(device, {}, authData=device.data())) == "bad-passkey"


@table(
    "changes",
    [
        {3: -35},
        {3: -8},
        {1: 1},
        {-1: 2},
        {-2: bytes(31)},
        {-2: b"\xff" * 32},
        {-2: 7},
        {4: [2]},
        b"",
        b"\x80",
        b"\xa1",
        b"\xbf\xff",
        b"\xa2\x01\x02\x01\x02",
    ],
)
def test_a_key_that_is_not_admitted_is_refused(changes: dict[int, Any] | bytes) -> None:
    code_of(attested(Authenticator(), changes))


@pytest.mark.parametrize("changes", [{-2: bytes(32)}, {-2: b"\x01" + bytes(31)}])
def test_a_point_of_low_order_is_refused(changes: dict[int, Any]) -> None:
    assert code_of(attested(Authenticator(CoseAlgorithm.EDDSA), changes)) == "key-not-admitted"


@pytest.mark.long
@table("changes", [{-1: b"\xff" * 128}, {-2: b"\x00\x00\x03"}, {-1: b"\xff" * 513}, {-2: b"\x03"}])
def test_a_weak_rsa_key_is_refused(changes: dict[int, Any]) -> None:
    code_of(attested(Authenticator(CoseAlgorithm.RS256), changes))


@pytest.mark.parametrize("spki", [b"", b"x" * 700, b"\x30\x00"])
def test_what_is_no_key_is_not_admitted(spki: bytes) -> None:
    with pytest.raises(LiaisonError):
        PasskeyKey.admit(spki)


@table(
    "data",
    [
        b"",
        b"\x18",
        b"\x1c",
        b"\x41",
        b"\x5f\x41a\xff",
        b"\xc0\x00",
        b"\x61\xff",
        b"\x9a\xff\xff\xff\xff",
        b"\xba\xff\xff\xff\xff",
        b"\x81" * 20 + b"\x00",
        b"\xa1\xf5\x00",
        b"\x00\x00",
        b"\xf8\x20",
    ],
)
def test_other_cbor_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_whole(data)


def test_cbor_is_read_as_authenticators_write_it() -> None:
    value = {1: -257, "a": [True, False, b"\0" * 300, 70_000], -1: {"x": 2**40}}
    assert read_whole(cbor(value)) == value
    assert read_item(b"\xfb\x3f\xf0\0\0\0\0\0\0" + b"rest") == (1.0, 9)
    assert read_whole(b"\xf6") is None


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for read in (read_whole, read_authenticator_data):
        try:
            read(data)
        except LiaisonError:
            continue
