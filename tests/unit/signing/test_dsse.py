"""DSSE documents: exact bytes, one form, thresholds of different keys (CASE-C1 to CASE-C5, CASE-C12, CASE-J1,
CASE-J2)."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadSignature, Contradicted, Malformed, Refused
from gateway.signing.blind import check_commitment, commit, new_salt
from gateway.signing.dsse import (
    add_signature,
    encode64,
    pae,
    parse_document,
    sign_document,
    verify_threshold,
)
from gateway.signing.keys import SigningKey

KIND = "application/vnd.liaison.test+json"
A, B, C = (SigningKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(3))
D = SigningKey(ed25519.Ed25519PrivateKey.generate())
KEYS = [key.verify_key() for key in (A, B, C, D)]


def test_the_published_vector() -> None:
    """The example of the DSSE specification."""
    encoded = pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(max_size=10), st.text(max_size=10))
def test_different_contents_have_different_signed_bytes(one: bytes, other: bytes, kind: str, kind2: str) -> None:
    kind, kind2 = (text.encode("utf-8", "replace").decode() for text in (kind, kind2))
    assert (pae(kind, one) == pae(kind2, other)) == ((kind, one) == (kind2, other))


@given(st.binary(max_size=300))
def test_a_document_comes_back_exactly(payload: bytes) -> None:
    document = parse_document(sign_document(KIND, payload, [A, D]), KIND)
    assert document.payload == payload
    verify_threshold(document, KEYS, 2)


def test_j1_too_few_signatures() -> None:
    document = parse_document(sign_document(KIND, b"x", [A]), KIND)
    verify_threshold(document, KEYS, 1)
    with pytest.raises(BadSignature, match="1 of the 2"):
        verify_threshold(document, KEYS, 2)
    with pytest.raises(BadSignature):
        verify_threshold(document, [B.verify_key()], 1)
    with pytest.raises(BadSignature):
        verify_threshold(document, KEYS, 0)


def test_j2_two_signatures_by_one_key_count_once() -> None:
    """P-256 signatures differ each time; a second one, or the same under another id, adds nothing."""
    for twice in (sign_document(KIND, b"x", [A, A]), _edit_id(sign_document(KIND, b"x", [A, A]))):
        with pytest.raises(BadSignature):
            verify_threshold(parse_document(twice, KIND), KEYS, 2)


def _edit_id(data: bytes) -> bytes:
    value = json.loads(data)
    value["signatures"][1]["keyid"] = B.key_id
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def test_a_bad_signature_takes_nothing_from_good_ones() -> None:
    value = json.loads(sign_document(KIND, b"x", [A, B, C]))
    value["signatures"][0]["sig"] = encode64(bytes(64))
    document = parse_document(json.dumps(value, separators=(",", ":"), sort_keys=True).encode(), KIND)
    verify_threshold(document, KEYS, 2)
    with pytest.raises(BadSignature):
        verify_threshold(document, KEYS, 3)


def test_adding_a_signature_replaces_an_earlier_one_of_the_same_key() -> None:
    data = sign_document(KIND, b"x", [A])
    for key in (B, A, B):
        data = add_signature(parse_document(data, KIND), key)
    document = parse_document(data, KIND)
    assert sorted(key for key, _ in document.signatures) == sorted([A.key_id, B.key_id])
    verify_threshold(document, KEYS, 2)


def test_c3_another_type_is_refused() -> None:
    data = sign_document(KIND, b"x", [A])
    with pytest.raises(Malformed):
        parse_document(data, "application/vnd.liaison.other+json")
    changed = data.replace(b"liaison.test", b"liaison.othr")
    with pytest.raises(BadSignature):
        verify_threshold(parse_document(changed, KIND.replace("liaison.test", "liaison.othr")), KEYS, 1)


def test_c5_no_signatures_and_a_thousand() -> None:
    value = json.loads(sign_document(KIND, b"x", [A]))
    wrong: tuple[object, ...] = ([], value["signatures"] * 1_000, {}, None)
    for signatures in wrong:
        data = json.dumps({**value, "signatures": signatures}, separators=(",", ":"), sort_keys=True).encode()
        with pytest.raises(Malformed):
            parse_document(data, KIND)


def test_c12_other_forms_of_the_same_document_are_refused() -> None:
    data = sign_document(KIND, b"x", [A])
    value = json.loads(data)
    forms = [
        json.dumps(value).encode(),
        json.dumps(value, indent=1).encode(),
        data + b"\n",
        b" " + data,
        b"\xef\xbb\xbf" + data,
        data.replace(b"/", b"\\/"),
        data[:-1] + b',"more":1}',
        json.dumps({**value, "payload": value["payload"].rstrip("=")}, separators=(",", ":")).encode(),
        json.dumps({**value, "payload": "eB=="}, separators=(",", ":"), sort_keys=True).encode(),
    ]
    for form in forms:
        with pytest.raises(Malformed):
            parse_document(form, KIND)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_c1_no_changed_bit_verifies(place: int, bit: int) -> None:
    data = bytearray(_ONE)
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(Refused):
        verify_threshold(parse_document(bytes(data), KIND), [A.verify_key()], 1)


_ONE = sign_document(KIND, b'{"member":"th"}', [A])


def test_a_commitment_opens_to_its_value_only() -> None:
    salt = new_salt()
    commitment = commit(salt, b"1980-01-01")
    check_commitment(commitment, salt, b"1980-01-01")
    for other in ((salt, b"1980-01-02"), (new_salt(), b"1980-01-01")):
        with pytest.raises(Contradicted):
            check_commitment(commitment, *other)
