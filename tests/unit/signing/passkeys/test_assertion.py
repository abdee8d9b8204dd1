"""A passkey proves that a human's own authenticator signed exactly these bytes, and nothing that is changed passes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import BadSignature, LiaisonError, Malformed
from gateway.signing.passkeys.assertion import (
    Assertion,
    browser_assertion,
    challenge_of,
    goes_on,
    kept_assertion,
    verify_assertion,
)
from gateway.signing.passkeys.base64url import decode_url64, encode_url64
from gateway.signing.passkeys.client_data import Ceremony, is_origin_of
from gateway.signing.passkeys.public_key import CoseAlgorithm, PasskeyKey
from tests.support.authenticator import (
    BACKED_UP,
    ELIGIBLE,
    ORIGIN,
    PRESENT,
    RP_ID,
    VERIFIED,
    Authenticator,
    cbor,
    client_data,
)
from tests.support.tables import table

TYPE, PAYLOAD = "application/vnd.liaison.test.v1+protobuf", b"five of nine fields"
CHALLENGE = challenge_of(TYPE, PAYLOAD)


def code_of(device: Authenticator, answer: Any, challenge: bytes = CHALLENGE, **more: Any) -> str:
    with pytest.raises(LiaisonError) as refused:
        verify_assertion(browser_assertion(answer), PasskeyKey.admit(device.spki), RP_ID, challenge, **more)
    return refused.value.code


@pytest.mark.parametrize("algorithm", CoseAlgorithm)
def test_an_assertion_over_the_hash_of_a_payload_verifies(algorithm: CoseAlgorithm) -> None:
    device = Authenticator(algorithm, counter=41)
    assertion = browser_assertion(device.get(CHALLENGE))
    key = PasskeyKey.admit(device.spki)
    assert key.algorithm is algorithm
    used = verify_assertion(assertion, key, RP_ID, CHALLENGE, [ORIGIN])
    assert (used.counter, used.backed_up) == (42, False)
    assert kept_assertion(json.loads(json.dumps(assertion.as_json()))) == assertion


@pytest.mark.long
@pytest.mark.parametrize("algorithm", CoseAlgorithm)
def test_another_payload_type_or_key_does_not_verify(algorithm: CoseAlgorithm) -> None:
    device, other = Authenticator(algorithm), Authenticator(algorithm)
    answer = device.get(CHALLENGE)
    assert code_of(device, answer, challenge_of(TYPE, PAYLOAD + b"!")) == "other-challenge"
    assert code_of(device, answer, challenge_of(TYPE[:-1], TYPE[-1:].encode() + PAYLOAD)) == "other-challenge"
    assert code_of(other, answer) == "bad-signature"
    assert code_of(Authenticator(CoseAlgorithm.EDDSA), Authenticator(CoseAlgorithm.ES256).get(CHALLENGE))


@table(
    ("flags", "code"),
    [
        (VERIFIED, "human-not-present"),
        (PRESENT, "human-not-verified"),
        (0, "human-not-present"),
        (PRESENT | VERIFIED | BACKED_UP, "bad-passkey-flags"),
    ],
)
def test_the_human_was_present_and_verified(flags: int, code: str) -> None:
    device = Authenticator(flags=flags)
    assert code_of(device, device.get(CHALLENGE)) == code


def test_a_key_that_is_copied_to_other_devices_is_told() -> None:
    device = Authenticator(flags=PRESENT | VERIFIED | ELIGIBLE | BACKED_UP)
    used = verify_assertion(browser_assertion(device.get(CHALLENGE)), PasskeyKey.admit(device.spki), RP_ID, CHALLENGE)
    assert used.backed_up


@table(
    ("client", "code"),
    [
        ({"type": "webauthn.create"}, "other-ceremony"),
        ({"type": "payment.get"}, "other-ceremony"),
        ({"challenge": encode_url64(CHALLENGE) + "="}, "other-challenge"),
        ({"challenge": encode_url64(CHALLENGE)[:-1]}, "other-challenge"),
        ({"challenge": None}, "other-challenge"),
        ({"origin": "https://desk.th.example.evil.example"}, "other-origin"),
        ({"origin": "https://evildesk.th.example"}, "other-origin"),
        ({"origin": "http://desk.th.example"}, "other-origin"),
        ({"origin": "https://desk.th.example@evil.example"}, "other-origin"),
        ({"origin": "https://desk.th.example/"}, "other-origin"),
        ({"origin": ["https://desk.th.example"]}, "other-origin"),
        ({"crossOrigin": True}, "cross-origin"),
        ({"crossOrigin": "false"}, "cross-origin"),
        ({"topOrigin": "https://evil.example"}, "cross-origin"),
        ({"more": "x" * 5000}, "passkey-too-large"),
    ],
)
def test_what_the_browser_says_is_checked(client: dict[str, Any], code: str) -> None:
    device = Authenticator()
    assert code_of(device, device.get(CHALLENGE, **client)) == code


def test_members_and_extensions_that_are_not_known_have_no_effect() -> None:
    device = Authenticator(extensions={"appid": True, "x": {"deep": [1, -2, b"", "text"]}})
    answer = device.get(CHALLENGE, other_keys_can_be_added_here="do not compare", crossOrigin=None)
    verify_assertion(browser_assertion(answer), PasskeyKey.admit(device.spki), RP_ID, CHALLENGE)


def test_one_of_several_origins_is_demanded_where_they_are_given() -> None:
    device = Authenticator(origin="https://old.desk.th.example:8443")
    verify_assertion(browser_assertion(device.get(CHALLENGE)), PasskeyKey.admit(device.spki), RP_ID, CHALLENGE)
    assert code_of(device, device.get(CHALLENGE), origins=[ORIGIN]) == "other-origin"


@table(
    ("origin", "rp_id", "fits"),
    [
        ("https://th.example", "th.example", True),
        ("https://desk.th.example:8443", "th.example", True),
        ("http://localhost:8080", "localhost", True),
        ("https://th.example", "desk.th.example", False),
        ("https://TH.example", "th.example", False),
        ("https://th.example.", "th.example", False),
        ("https://th.example:0", "th.example", False),
        ("null", "th.example", False),
        ("android:apk-key-hash:x", "th.example", False),
    ],
)
def test_an_origin_is_the_relying_party_or_below_it(origin: str, rp_id: str, fits: bool) -> None:
    assert is_origin_of(origin, rp_id) is fits


def test_another_relying_party_is_refused() -> None:
    device = Authenticator(rp_id="th.example")
    assert code_of(device, device.get(CHALLENGE)) == "other-relying-party"


def test_doubled_members_do_not_get_in() -> None:
    device = Authenticator()
    good = client_data(Ceremony.GET, CHALLENGE)
    twice = good.replace(b'{"type"', b'{"challenge":"AA","type"', 1)
    data = device.data()
    signed = device.sign(data + hashlib.sha256(twice).digest())
    with pytest.raises(Malformed, match="occurs twice"):
        verify_assertion(
            Assertion(device.credential, data, twice, signed), PasskeyKey.admit(device.spki), RP_ID, CHALLENGE
        )


Change = Callable[[Assertion], Assertion]


@pytest.mark.long
@table(
    "change",
    [
        lambda item: replace(item, authenticator=item.authenticator[:-1]),
        lambda item: replace(item, authenticator=item.authenticator + b"\0"),
        lambda item: replace(item, authenticator=item.authenticator[:32] + b"\x85" + item.authenticator[33:]),
        lambda item: replace(item, authenticator=item.authenticator[:36] + b"\x09"),
        lambda item: replace(item, authenticator=item.authenticator + b"\0" * 5000),
        lambda item: replace(item, client=item.client + b" "),
        lambda item: replace(item, client=b"\xef\xbb\xbf" + item.client),
        lambda item: replace(item, client=b"[]"),
        lambda item: replace(item, signature=item.signature + b"\0"),
        lambda item: replace(item, signature=item.signature[:-1]),
        lambda item: replace(item, signature=b"\x30\x06\x02\x01\x00\x02\x01\x00"),
        lambda item: replace(item, signature=bytes(64)),
        lambda item: replace(item, signature=b"\x30\x80" + item.signature[2:] + b"\0\0"),
    ],
)
@table("algorithm", CoseAlgorithm)
def test_a_changed_assertion_is_refused(algorithm: CoseAlgorithm, change: Change) -> None:
    device = Authenticator(algorithm)
    assertion = change(browser_assertion(device.get(CHALLENGE)))
    with pytest.raises(LiaisonError):
        verify_assertion(assertion, PasskeyKey.admit(device.spki), RP_ID, CHALLENGE)


def test_an_authenticator_that_made_a_credential_instead_of_signing_is_refused() -> None:
    device = Authenticator()
    attested = bytes(16) + (1).to_bytes(2, "big") + b"x"
    data, said = device.data(attested + cbor(device.cose())), client_data(Ceremony.GET, CHALLENGE)
    signed = device.sign(data + hashlib.sha256(said).digest())
    with pytest.raises(BadSignature, match="new credential"):
        verify_assertion(
            Assertion(device.credential, data, said, signed), PasskeyKey.admit(device.spki), RP_ID, CHALLENGE
        )


@table("text", ["", "AA==", "AA=", "A", "AB", "AAAAA", "+/8", "AA ", "AA\n", "ＡＡ", None, 7, "A" * 40])
def test_base64url_has_one_form(text: Any) -> None:
    with pytest.raises(LiaisonError):
        decode_url64(text, "x", 16)


@table("size", range(1, 17))
def test_base64url_is_read_as_it_is_written(size: int) -> None:
    data = bytes(range(size))
    assert decode_url64(encode_url64(data), "x", 16) == data


@table(
    "change",
    [
        {"type": "password"},
        {"rawId": "AAAA"},
        {"response": None},
        {"response": []},
        {"id": "AA==", "rawId": "AA=="},
        {"id": None, "rawId": None},
    ],
)
def test_an_answer_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LiaisonError):
        browser_assertion(Authenticator().get(CHALLENGE) | change)


@table("value", [None, [], {}, {"credential": "AA"}, "x"])
def test_a_kept_assertion_has_its_four_members(value: Any) -> None:
    with pytest.raises(Malformed):
        kept_assertion(value)
    with pytest.raises(Malformed):
        kept_assertion(browser_assertion(Authenticator().get(CHALLENGE)).as_json() | {"more": "AA"})


def test_a_counter_goes_on_or_is_not_there() -> None:
    assert goes_on(0, 0)
    assert goes_on(0, 5)
    assert goes_on(5, 6)
    assert not goes_on(5, 5)
    assert not goes_on(5, 4)
    assert not goes_on(5, 0)
