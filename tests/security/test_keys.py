"""Hostile keys and signatures (FACT-9 and CASE-C7 to CASE-C14)."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from certs.keyfiles import Algorithm, spki
from gateway.errors import BadSignature
from gateway.signing import edwards
from gateway.signing.edwards import is_proper
from gateway.signing.keys import SigningKey, VerifyKey
from tests.support.tables import table

P = 2**255 - 19
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")
P256_KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()))
ED_KEY = SigningKey(ed25519.Ed25519PrivateKey.generate())

ORDER_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
ORDER_8_OTHER = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"


def low_order_points() -> list[bytes]:
    """All encodings of the points of low order, canonical or not, with either sign bit."""
    numbers = [0, 1, P - 1, P, P + 1]
    numbers += [int.from_bytes(bytes.fromhex(text), "little") for text in (ORDER_8, ORDER_8_OTHER)]
    return [(number | sign << 255).to_bytes(32, "little") for number in numbers for sign in (0, 1)]


@table("point", low_order_points(), ids=lambda point: point.hex()[:8])
def test_fact9_keys_of_low_order_are_not_admitted(point: bytes) -> None:
    with pytest.raises(BadSignature, match="not admitted"):
        VerifyKey.admit(ED25519_PREFIX + point)


def test_fact9_the_library_alone_would_take_a_key_under_which_one_signature_fits_everything() -> None:
    """The control: without admission the attack works, so the test above tests something."""
    identity = ed25519.Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    signature = (1).to_bytes(32, "little") + bytes(32)
    for _ in range(20):
        identity.verify(signature, secrets.token_bytes(20))


@given(st.integers(0, 18), st.integers(0, 1))
def test_points_that_are_not_canonical_are_not_admitted(above: int, sign: int) -> None:
    assert not is_proper((P + above | sign << 255).to_bytes(32, "little"))


def test_points_with_a_part_of_low_order_are_not_admitted() -> None:
    honest = edwards._decode(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    low = edwards._decode(bytes.fromhex(ORDER_8))
    assert honest
    assert low
    x, y, z, _ = edwards._add(honest, low)
    inverse = pow(z, -1, P)
    encoded = (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")
    assert edwards._decode(encoded)
    assert not is_proper(encoded)


@given(st.binary(min_size=32, max_size=32))
def test_honest_keys_are_proper(seed: bytes) -> None:
    assert is_proper(ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


@table(
    "key",
    [
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ec.generate_private_key(ec.BrainpoolP256R1()).public_key(),
        ed448.Ed448PrivateKey.generate().public_key(),
        x25519.X25519PrivateKey.generate().public_key(),
        dsa.generate_private_key(1024).public_key(),
    ],
    ids=lambda key: type(key).__name__,
)
def test_c9_keys_of_other_kinds_are_not_admitted(key: Any) -> None:
    with pytest.raises(BadSignature, match="not admitted"):
        VerifyKey.admit(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def test_c9_p256_with_a_compressed_point_or_with_explicit_parameters_is_not_admitted() -> None:
    info = P256_KEY.spki
    x, y = info[-64:-32], info[-32:]
    compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + bytes([2 + y[-1] % 2]) + x
    named = bytes.fromhex("06082a8648ce3d030107")
    explicit = bytes.fromhex(
        "3081f7020101302c06072a8648ce3d0101022100ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
        "305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205ac635d8aa3a93e7b3ebbd55769886bc"
        "651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e900441046b17d1f2e12c4247f8bce6e5"
        "63a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        "022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101"
    )
    assert named in info
    inner = bytes.fromhex("06072a8648ce3d0201") + explicit
    algorithm = b"\x30\x82" + len(inner).to_bytes(2, "big") + inner
    body = algorithm + info[-68:]
    for odd in (
        compressed,
        b"\x30\x82" + len(body).to_bytes(2, "big") + body,
        info + b"\0",
        info[:-1],
        b"",
        b"\0" * 9000,
    ):
        with pytest.raises(BadSignature, match="not admitted"):
            VerifyKey.admit(odd)


@given(st.binary(max_size=300))
def test_random_bytes_are_never_admitted(data: bytes) -> None:
    with pytest.raises(BadSignature):
        VerifyKey.admit(data)


@pytest.mark.parametrize("key", [P256_KEY, ED_KEY], ids=["p256", "ed25519"])
def test_what_was_signed_verifies_and_nothing_else(key: SigningKey) -> None:
    verify = key.verify_key()
    signature = key.sign(b"exact bytes")
    assert len(signature) == 64
    verify.verify(signature, b"exact bytes")
    for other in (b"", b"exact byte", b"exact bytes\n", b"Exact bytes", b"\xef\xbb\xbfexact bytes"):
        with pytest.raises(BadSignature):
            verify.verify(signature, other)


@table("key", [P256_KEY, ED_KEY], ids=["p256", "ed25519"])
@table("bit", range(0, 512, 7))
def test_c1_any_bit_of_a_signature_matters(key: SigningKey, bit: int) -> None:
    signature = bytearray(key.sign(b"data"))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        key.verify_key().verify(bytes(signature), b"data")


@table("length", [0, 1, 63, 65, 72, 128])
def test_c7_a_signature_has_64_bytes(length: int) -> None:
    for key in (P256_KEY, ED_KEY):
        signature = (key.sign(b"data") + bytes(64))[:length]
        with pytest.raises(BadSignature, match="64 bytes"):
            key.verify_key().verify(signature, b"data")


def test_c7_r_and_s_lie_in_their_range() -> None:
    signature = P256_KEY.sign(b"data")
    r, s = signature[:32], signature[32:]
    zero, order, top = bytes(32), N.to_bytes(32, "big"), b"\xff" * 32
    shifted = (int.from_bytes(s, "big") + N) % 2**256
    for odd in (zero + s, r + zero, zero + zero, order + s, r + order, top + top, r + shifted.to_bytes(32, "big")):
        with pytest.raises(BadSignature):
            P256_KEY.verify_key().verify(odd, b"data")


def test_c7_der_is_refused_where_raw_is_due() -> None:
    signature = P256_KEY.sign(b"data")
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    for odd in (der, der[:64], der.ljust(64, b"\0")[:64]):
        with pytest.raises(BadSignature):
            P256_KEY.verify_key().verify(odd, b"data")


def test_c8_a_signature_of_the_other_algorithm_does_not_fit() -> None:
    with pytest.raises(BadSignature):
        P256_KEY.verify_key().verify(ED_KEY.sign(b"data"), b"data")
    with pytest.raises(BadSignature):
        ED_KEY.verify_key().verify(P256_KEY.sign(b"data"), b"data")


def test_c14_an_unexpected_exception_is_a_refusal() -> None:
    for odd in (None, 7, "x" * 64):
        with pytest.raises(BadSignature):
            P256_KEY.verify_key().verify(odd, b"data")  # type: ignore[arg-type]
    with pytest.raises(BadSignature):
        P256_KEY.verify_key().verify(bytes(64), None)  # type: ignore[arg-type]


def test_raw_signatures_are_what_other_libraries_make(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    key = SigningKey(private)
    signature = key.sign(b"data")
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    private.public_key().verify(der, b"data", ec.ECDSA(SHA256()))
    assert (key.algorithm, key.spki) == (Algorithm.P256, spki(private.public_key()))
